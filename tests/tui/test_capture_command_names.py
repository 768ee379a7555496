"""`netwiz capture NAME`: where it listens, by what the name means."""

import pytest

from netwiz.probes.capture.wanted import TapWanted
from netwiz.probes.facts import HOST, Place
from netwiz.tui.cli import main
from tests.tui.capture_world import CaptureWorld

A, B = "a" * 64, "b" * 64


PLACES = {
    "an id prefix": (["aaaa"], [TapWanted(Place.container(A, ""), "order")]),
    "a network": (["shop"], [TapWanted(HOST, "shop", "br-shop")]),
    "an overlay": (["mesh"], [TapWanted(Place.overlay("d" * 64, ""), "mesh")]),
    "a macvlan": (["lan"], [TapWanted(HOST, "lan", "eth0.7")]),
    "the host": (["host"], [TapWanted(HOST, "host", "eth0")]),
    "all of the host": (
        ["host", "--device", "any"],
        [TapWanted(HOST, "host")],
    ),
    "a namespace": (["blue"], [TapWanted(Place.netns("blue"), "blue")]),
    "a container before a network": (["pg"], [TapWanted(Place.container(B, ""), "pg")]),
    "a network that is asked for": (["network:pg"], [TapWanted(HOST, "pg", "br-pg")]),
    "one with the host's network": (["edge"], [TapWanted(HOST, "edge")]),
    "one device": (
        ["order", "--device", "eth1"],
        [TapWanted(Place.container(A, ""), "order", "eth1")],
    ),
    "one twice": (["order,aaaa"], [TapWanted(Place.container(A, ""), "order")]),
    "everything": (
        ["--all"],
        [
            TapWanted(Place.container(A, ""), "order"),
            TapWanted(Place.container(B, ""), "pg"),
            TapWanted(Place.container("b" * 60 + "cafe", ""), "pgbouncer"),
            TapWanted(HOST, "host", "eth0"),
        ],
    ),
}


@pytest.mark.parametrize("what", PLACES)
def test_what_is_listened_to(what: str, capture_world: CaptureWorld) -> None:
    arguments, taps = PLACES[what]
    assert main(["capture", *arguments]) == 0
    assert list(capture_world.wanted[0].taps) == taps


def test_a_name_of_two_is_told(
    capture_world: CaptureWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["capture", "pg"]) == 0
    assert "pg is a container here, and network:pg" in capsys.readouterr().err


def test_everything_with_a_filter(capture_world: CaptureWorld) -> None:
    assert main(["capture", "--all", "order", "pg"]) == 0
    assert capture_world.wanted[0].filter == "order pg"
    assert len(capture_world.wanted[0].taps) == 4
