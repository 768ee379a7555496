"""Each cause is reached by findings alone, and its texts have nothing left open."""

from __future__ import annotations

import re
import shlex
import subprocess
from dataclasses import replace

import pytest

from netwiz.probes.facts import (
    Attachment,
    Container,
    Failed,
    Failure,
    NameOutcome,
)
from netwiz.probes.requests import Request
from netwiz.wizard.fill import UNFILLED
from netwiz.wizard.verdict import Diagnosis, Result
from tests.wizard.judge_table import Told
from tests.wizard.tables import TABLE
from tests.wizard.world import (
    NETWORK,
    PG,
    World,
    walk,
)


def texts(found: Diagnosis) -> list[str]:
    causes = [c for c in (found.cause, *found.also) if c is not None]
    fixes = [f for c in causes for f in c.fixes]
    return [
        found.summary,
        *found.missing,
        *(t for c in causes for t in (c.title, c.explanation, *c.evidence, *c.verify)),
        *(t for f in fixes for t in (f.text, f.snippet, f.interrupts, *f.commands)),
        *(t for s in found.steps for t in (s.question, s.answer, *s.evidence)),
    ]


@pytest.mark.parametrize("told", TABLE.values(), ids=TABLE)
async def test_findings_lead_to_the_cause(told: Told) -> None:
    if told.about.target.host == "::1":
        told.world.names = {"::1": ("::1",)}
        told.world.lookup = NameOutcome.LITERAL
    found = await walk(told.world, told.about)
    assert found.cause is not None, found.summary
    assert found.cause.id == told.cause
    assert tuple(c.id for c in found.also) == told.also
    assert all(c.evidence and c.fixes for c in (found.cause, *found.also))
    open_ = UNFILLED.format("")
    assert not [t for t in texts(found) if open_ in t]


@pytest.mark.parametrize("kind", [Failure.GONE, Failure.ENGINE, Failure.RIGHTS])
@pytest.mark.parametrize("told", TABLE.values(), ids=TABLE)
async def test_what_breaks_off_never_becomes_another_cause(
    told: Told, kind: Failure
) -> None:
    await walk(told.world, told.about)
    asked = len(told.world.asked)
    for stage in range(asked):
        told.world.asked.clear()

        def fails(_: Request, stage: int = stage) -> Failed | None:
            if len(told.world.asked) <= stage:
                return None
            return Failed(kind=kind, what="it is gone", remedy="look again")

        broken = replace(told.world, fails=fails)
        found = await walk(broken, told.about)
        if found.result is Result.FAULT:
            assert found.cause is not None
            assert found.cause.id == told.cause
            continue
        assert found.result is Result.UNDETERMINED
        assert found.missing
        blind = found.steps[-1].branch == "unseen"
        assert found.cannot_look is (blind and kind is not Failure.GONE)


HOSTILE = "a'b\"$(id)`id`;\\ {x} [red]%s"


async def test_hostile_names_stay_words_of_a_command() -> None:
    named = replace(
        PG,
        name=HOSTILE,
        attachments=(Attachment(NETWORK.id, HOSTILE, "172.18.0.2", 16),),
    )
    worlds = [
        replace(told.world, containers=_renamed(told.world, named))
        for told in TABLE.values()
    ]
    lines: list[str] = []
    for world, told in zip(worlds, TABLE.values(), strict=True):
        world.sockets = {
            HOSTILE if name == "pg" else name: sockets
            for name, sockets in world.sockets.items()
        }
        found = await walk(world, told.about)
        causes = [c for c in (found.cause, *found.also) if c is not None]
        lines += (x for c in causes for f in c.fixes for x in f.commands)
    split = [shlex.split(line) for line in lines]
    assert sum(HOSTILE in words for words in split) > 3
    assert not [words for words in split if "id" in words or ";" in words]
    for line in dict.fromkeys(lines):
        _is_sound(line)


def _is_sound(line: str) -> None:
    subprocess.run(["sh", "-n", "-c", line], check=True)


def _renamed(world: World, named: Container) -> tuple[Container, ...]:
    return tuple(
        replace(c, name=HOSTILE, attachments=named.attachments) if c.name == "pg" else c
        for c in world.containers
    )


def test_the_table_names_most_of_the_registry() -> None:
    assert len({told.cause for told in TABLE.values()}) >= 27
    assert all(re.fullmatch(r"[a-z0-9-]+", told.cause) for told in TABLE.values())
