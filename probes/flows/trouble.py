"""What is wrong with a flow, by what the kernel tells of its sockets. Pure.

A healthy busy system must show nothing here, so each sign needs numbers that do not
come from load alone: a SYN is repeated after 1 s (RFC 6298), delayed acknowledgements
lengthen a round trip by up to 200 ms (RFC 1122 allows 500), and a queue that is full
for one look may be empty at the next.
"""

from __future__ import annotations

from dataclasses import dataclass

from netwiz.probes.facts.flows import Trouble, TroubleKind
from netwiz.probes.flows.diag import PERSIST, SYN_RECV, SYN_SENT, Sock

CLOSE_WAIT, ESTABLISHED = 8, 1
UNANSWERED_S = 1.0
STUCK_S = 5.0
"""Data that wait so long untouched are stuck."""
LEFT_OPEN_S = 30.0
LOSSY_RECENT = 4
LOSSY_SHARE = 0.01
"""Of the segments that were sent in the same time."""
SLOW_TIMES = 4
SLOW_MS = 250.0
"""What a round trip must have above its shortest one: more than delayed
acknowledgements add."""


@dataclass(slots=True)
class EndHistory:
    """How long things have been as they are at one end. Seconds of CLOCK_MONOTONIC."""

    state: int = 0
    state_since: float = 0.0
    unread_since: float = 0.0
    """Since when data wait and nothing of them is taken; 0: nothing waits."""
    unread: int = 0
    received: int = 0

    def note(self, sock: Sock, now: float) -> None:
        """Take a look at the socket into account."""
        if sock.state != self.state:
            self.state, self.state_since = sock.state, now
        received = sock.info.received if sock.info else 0
        # Fewer unread bytes than came in addition: the application has read.
        came = received - self.received if self.unread_since else 0
        if not sock.unread or sock.unread < self.unread + came:
            self.unread_since = 0.0
        if sock.unread and not self.unread_since:
            self.unread_since = now
        self.unread, self.received = sock.unread, received


def troubles_of(
    sock: Sock, end: EndHistory, now: float, who: str, peer: str
) -> list[Trouble]:
    """What one end complains of; `who` and `peer` are the names of both."""
    found: list[Trouble] = []
    info = sock.info
    if sock.state == SYN_SENT:
        waited = now - end.state_since
        tries = sock.tries
        if tries or waited >= UNANSWERED_S:
            often = f", SYN repeated {tries}×" if tries else ""
            text = f"{peer} does not answer{often}"
            found.append(Trouble(TroubleKind.UNANSWERED, text, grave=True))
        return found
    if sock.state == SYN_RECV:
        if sock.tries:
            text = f"{peer} does not acknowledge the handshake"
            found.append(Trouble(TroubleKind.HALF_OPEN, text, grave=True))
        return found
    if sock.timer == PERSIST or (info and _closed_window(info.window_known, sock)):
        waiting = f", {sock.unsent} bytes wait" if sock.unsent else ""
        text = f"{peer} takes no more data (zero window){waiting}"
        found.append(Trouble(TroubleKind.ZERO_WINDOW, text, grave=True))
    elif info and info.retransmits >= 2:
        text = f"{peer} acknowledges nothing, sent again {info.retransmits}×"
        found.append(Trouble(TroubleKind.SILENT, text, grave=True))
    waited = now - end.state_since
    if sock.state == ESTABLISHED and not sock.inode and waited >= STUCK_S:
        # It has no inode before accept(2) gives it to a process.
        text = f"{who} has not accepted it for {waited:.0f} s"
        found.append(Trouble(TroubleKind.UNREAD, text))
    if end.unread_since and now - end.unread_since >= STUCK_S:
        since = now - end.unread_since
        text = f"{who} leaves {sock.unread} bytes unread for {since:.0f} s"
        found.append(Trouble(TroubleKind.UNREAD, text))
    if sock.state == CLOSE_WAIT and now - end.state_since >= LEFT_OPEN_S:
        since = now - end.state_since
        text = f"{who} did not close for {since:.0f} s after {peer} did"
        found.append(Trouble(TroubleKind.LEFT_OPEN, text))
    return found


def _closed_window(known: bool, sock: Sock) -> bool:
    info = sock.info
    return bool(
        known
        and info
        and info.window == 0
        and sock.state == ESTABLISHED
        and (info.notsent or info.unacked)
    )


def lossy(recent: int, segments: int) -> Trouble | None:
    """Whether too many of the segments of the last time were sent again."""
    if recent < LOSSY_RECENT or recent < segments * LOSSY_SHARE:
        return None
    share = 100 * recent / max(segments, recent, 1)
    text = f"{recent} segments sent again lately ({share:.0f} %)"
    return Trouble(TroubleKind.LOSSY, text)


def slow(rtt_ms: float, min_rtt_ms: float) -> Trouble | None:
    """Whether the round trip is far above its best."""
    if not min_rtt_ms or rtt_ms < max(min_rtt_ms * SLOW_TIMES, min_rtt_ms + SLOW_MS):
        return None
    text = f"round trip {rtt_ms:.0f} ms, at best {min_rtt_ms:.1f} ms"
    return Trouble(TroubleKind.SLOW, text)


_GRAVITY = {kind: rank for rank, kind in enumerate(TroubleKind)}


def ordered(troubles: list[Trouble]) -> tuple[Trouble, ...]:
    """Each kind once, the gravest first."""
    once: dict[TroubleKind, Trouble] = {}
    for trouble in troubles:
        once.setdefault(trouble.kind, trouble)
    return tuple(sorted(once.values(), key=lambda t: (not t.grave, _GRAVITY[t.kind])))
