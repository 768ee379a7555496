"""A healthy system under load: nobody is suspected, though netwiz sees well."""

from __future__ import annotations

import json
import sys
from functools import partial

import pytest

from tests.bench.healthy import ever, raise_system
from tests.bench.suspects import Json, Watched, running, session
from tests.lab.engine import Lab
from tests.project import ROOT

pytestmark = pytest.mark.lab
PATIENCE_S = 240.0


def done(load: Watched, kind: str) -> int:
    """How many of a kind were done so far."""
    return int(load.said[-1]["so_far"].get(kind, 0)) if load.said else 0


def has(kind: str, count: int, said: Json) -> bool:
    """Whether so many were done when this was said."""
    return int(said["so_far"].get(kind, 0)) >= count


def suspects_somebody(said: Json) -> bool:
    """Whether there was an active suspect when this was said."""
    return any(one["standing"] == "active" for one in said.get("suspects", ()))


def wait_for_more(load: Watched, **more: int) -> None:
    """Until so many more of each kind were done."""
    wanted = {kind: done(load, kind) + count for kind, count in more.items()}
    for kind, count in wanted.items():
        found = load.wait(partial(has, kind, count), PATIENCE_S)
        assert found is not None, f"{kind}: {load.said[-1]}, wanted {count}"


def test_nobody_is_suspected_while_a_server_restarts_under_load(lab: Lab) -> None:
    lab.restore()
    addresses = raise_system(lab)
    job = json.dumps(addresses | {"seconds": 4 * PATIENCE_S})
    script = str(ROOT / "tests/bench/busy.py")
    enter = ["nsenter", f"--net={lab.netns_of('order')}", sys.executable, script, job]
    with session(lab, 4 * PATIENCE_S) as netwiz, running(enter, lab.env()) as load:
        wait_for_more(load, http=300, redis=300, names=10, tls=50, outside=50)
        lab.docker("restart", "-t", "2", "web")
        # More than what is done while a server is excused.
        wait_for_more(load, http=700, redis=700, names=20, tls=100, outside=100)
        assert ever(netwiz)[0] == []
        # And it has its eyes open: now something is wrong indeed.
        # The name server has the same address, and still answers.
        to = f"-d {addresses['outside']} -p tcp"
        drop = f"iptables -I DOCKER-USER {to} -j DROP"
        lab.run(drop.split())
        told = netwiz.wait(suspects_somebody, PATIENCE_S)
    assert told is not None
    (one,) = told["suspects"]
    assert (one["client"], one["symptom"]) == ("order", "timeout")
