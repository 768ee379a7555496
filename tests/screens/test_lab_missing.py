"""Without an engine, without rights, with hostile words: one line each, and no harm."""

import shlex
from collections.abc import Iterator

import pytest

from tests.lab import leftovers
from tests.lab.engine import Lab
from tests.project import NOBODY
from tests.screens.on_the_lab import go_to, leave, netwiz, overview, raise_shop, retype
from tests.screens.terminal import terminal

pytestmark = pytest.mark.lab
AS_NOBODY = shlex.join(NOBODY)
NOWHERE = "unix:///nonexistent/docker.sock"
EVIL = (
    r"printf '\033]0;evil\007\033[2J\033[?1049l[bold red]x[/] [@click=app.quit]y[/] "
    r"ECONNREFUSED 172.28.0.2:3000\n\033[?25l\033c\n'; exec sleep 86400"
)


@pytest.fixture
def shop(lab: Lab) -> Lab:
    raise_shop(lab)
    return lab


@pytest.fixture
def blue(shop: Lab) -> Iterator[str]:
    """A named namespace on the lab's host."""
    name = "blue"
    assert shop.run(["ip", "netns", "add", name]).returncode == 0
    yield name
    assert shop.run(["ip", "netns", "del", name]).returncode == 0


def test_without_an_engine_the_host_and_its_namespaces_are_there(
    shop: Lab, blue: str
) -> None:
    shop.spawn(["busybox", "httpd", "-f", "-p", "127.0.0.1:8123"], on="host")
    before = leftovers.look(shop)
    with terminal(shop, (100, 30), DOCKER_HOST=NOWHERE) as desk:
        desk.start(netwiz())
        desk.wait(
            "no Docker engine",
            f"✗ there is no Docker Engine at {NOWHERE}",
            "systemctl start docker",
            "● host  10.99.0.1",
            f"● {blue}",
            "listens",
        )
        desk.press("w")
        desk.wait("host ──▶ ?", "step 1 of 4")
        desk.press("Enter")
        desk.wait("step 3 of 4")
        go_to(desk, "10.99.0.1:8123")
        desk.wait("Root cause", "127.0.0.1:8123")
        desk.press("Escape")
        desk.wait("step 3 of 4")
        retype(desk, "127.0.0.1:8123")
        desk.wait("host ──▶ 127.0.0.1:8123", "Healthy")
        leave(desk)
    assert leftovers.differences(before, leftovers.look(shop)) == []


def test_a_namespace_can_be_the_client_without_an_engine(shop: Lab, blue: str) -> None:
    with terminal(shop, (100, 30), DOCKER_HOST=NOWHERE) as desk:
        desk.start(netwiz("diagnose", blue, "10.99.0.1:80"))
        desk.wait("exit=3", f"{blue} -> 10.99.0.1:80", "Undetermined")


def test_without_rights_it_says_what_is_missing_and_how_to_get_it(shop: Lab) -> None:
    with terminal(shop, (100, 30)) as desk:
        desk.start(f"{AS_NOBODY} {netwiz()}")
        desk.wait("may not be used by us", "Not root:", "To see it: sudo netwiz")
        leave(desk)
        desk.start(f"{AS_NOBODY} {netwiz('diagnose', 'order', 'pg:3000')}")
        shown = desk.wait("exit=4")
        told = "".join(shown.splitlines())
        assert "run it as root: sudo --preserve-env=DOCKER_HOST" in told
        # The host's own namespace needs nobody's leave.
        desk.start(f"{AS_NOBODY} {netwiz('diagnose', 'host', '127.0.0.1:8080')}")
        desk.wait("exit=0", "Healthy: host reaches 127.0.0.1:8080")


def test_hostile_words_are_shown_and_never_obeyed(shop: Lab) -> None:
    label = ("--label", "com.docker.compose.service=[bold red]x[/]\x1b[2J")
    env = ("--env", "PEER_URL=http://[red]\x1b]0;evil\x07[/]:80")
    run = ("run", "-d", "--network", "shop_default", "--name", "evil")
    with overview(shop, (120, 40)) as desk:
        title = desk.fact("pane_title")
        shop.docker(*run, *label, *env, "lab/busybox", "sh", "-c", EVIL)
        words = r"\x1b]0;evil\x07\x1b[2J\x1b[?1049l[bold red]x[/] [@click=app.quit]y[/]"
        desk.wait(words, "⚠ refused 172.28.0.2:3000", "5/6 containers")
        desk.press("3", "N")
        desk.wait("held")
        desk.press("Enter")
        desk.wait("evil ──▶ 172.28.0.2:3000", "Root cause")
        desk.press("Escape")
        desk.wait("step 3 of 4")
        desk.press("C-u")
        desk.wait("web:80")
        desk.press("Escape")
        desk.wait("step 2 of 4", "● evil")
        desk.press("Escape")
        desk.wait("step 1 of 4", r"\x1b]0;evil\x07")
        desk.press("Escape")
        desk.wait("Networks", "Live")
        assert desk.fact("pane_title") == title
        assert desk.fact("alternate_on") == "1"
        leave(desk)
