"""The packet's path, put together from where it was expected and where it was seen."""

from __future__ import annotations

from netwiz.probes.facts import (
    Attempted,
    Connection,
    Hop,
    Outcome,
    Place,
    PlaceKind,
    Sighting,
)
from netwiz.wizard.scene import Scene
from netwiz.wizard.verdict import Path, PathHop


def path_of(scene: Scene | None) -> Path:
    """The path of the watched attempt that the scene is about; empty before any."""
    if scene is None or scene.focus.attempt is None:
        return Path()
    found = scene.findings.get(scene.focus.attempt)
    return path_from(found) if isinstance(found, Attempted) else Path()


def path_from(attempted: Attempted) -> Path:
    """Forward and return path of one watched attempt."""
    forward = _merge(attempted.expected, attempted.forward)
    return Path(
        forward=_forward(forward),
        backward=_backward(attempted.replies),
        verdict=fate(attempted),
    )


def fate(attempted: Attempted) -> str:
    """What became of the probe, in a few words."""
    link = attempted.connection
    answer = attempted.answer
    if link.outcome is Outcome.CONNECTED:
        return _connected(link)
    if link.icmp is not None:
        return f"ICMP {link.icmp.text} from {link.icmp.source}"
    if answer is not None and answer.packet.kind == "ICMP":
        return f"ICMP from {answer.packet.source}, born at {where(answer)}"
    if answer is not None:
        return f"{answer.packet.kind} from {answer.packet.source}"
    if not attempted.tapped:
        return link.outcome.value
    if link.outcome is Outcome.REFUSED:
        return "refused inside the client's own namespace"
    if attempted.forward:
        return f"{link.outcome.value}; last seen at {where(attempted.forward[-1])}"
    return f"{link.outcome.value}; no packet left"


def where(sighting: Sighting) -> str:
    """``host br-4f1``: namespace and device of a sighting."""
    return f"{sighting.place.label} {sighting.device}"


def _connected(link: Connection) -> str:
    if link.hung_up:
        return f"accepted, then {link.after.value} ({link.after_ms:.1f} ms)"
    if link.protocol.value == "udp":
        return "answered"
    return f"connected in {link.connect_ms:.1f} ms"


def _merge(
    expected: tuple[Hop, ...], seen: tuple[Sighting, ...]
) -> list[tuple[Hop, Sighting | None]]:
    """Expected hops with their first sighting; unexpected ones where they happened."""
    first: dict[Hop, Sighting] = {}
    for sighting in seen:
        first.setdefault(Hop(sighting.place, sighting.device), sighting)
    merged: list[tuple[Hop, Sighting | None]] = [(h, first.get(h)) for h in expected]
    for hop, sighting in first.items():
        if hop in expected:
            continue
        at = 0
        for index, (_, known) in enumerate(merged):
            if known is not None and known.at_us <= sighting.at_us:
                at = index + 1
        merged.insert(at, (hop, sighting))
    return merged


def _forward(hops: list[tuple[Hop, Sighting | None]]) -> tuple[PathHop, ...]:
    drawn: list[PathHop] = []
    before: Sighting | None = None
    last = max((i for i, (_, s) in enumerate(hops) if s is not None), default=-1)
    for index, (hop, sighting) in enumerate(hops):
        notes = []
        if sighting is not None:
            notes = _rewrites(before, sighting)
            before = sighting
            if index == last and index < len(hops) - 1:
                notes.append("last seen here")
        drawn.append(_hop(hop, sighting, notes))
    return tuple(drawn)


def _backward(replies: tuple[Sighting, ...]) -> tuple[PathHop, ...]:
    drawn: list[PathHop] = []
    done: set[Hop] = set()
    for sighting in replies:
        hop = Hop(sighting.place, sighting.device)
        if hop in done:
            continue
        done.add(hop)
        drawn.append(_hop(hop, sighting, [] if drawn else ["born here"]))
    return tuple(drawn)


def _rewrites(before: Sighting | None, now: Sighting) -> list[str]:
    """NAT between two sightings, in words."""
    if before is None:
        return []
    if before.leg != now.leg:
        return ["second connection, made by docker-proxy"]
    old, new = before.packet, now.packet
    if "ARP" in (old.kind, new.kind):
        return []
    notes = []
    if (old.destination, old.destination_port) != (
        new.destination,
        new.destination_port,
    ):
        notes.append(f"DNAT from {old.destination}:{old.destination_port}")
    if (old.source, old.source_port) != (new.source, new.source_port):
        notes.append(f"SNAT from {old.source}:{old.source_port}")
    return notes


def _namespace(place: Place) -> str:
    """``container pg``, ``overlay shop``; the host and an overlay say it themselves."""
    kind = place.kind.value
    told = place.kind in (PlaceKind.HOST, PlaceKind.OVERLAY)
    return place.label if told else f"{kind} {place.label}"


def _hop(hop: Hop, sighting: Sighting | None, notes: list[str]) -> PathHop:
    return PathHop(
        where=hop.place.label,
        namespace=_namespace(hop.place),
        device=hop.device,
        seen=sighting is not None,
        packet=sighting.packet.text if sighting else "",
        at_us=round(sighting.at_us, 1) if sighting else None,
        note="; ".join(notes),
    )
