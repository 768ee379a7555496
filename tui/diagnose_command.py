"""`netwiz diagnose`: one case walked without the screen."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import time
import traceback
from dataclasses import dataclass, field, replace

from netwiz.probes.machine import Machine
from netwiz.probes.text import plain
from netwiz.tui.case_input import (
    CannotLookError,
    Wish,
    case_for,
    read_wish,
)
from netwiz.tui.exits import Exit
from netwiz.tui.looking import opened_machine as _machine
from netwiz.tui.looking import snapshot_of
from netwiz.tui.patience import waiting
from netwiz.tui.terminal import CannotWriteError, Terminal, complain, put
from netwiz.wizard.case import BadInput, Case
from netwiz.wizard.report_json import to_json
from netwiz.wizard.report_layout import BLANK
from netwiz.wizard.report_text import case_lines, conclusion_lines, step_lines
from netwiz.wizard.verdict import Diagnosis, Mark, Progress, Result, Step

GRACE_S = 1.0
"""After Ctrl-C: how long what still runs may take to end by itself."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The arguments of `netwiz diagnose`."""

    client: str | None = None
    target: str | None = None
    symptom: str | None = None
    error: str | None = None
    json: bool = False
    repeat: int = 0
    """Probes per address, for a fault that comes and goes; 0: as the walk needs."""
    watch_s: float = 0.0
    """Walk again every so many seconds until Ctrl-C; 0: once."""
    wait_s: float | None = None
    """FROM outside: how long to wait for the client's packet; 0: until Ctrl-C."""
    tried: bool = False
    """The person's word that the client tries meanwhile."""


def run_diagnose(asked: Asked) -> int:
    """Walk the case, print what was found, return the exit status."""
    try:
        wish = read_wish(asked.client, asked.target, asked.symptom, asked.error)
    except BadInput as bad:
        complain(str(bad))
        return Exit.USAGE
    wish = replace(wish, repeat=asked.repeat, wait_s=asked.wait_s, tried=asked.tried)
    if asked.wait_s is not None and wish.client != "outside":
        complain("--wait waits for a client beyond this machine: give FROM as outside")
        return Exit.USAGE
    if asked.watch_s:
        return _run_watch(wish, asked)
    teller: Teller = JsonTeller() if asked.json else TextTeller(Terminal(sys.stdout))
    walk = _Walk(wish, teller)
    with asyncio.Runner() as runner:
        try:
            diagnosis = runner.run(walk.run())
        except BadInput as bad:
            teller.leave()
            complain(str(bad))
            return Exit.USAGE
        except KeyboardInterrupt:
            diagnosis = walk.so_far("interrupted before the walk was done")
            status = Exit.INTERRUPTED
        else:
            status = _status(diagnosis)
        try:
            teller.end(diagnosis)
            if diagnosis.cannot_look:
                complain("; ".join(diagnosis.missing) or diagnosis.summary)
        finally:
            if status is Exit.INTERRUPTED:
                # Only now: a busy machine may take a second to tell what is known.
                _leave_soon(status)
    return status


def _run_watch(wish: Wish, asked: Asked) -> int:
    """Walk again and again; Ctrl-C is the way to end it, and no fault."""
    from netwiz.tui.watch_command import JsonLines, TextLines, status_after, watch

    lines = JsonLines() if asked.json else TextLines()

    async def rounds() -> None:
        with _machine() as machine:
            first = await _Walk(wish, JsonTeller()).on(machine)
            await watch(first, lambda: _round(wish, machine), asked.watch_s, lines)

    try:
        asyncio.run(rounds())
    except (BadInput, CannotLookError) as bad:
        complain(str(bad))
        return Exit.USAGE if isinstance(bad, BadInput) else Exit.CANNOT_LOOK
    except KeyboardInterrupt:
        lines.leave()
    status = status_after(lines.rounds, _status)
    _leave_soon(status)
    return status


async def _round(wish: Wish, machine: Machine) -> Diagnosis:
    """One round; what keeps it from looking is told, and the next may look again."""
    walk = _Walk(wish, JsonTeller())
    try:
        return await walk.on(machine, fresh=True)
    except CannotLookError as cannot:
        return walk.nothing(cannot)
    except BadInput as bad:
        return walk.so_far(str(bad))


def _status(diagnosis: Diagnosis) -> Exit:
    if diagnosis.result is Result.HEALTHY:
        return Exit.OK
    if diagnosis.result is Result.FAULT:
        return Exit.FAULT
    return Exit.CANNOT_LOOK if diagnosis.cannot_look else Exit.UNDETERMINED


class _Walk:
    """One walk, and what it has brought so far."""

    def __init__(self, wish: Wish, teller: Teller) -> None:
        self._wish = wish
        self._teller = teller
        self._case = wish.stand_in
        self._progress: Progress | None = None
        self._began = time.perf_counter()

    async def run(self) -> Diagnosis:
        """The diagnosis, also where looking is not possible or netwiz itself fails."""
        self._teller.passing("looking at networks and containers")
        try:
            with _machine() as machine:
                return await self.on(machine)
        except CannotLookError as cannot:
            return self.nothing(cannot)
        except (BadInput, CannotWriteError, BrokenPipeError):
            raise
        except Exception as error:  # noqa: BLE001 - nothing gathered may be lost
            if os.environ.get("NETWIZ_DEBUG"):
                traceback.print_exc()
            what = plain(f"{type(error).__name__}: {error}", 200)
            complain(f"a defect of netwiz: {what} (NETWIZ_DEBUG=1 shows where)")
            return self.so_far(f"netwiz itself failed ({what})")

    async def on(self, machine: Machine, *, fresh: bool = False) -> Diagnosis:
        """The walk on a machine that is open. Raises BadInput, CannotLookError."""
        from netwiz.wizard.walk import diagnose

        self._case = case_for(self._wish, await snapshot_of(machine, fresh=fresh))
        self._teller.begin(self._case)
        perform = waiting(machine)
        return await diagnose(self._case, perform, tell=self._tell)

    def _tell(self, progress: Progress) -> None:
        self._progress = progress
        self._teller.tell(progress)

    def so_far(self, why: str) -> Diagnosis:
        """What is gathered, as a diagnosis without a verdict."""
        ms = (time.perf_counter() - self._began) * 1000
        bare = Diagnosis(
            self._case,
            Result.UNDETERMINED,
            f"no verdict: {why}",
            missing=(why,),
            elapsed_ms=ms,
        )
        if self._progress is None:
            return bare
        steps = tuple(s for s in self._progress.steps if s.mark is not Mark.RUNNING)
        return replace(bare, steps=steps, path=self._progress.path)

    def nothing(self, cannot: CannotLookError) -> Diagnosis:
        """A diagnosis that says why nothing could be looked at."""
        return replace(
            self.so_far(str(cannot)),
            summary=f"cannot look: {cannot}",
            missing=tuple(t for t in (str(cannot), cannot.remedy) if t),
            cannot_look=True,
        )


@dataclass(slots=True)
class JsonTeller:
    """Says everything at the end, as one JSON object."""

    def passing(self, text: str) -> None:
        """Nothing before the end."""

    def begin(self, case: Case) -> None:
        """Nothing before the end."""

    def tell(self, progress: Progress) -> None:
        """Nothing before the end."""

    def leave(self) -> None:
        """Nothing was begun."""

    def end(self, diagnosis: Diagnosis) -> None:
        """Print the object; ASCII, so that it is the same in every locale."""
        put(json.dumps(to_json(diagnosis), indent=2, allow_nan=False) + "\n")


@dataclass(slots=True)
class TextTeller:
    """Says each step when it is done, and the rest at the end."""

    terminal: Terminal
    begun: bool = False
    shown: list[Step] = field(default_factory=list)

    def passing(self, text: str) -> None:
        """What is being done now, where somebody watches."""
        self.terminal.passing(f" {Mark.RUNNING.value} {text}")

    def begin(self, case: Case) -> None:
        """Say which case it is."""
        self.begun = True
        self.terminal.show(case_lines(case, self.terminal.width))

    def tell(self, progress: Progress) -> None:
        """Print the steps that are new, and what is asked next."""
        self._show(progress.steps)
        if progress.asking:
            self.passing(progress.asking)

    def leave(self) -> None:
        """Give the line back."""
        self.terminal.close()

    def end(self, diagnosis: Diagnosis) -> None:
        """Print what is left to say."""
        if diagnosis.cannot_look and not self.begun:
            self.leave()
            return
        if not self.begun:
            self.begin(diagnosis.case)
        self._show(diagnosis.steps)
        self.terminal.show(conclusion_lines(diagnosis, self.terminal.width))

    def _show(self, steps: tuple[Step, ...]) -> None:
        for step in steps:
            if step.mark is Mark.RUNNING or step in self.shown:
                continue
            if not self.shown:
                self.terminal.show([BLANK])
            self.shown.append(step)
            self.terminal.show(step_lines(step, self.terminal.width))


Teller = JsonTeller | TextTeller


def _leave_soon(status: int) -> None:
    """End the process though a probe hangs: its result is printed already.

    Threads cannot be cancelled; an engine that does not answer would keep a person
    who pressed Ctrl-C waiting for its time-out.
    """
    last = threading.Timer(GRACE_S, os._exit, (int(status),))
    last.daemon = True
    last.start()
