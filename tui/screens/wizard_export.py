"""The report of a diagnosis as a file in the current directory."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

from netwiz.probes.text import plain
from netwiz.wizard.case import Case
from netwiz.wizard.verdict import Diagnosis

MAX_TRIES = 100
_UNFIT = re.compile(r"[^A-Za-z0-9_.]+")


class ExportError(Exception):
    """The report could not be written; the message is one line for the person."""


def report_name(case: Case, now: datetime) -> str:
    """``netwiz-order-pg-3000-20261121-0204``: harmless in any shell and file system."""
    port = f"-{case.target.port}" if case.target.port else ""
    text = f"{case.client.name}-{case.target.host}{port}"
    safe = _UNFIT.sub("-", text).strip("-.")[:80] or "case"
    return f"netwiz-{safe}-{now:%Y%m%d-%H%M}"


def write_report(folder: Path, diagnosis: Diagnosis, now: datetime) -> Path:
    """Write it under a name that is not taken; say where it is."""
    from netwiz.wizard.report import to_markdown

    name = report_name(diagnosis.case, now)
    text = to_markdown(diagnosis)
    try:
        for number in range(1, MAX_TRIES):
            suffix = f"-{number}" if number > 1 else ""
            path = folder / f"{name}{suffix}.md"
            try:
                with path.open("x", encoding="utf-8") as file:
                    file.write(text)
            except FileExistsError:
                continue
            return path
    except OSError as error:
        reason = error.strerror or type(error).__name__
        where = plain(str(folder), 200)
        raise ExportError(f"cannot write a report to {where}: {reason}") from error
    raise ExportError(f"there are {MAX_TRIES} reports named {name} already")
