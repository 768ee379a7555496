"""Real faults, a client that tries again, and netwiz on a terminal: named unasked."""

from __future__ import annotations

import json
import sys

import pytest

from tests.lab import check, loader
from tests.lab.engine import Lab
from tests.lab.stage import Stage
from tests.project import ROOT
from tests.screens.on_the_lab import leave, netwiz
from tests.screens.terminal import Terminal, terminal

pytestmark = pytest.mark.lab


def stage(lab: Lab, name: str) -> Stage:
    return check.stage(lab, loader.load(loader.find(name)))


def keep_trying(lab: Lab, place: str, target: str) -> None:
    """An application in the container that tries once a second and logs nothing."""
    job = {
        "root": f"/proc/{lab.pid_of(place)}/root",
        "target": target,
        "timeout": 2.0,
        "seconds": 300.0,
    }
    script = str(ROOT / "tests/bench/trier.py")
    lab.spawn([sys.executable, script, json.dumps(job)], on=place)


def open_suspects(desk: Terminal, *names: str) -> None:
    """netwiz, with its Suspects tab in view."""
    desk.start(netwiz())
    desk.wait("Networks", "Containers", *names)
    desk.press("3", "[", "[")
    desk.wait("nothing fails, as far as netwiz sees")


@pytest.mark.parametrize(
    ("name", "target", "row", "words"),
    [
        (
            "refused/localhost-same-net",
            "tcp://127.0.0.1:3000",
            "⚠ refused 127.0.0.1:3000",
            "connection refused",
        ),
        (
            "timeout/docker-user-drop",
            "tcp://{{pg.ip}}:3000",
            "⚠ timeout 172.28.0.2:3000",
            "no answer",
        ),
        (
            "unreachable/forward-reject-icmp-prohibited",
            "tcp://{{pg.ip}}:3000",
            "⚠ unreachable 172.28.0.2:3000",
            "host prohibited",
        ),
        ("dns/dns-upstream-dead", "dns://example.test", "⚠ dns", "does not answer"),
    ],
)
def test_a_fault_is_named_before_anybody_asks(
    lab: Lab, name: str, target: str, row: str, words: str
) -> None:
    raised = stage(lab, name)
    with terminal(lab, (120, 40)) as desk:
        open_suspects(desk, "order")
        keep_trying(lab, "order", raised.fill(target))
        desk.wait("⚠ 1 suspect", row, "⚠ order →", words)
        leave(desk)


def test_one_key_from_a_suspect_to_its_cause(lab: Lab) -> None:
    raised = stage(lab, "timeout/docker-user-drop")
    with terminal(lab, (120, 40)) as desk:
        open_suspects(desk, "order")
        keep_trying(lab, "order", raised.fill("tcp://{{pg.ip}}:3000"))
        desk.wait("⚠ order →")
        desk.press("Enter")
        desk.wait("order ──▶ 172.28.0.2:3000", "DOCKER-USER")


def test_a_line_without_a_port_is_walked_with_the_one_that_was_seen(lab: Lab) -> None:
    raised = stage(lab, "refused/service-not-listening")
    said = "nc: can't connect to remote host (172.28.0.2): Connection refused"
    with terminal(lab, (120, 40)) as desk:
        open_suspects(desk, "order")
        keep_trying(lab, "order", raised.fill("tcp://{{pg.ip}}:3000"))
        desk.wait("⚠ order →")
        stdout = f"/proc/{lab.pid_of('order')}/fd/1"
        lab.run(["sh", "-c", f'echo "{said}" >{stdout}'])
        desk.press("]", "]")
        desk.wait(f"⚠ {said}")
        desk.press("G", "N", "Enter")
        desk.wait("order ──▶ 172.28.0.2:3000", "Root cause", "nothing")
        leave(desk)


def test_it_heals_before_anybody_asks(lab: Lab) -> None:
    raised = stage(lab, "timeout/docker-user-drop")
    with terminal(lab, (120, 40)) as desk:
        open_suspects(desk, "order")
        keep_trying(lab, "order", raised.fill("tcp://{{pg.ip}}:3000"))
        desk.wait("⚠ order →")
        lab.run(["iptables", "-F", "DOCKER-USER"])
        desk.wait("✓ order →", "connected again at")
        leave(desk)


def test_what_only_a_log_told_of_heals_once_it_works(lab: Lab) -> None:
    raised = stage(lab, "healthy/same-net")
    told = "Error: connect ECONNREFUSED 172.28.0.2:3000"
    stdout = f"/proc/{lab.pid_of('order')}/fd/1"
    lab.run(["sh", "-c", f"echo '{told}' >{stdout}"])
    with terminal(lab, (120, 40)) as desk:
        desk.start(netwiz())
        desk.wait("Networks", "Containers", "order", told)
        desk.press("3", "[", "[")
        # Nobody has seen it fail; the application said so before netwiz came.
        desk.wait("⚠ order →")
        keep_trying(lab, "order", raised.fill("tcp://{{pg.ip}}:3000"))
        desk.wait("✓ order →", "connected again at")
        leave(desk)
