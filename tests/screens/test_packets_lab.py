"""A capture as it is used: the real engine, a terminal, a fault that goes on."""

from pathlib import Path

import pytest

from netwiz.probes.capture.files import CaptureFile
from tests.lab.engine import Lab
from tests.screens.on_the_lab import (
    SIZES,
    back_to_the_overview,
    leave,
    overview,
    raise_shop,
)
from tests.screens.terminal import Terminal

pytestmark = pytest.mark.lab


def _insisting_shop(lab: Lab) -> None:
    """The shop, in which order tries its database again and again."""
    raise_shop(lab)
    _insist(lab)


def _insist(lab: Lab) -> None:
    again = "while sleep 0.2; do : </dev/tcp/172.28.0.2/3000; done 2>/dev/null"
    lab.spawn(["bash", "-c", again], on="order")


def _at_order(desk: Terminal) -> None:
    """Put the cursor on the container that cannot connect."""
    desk.press("2", "/")
    desk.wait("filter containers /")
    desk.type("order")
    desk.press("Enter")
    desk.wait("/order", without=("filter containers",))


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "200x60"])
def test_a_refusal_is_seen_opened_and_followed(lab: Lab, size: tuple[int, int]) -> None:
    _insisting_shop(lab)
    with overview(lab, size) as desk:
        _at_order(desk)
        desk.press("c")
        desk.wait("Capture packets", "listen at  order")
        desk.type("port 300")
        desk.wait("port 300")
        desk.type("0 an")
        desk.wait("^^", "`an`")
        desk.press("BSpace", "BSpace", "BSpace")
        desk.wait("port 3000", without=("^^",))
        desk.press("Enter")
        desk.wait("order · port 3000", "✗", "refused: RST from pg", " seen · 0 dropped")
        desk.press("p")
        desk.wait("held")
        desk.press("N", "Enter")
        desk.wait("Packet ", "refused: RST from pg", "Ethernet", "Bytes", "0000")
        desk.press("f")
        desk.wait("Stream", "Nothing was said in it")
        desk.press("Escape")
        desk.wait("Packet ", "Bytes")
        desk.press("Escape")
        desk.wait("held")
        desk.press("x")
        desk.wait("■ stopped")
        leave(desk)


def test_a_problem_is_diagnosed_and_the_file_stays(lab: Lab) -> None:
    _insisting_shop(lab)
    with overview(lab, (120, 40)) as desk:
        _at_order(desk)
        desk.press("c")
        desk.wait("listen at  order")
        desk.press("Down")
        desk.wait("pcapng: a new file every")
        desk.type("night.pcapng")
        desk.wait("file       night.pcapng")
        desk.press("Enter")
        desk.wait("→ night.pcapng", "refused: RST from pg")
        desk.press("N", "w")
        desk.wait("order ──▶ 172.28.0.2:3000", "refused")
        back_to_the_overview(desk)
        path = Path(desk.folder) / "night.pcapng"
        desk.press("x")
        desk.wait("■ stopped")
        leave(desk)
        with CaptureFile(str(path)) as file:
            packets = [packet for some in file.packets() for packet in some]
        assert packets
        assert not file.cut
        assert {found.name.split("/")[0] for found in file.interfaces} == {"order"}


def test_a_container_that_starts_anew_ends_its_capture_and_can_be_captured_again(
    lab: Lab,
) -> None:
    """Its namespace is another one then: nothing more is heard in the old one."""
    _insisting_shop(lab)
    with overview(lab, (80, 24)) as desk:
        _at_order(desk)
        desk.press("c")
        desk.wait("listen at  order")
        desk.press("Enter")
        desk.wait("● live", "refused: RST from pg")
        lab.docker("restart", "--time", "0", "order")
        desk.wait("✗ the container stopped", "c starts another capture")
        _insist(lab)
        desk.press("c")
        desk.wait("listen at  order")
        desk.press("Enter")
        desk.wait("● live", "refused: RST from pg", without=("container stopped",))
        leave(desk)


def test_leaving_in_the_middle_leaves_nothing_behind(lab: Lab) -> None:
    _insisting_shop(lab)
    # Whatever still runs when the terminal is closed fails the test.
    with overview(lab, (80, 24)) as desk:
        before = desk.processes()
        _at_order(desk)
        desk.press("c")
        desk.wait("listen at  order")
        desk.press("Enter")
        desk.wait("● live", "refused: RST from pg")
        assert desk.processes() > before
        desk.press("C-c")
        desk.wait("exit=")
