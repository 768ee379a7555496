"""What is said of each container in one line, as data: no layout, no colour."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping

from netwiz.probes.facts import Container, Listener, PortMapping, Snapshot, State
from netwiz.widgets.container_row import NOWHERE, Row
from netwiz.widgets.lines import Line
from netwiz.widgets.network_rows import only_local
from netwiz.widgets.suspects import Suspect

GLYPHS = {
    State.RUNNING: ("●", "good"),
    State.PAUSED: ("◍", "odd"),
    State.RESTARTING: ("↻", "odd"),
    State.CREATED: ("○", "dim"),
    State.REMOVING: ("◌", "dim"),
    State.EXITED: ("◌", "dim"),
    State.DEAD: ("✗", "bad"),
    State.UNKNOWN: ("?", "dim"),
}
EMBEDDED_DNS = ipaddress.ip_address("127.0.0.11")
"""The engine's resolver listens there in every container: it says nothing of it."""
MAX_LISTED = 4


def rows_of(
    snapshot: Snapshot,
    suspects: Mapping[str, Suspect],
    listeners: Mapping[str, tuple[Listener, ...]],
) -> tuple[Row, ...]:
    """The running ones first, each group by name."""
    if snapshot.engine is None and not snapshot.containers:
        return _without_engine(snapshot, listeners)
    ordered = sorted(
        snapshot.containers,
        key=lambda c: (c.state in (State.EXITED, State.CREATED), c.name),
    )
    return tuple(
        _row(c, snapshot, suspects.get(c.id), listeners.get(c.id)) for c in ordered
    )


def _row(
    container: Container,
    snapshot: Snapshot,
    suspect: Suspect | None,
    listeners: tuple[Listener, ...] | None,
) -> Row:
    notes = [note for note in (_state_note(container), _health_note(container)) if note]
    if suspect is not None and suspect.own and notes:
        # The state says it already.
        notes[0] = (("⚠ ", "bad"), *notes[0])
    elif suspect is not None:
        words = suspect.symptom if suspect.own else suspect.text
        notes.insert(0, ((f"⚠ {words}", "bad"),))
    return Row(
        key=container.id,
        name=container.name,
        glyph=GLYPHS[container.state],
        addresses=_addresses(container, snapshot),
        networks=", ".join(a.network for a in container.attachments),
        ports=ports_text(container.published or _wanted(container)),
        listens=_listens(listeners) if container.running else (),
        notes=tuple(notes),
        suspect=suspect,
        about=_about(container),
        running=container.running,
    )


def _wanted(container: Container) -> tuple[PortMapping, ...]:
    """What a stopped one would publish; of a running one only the effect counts."""
    return () if container.running else container.requested


def _addresses(container: Container, snapshot: Snapshot) -> tuple[str, ...]:
    if container.addresses:
        return container.addresses
    if container.on_host_network:
        return ("host",)
    if container.rides_on:
        owner = snapshot.find(container.rides_on)
        return (f"in {owner[0].name}" if owner else f"in {container.rides_on[:12]}",)
    return ("none",) if container.network_mode == "none" else (NOWHERE,)


def ports_text(mappings: Iterable[PortMapping]) -> str:
    """``8080→80 127.0.0.1:53→53/udp``: each once, though both families have it."""
    texts: dict[str, None] = {}
    for m in mappings:
        everywhere = m.host_ip in ("", "0.0.0.0", "::")
        host = f"[{m.host_ip}]" if ":" in m.host_ip else m.host_ip
        outside = str(m.host_port or "any")
        kind = "" if m.protocol == "tcp" else f"/{m.protocol}"
        front = outside if everywhere else f"{host}:{outside}"
        texts[f"{front}→{m.container_port}{kind}"] = None
    return " ".join(texts)


def _listens(listeners: tuple[Listener, ...] | None) -> Line:
    """Where it can be reached; a loopback address is worth a second look."""
    if listeners is None:
        return ()
    told: dict[str, bool] = {}
    ordered = sorted(listeners, key=lambda x: (x.protocol, x.port, x.family))
    anywhere = {(x.protocol, x.port, x.family) for x in ordered if x.wildcard}
    for one in ordered:
        address = ipaddress.ip_address(one.address.partition("%")[0])
        if address == EMBEDDED_DNS:
            continue
        both = one.wildcard and {4, 6} <= {
            family
            for protocol, port, family in anywhere
            if (protocol, port) == (one.protocol, one.port)
        }
        kind = "" if one.protocol == "tcp" else f"/{one.protocol}"
        told[_spot(one, both=both) + kind] = one.loopback
    if not told:
        return (("no listener", "dim"),)
    line: list[tuple[str, str]] = [("listens", "dim")]
    for text, loopback in list(told.items())[:MAX_LISTED]:
        line.append((f" {text}", "odd" if loopback else ""))
    if len(told) > MAX_LISTED:
        line.append((f" +{len(told) - MAX_LISTED}", "dim"))
    return tuple(line)


def _spot(one: Listener, *, both: bool) -> str:
    """``:80`` where everybody may come; an address where only some may."""
    if both or (one.wildcard and one.family == 4):
        return f":{one.port}"
    return one.text


def _state_note(container: Container) -> Line:
    exit_text = f"{container.exit_code}"
    if container.oom_killed:
        exit_text += " (OOM)"
    failed = container.exit_code != 0 or container.oom_killed
    tone = "bad" if failed else "dim"
    if container.state is State.RUNNING:
        return ()
    if container.state is State.RESTARTING:
        times = f" {container.restart_count}×" if container.restart_count else ""
        return ((f"restarting{times}, exit {exit_text}", "odd"),)
    if container.state is State.CREATED:
        if container.error:
            return ((f"not started: {container.error}", "bad"),)
        return (("never started", "dim"),)
    if container.state in (State.EXITED, State.DEAD):
        why = f": {container.error}" if container.error else ""
        return ((f"{container.state.value} {exit_text}{why}", tone),)
    return ((container.state.value, "odd"),)


def _health_note(container: Container) -> Line:
    if container.state is not State.RUNNING:
        return ()
    if container.health == "unhealthy":
        return (("unhealthy", "bad"),)
    if container.health == "starting":
        return (("health: starting", "odd"),)
    return ()


def _about(container: Container) -> tuple[str, ...]:
    parts = [container.image]
    if container.running and container.started_at:
        parts.append(f"since {container.started_at.astimezone():%m-%d %H:%M}")
    elif container.finished_at and container.state is State.EXITED:
        parts.append(f"ended {container.finished_at.astimezone():%m-%d %H:%M}")
    if container.restart_count:
        parts.append(f"restarted {container.restart_count}×")
    parts.append(container.short_id)
    return tuple(part for part in parts if part)


def _without_engine(
    snapshot: Snapshot, listeners: Mapping[str, tuple[Listener, ...]]
) -> tuple[Row, ...]:
    host = snapshot.host
    addresses = tuple(a for _, a in host.addresses if not only_local(a))
    rows = [
        Row(
            key="host",
            name="host",
            glyph=GLYPHS[State.RUNNING],
            addresses=addresses or (NOWHERE,),
            networks=host.hostname,
            listens=_listens(listeners.get("host")),
            about=("the namespace that netwiz runs in",),
        )
    ]
    rows += (
        Row(
            key=f"netns:{name}",
            name=name,
            glyph=GLYPHS[State.RUNNING],
            networks="network namespace",
            listens=_listens(listeners.get(f"netns:{name}")),
            about=(f"ip netns exec {name}",),
        )
        for name in host.namespaces
    )
    return tuple(rows)
