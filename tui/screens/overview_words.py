"""What the overview says of the state it holds: pure functions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.cells import cell_len

from netwiz.tui.log_save import line_text
from netwiz.tui.prefill import Prefill
from netwiz.widgets.container_row import Row
from netwiz.widgets.line_view import LineView
from netwiz.widgets.lines import Line, clip
from netwiz.widgets.list_pane import ListPane
from netwiz.widgets.log_view import LogView
from netwiz.widgets.network_rows import Head, Member
from netwiz.widgets.status_line import Standing

if TYPE_CHECKING:
    from netwiz.probes.facts import Snapshot
    from netwiz.widgets.suspects import Suspect

NOT_ROOT = "Not root: who listens and where a packet dies cannot be seen."
AS_ROOT = "sudo netwiz"


def standing(
    snapshot: Snapshot | None, suspects: int, gone_since: str, clock: str
) -> Standing:
    """The status line for this state."""
    if snapshot is None:
        return Standing(clock=clock)
    engine = snapshot.engine
    return Standing(
        host=snapshot.host.hostname,
        engine=f"Docker {_short(engine.version)}" if engine else "",
        running=sum(c.running for c in snapshot.containers),
        containers=len(snapshot.containers),
        networks=len(snapshot.networks),
        suspects=suspects,
        gone_since=gone_since,
        missing=engine is None,
        clock=clock,
    )


def _short(version: str) -> str:
    """28.2.2 and 28.2.4 do not differ for whoever looks at a network."""
    return ".".join(version.partition("+")[0].split(".")[:2])


def notices(snapshot: Snapshot | None) -> tuple[Line, ...]:
    """What cannot be seen, and how to see it."""
    if snapshot is None:
        return ()
    found: list[Line] = []
    if snapshot.engine is None:
        found.append((("✗ ", "bad"), (snapshot.missing or "no Docker engine", "")))
    elif snapshot.engine.rootless:
        found.append(
            (("! ", "odd"), ("The engine is rootless: its networks are its own.", ""))
        )
    if not snapshot.host.root:
        found.append(
            (
                ("! ", "odd"),
                (f"{NOT_ROOT} To see it: ", ""),
                (AS_ROOT, "code"),
            )
        )
    return tuple(found)


def prefill_of(suspect: Suspect) -> Prefill:
    """What a suspect already answers of the wizard's questions."""
    from netwiz.wizard.case import Symptom

    if suspect.symptom not in tuple(Symptom):
        # A container's own trouble: whoever wants it may say what he cannot reach.
        return Prefill(client=suspect.server)
    return Prefill(
        client=suspect.client,
        target=suspect.target,
        symptom=suspect.symptom,
        error=suspect.error,
    )


def fuller(suspect: Suspect, known: Iterable[Suspect]) -> Suspect:
    """A line's suspect with the port, or target, that it leaves out and netwiz saw."""
    whose = (suspect.container_id, suspect.symptom)
    own = [one for one in known if (one.container_id, one.symptom) == whose]
    host = suspect.target.strip("[]")
    if host:
        own = [one for one in own if one.target.rpartition(":")[0].strip("[]") == host]
    # Of several that fail alike, a line without a host may be about any.
    return replace(suspect, target=own[0].target) if len(own) == 1 else suspect


def about_text(row: Row, room: int) -> str:
    """Image, age and id of a row; the image's name gives way to the others."""
    if not row.about:
        return ""
    first, *rest = row.about
    tail = "".join(f" · {part}" for part in rest)
    return clip(first, max(room - cell_len(tail), 6)) + tail


def copied_text(pane: LineView) -> str:
    """The line under the cursor as one would paste it elsewhere."""
    if isinstance(pane, LogView):
        line = pane.selected
        if line is None:
            return ""
        return line_text(line)
    from netwiz.widgets.packets.view import PacketsView

    if isinstance(pane, PacketsView):
        return pane.copied()
    item = pane.selected if isinstance(pane, ListPane) else None
    if isinstance(item, Row):
        return " ".join((item.name, *item.addresses))
    if isinstance(item, Head):
        return item.name
    if isinstance(item, Member):
        return f"{item.name} {item.address}".strip()
    return item.text if item is not None else ""
