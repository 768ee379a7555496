"""How TCP connections come about, and how they are refused or torn.

A refusal by a firewall (``REJECT --reject-with tcp-reset``) looks like a closed port's:
it bears the target's own address. So the words say from where the packet came by its
address, and no more.
"""

from __future__ import annotations

from netwiz.probes.reading.flows import (
    ACCEPTED,
    ASKED,
    OPEN,
    RESET,
    UNKNOWN,
    Flow,
    M,
    Side,
    Table,
)
from netwiz.probes.reading.packet import Packet
from netwiz.probes.reading.speech import Words
from netwiz.probes.reading.waits import Absence, Waits
from netwiz.probes.reading.words import (
    NOTE,
    ODD,
    PLAIN,
    PROBLEM,
    TCP,
    Told,
    amount,
    known_end,
    lapse,
    ordinal,
)

_ACK = 16
_COPY_NS = 100_000_000
"""A SYN is sent again after a second (RFC 6298, 2.1); sooner it is the same packet."""
_FIRST_NS = 1_500_000_000
"""An answer is missed after this time when the SYN was repeated meanwhile..."""
_ALONE_NS = 3_000_000_000
"""... and after this one when it was not."""
_MOST_ANSWERS = 16_384
_MOST_ALONE = 4096
_MANY_ALONE = 4
"""So many SYNs that nobody repeats, and nobody answers, are told of..."""
_SAME_TROUBLE_NS = 60_000_000_000
"""... when they follow each other within this time."""
_LATER_NS = (7_500_000_000, 31_000_000_000, 0)
"""When it is said again, from the first SYN on."""
_SAME: Told = (TCP, PLAIN, "the same packet again, further on its way", 0)


class _Alone:
    """How many SYNs to one target were neither answered nor repeated."""

    __slots__ = ("count", "last_ns")

    def __init__(self) -> None:
        self.count = 0
        self.last_ns = 0


def _target(flow: Flow) -> bytes:
    """Both addresses and the server's port."""
    side = flow.client or flow.first
    return side.key[:-4] + side.key[-2:]


class Openings:
    """Reads SYN and RST, and misses answers to SYNs."""

    def __init__(self, words: Words, waits: Waits) -> None:
        self._words = words
        self._waits = waits
        self._answers: Table[int, bool] = Table(_MOST_ANSWERS)
        """Tap and acknowledgement of answers to SYNs. NAT keeps that number: what was
        answered between other ends on the same tap was answered all the same."""
        self._alone: Table[tuple[int, bytes], _Alone] = Table(_MOST_ALONE)
        """SYNs that were neither answered nor repeated, by tap and both ends."""
        self.epoch = 0
        """Counted up when an answer to a SYN may have been missed."""

    def gap(self) -> None:
        """Packets were missed: nobody is said to be silent for now."""
        self.epoch += 1
        self._alone.clear()

    def asks(self, side: Side, packet: Packet, most: int, epoch: int) -> Told:
        """A SYN."""
        flow, at_ns = side.flow, packet.at_ns
        follows = (packet.seq + 1 + packet.length) & M
        if side.next == follows and flow.client is side and flow.state != RESET:
            return self._asks_again(side, packet)
        if not flow.untouched:
            side.fresh(epoch)
            side.peer.fresh(epoch)
        flow.fresh(ASKED, at_ns)
        side.epoch = side.peer.epoch = epoch
        flow.client, flow.epoch = side, self.epoch
        flow.syn_number, flow.syns = packet.number, 1
        side.next, side.ident, side.mss = follows, packet.ident, most
        side.last_ns = at_ns
        self._waits.add(at_ns + _FIRST_NS, Unanswered(self, flow))
        return TCP, NOTE, "asks for a connection", 0

    def _asks_again(self, side: Side, packet: Packet) -> Told:
        flow, at_ns = side.flow, packet.at_ns
        if at_ns - side.last_ns < _COPY_NS:
            return TCP, PLAIN, _SAME[2], flow.syn_number
        self._alone.pop((flow.tap, _target(flow)))
        side.last_ns, side.ident = at_ns, packet.ident
        flow.syns += 1
        passed = lapse(at_ns - flow.syn_ns)
        times = ordinal(flow.syns)
        if flow.state == ASKED:
            text = f"asks again ({times} time, {passed} without an answer)"
        else:
            text = f"asks again though accepted ({times} time, {passed})"
        return TCP, ODD, text, flow.syn_number

    def accepts(self, side: Side, packet: Packet, most: int, epoch: int) -> Told:
        """A SYN that acknowledges one."""
        flow, peer, at_ns = side.flow, side.peer, packet.at_ns
        self._answers.put(flow.tap << 32 | packet.ack, True)
        follows = (packet.seq + 1 + packet.length) & M
        known = flow.state in (ACCEPTED, OPEN) and not side.sent
        if known and side.next == follows:
            return self._accepts_again(side, packet)
        asked = flow.state == ASKED and peer.next == packet.ack
        if not asked:
            flow.fresh(ACCEPTED, at_ns)
            peer.fresh(epoch)
            peer.next = packet.ack
        known_mss = peer.mss
        side.fresh(epoch)
        flow.state, flow.client, flow.epoch = ACCEPTED, peer, self.epoch
        side.next, side.acked, side.ident = follows, packet.ack, packet.ident
        side.mss = peer.mss = min(most, known_mss)
        side.last_ns = at_ns
        if not asked:
            return TCP, NOTE, "accepts a connection", 0
        text = f"accepted after {lapse(at_ns - flow.syn_ns)}"
        if flow.syns > 1:
            text = f"{text}, at the {ordinal(flow.syns)} time"
        return TCP, NOTE, text, flow.syn_number

    def _accepts_again(self, side: Side, packet: Packet) -> Told:
        passed_ns = packet.at_ns - side.last_ns
        if passed_ns < _COPY_NS:
            return _SAME
        side.last_ns = packet.at_ns
        times = side.repeats[1] + 1
        side.repeats = (packet.seq, times, packet.at_ns)
        text = f"accepts again ({ordinal(times + 1)} time): takes no answer to it yet"
        return TCP, ODD, text, side.flow.syn_number

    def opened(self, side: Side) -> Told:
        """A segment without data while the handshake is not known to be done."""
        flow = side.flow
        if flow.client is side and flow.state in (ASKED, ACCEPTED):
            # Who acknowledges was answered, even if that was not seen here.
            flow.state = OPEN
            return TCP, PLAIN, "connected", flow.syn_number
        return TCP, PLAIN, "ack", 0

    def silent(self, flow: Flow, now_ns: int) -> tuple[str, int]:
        """What to say of a SYN without an answer, and when to ask again.

        One SYN that is not repeated proves little: a bridge that does not know yet
        where its target is shows it to everybody, and the answer to nobody else. So it
        counts only when the same goes on.
        """
        waited_ns = now_ns - flow.syn_ns
        if flow.syns > 1:
            again_ns = _LATER_NS[min(flow.said, 2)]
            flow.said += 1
            text = f"no answer to {flow.syns} SYNs in {lapse(waited_ns)}"
            return text, flow.syn_ns + again_ns if again_ns else 0
        if self._answered(flow):
            return "", 0
        if waited_ns < _ALONE_NS:
            return "", flow.syn_ns + _ALONE_NS
        key = flow.tap, _target(flow)
        known = self._alone.get(key)
        if known is None or flow.syn_ns - known.last_ns > _SAME_TROUBLE_NS:
            known = _Alone()
            self._alone.put(key, known)
        known.last_ns = flow.syn_ns
        known.count += 1
        if known.count < _MANY_ALONE or known.count & (known.count - 1):
            return "", 0
        return f"no answer to {known.count} SYNs, none of them repeated", 0

    def _answered(self, flow: Flow) -> bool:
        """Whether an answer to its SYN was seen on the tap, whoever's it was."""
        client = flow.client
        if client is None:
            return False
        return self._answers.get(flow.tap << 32 | client.next) is not None

    def refused(self, flow: Flow) -> None:
        """An ICMP message answered the SYN."""
        flow.state = RESET

    def resets(self, side: Side, packet: Packet) -> Told:
        """A RST."""
        flow, peer, at_ns = side.flow, side.peer, packet.at_ns
        state, flow.state = flow.state, RESET
        if state == RESET:
            return TCP, PLAIN, "RST again", 0
        self._answers.put(flow.tap << 32 | packet.ack, True)
        if state == ASKED and flow.client is peer and packet.ack == peer.next:
            who = known_end(self._words.names, side.address, side.port)
            text = f"refused: RST from {who} after {lapse(at_ns - flow.syn_ns)}"
            return TCP, PROBLEM, text, flow.syn_number
        if state == ASKED and flow.client is side:
            return TCP, ODD, "gives up asking (RST)", flow.syn_number
        if state == ACCEPTED and flow.client is side:
            return TCP, ODD, "does not want the connection it is given (RST)", 0
        return self._torn(side, packet, state)

    def _torn(self, side: Side, packet: Packet, state: int) -> Told:
        """A RST in a connection, or after one."""
        flow, peer = side.flow, side.peer
        if flow.over:
            return TCP, NOTE, "RST after the alert", 0
        if side.fin:
            return TCP, NOTE, "RST after its own close: takes nothing more", 0
        if peer.fin:
            if flow.client is peer and peer.sent and not side.sent:
                return TCP, ODD, "was asked, answers with nothing but a RST", 0
            return TCP, NOTE, "answers the close with a RST", 0
        if state == UNKNOWN and side.next < 0 and peer.next < 0:
            return TCP, ODD, "RST (of what, was before this capture)", 0
        if not packet.flags & _ACK:
            # RFC 9293, 3.5.2: so answers who knows of no such connection; a rule that
            # rejects in mid-stream makes the same packet.
            text = "cut off by RST: connection unknown there, or a firewall"
            return TCP, PROBLEM, text, 0
        if flow.client is None:
            return TCP, PROBLEM, "aborts the connection (RST)", 0
        done = f"{lapse(packet.at_ns - flow.began_ns)}"
        if not side.sent and not peer.sent:
            return TCP, ODD, f"hangs up by RST after {done} without a word", 0
        text = (
            f"aborts (RST) after {done}: sent {amount(side.sent)}, "
            f"got {amount(peer.sent)}"
        )
        return TCP, PROBLEM, text, 0


class Unanswered:
    """A SYN that waits for its answer."""

    __slots__ = ("_flow", "_number", "_openings")

    def __init__(self, openings: Openings, flow: Flow) -> None:
        self._openings = openings
        self._flow = flow
        self._number = flow.syn_number

    def due(self, now_ns: int) -> tuple[Absence | None, int]:
        """See `netwiz.probes.reading.waits.Waited`."""
        flow = self._flow
        client = flow.client
        if (
            client is None
            or flow.state != ASKED
            or flow.syn_number != self._number
            or flow.epoch != self._openings.epoch
        ):
            return None, 0
        text, again_ns = self._openings.silent(flow, now_ns)
        if not text:
            return None, again_ns
        said = Absence(
            flow.tap,
            client.source,
            client.destination,
            text,
            flow.syn_number,
            "connections",
        )
        return said, again_ns
