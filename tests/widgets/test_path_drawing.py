"""The drawing of a packet's path, as text."""

import pytest

from netwiz.widgets.lines import cells, plain_text
from netwiz.widgets.path_drawing import draw_path
from netwiz.widgets.path_reading import UNSEEN
from netwiz.wizard.verdict import Path, PathHop
from tests.screens import samples, shop

PATHS = {
    "refused": samples.REFUSED.path,
    "rejected": samples.FORWARD_REJECT.path,
    "lost": samples.UNDETERMINED.path,
    "healthy": samples.HEALTHY.path,
    "nat": samples.NAT_PATH,
    "proxy": samples.PROXY_PATH,
    "hostile": samples.hostile(shop.HOSTILE.name).path,
    "wide characters": Path((PathHop("注文", "注文", "eth0", True, samples.SYN),)),
}


def drawn(path: Path, width: int) -> str:
    return plain_text(draw_path(path, width))


@pytest.mark.parametrize("width", [60, 79, 80, 100, 120, 160, 200])
@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_a_drawing_keeps_to_its_width(path: Path, width: int) -> None:
    lines = draw_path(path, width)
    ending = len(f" ✗ {path.verdict}")
    assert all(cells(line) <= max(width, ending) for line in lines)


def test_a_refusal_is_marked_where_it_was_born() -> None:
    names, there, back, ending = drawn(samples.REFUSED.path, 80).splitlines()
    assert names.split(" ")[1:3] == ["order", "eth0"]
    assert names.endswith("pg eth0")
    assert there.count("✓") == 5
    assert back.endswith("✗ RST")
    assert back.count("◀──") == 4
    assert ending == " ✗ refused by pg: nothing there listens on 172.18.0.2:3000"


def test_a_reject_on_the_way_shows_what_the_packet_never_reached() -> None:
    shown = drawn(samples.FORWARD_REJECT.path, 80).replace(UNSEEN, "-")
    assert shown.splitlines() == [
        " order eth0 ──▶ veth1a2b3c4 ──▶ br-4f1d2c3b ──✗┄▷ veth9f0e1d2  ┄┄▷ pg eth0",
        "   SYN ✓             ✓          ✓ last seen       ✗ never came        -",
        "     ✓      ◀──      ✓      ◀──    ✗ RST",
        " ✗ rejected on this host: DOCKER-USER rule 1",
    ]


def test_an_accept_is_not_called_healthy_by_the_drawing() -> None:
    lines = drawn(samples.HEALTHY.path, 80).splitlines()
    assert lines[2].endswith("✓ SYN-ACK")
    assert lines[-1].startswith(" → accepted")


def test_a_rewrite_stands_on_its_arrow_and_is_spelled_out() -> None:
    shown = drawn(samples.NAT_PATH, 80)
    assert "host eth0 ────DNAT────▶ br-4f1d2c3b" in shown
    assert "DNAT to 10.99.0.1:3000 becomes 172.18.0.2:3000" in shown


def test_an_answer_lost_on_the_way_back_is_marked_there() -> None:
    back = drawn(samples.NAT_PATH, 80).splitlines()[2]
    assert back.split() == [
        "✗",
        "lost",
        "◁┄✗──",
        "✓",
        "◀──",
        "✓",
        "◀──",
        "✓",
        "SYN-ACK",
    ]


def test_a_second_leg_says_that_docker_proxy_made_it() -> None:
    shown = drawn(samples.PROXY_PATH, 100)
    assert "host lo ────proxy────▶ br-4f1d2c3b" in shown
    assert "proxy answers 127.0.0.1:3000 and dials 172.18.0.2:3000" in shown


def test_times_are_shown_where_they_fit() -> None:
    assert "+36 µs" in drawn(samples.REFUSED.path, 120)
    assert "µs" not in drawn(samples.REFUSED.path, 60)


def test_a_way_that_does_not_fit_goes_on_below() -> None:
    shown = drawn(samples.REFUSED.path, 60)
    assert "\n   ╰─▶ pg eth0" in shown
    assert shown.index("veth9f0e1d2") < shown.index("╰─▶")


def test_a_way_back_over_other_devices_is_drawn_by_itself() -> None:
    back = (
        PathHop("pg", "pg", "eth1", True, samples.RST),
        PathHop("order", "order", "eth0", False),
    )
    path = Path(samples.REFUSED.path.forward, back, "refused")
    shown = drawn(path, 100)
    assert " back pg eth1 ┄┄▷ order eth0" in shown
    assert "RST" in shown


@pytest.mark.parametrize("verdict", ["", "no packet left"])
def test_nothing_seen_is_said(verdict: str) -> None:
    assert drawn(Path(verdict=verdict), 80).strip() == verdict or "no packet" in drawn(
        Path(verdict=verdict), 80
    )
