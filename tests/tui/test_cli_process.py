"""The command as a process: its streams, its signals, what it loads."""

import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from netwiz import __version__
from tests.project import NOBODY, python
from tests.tui.cli_helpers import command, environment, netwiz, service

WRONG_ENGINES = {
    "no such socket": "unix:///nonexistent/docker.sock",
    "no address": "tcp://",
    "nobody there": "tcp://127.0.0.1:1",
    "another machine": "ssh://192.0.2.1",
    "no scheme": "here",
    "no such scheme": "gopher://127.0.0.1",
    "no port": "tcp://127.0.0.1:port",
    "a folder": "unix:///",
    "escapes": "unix:///\x1b]0;owned\x07",
    "very long": "unix:///" + "x" * 5000,
}


def test_version() -> None:
    done = netwiz("--version")
    assert (done.returncode, done.stdout) == (0, f"netwiz {__version__}\n")


@pytest.mark.parametrize("what", WRONG_ENGINES)
def test_no_engine_is_told_in_one_line(what: str) -> None:
    done = netwiz("diagnose", "order", "pg:3000", DOCKER_HOST=WRONG_ENGINES[what])
    assert done.returncode == 4, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("netwiz: no container 'order' can be looked up: ")
    assert done.stderr.count("\n") == 1
    assert done.stderr.rstrip("\n").isprintable()


def test_no_engine_as_json() -> None:
    done = netwiz("diagnose", "order", "pg:3000", "--json")
    assert done.returncode == 4
    told = json.loads(done.stdout)
    assert told["cannot_look"] is True
    assert told["case"]["from"] == "order"
    assert told["missing"][0] in done.stderr


def test_the_host_needs_no_engine() -> None:
    with service() as port:
        done = netwiz("diagnose", "host", f"127.0.0.1:{port}", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["outcome"] == "healthy"
    assert done.stderr == ""


def test_a_reader_may_leave_early() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        command("causes"),
        env=environment(),
        stdout=write,
        stderr=subprocess.PIPE,
        check=False,
        timeout=60,
    )
    os.close(write)
    assert done.returncode == 141
    assert done.stderr == b""


@pytest.mark.parametrize("arguments", [["causes"], ["causes", "--json"], ["--help"]])
def test_a_full_disk_is_no_success(arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command(*arguments),
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 3
    assert done.stderr == "netwiz: cannot write the result: No space left on device\n"


@pytest.mark.parametrize("stream", ["1", "2", "0"])
@pytest.mark.parametrize(
    ("arguments", "status"),
    [(("diagnose", "order", "pg:x"), 2), (("causes",), 0), (("--help",), 0)],
)
def test_a_closed_stream_breaks_nothing(
    stream: str, arguments: tuple[str, ...], status: int
) -> None:
    words = " ".join(f"'{word}'" for word in command(*arguments))
    done = subprocess.run(
        ["sh", "-c", f"exec {words} {stream}>&-"],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == status
    assert "Traceback" not in done.stderr
    assert "defect" not in done.stderr


@pytest.fixture
def silent_engine() -> Iterator[socket.socket]:
    """An engine that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        yield server


@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
def test_ctrl_c_ends_at_once_with_what_is_known(
    as_json: bool, silent_engine: socket.socket
) -> None:
    engine = f"tcp://127.0.0.1:{silent_engine.getsockname()[1]}"
    arguments = ["diagnose", "order", "pg:3000", *(["--json"] if as_json else [])]
    with subprocess.Popen(
        command(*arguments),
        env=environment(DOCKER_HOST=engine),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        asked, _ = silent_engine.accept()
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        asked.close()
    assert process.returncode == 130
    # Left alone it would wait for the engine for ten seconds.
    assert time.monotonic() - begun < 8
    assert err == ""
    if as_json:
        assert json.loads(out)["outcome"] == "undetermined"
    else:
        assert "Undetermined: no verdict: interrupted" in out


def on_a_terminal(*arguments: str, **more: str) -> str:
    """Everything the command writes to a terminal of 80 columns."""
    main_end, its_end = pty.openpty()
    with subprocess.Popen(
        command(*arguments),
        env=environment(**{"TERM": "xterm-256color", **more}),
        stdin=its_end,
        stdout=its_end,
        stderr=its_end,
    ) as process:
        os.close(its_end)
        written = b""
        while select.select([main_end], [], [], 60)[0]:
            try:
                part = os.read(main_end, 65536)
            except OSError:
                break
            if not part:
                break
            written += part
        process.wait(timeout=60)
    os.close(main_end)
    return written.decode()


def test_colour_is_for_terminals() -> None:
    assert "\x1b[1m" in on_a_terminal("causes")
    assert "\x1b" not in netwiz("causes").stdout


def test_colour_can_be_refused() -> None:
    assert "\x1b" not in on_a_terminal("causes", NO_COLOR="1")
    assert "\x1b[1m" in on_a_terminal("causes", NO_COLOR="")
    assert "\x1b" not in on_a_terminal("causes", TERM="dumb")


def test_colour_adds_nothing_but_colour() -> None:
    coloured = on_a_terminal("causes").replace("\r\n", "\n")
    assert re.sub("\x1b\\[[0-9;]*m", "", coloured) == netwiz("causes").stdout


def test_a_passing_line_is_wiped() -> None:
    written = on_a_terminal("diagnose", "order", "pg:3000", NO_COLOR="1")
    passing, _, rest = written.partition("\r\x1b[K")
    assert "looking at" in passing
    assert rest.startswith("netwiz: no container 'order'")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_any_encoding_will_do(encoding: str) -> None:
    done = netwiz("diagnose", "host", "127.0.0.1:1", PYTHONIOENCODING=encoding)
    assert done.returncode in {1, 3}, done.stderr
    assert done.stderr == ""
    assert "127.0.0.1:1" in done.stdout


def test_no_part_of_the_screen_is_loaded() -> None:
    done = python(
        "-c",
        "import sys\n"
        "from netwiz.tui.cli import main\n"
        "status = main(['diagnose', 'host', '127.0.0.1:1', '--json'])\n"
        "assert status in (1, 3), status\n"
        "loaded = {name.partition('.')[0] for name in sys.modules}\n"
        "print(loaded & {'textual', 'rich', 'scapy'}, file=sys.stderr)\n",
        env={"DOCKER_HOST": "unix:///nonexistent"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == "set()\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_without_rights_the_host_can_be_asked() -> None:
    with service() as port:
        to = f"127.0.0.1:{port}"
        done = subprocess.run(
            [*NOBODY, *command("diagnose", "host", to, "--json")],
            env=environment(PYTHONDONTWRITEBYTECODE="1"),
            cwd="/",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    refused = subprocess.run(
        [*NOBODY, *command("diagnose", "order", to)],
        env=environment(PYTHONDONTWRITEBYTECODE="1"),
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert refused.returncode == 4
    assert "run it as root: sudo --preserve-env=DOCKER_HOST " in refused.stderr
