"""An engine that is slow, silent, cut off or mad, in walks of the newer trees.

It is not what is asked about: the cause is found all the same, or the walk says that
the engine did not tell; within the budgets, and nobody else is blamed.
"""

from __future__ import annotations

import json
import time

import pytest
from jsonschema import Draft202012Validator

from tests.lab.engine import Lab
from tests.lab.judge import netwiz_command
from tests.robust import rude_engine
from tests.robust.crowd import raise_pair
from tests.robust.rude_engine import Answer, rude
from tests.tui.cli_helpers import ROOT

pytestmark = pytest.mark.lab
VALIDATOR = Draft202012Validator(
    json.loads((ROOT / "docs/report.schema.json").read_text())
)
LONGEST_S = 60.0
CASES = {
    "timeout": (("order", "pg:3000"), "docker-user-drop"),
    "dns": (("order", "pq:3000"), ""),
    "tls": (("order", "https://good:3000"), "tls-to-plaintext-port"),
}
HOW = {
    "slow": rude_engine.slow,
    "never": rude_engine.never,
    "cut": rude_engine.cut,
    "garbage": rude_engine.garbage,
    "odd": rude_engine.odd,
    "endless": rude_engine.endless,
}
WORDS = {
    "everything": "/",
    "list": "/containers/json",
    "inspect": "/containers/{pg}",
    "networks": "/networks",
}


@pytest.fixture(scope="module")
def pair(lab: Lab) -> Lab:
    raise_pair(lab)
    serve = ("httpd", "-f", "-p", "0.0.0.0:3000")
    lab.docker(
        "run", "-d", "--network", "shop", "--name", "good", "lab/busybox", *serve
    )
    drop = "iptables -I DOCKER-USER -d 172.28.0.7 -p tcp --dport 3000 -j DROP"
    assert lab.run(drop.split()).returncode == 0
    return lab


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("how", HOW.values(), ids=HOW)
def test_an_engine_in_trouble(how: Answer, word: str, pair: Lab) -> None:
    # Each trouble with one of the three cases: all would be as many again and again.
    name = list(CASES)[(list(HOW.values()).index(how) + list(WORDS).index(word)) % 3]
    (client, target), cause = CASES[name]
    text = WORDS[word].format(pg=pair.docker("inspect", "-f", "{{.Id}}", "pg"))
    with rude(pair.names.socket, pair.names.folder / "rude.sock", text, how) as engine:
        own = f"DOCKER_HOST=unix://{engine.path}"
        words = [*netwiz_command(), "diagnose", client, target, "--json"]
        begun = time.monotonic()
        done = pair.run(["env", own, *words], timeout=180)
        took = time.monotonic() - begun
        assert engine.met, "the engine was not asked that"
    print(name, done.returncode, f"{took:.1f} s", done.stderr)
    assert took < LONGEST_S
    assert "Traceback" not in done.stderr
    assert "defect" not in done.stderr
    assert "\x1b" not in done.stderr + done.stdout
    assert done.stderr.count("\n") <= 1
    if done.stdout:
        told = json.loads(done.stdout)
        VALIDATOR.validate(told)
        assert (told["cause"] or {}).get("id", "") in {cause, ""}
        assert told["outcome"] != "healthy"
        assert told["cause"] or told["missing"]
    else:
        assert done.returncode in {2, 4}
        assert done.stderr
