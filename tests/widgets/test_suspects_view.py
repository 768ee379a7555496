"""The list of suspects as it is drawn, at any width and whatever it is given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from netwiz.probes.facts.signs import SeenBy
from netwiz.widgets.lines import cells, plain_text
from netwiz.widgets.suspects import Standing, Suspect
from netwiz.widgets.suspects_draw import draw_evidence, draw_suspects
from netwiz.wizard.suspects.suspect import Evidence

T0 = datetime(2026, 11, 21, 12, tzinfo=UTC).astimezone()
LATER = T0 + timedelta(seconds=75)
EVIDENCE = (
    Evidence(SeenBy.LOG, "connect ECONNREFUSED 172.18.0.2:3000", 3, T0, LATER),
    Evidence(SeenBy.PACKETS, "172.18.0.2 answered with RST", 1, T0, T0),
)
ORDER = Suspect(
    container_id="a",
    client="order",
    symptom="refused",
    target="172.18.0.2:3000",
    at=LATER,
    key="1",
    server="pg",
    count=14,
    first=T0,
    evidence=EVIDENCE,
)
HEALED = Suspect(
    "b",
    "web",
    "timeout",
    "cache:6379",
    at=T0,
    key="2",
    server="cache",
    count=3,
    first=T0,
    standing=Standing.HEALED,
    why=f"connected again at {T0:%H:%M:%S}",
)
LOOP = Suspect("c", "", "restarts", "mailer", at=T0, key="life c", server="mailer")


def test_who_to_whom_what_how_often_and_when() -> None:
    lines = plain_text(draw_suspects([ORDER, HEALED, LOOP], 120)).splitlines()
    assert lines[0].startswith("⚠ order → pg 172.18.0.2:3000")
    assert f"connection refused        14×  {T0:%H:%M:%S}–{LATER:%H:%M:%S}" in lines[0]
    assert lines[1].startswith("✓ web → cache:6379")
    assert lines[1].endswith(f"connected again at {T0:%H:%M:%S}")
    assert lines[2].startswith("⚠ mailer ")
    assert "restarts again and again" in lines[2]


def test_evidence_by_sense() -> None:
    lines = plain_text(draw_evidence(ORDER, 100)).splitlines()
    assert lines[0] == (
        "    log       connect ECONNREFUSED 172.18.0.2:3000"
        f"  3× {T0:%H:%M:%S}–{LATER:%H:%M:%S}"
    )
    assert lines[1].startswith("    packets   172.18.0.2 answered with RST  ")


@pytest.mark.parametrize("width", [20, 40, 60, 78, 120, 200])
def test_no_line_is_wider_than_the_list(width: int) -> None:
    hostile = Suspect("d", "名" * 60, "refused", "x" * 400, at=T0, key="3", count=10**6)
    for line in draw_suspects([ORDER, HEALED, LOOP, hostile], max(width, 60)):
        assert cells(line) <= max(width, 60)
    for line in draw_evidence(ORDER, max(width, 40)):
        assert cells(line) <= max(width, 60)


def test_nothing_to_show() -> None:
    assert draw_suspects([], 80) == []
