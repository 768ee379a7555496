"""From what is followed to what is told: a finding per flow. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from netwiz.probes.facts.base import PlaceKind
from netwiz.probes.facts.flows import Flow, FlowEnd, Trouble
from netwiz.probes.facts.sockets import Process
from netwiz.probes.flows.captured import CapturedPairs, Pair, Tally, pair_of
from netwiz.probes.flows.diag import Sock
from netwiz.probes.flows.entry import Entry, Side
from netwiz.probes.flows.trouble import lossy, ordered, slow, troubles_of
from netwiz.probes.flows.world import World, text_of
from netwiz.probes.sockets.sockraw import STATES

CAPTURED_S = 8.0
"""A flow that only a capture saw is shown so long after its last packet."""
MOST_CAPTURED = 300
CAPTURED = "captured"


@dataclasses.dataclass(frozen=True)
class Teller:
    """Tells of flows as they are at one look."""

    world: World
    holder_of: Callable[[int], Process | None]
    captured: CapturedPairs
    recent_looks: int
    now: float
    clock: float

    def tell(self, entry: Entry) -> Flow:
        """One open flow."""
        client, server = self._ends(entry)
        recent = max(int(sum(entry.losses[-self.recent_looks :])), 0)
        rtt_us, min_rtt_us = entry.rtt_us, entry.min_rtt_us
        dialled, published, behind = self._nat(entry)
        flow = Flow(
            key=entry.key,
            client=client,
            server=server,
            protocol=entry.protocol,
            state=_state_of(client, server),
            sent=entry.sent,
            received=entry.received,
            sent_rate=entry.sent_rate,
            received_rate=entry.received_rate,
            retransmits=entry.retransmits,
            recent=recent,
            rtt_ms=rtt_us / 1000,
            min_rtt_ms=min_rtt_us / 1000,
            first_seen=entry.since,
            age_s=max(self.now - entry.first, 0.0),
            began=entry.began,
            dialled=dialled,
            published=published,
            behind=behind,
            troubles=self._troubles(entry, client, server, recent),
            rates=tuple(entry.rates),
            losses=tuple([max(lost, 0.0) for lost in entry.losses]),
            rtts=tuple(entry.rtts),
        )
        if not self.captured.pairs:
            return flow
        seen = self.captured.find(*pairs_of(flow))
        return dataclasses.replace(flow, captured=seen) if seen else flow

    def closed(self, flow: Flow, at: float) -> Flow:
        """One that has gone, as it was at its last look."""
        return dataclasses.replace(
            flow,
            closed_s=max(self.now - at, 0.0),
            state="closed",
            sent_rate=0.0,
            received_rate=0.0,
            troubles=tuple(t for t in flow.troubles if t.grave),
        )

    def only_captured(self, known: set[Pair]) -> list[Flow]:
        """Those whose packets were seen and whose sockets were not."""
        fresh = [
            tally
            for pair, tally in self.captured.pairs.items()
            if pair not in known and self.now - tally.last <= CAPTURED_S
        ]
        fresh.sort(key=lambda tally: -tally.last)
        return [self._captured(tally) for tally in fresh[:MOST_CAPTURED]]

    def _captured(self, tally: Tally) -> Flow:
        client = self.world.named(tally.source)
        server = self.world.named(tally.destination)
        if client.port and client.port < server.port:
            # The first packet that was seen need not be the first there was.
            client, server = server, client
        return Flow(
            key="/".join(pair_of(tally.source, tally.destination)),
            client=client,
            server=server,
            protocol="udp" if tally.udp else "tcp",
            state=CAPTURED,
            first_seen=self.clock - (self.now - tally.first),
            age_s=self.now - tally.first,
            began=True,
            closed_s=self.now - tally.last,
            captured=tally.captured,
            sockets=False,
        )

    # The ends

    def _ends(self, entry: Entry) -> tuple[FlowEnd, FlowEnd]:
        client, server = entry.sides
        return self._end(client, server), self._end(server, client)

    def _end(self, side: Side, other: Side) -> FlowEnd:
        if side.now is None:
            return self._not_seen(side, other)
        space, sock = side.now
        process = self.holder_of(sock.inode) if sock.inode else None
        made = (self.world.number, process is not None)
        if side.base is None or side.made != made:
            side.base, side.made = self.world.seen(space, sock, process), made
        base = side.base
        return FlowEnd(
            base.name,
            base.address,
            base.port,
            base.place,
            True,
            base.process,
            base.aliases,
            STATES.get(sock.state, ""),
            sock.unread,
            sock.unsent,
            sock.info.total_retrans if sock.info else 0,
        )

    def _not_seen(self, side: Side, other: Side) -> FlowEnd:
        # One that was seen before keeps its name: its socket has only gone first.
        if side.base is None or (side.id is None and side.made[0] != self.world.number):
            assert other.now is not None  # noqa: S101 - one of both is there
            space, sock = other.now
            side.base = self.world.unseen(sock.far, space)
            side.made = (self.world.number, False)
        return side.base

    def _nat(self, entry: Entry) -> tuple[str, int, str]:
        client, server = entry.client.now, entry.server.now
        dialled, published, behind = "", 0, ""
        if server is not None:
            space, sock = server
            if client is not None and client[1].far != sock.near:
                dialled = text_of(client[1].far)
            if client is None or dialled or client[0].place.kind is PlaceKind.HOST:
                # Who stands in the same network needs no published port.
                published = self.world.published(space, sock.near, entry.protocol)
            if space.place.kind is PlaceKind.HOST:
                behind = self.world.behind(sock.near, entry.protocol)
        elif client is not None and self.world.is_host(client[1].far):
            behind = self.world.behind(client[1].far, entry.protocol)
        return dialled, published, behind

    def _troubles(
        self, entry: Entry, client: FlowEnd, server: FlowEnd, recent: int
    ) -> tuple[Trouble, ...]:
        found: list[Trouble] = []
        for side, own, peer in (
            (entry.client, client, server),
            (entry.server, server, client),
        ):
            sock = side.sock
            if sock is not None and _worth_asking(sock):
                who, whom = _called(own), _called(peer)
                found += troubles_of(sock, side.history, entry.at, who, whom)
        if recent:
            segments = int(sum(entry.segments[-self.recent_looks :]))
            found += lossy(recent, segments)
        found += slow(entry.rtt_us / 1000, entry.min_rtt_us / 1000)
        return ordered(found) if found else ()


def pairs_of(flow: Flow) -> tuple[Pair, ...]:
    """The pairs of ends that its packets may have, before and after translation."""
    client, server = flow.client.text, flow.server.text
    found = [pair_of(client, server)]
    if flow.dialled:
        found.append(pair_of(client, flow.dialled))
    return tuple(found)


def _worth_asking(sock: Sock) -> bool:
    """Most sockets are established and at rest: nothing can be wrong with them."""
    info = sock.info
    return bool(
        sock.state != 1
        or sock.unread
        or sock.unsent
        or not sock.inode
        or (info and (info.retransmits or info.notsent or info.unacked))
    )


def _called(end: FlowEnd) -> str:
    return end.name if end.place or not end.port else f"{end.name}:{end.port}"


def _state_of(client: FlowEnd, server: FlowEnd) -> str:
    """The state of the end that says more of what becomes of the flow."""
    for telling in ("SYN-SENT", "SYN-RECV", "CLOSE-WAIT"):
        if telling in (client.state, server.state):
            return telling
    return client.state or server.state
