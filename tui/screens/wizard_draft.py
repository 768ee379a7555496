"""A case in the making: the answers so far, and which question is open."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

from netwiz.probes.facts import Snapshot
from netwiz.probes.text import plain
from netwiz.tui.prefill import Prefill
from netwiz.wizard.case import (
    BadInput,
    Case,
    Client,
    ClientKind,
    Symptom,
    Target,
    check_port,
    client_hinted,
    parse_client,
    parse_target,
)

SYMPTOM, CLIENT, TARGET, WALK = 1, 2, 3, 4
"""The steps of the wizard."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What has been answered."""

    symptom: Symptom | None = None
    symptom_said: bool = False
    """A symptom of None is an answer too: find out by probing."""
    client: Client | None = None
    target: Target | None = None
    error: str = ""

    def next_step(self, after: int = 0) -> int:
        """The first open question behind a step; the walk when there is none."""
        open_steps = {
            SYMPTOM: not self.symptom_said,
            CLIENT: self.client is None,
            TARGET: self.target is None,
        }
        return next(
            (s for s, is_open in open_steps.items() if is_open and s > after), 4
        )

    @property
    def case(self) -> Case | None:
        """The case, when client and target are known."""
        if self.client is None or self.target is None:
            return None
        return Case(self.client, self.target, self.symptom, self.error)

    def with_symptom(self, symptom: Symptom | None) -> Draft:
        """The symptom was chosen."""
        return replace(self, symptom=symptom, symptom_said=True)

    def with_error(self, text: str, reading: Reading) -> Draft:
        """An error line was given: it answers what it says, and nothing else."""
        return replace(
            self,
            error=plain(text, 1000),
            symptom=reading.symptom or self.symptom,
            symptom_said=True,
            target=self.target or reading.target,
            client=self.client or reading.client,
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """What an error line says."""

    symptom: Symptom | None = None
    target: Target | None = None
    client: Client | None = None
    program: str = ""

    @property
    def words(self) -> str:
        """For the person who pasted it."""
        if self.symptom is None and self.target is None:
            return "no network error is recognised in it"
        what = self.symptom.value if self.symptom else "no symptom that is known"
        whose = f", from {self.client.name}" if self.client else ""
        where = f", to {self.target.text}" if self.target else ""
        by = f" (in the words of {self.program})" if self.program else ""
        return f"reads as {what}{whose}{where}{by}"


def read_line(text: str, snapshot: Snapshot | None = None) -> Reading:
    """Symptom, target and client of an error line, as far as it names them."""
    from netwiz.probes.logs.neterrors import read_error

    seen = read_error(text) if text.strip() else None
    if seen is None:
        return Reading()
    symptom = Symptom(seen.symptom) if seen.symptom else None
    client = client_hinted(seen.client, snapshot) if snapshot else None
    known = Reading(symptom, None, client, seen.program)
    host = f"[{seen.host}]" if ":" in seen.host else seen.host
    written = f"{host}:{seen.port}" if seen.port else f"dns://{seen.host}"
    if not host or (not seen.port and symptom is not Symptom.DNS):
        return known
    if seen.port and seen.scheme:
        written = f"{seen.scheme}://{written}"
    try:
        return replace(known, target=parse_target(written))
    except BadInput:
        return known


def draft_of(prefill: Prefill, snapshot: Snapshot) -> tuple[Draft, str]:
    """What the prefill answers, and one line on what of it cannot be used."""
    draft, problems = Draft(), []
    if prefill.symptom:
        try:
            draft = draft.with_symptom(Symptom(prefill.symptom))
        except ValueError:
            problems.append(f"'{plain(prefill.symptom, 40)}' is no symptom")
    try:
        if prefill.client:
            draft = replace(draft, client=parse_client(prefill.client, snapshot))
        if prefill.target:
            target = check_port(parse_target(prefill.target), draft.symptom)
            draft = replace(draft, target=target)
    except BadInput as error:
        problems.append(str(error))
    if prefill.error:
        reading = read_line(prefill.error, snapshot)
        said = draft.symptom_said
        symptom = draft.symptom
        draft = draft.with_error(prefill.error, reading)
        if said:
            draft = draft.with_symptom(symptom)
        elif reading.symptom is None:
            draft = replace(draft, symptom_said=False)
    return draft, "; ".join(problems)


def written_target(prefill: Prefill, draft: Draft) -> str:
    """What to begin with where the target is typed: what lacks but a port, waits."""
    written = prefill.target.strip()
    if draft.target is None and written:
        with suppress(BadInput):
            if parse_target(written).name_only:
                host = written.rpartition("://")[2]
                bare = ":" in host and not host.startswith("[")
                return f"[{host}]:" if bare else f"{host}:"
    return written


def rebound(case: Case, snapshot: Snapshot) -> Case:
    """The same case on a newer snapshot: mending may have replaced the container."""
    if case.client.kind is not ClientKind.CONTAINER:
        return case
    try:
        return replace(case, client=parse_client(case.client.name, snapshot))
    except BadInput:
        return case
