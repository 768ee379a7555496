"""The installed netwiz in a terminal on the lab's host: how its tests begin and end."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.lab import check, loader
from tests.lab.engine import Lab
from tests.lab.judge import netwiz_command
from tests.lab.stage import Stage
from tests.lab.state import wait_until
from tests.screens.terminal import Terminal, terminal

SHOP = "refused/shop"
SIZES = ((80, 24), (200, 60))
NAMES = ("cache", "order", "pg", "web")


def raise_shop(lab: Lab) -> Stage:
    """The shop, in which order cannot reach its database."""
    return check.stage(lab, loader.load(loader.find(SHOP)))


def netwiz(*words: str) -> str:
    """The command as a person would type it."""
    return shlex.join([*netwiz_command(), *words])


@contextmanager
def overview(
    lab: Lab, size: tuple[int, int] = (120, 40), standing: str = "4/5 containers"
) -> Iterator[Terminal]:
    """netwiz on its first screen, with all of the shop in it."""
    with terminal(lab, size) as desk:
        desk.start(netwiz())
        desk.wait(standing, *NAMES, "⚠ refused 172.28.0.2:3000")
        yield desk


def answer_questions(desk: Terminal, client: str, target: str) -> None:
    """Through the four steps by keys, with nothing filled in."""
    name_the_client(desk, client)
    go_to(desk, target)
    desk.wait(f"{client} ──▶ {target}", "step 4 of 4")


def go_to(desk: Terminal, target: str) -> None:
    """The answer to the third question, where none is given yet."""
    desk.type(target)
    desk.wait(target, "connect to")
    desk.press("Enter")


def retype(desk: Terminal, target: str) -> None:
    """Another target in the place of the one that is there."""
    desk.press("C-u")
    # Textual lets a key that is bound come later than letters typed right behind it.
    desk.wait("pg:5432 · [fd00::2]:80")
    go_to(desk, target)


def name_the_client(desk: Terminal, client: str) -> None:
    """Through the first two steps."""
    desk.press("1", "w")
    desk.wait("What does the application report?", "? ──▶ ?", "step 1 of 4")
    desk.press("Enter")
    desk.wait("Who cannot connect?", "step 2 of 4")
    desk.type(client)
    desk.wait("1 of ", client)
    desk.press("Enter")
    desk.wait("Where does it want to go?", f"{client} ──▶ ?", "step 3 of 4")


def back_to_the_overview(desk: Terminal) -> None:
    """Out of the wizard, question by question."""
    for number in (3, 2, 1):
        desk.press("Escape")
        desk.wait(f"step {number} of 4")
    desk.press("Escape")
    desk.wait("Networks", "Containers", "Live")


def leave(desk: Terminal, *, code: int = 0) -> None:
    """Quit; the terminal must be as it was before."""
    desk.press("q")
    desk.wait(f"exit={code}", "lab%")
    assert desk.fact("alternate_on") == "0"
    assert desk.fact("cursor_flag") == "1"
    assert desk.fact("mouse_any_flag") == "0"
    desk.type("echo $((40 + 2))-again")
    desk.wait("echo $((40 + 2))-again")
    desk.press("Enter")
    desk.wait("\n42-again")


def outage(lab: Lab) -> Path:
    """Stop the engine until the file is there that this hands back."""
    back = lab.names.folder / "files" / "back"
    back.unlink(missing_ok=True)
    systemctl = lab.names.folder / "bin/systemctl"
    wait = f"until test -e {back}; do sleep 0.1; done"
    line = f"{systemctl} stop docker; {wait}; {systemctl} start docker"
    lab.spawn(["sh", "-c", line], on="host")
    wait_until(partial(_is_gone, lab), "the engine has stopped")
    return back


def _is_gone(lab: Lab) -> bool:
    return not (lab.names.folder / "dockerd.pid").exists()
