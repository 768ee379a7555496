"""What is wrong with a flow, by what the kernel tells of its sockets. Pure.

A healthy busy system must show nothing here, so each sign needs numbers that do not
come from load alone: a SYN is repeated after 1 s (RFC 6298), delayed acknowledgements
lengthen a round trip by up to 200 ms (RFC 1122 allows 500), and a queue that is full
for one look may be empty at the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netwiz.probes.facts.flows import Trouble, TroubleKind
from netwiz.probes.flows.diag import PERSIST, SYN_RECV, SYN_SENT, Sock

CLOSE_WAIT, ESTABLISHED = 8, 1
UNANSWERED_S = 1.0
SHUT_S = 1.0
STUCK_S = 5.0
"""Data that wait so long untouched are stuck."""
LEFT_OPEN_S = 30.0
LOSSY_RECENT = 6
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
    shut_since: float = 0.0
    """Since when the peer takes nothing; 0: it does. Under load a window is shut for
    moments all the time: only one through which nothing passes is a sign."""
    acked: int = 0

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
        acked = sock.info.acked if sock.info else 0
        if not _window_shut(sock) or acked != self.acked:
            self.shut_since = 0.0
        if _window_shut(sock) and not self.shut_since:
            self.shut_since = now
        self.acked = acked


def troubles_of(
    sock: Sock, end: EndHistory, now: float, who: str, peer: str
) -> Iterator[Trouble]:
    """What one end complains of; `who` and `peer` are the names of both."""
    if sock.state == SYN_SENT:
        if sock.tries or now - end.state_since >= UNANSWERED_S:
            often = f", SYN repeated {sock.tries}×" if sock.tries else ""
            text = f"{peer} does not answer{often}"
            short = f"SYN-SENT ×{sock.tries + 1}"
            yield Trouble(TroubleKind.UNANSWERED, text, short, grave=True)
    elif sock.state == SYN_RECV:
        if sock.tries:
            text = f"{peer} does not acknowledge the handshake"
            yield Trouble(TroubleKind.HALF_OPEN, text, "SYN-RECV", grave=True)
    else:
        yield from _stuck_on_the_way(sock, end, now, peer)
        yield from _stuck_here(sock, end, now, who)
        since = now - end.state_since
        if sock.state == CLOSE_WAIT and since >= LEFT_OPEN_S:
            text = f"{who} did not close for {since:.0f} s after {peer} did"
            yield Trouble(TroubleKind.LEFT_OPEN, text, "CLOSE-WAIT")


def _stuck_on_the_way(
    sock: Sock, end: EndHistory, now: float, peer: str
) -> Iterator[Trouble]:
    info = sock.info
    if end.shut_since and now - end.shut_since >= SHUT_S:
        waiting = f", {sock.unsent} bytes wait" if sock.unsent else ""
        text = f"{peer} takes no more data (zero window){waiting}"
        yield Trouble(TroubleKind.ZERO_WINDOW, text, "zero window", grave=True)
    elif info and info.retransmits >= 2:
        text = f"{peer} acknowledges nothing, sent again {info.retransmits}×"
        short = f"silent, ×{info.retransmits + 1}"
        yield Trouble(TroubleKind.SILENT, text, short, grave=True)


def _stuck_here(sock: Sock, end: EndHistory, now: float, who: str) -> Iterator[Trouble]:
    since = now - end.state_since
    if sock.state == ESTABLISHED and not sock.inode and since >= STUCK_S:
        # It has no inode before accept(2) gives it to a process.
        text = f"{who} has not accepted it for {since:.0f} s"
        yield Trouble(TroubleKind.UNREAD, text, "not accepted")
    elif end.unread_since and now - end.unread_since >= STUCK_S:
        since = now - end.unread_since
        text = f"{who} leaves {sock.unread} bytes unread for {since:.0f} s"
        yield Trouble(TroubleKind.UNREAD, text, "unread")


def _window_shut(sock: Sock) -> bool:
    info = sock.info
    return sock.timer == PERSIST or bool(
        info
        and info.window_known
        and info.window == 0
        and sock.state == ESTABLISHED
        and (info.notsent or info.unacked)
    )


def lossy(recent: int, segments: int) -> Iterator[Trouble]:
    """Whether too many of the segments of the last time were sent again."""
    if recent >= LOSSY_RECENT and recent >= segments * LOSSY_SHARE:
        share = 100 * recent / max(segments, recent, 1)
        text = f"{recent} segments sent again lately ({share:.0f} %)"
        yield Trouble(TroubleKind.LOSSY, text, f"lossy {share:.0f} %")


def slow(rtt_ms: float, min_rtt_ms: float) -> Iterator[Trouble]:
    """Whether the round trip is far above its best."""
    bar = max(min_rtt_ms * SLOW_TIMES, min_rtt_ms + SLOW_MS)
    if min_rtt_ms and rtt_ms >= bar:
        text = f"round trip {rtt_ms:.0f} ms, at best {min_rtt_ms:.1f} ms"
        yield Trouble(TroubleKind.SLOW, text, "slow")


_GRAVITY = {kind: rank for rank, kind in enumerate(TroubleKind)}


def ordered(troubles: list[Trouble]) -> tuple[Trouble, ...]:
    """Each kind once, the gravest first."""
    once: dict[TroubleKind, Trouble] = {}
    for trouble in troubles:
        once.setdefault(trouble.kind, trouble)
    return tuple(sorted(once.values(), key=lambda t: (not t.grave, _GRAVITY[t.kind])))
