"""netwiz over a real sshd: it opens, takes keys, and nothing of it outlives that."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench import shop
from tests.bench.screen import painted
from tests.bench.ssh_seat import Seat, seated
from tests.bench.sshd import LOOPBACK, PORT, Sshd, served
from tests.lab.engine import Lab
from tests.lab.judge import netwiz_command
from tests.lab.state import wait_until

pytestmark = pytest.mark.lab
HOST_ADDRESS = "10.99.0.1"
"""Of the lab's host on its uplink."""


@pytest.fixture(scope="module")
def raised(lab: Lab) -> Lab:
    lab.restore()
    shop.raise_shop(lab)
    return lab


@pytest.fixture(params=[LOOPBACK, HOST_ADDRESS], ids=["loopback", "uplink"])
def server(request: pytest.FixtureRequest, raised: Lab) -> Iterator[Sshd]:
    with served(raised, request.param) as made:
        yield made


@pytest.fixture
def seat(server: Sshd) -> Iterator[Seat]:
    """netwiz with all of the shop on a terminal of 80x24, at the far end of SSH."""
    argv = server.netwiz(netwiz_command())
    with seated(argv, server.lab.env()) as made:
        made.until(painted, "the panes")
        made.until(lambda text: "no listener" in text, "the containers")
        yield made


def packet_sockets(lab: Lab) -> int:
    """Packet sockets on the lab's host (proc(5), net/packet)."""

    def read() -> list[str]:
        return Path("/proc/thread-self/net/packet").read_text().splitlines()

    return len(lab.in_namespace("host", read)) - 1


def at_the_cursor(seat: Seat) -> str:
    """The line of the Networks pane that the cursor is on; empty while it moves."""
    rows = seat.lit(5)
    return seat.shown().splitlines()[rows[0]] if rows else ""


def capture_the_uplink(seat: Seat, lab: Lab) -> None:
    """Ask for the host's packets, and let there be some besides our own."""
    seat.press("1")
    seat.until(lambda _: bool(seat.lit(5)), "a cursor in Networks")
    seat.press("G")
    seat.until(lambda _: "▸ host" in at_the_cursor(seat), "the host")
    seat.press("c")
    seat.until(lambda text: "listen at  host" in text, "the question")
    seat.press("\r")
    seat.until(lambda text: "● live" in text, "the capture")
    lab.run(["busybox", "wget", "-qO", "/dev/null", f"http://{HOST_ADDRESS}:9/"],
            on="outside")  # fmt: skip
    seat.until(lambda text: "refused" in text, "a packet from outside")


def test_it_opens_takes_keys_and_quits(server: Sshd, seat: Seat) -> None:
    seat.press("2")
    seat.until(lambda _: seat.lit(34) == (2,), "the cursor in Containers")
    seat.press("j")
    seat.until(lambda _: seat.lit(34) == (3,), "the cursor one further down")
    seat.press("w")
    seat.until(lambda text: "What does the application report?" in text, "the wizard")
    seat.press("\x1b")
    seat.until(painted, "the panes again")
    seat.press("q")
    assert seat.ended() == 0
    wait_until(lambda: len(server.members()) == 1, "only sshd is left")


def test_its_own_connection_is_left_out(server: Sshd, seat: Seat) -> None:
    capture_the_uplink(seat, server.lab)
    seat.press("+")
    seat.until(lambda text: "Networks" not in text, "the packets alone")
    shown = seat.shown()
    assert f":{PORT}" not in shown
    # Every key that we press crosses the uplink, or the loopback: none of it counts.
    for key in "pppp":
        seat.press(key)
    seat.until(lambda text: "refused" in text, "the packets")
    assert f":{PORT}" not in seat.shown()


def test_nothing_outlives_a_connection_that_is_cut(server: Sshd, seat: Seat) -> None:
    capture_the_uplink(seat, server.lab)
    assert packet_sockets(server.lab) >= 1
    assert any(_name(pid) == "netwiz-capture" for pid in server.members())
    seat.cut()
    wait_until(lambda: len(server.members()) == 1, "only sshd is left", 60.0)
    wait_until(lambda: packet_sockets(server.lab) == 0, "no socket is left", 60.0)
    assert "PROMISC" not in server.lab.run(["ip", "link"]).stdout


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""
