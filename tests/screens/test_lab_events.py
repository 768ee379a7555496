"""What happens at the engine comes to the screen by itself, and nothing jumps."""

import re

import pytest

from tests.lab.engine import Lab
from tests.screens.on_the_lab import leave, outage, overview, raise_shop
from tests.screens.terminal import Terminal

pytestmark = pytest.mark.lab
SOON_S = 60.0
"""Nothing here looks again by the clock, so whatever is shown came by an event."""


@pytest.fixture
def shop(lab: Lab) -> Lab:
    raise_shop(lab)
    return lab


def row_of(shown: str, name: str) -> str:
    """The line of the Containers pane that is about this one."""
    pattern = re.compile(rf"│ \S {re.escape(name)} .*│")
    return next((m[0] for m in map(pattern.search, shown.splitlines()) if m), "")


def wait_row(desk: Terminal, name: str, *words: str) -> None:
    def told(shown: str) -> bool:
        return all(word in row_of(shown, name) for word in words)

    desk.until(told, f"{name} with {words}", SOON_S)


def wait_no_row(desk: Terminal, name: str) -> None:
    desk.until(lambda shown: not row_of(shown, name), f"no {name}", SOON_S)


def selected(lab: Lab, name: str) -> str:
    """What the pane's lower edge says when the cursor is on that container."""
    return f" {lab.docker('inspect', '-f', '{{.Id}}', name)[:12]} ─╯"


def test_start_publish_connect_stop_and_removal_are_followed(shop: Lab) -> None:
    with overview(shop, (200, 60)) as desk:
        desk.press("2", "g", "j")
        desk.wait(selected(shop, "order"))

        # It sorts before all others, so that every row moves down by one.
        run = ("run", "-d", "--name", "aaa", "--network", "shop_default")
        serve = "httpd -f -p 0.0.0.0:81"
        shop.docker(*run, "-p", "8099:81", "lab/busybox", "sh", "-c", serve)
        wait_row(desk, "aaa", "172.28.0.", "8099→81", "shop_default")
        wait_row(desk, "aaa", "listens ", ":81 ")
        desk.wait("5/6 containers", "· started", seconds=SOON_S)

        shop.docker("network", "connect", "edge", "aaa")
        wait_row(desk, "aaa", "edge", "172.29.0.")
        shop.docker("network", "disconnect", "shop_default", "aaa")
        desk.until(
            lambda shown: "shop_default" not in row_of(shown, "aaa"),
            "aaa left shop_default",
            SOON_S,
        )
        shop.docker("kill", "aaa")
        wait_row(desk, "aaa", "◌", "exited 137")
        desk.wait("4/6 containers", selected(shop, "order"))
        shop.docker("rm", "aaa")
        wait_no_row(desk, "aaa")

        shop.docker("network", "create", "attic")
        desk.wait("▾ attic", seconds=SOON_S)
        shop.docker("network", "rm", "attic")
        desk.wait("5 networks", without=["▾ attic", "▸ attic"], seconds=SOON_S)
        # None of this has moved the cursor to another container.
        assert selected(shop, "order") in desk.shown()
        leave(desk)


def test_a_list_that_is_scrolled_and_a_log_that_is_held_stay(shop: Lab) -> None:
    crowd = [f"crowd{number}" for number in range(8)]
    for name in crowd:
        shop.docker("create", "--name", name, "lab/busybox", "true")
    with overview(shop, (80, 24), "4/13 containers") as desk:
        desk.press("2", "G")
        desk.wait(selected(shop, "nightly"))
        desk.until(lambda shown: not row_of(shown, "cache"), "the list is scrolled")
        desk.press("3", "g")
        held = desk.wait(" held ─╯")
        top = first_line_of_the_log(held)

        shop.docker("start", "crowd0")
        shop.docker("rm", *crowd[1:])
        say = "for word in one two three; do echo $word more from order; done"
        shop.docker("exec", "order", "sh", "-c", f"({say}) >/proc/1/fd/1")
        desk.wait("4/6 containers", selected(shop, "nightly"), seconds=SOON_S)
        assert first_line_of_the_log(desk.shown()) == top
        # The lines that came meanwhile are there as soon as one wants them.
        desk.press("Escape")
        desk.wait("three more from order", without=[" held ─╯"], seconds=SOON_S)
        leave(desk)


def first_line_of_the_log(shown: str) -> str:
    lines = shown.splitlines()
    (border,) = (n for n, line in enumerate(lines) if "╭─ Live" in line)
    return lines[border + 1][:70]


def test_the_engine_goes_and_comes_back(shop: Lab) -> None:
    with overview(shop, (120, 40)) as desk:
        back = outage(shop)
        desk.wait("✗ engine gone since", "retrying", "netwiz", "order", "pg")
        # What was known is still shown, and the keys still work.
        desk.press("1", "w")
        desk.wait("step 1 of 4")
        desk.press("Escape")
        desk.wait("engine gone since")
        back.touch()
        desk.wait("0/5 containers", "exited 137", without=["engine gone since"])
        shop.docker("start", "pg")
        wait_row(desk, "pg", "●", "172.28.0.")
        desk.wait("1/5 containers", seconds=SOON_S)
        leave(desk)
