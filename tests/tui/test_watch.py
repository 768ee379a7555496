"""`netwiz diagnose --watch`: rounds, what changed, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import signal
import subprocess
from dataclasses import replace
from datetime import datetime

import pytest
from jsonschema import Draft202012Validator

from netwiz.tui.cli import main
from netwiz.tui.exits import Exit
from netwiz.tui.terminal import Terminal
from netwiz.tui.watch_command import JsonLines, TextLines, status_after, watch
from netwiz.wizard.verdict import Diagnosis
from tests.tui.cli_helpers import ROOT, command, environment, service
from tests.wizard.report_samples import HEALTHY, REFUSED

AT = datetime(2026, 11, 21, 2, 4, 5).astimezone()
SCHEMA = json.loads((ROOT / "docs/report.schema.json").read_text())


def test_a_change_is_told_in_full_and_the_rest_in_a_line() -> None:
    out = io.StringIO()
    lines = TextLines(Terminal(out, {}))
    for diagnosis in (HEALTHY, HEALTHY, REFUSED, REFUSED, HEALTHY):
        lines.tell(diagnosis, AT)
    lines.leave()
    told = out.getvalue()
    assert told.count("02:04:05  healthy") == 3
    assert told.count("Mend it") == 1
    assert told.count("02:04:05  service-bound-loopback") == 2
    assert told.endswith("5 rounds: healthy 3, service-bound-loopback 2\n")


def test_json_is_a_line_a_round(capsys: pytest.CaptureFixture[str]) -> None:
    lines = JsonLines()
    lines.tell(HEALTHY, AT)
    lines.tell(REFUSED, AT)
    rows = [json.loads(row) for row in capsys.readouterr().out.splitlines()]
    assert [row["outcome"] for row in rows] == ["healthy", "fault"]
    for row in rows:
        assert datetime.fromisoformat(row["at"]) == AT
        Draft202012Validator(SCHEMA).validate(row)


async def test_rounds_go_on_until_they_are_ended() -> None:
    brought = [REFUSED, HEALTHY, REFUSED]
    lines = TextLines(Terminal(io.StringIO(), {}))

    async def walk() -> Diagnosis:
        if not brought:
            raise asyncio.CancelledError
        return brought.pop(0)

    with pytest.raises(asyncio.CancelledError):
        await watch(replace(HEALTHY, elapsed_ms=5.0), walk, 0.001, lines)
    assert lines.rounds.count == 4
    assert lines.rounds.last is REFUSED
    assert status_after(lines.rounds, lambda _: Exit.FAULT) is Exit.FAULT
    empty = TextLines(Terminal(io.StringIO(), {})).rounds
    assert status_after(empty, lambda _: Exit.OK) is Exit.INTERRUPTED


def test_it_reads_along_with_a_service_that_comes_and_goes() -> None:
    with contextlib.ExitStack() as run, contextlib.ExitStack() as up:
        port = up.enter_context(service())
        asked = command("diagnose", "host", f"127.0.0.1:{port}", "--json")
        process = run.enter_context(
            subprocess.Popen(
                [*asked, "--watch", "1"],
                env=environment(),
                cwd="/",
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        try:
            assert process.stdout is not None
            first = json.loads(process.stdout.readline())
            up.close()
            # The round that is under way may still have met the service.
            while (after := json.loads(process.stdout.readline()))["outcome"] == (
                "healthy"
            ):
                assert after["at"] > first["at"]
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
        finally:
            process.kill()
    assert first["outcome"] == "healthy"
    assert after["outcome"] == "fault"
    assert first["at"] < after["at"]
    assert process.returncode == Exit.FAULT


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--watch", "0"], "'0' is no time from 1 to 86400"),
        (["--watch", "often"], "'often' is no time"),
        (["--watch", "nan"], "'nan' is no time"),
        (["--repeat", "1"], "'1' is no number from 2 to 1000"),
        (["--repeat", "1001"], "'1001' is no number"),
        (["--repeat", "-3"], "is no number"),
        (["--repeat", "٣"], "is no number"),
    ],
)
def test_what_cannot_be_counted_is_said(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [f"{arguments[0]}={arguments[1]}"]
    assert main(["diagnose", "order", "pg:1", *given]) == Exit.USAGE
    assert said in capsys.readouterr().err
