"""Texts that somebody hostile chose, in every finding: the reports stay clean."""

from __future__ import annotations

import dataclasses
import json
import unicodedata

import pytest
from jsonschema import Draft202012Validator

from netwiz.probes.facts import Finding
from netwiz.probes.requests import Request
from netwiz.wizard.report import to_json, to_markdown, to_text
from netwiz.wizard.report_clean import LINE_LIMIT
from netwiz.wizard.walk import diagnose
from tests.project import ROOT
from tests.wizard.judge_table import Told
from tests.wizard.tables import TABLE

VALIDATOR = Draft202012Validator(
    json.loads((ROOT / "docs/report.schema.json").read_text())
)
EVIL = "\x1b]0;x\x07\x1b[2J\u202e[red]x[/]\n';id;'\r\x85" + "x" * 100_000
WORDS = {"command", "text", "image", "subject", "issuer", "line", "said", "comment"}
"""Fields whose value is told and decides nothing by its form."""


def poisoned(value: object, name: str = "") -> object:
    """The same facts, with those words replaced."""
    if isinstance(value, str):
        return EVIL if name in WORDS and type(value) is str else value
    if isinstance(value, tuple) and type(value) is tuple:
        return tuple(poisoned(one, name) for one in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changed = {
            f.name: poisoned(getattr(value, f.name), f.name)
            for f in dataclasses.fields(value)
            if f.init
        }
        return dataclasses.replace(value, **changed)
    return value


@pytest.mark.parametrize("told", TABLE.values(), ids=TABLE)
async def test_reports_of_hostile_findings_are_clean(told: Told) -> None:
    async def perform(request: Request) -> Finding:
        found = poisoned(await told.world.perform(request))
        assert isinstance(found, Finding)
        return found

    found = await diagnose(told.about, perform)
    as_json = to_json(found)
    VALIDATOR.validate(as_json)
    assert json.dumps(as_json, allow_nan=False).isascii()
    for text in (to_text(found), to_markdown(found)):
        odd = {c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf")}
        assert not odd
        assert max(map(len, text.splitlines())) < 20 * LINE_LIMIT


async def test_the_poison_is_really_told() -> None:
    shown = 0
    for told in TABLE.values():

        async def perform(request: Request, told: Told = told) -> Finding:
            found = poisoned(await told.world.perform(request))
            assert isinstance(found, Finding)
            return found

        shown += r"\x1b]0;x\x07" in to_text(await diagnose(told.about, perform))
    assert shown > len(TABLE) // 10
