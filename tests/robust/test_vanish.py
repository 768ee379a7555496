"""A container that disappears in mid-probe, before each probe of a walk there is.

Whatever is killed, and when: the walk ends with what was proven before, or undetermined
with a reason; never with another cause, never with an error, and nothing stays behind.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass

import pytest

from tests.lab.engine import Lab
from tests.project import ROOT
from tests.robust.crowd import raise_pair
from tests.robust.vanish import Came

pytestmark = pytest.mark.lab
DROP = "iptables -I DOCKER-USER -p tcp --dport 3000 -j DROP"
PROHIBIT = f"{DROP[:-4]}REJECT --reject-with icmp-host-prohibited"
WITHIN_MS = 40_000
PYTHON_WORDS = re.compile(
    r"\b\w+(Error|Exception)\b|Traceback|<\w+ object|errno", re.IGNORECASE
)


@dataclass(frozen=True)
class Play:
    """A case, and what it comes to when nobody disappears."""

    to: str = "pg:3000"
    address: str = "0.0.0.0"
    fault: str = ""
    cause: str = ""
    symptom: str = "-"
    outcome: str = "fault"


PLAYS = {
    "healthy": Play(outcome="healthy"),
    "refused": Play(address="127.0.0.1", cause="service-bound-loopback"),
    "timeout": Play(fault=DROP, cause="docker-user-drop"),
    "dns": Play(to="pq:3000", outcome="*", symptom="dns"),
    "tls": Play(to="https://pg:3000", cause="tls-to-plaintext-port"),
    "reset": Play(symptom="reset", outcome="*"),
    "unreachable": Play(fault=PROHIBIT, outcome="fault", cause="*"),
    "slow": Play(symptom="slow", outcome="*"),
}


WHO = [(name, "pg") for name in PLAYS] + [
    (name, "order") for name in ("healthy", "timeout", "dns", "tls")
]


@pytest.mark.parametrize(
    ("name", "victim"), WHO, ids=[f"{play}-{who}" for play, who in WHO]
)
def test_whoever_vanishes_whenever(name: str, victim: str, lab: Lab) -> None:
    play = PLAYS[name]
    raise_pair(lab, play.address)
    if play.fault:
        assert lab.run(["sh", "-c", play.fault]).returncode == 0
    port = "3000" if victim == "pg" else "0"
    words = ["-m", "tests.robust.vanish", "order", play.to, victim, play.symptom, port]
    own = [f"PYTHONPATH={ROOT}/src:{ROOT}", f"DOCKER_HOST=unix://{lab.names.socket}"]
    done = lab.run(["env", *own, sys.executable, *words], timeout=300)
    assert done.returncode == 0, done.stderr
    whole, *broken = (Came(**one) for one in json.loads(done.stdout))
    if play.outcome != "*":
        assert whole.outcome == play.outcome, whole
    if play.cause not in ("", "*"):
        assert whole.cause == play.cause
    assert len(broken) == whole.asked > 2
    wrong = [text for one in broken if (text := complaint(whole, one))]
    assert not wrong, "\n".join(wrong)


def complaint(whole: Came, one: Came) -> str:
    """What is wrong with how a broken walk ended; empty when nothing is."""
    where = f"before {one.stage} ({one.before}): {one.outcome} {one.cause}"
    where += f": {one.summary} {one.missing}"
    if one.left:
        return f"{where}: left {one.left}"
    if one.ms > WITHIN_MS:
        return f"{where}: took {one.ms:.0f} ms"
    if one.outcome == "undetermined":
        clear = one.summary and one.missing and not PYTHON_WORDS.search(one.summary)
        return "" if clear else f"{where}: no clear reason"
    if (one.outcome, one.cause) != (whole.outcome, whole.cause):
        return f"{where}: another cause than {whole.cause or whole.outcome}"
    if not set(one.also) <= set(whole.also):
        return f"{where}: and {one.also}"
    return ""
