"""The machine that netwiz runs on, opened for a command, and a first look at it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from netwiz.probes.facts import Failed, Failure, Snapshot, SnapshotTaken
from netwiz.probes.machine import Machine
from netwiz.probes.requests import TakeSnapshot
from netwiz.tui.case_input import CannotLookError, with_rights


@contextmanager
def opened_machine() -> Iterator[Machine]:
    """The machine, given back at the end. Raises CannotLookError."""
    from netwiz.probes.engine.senses import open_engine
    from netwiz.probes.errors import ProbeError

    try:
        machine = Machine(open_engine())
    except ProbeError as error:
        raise CannotLookError(error.what, error.remedy) from error
    try:
        yield machine
    finally:
        machine.close()


async def snapshot_of(machine: Machine, *, fresh: bool = False) -> Snapshot:
    """Networks, containers and host as they are. Raises CannotLookError."""
    found = await machine.perform(TakeSnapshot(fresh=fresh))
    if isinstance(found, SnapshotTaken):
        return found.snapshot
    if isinstance(found, Failed):
        remedy = found.remedy
        if found.kind is Failure.RIGHTS and os.geteuid() != 0:
            remedy = with_rights()
        raise CannotLookError(found.what, remedy)
    raise TypeError(f"a snapshot was asked for, {type(found).__name__} came")
