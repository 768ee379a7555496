"""`netwiz diagnose outside ... --wait 0`: Ctrl-C ends the wait, not the walk."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.lab.engine import Lab
from tests.lab.judge import netwiz_command
from tests.lab.state import LabError, wait_until

pytestmark = pytest.mark.lab
TARGET = "10.99.0.1:3000"


def _taps(lab: Lab) -> int:
    """How many packet sockets are open on the lab's host (packet(7))."""
    table = Path(f"/proc/{lab.engine_pid()}/net/packet").read_text()
    return len(table.splitlines()) - 1


def test_ctrl_c_ends_the_wait_and_the_walk_goes_on(lab: Lab) -> None:
    lab.restore()
    lab.docker("run", "-d", "-p", "3000:3000", "lab/busybox", "httpd", "-fp3000")
    argv = [*netwiz_command(), "diagnose", "outside", TARGET, "--wait", "0", "--json"]
    waiting = subprocess.Popen(
        lab.command(argv),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=lab.env(),
        text=True,
    )
    try:
        # The witnessed probe's own taps are closed before: one that stays is the wait.
        wait_until(lambda: _taps(lab) and _stays(lab), "netwiz waits at the uplink")
        os.kill(waiting.pid, signal.SIGINT)
        told, said = waiting.communicate(timeout=60)
    finally:
        waiting.kill()
    assert waiting.returncode == 3, said
    found = json.loads(told)
    assert found["outcome"] == "undetermined"
    assert "no packet for 10.99.0.1:3000 came in from outside" in found["summary"]
    assert [s["node"] for s in found["steps"]][-2:] == ["uplink", "tried"]
    assert _taps(lab) == 0


def _stays(lab: Lab) -> bool:
    """Whether the same packet socket is there for longer than any probe lasts."""
    path = Path(f"/proc/{lab.engine_pid()}/net/packet")
    before = path.read_text()
    try:
        wait_until(lambda: path.read_text() != before, "they change", 6.0, step=0.05)
    except LabError:
        return True
    return False
