"""Where a packet that got no answer was last seen: which part of the way took it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from netwiz.probes.facts import (
    HOST,
    Attempted,
    OwnerKind,
    Place,
    Protocol,
    Sighting,
)
from netwiz.wizard.path import where
from netwiz.wizard.scene import Scene

_OURS = (OwnerKind.HOST, OwnerKind.GATEWAY, OwnerKind.LOOPBACK)


class Stage(StrEnum):
    """The part of the way on which a probe ended. Each is a branch of `lost`."""

    BLIND = "blind"
    """It could not be watched."""
    WIRE = "wire"
    """A neighbour question nobody answered, or lost between two devices' ends."""
    WITHIN = "within"
    """No packet left the client's own namespace."""
    FORWARD = "forward"
    """Seen coming into this host, never at the namespace it was for."""
    INPUT = "input"
    """Came to an address of this host itself, and no socket of it answered."""
    EGRESS = "egress"
    """Meant for somebody beyond this machine."""
    ARRIVED = "arrived"
    """Seen in the server's namespace, where no answer was born."""
    REPLY = "reply"
    """An answer was born, and never came to the client's socket."""


@dataclass(frozen=True)
class Trail:
    """The sightings that matter: of the last leg, in time order."""

    stage: Stage
    client: Place
    """Whose packets these are: the host's on a proxy's second leg."""
    forward: tuple[Sighting, ...] = ()
    replies: tuple[Sighting, ...] = ()
    questions: tuple[Sighting, ...] = ()
    """Neighbour questions on the way that nobody answered."""

    @property
    def last(self) -> Sighting | None:
        """The last sighting of what was lost: the answer, or the probe."""
        told = self.replies if self.stage is Stage.REPLY else self.forward
        return told[-1] if told else None

    @property
    def text(self) -> str:
        """In words, for people."""
        last = self.last
        if self.stage is Stage.BLIND:
            return "the packets could not be watched"
        if self.stage is Stage.WIRE and self.questions:
            asked = self.questions[-1]
            return (
                f"nobody answers who-has {asked.packet.destination} at {where(asked)}"
            )
        if last is None:
            return "no packet of it was seen"
        if self.stage is Stage.REPLY:
            return f"the {last.packet.kind} was last seen at {where(last)}"
        return f"the {last.packet.kind} was last seen at {where(last)}"


def accepted_in_vain(found: Attempted | None) -> bool:
    """Whether a proxy accepted, and nobody answers its own connection to the server."""
    if found is None or found.connection.protocol is not Protocol.TCP:
        return False
    second = [s for s in found.sightings if s.leg > 1]
    return bool(second) and not any(s.reply for s in second)


def got_through(found: Attempted) -> bool:
    """Whether an attempt came to the server itself, not only to a proxy before it."""
    return found.connection.works and not accepted_in_vain(found)


def trail(scene: Scene, found: Attempted) -> Trail:
    """How far the packets of an attempt came."""
    leg = max((s.leg for s in found.sightings), default=1)
    client = HOST if leg > 1 else scene.place
    questions = tuple(s for s in found.forward if s.packet.kind == "ARP")
    forward = tuple(s for s in found.forward if s.leg == leg and s.packet.kind != "ARP")
    replies = tuple(
        s
        for s in found.replies
        if s.leg == leg and s.packet.kind not in ("ARP", "ICMP")
    )
    way = Trail(Stage.BLIND, client, forward, replies, questions)
    return replace(way, stage=_stage(scene, found, way))


def _stage(scene: Scene, found: Attempted, way: Trail) -> Stage:
    focus = scene.focus
    if way.client not in found.tapped:
        return Stage.BLIND
    if way.replies:
        return Stage.REPLY
    if way.questions:
        return Stage.WIRE
    if not way.forward:
        return Stage.WITHIN
    at_server = any(s.place == focus.place for s in way.forward)
    if at_server and focus.place != HOST:
        return Stage.ARRIVED
    if scene.owner(focus.address).kind is OwnerKind.ELSEWHERE:
        return Stage.EGRESS
    if HOST not in found.tapped:
        return Stage.BLIND
    on_host = [s for s in way.forward if s.place == HOST]
    if not on_host:
        return Stage.WIRE
    meant = scene.owner(on_host[-1].packet.destination).kind
    return Stage.INPUT if meant in _OURS else Stage.FORWARD
