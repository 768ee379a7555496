"""The judge itself: a right verdict passes, each wrong one is named.

A stand-in for netwiz prints what each test wants it to say.
"""

import json
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.lab import judge, leftovers
from tests.lab.engine import Lab
from tests.lab.judge import Verdict
from tests.lab.scenario import Expect, Step

TOLD: dict[str, Any] = {
    "schema": "netwiz.diagnosis/1",
    "outcome": "fault",
    "cause": {
        "id": "service-bound-loopback",
        "evidence": ["listens on 127.0.0.1:3000 only"],
        "fix": [
            {"text": "in the configuration", "commands": []},
            {"text": "bind 0.0.0.0", "commands": ["first", "second"]},
            {"text": "or", "commands": ["third"]},
        ],
    },
    "also": [],
    "ruled_out": [{"id": "docker-user-drop", "because": "the SYN arrived"}],
}
EXPECT = Expect(
    outcome="fault",
    cause="service-bound-loopback",
    evidence=("127.0.0.1:3000",),
    fix_mentions=("0.0.0.0",),
    ruled_out=("docker-user-drop",),
)
RIGHT = Verdict("netwiz", 1, TOLD)


def test_a_right_verdict_has_no_complaints() -> None:
    assert judge.complaints(RIGHT, EXPECT) == []


@pytest.mark.parametrize(
    ("verdict", "complaint"),
    [
        (replace(RIGHT, code=3), "exit 3, expected 1"),
        (replace(RIGHT, told={**TOLD, "schema": "x"}), "schema 'x'"),
        (replace(RIGHT, told={**TOLD, "outcome": "healthy"}), "outcome 'healthy'"),
        (replace(RIGHT, told={**TOLD, "cause": None}), "cause None"),
        (replace(RIGHT, told={"unreadable": "Traceback"}), "not one JSON object"),
        (replace(RIGHT, left=["host rules: new: x"]), "left behind: host rules"),
    ],
)
def test_a_wrong_verdict_is_named(verdict: Verdict, complaint: str) -> None:
    assert any(complaint in line for line in judge.complaints(verdict, EXPECT))


def test_mending_by_other_means_needs_a_reason() -> None:
    by_hand = Step(by_hand="x")
    assert "which is not run" in judge.left_out(RIGHT, [by_hand])
    assert judge.left_out(RIGHT, [replace(by_hand, not_run="no clock here")]) == ""
    assert judge.left_out(RIGHT, [by_hand, Step(from_netwiz=True)]) == ""
    fixes = [{"text": "look", "commands": ["docker logs --tail 50 pg"]}]
    looks = replace(RIGHT, told={**TOLD, "cause": {"id": "x", "fix": fixes}})
    assert judge.left_out(looks, [by_hand]) == ""
    assert "nothing to run" in judge.left_out(looks, [replace(by_hand, not_run="y")])


def test_missing_words_are_named() -> None:
    expect = replace(EXPECT, evidence=("pg",), fix_mentions=("::",), also=("mtu",))
    words = " ".join(judge.complaints(RIGHT, expect))
    assert "evidence lacks 'pg'" in words
    assert "fix lacks '::'" in words
    assert "not in also: mtu" in words


def test_blame_on_a_healthy_network_is_a_complaint() -> None:
    told = {**TOLD, "outcome": "healthy", "cause": None, "also": [{"id": "icc-false"}]}
    found = judge.complaints(Verdict("netwiz", 0, told), Expect(outcome="healthy"))
    assert found == ["blames ['icc-false'] on a healthy network"]


def test_the_first_prescription_with_commands_is_taken() -> None:
    assert judge.commands(RIGHT, Step(from_netwiz=True)) == ["first", "second"]
    assert judge.commands(RIGHT, Step(from_netwiz=True, pick=2)) == ["third"]
    assert judge.commands(RIGHT, Step(from_netwiz=True, pick=7)) == []


@pytest.fixture
def stand_in(lab: Lab) -> Callable[[str], list[str]]:
    """A program on the lab's host that does `line` and then speaks JSON."""
    lab.restore()

    def make(line: str) -> list[str]:
        program = lab.names.folder / "netwiz-stand-in"
        program.write_text(
            f"#!/bin/sh\n{line}\necho '{json.dumps({'outcome': 'x'})}'\n"
        )
        program.chmod(program.stat().st_mode | stat.S_IEXEC)
        return [str(program)]

    return make


@pytest.mark.lab
def test_a_clean_run_leaves_nothing(
    lab: Lab, stand_in: Callable[[str], list[str]]
) -> None:
    lab.docker("run", "-d", "--name", "pg", "lab/busybox")
    verdict = judge.ask(lab, stand_in("iptables-save; ip addr; docker ps >&2"))
    assert verdict.left == []


@pytest.mark.lab
def test_a_container_that_was_started_anew_is_not_compared(
    lab: Lab, stand_in: Callable[[str], list[str]]
) -> None:
    lab.docker("network", "create", "shop")
    for name in ("pg", "order"):
        lab.docker("run", "-d", "--name", name, "--network", "shop", "lab/busybox")
    # The engine's name server has other ports in each run.
    enter = "nsenter -t $(docker inspect -f '{{.State.Pid}}' order) -n"
    line = f"docker restart -t 0 pg >&2; {enter} nft add table ip x"
    left = judge.ask(lab, stand_in(line)).left
    assert "order rules: new: table ip x" in left
    assert not [found for found in left if found.startswith("pg ")]


@pytest.mark.lab
@pytest.mark.parametrize(
    ("line", "trace"),
    [
        ("iptables -A INPUT -p tcp --dport 1 -j ACCEPT", "host rules"),
        ("nft add table inet netwiz", "host rules: new: table inet netwiz"),
        ("iptables-legacy -L >/dev/null", "host legacy: new"),
        ("ip link add nw0 type veth peer name nw1", "host links: new: nw0"),
        ("sysctl -qw net.ipv4.conf.h0.rp_filter=1", "host sysctls"),
        ("sleep 60 >/dev/null 2>&1 &", "processes: new: pid"),
        ("ip netns add netwiz-x", "namespaces: new: netwiz-x"),
        ("docker run -d --name helper lab/busybox >&2", "containers: new: helper"),
        ("mkdir -p ~/.cache/netwiz", "files: new: home/.cache"),
        ("touch /run/netwiz.of-LAB", "files: new: run/netwiz.of-LAB"),
        (
            "nsenter -t $(docker inspect -f '{{.State.Pid}}' pg) -n nft add table ip x",
            "pg rules: new: table ip x",
        ),
    ],
)
def test_whatever_is_left_is_found(
    lab: Lab, stand_in: Callable[[str], list[str]], line: str, trace: str
) -> None:
    lab.docker("run", "-d", "--name", "pg", "lab/busybox")
    line, trace = (text.replace("LAB", lab.names.label) for text in (line, trace))
    verdict = judge.ask(lab, stand_in(line))
    # /run is this machine's, and other labs stand on it as well.
    lab.run(["rm", "-f", f"/run/netwiz{leftovers.OWNER}{lab.names.label}"])
    assert any(trace in found for found in verdict.left), verdict.left


def test_the_named_netwiz_is_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NETWIZ_BIN", str(tmp_path / "netwiz"))
    assert judge.netwiz_command() == [str(tmp_path / "netwiz")]
