"""What a path tells, before it is drawn: where the packet died, what was rewritten."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from netwiz.wizard.verdict import Path, PathHop

_PACKET = re.compile(r"(?P<kind>\S+) (?P<source>\S+) > (?P<destination>\S+)")
UNSEEN = "\N{EN DASH}"
"""Beneath a node that the packet did not come to."""
_FATAL = ("RST", "ICMP")


@dataclass(frozen=True, slots=True)
class Crossing:
    """A rewrite of the packet between two nodes."""

    number: int
    """Of the node that saw it rewritten."""
    kind: str
    """DNAT, SNAT, NAT, or proxy: a second connection took over."""
    words: str


@dataclass(frozen=True, slots=True)
class PathRead:
    """The words beneath each node, and where the way ended."""

    seen: tuple[bool, ...]
    there: tuple[tuple[str, str], ...]
    """Text and style beneath each node of the way there."""
    back: dict[int, tuple[str, str]]
    """The same for the way back, by number of the node."""
    stray: tuple[PathHop, ...]
    """The whole way back, where it does not lie on the nodes of the way there."""
    died_before: int
    """Number of the first node that the packet should have reached; -1: none."""
    crossings: tuple[Crossing, ...]
    ending: tuple[str, str]
    """Mark and style of the last line."""


def read_path(path: Path, *, timed: bool = False) -> PathRead:
    """Everything that the drawing needs to know; `timed` adds the times of the hops."""
    forward = path.forward
    seen = tuple(hop.seen for hop in forward)
    last = max((n for n, hop in enumerate(forward) if hop.seen), default=-1)
    died = last + 1 if 0 <= last < len(forward) - 1 else -1
    back, stray = _way_back(path)
    there = tuple(_fate(n, hop, last, died, timed) for n, hop in enumerate(forward))
    return PathRead(
        seen=seen,
        there=there,
        back=back,
        stray=stray,
        died_before=died,
        crossings=tuple(_crossings(forward)),
        ending=_ending(path, died),
    )


def _fate(
    number: int, hop: PathHop, last: int, died: int, timed: bool
) -> tuple[str, str]:
    if not hop.seen:
        return ("✗ never came", "bad") if number == died else (UNSEEN, "dim")
    text = "✓"
    if number == last and died >= 0:
        text = "✓ last seen"
    if number == 0:
        return f"{_kind(hop)} {text}".strip(), "good"
    if timed and hop.at_us is not None:
        text += f" {_time(hop.at_us)}"
    return text, "good"


def _time(us: float) -> str:
    return f"+{us:.0f} µs" if us < 1000 else f"+{us / 1000:.1f} ms"


def _way_back(path: Path) -> tuple[dict[int, tuple[str, str]], tuple[PathHop, ...]]:
    places = {(h.where, h.device): n for n, h in enumerate(path.forward)}
    numbers = [places.get((hop.where, hop.device), -1) for hop in path.backward]
    if -1 in numbers:
        return {}, path.backward
    lost = False
    back: dict[int, tuple[str, str]] = {}
    for turn, (number, hop) in enumerate(zip(numbers, path.backward, strict=True)):
        kind = _kind(hop)
        if not hop.seen:
            back[number] = (UNSEEN, "dim") if lost else ("✗ lost", "bad")
            lost = True
        elif turn == 0:
            fatal = kind in _FATAL
            mark = "✗" if fatal else "✓"
            back[number] = (f"{mark} {kind}".rstrip(), "bad" if fatal else "good")
        else:
            back[number] = ("✓", "good")
    return back, ()


def _ending(path: Path, died: int) -> tuple[str, str]:
    answer = _kind(path.backward[0]) if path.backward else ""
    lost_back = any(not hop.seen for hop in path.backward)
    if died >= 0 or lost_back or answer in _FATAL:
        return "✗", "bad"
    # An accept alone proves nothing: what follows it is for the verdict to say.
    return ("→", "strong") if answer else ("", "")


def _crossings(hops: Sequence[PathHop]) -> list[Crossing]:
    found: list[Crossing] = []
    before = None
    for number, hop in enumerate(hops):
        now = _PACKET.match(hop.packet) if hop.seen else None
        if now is None:
            continue
        if before is not None:
            crossing = _crossing(number, hop, before, now)
            if crossing:
                found.append(crossing)
        before = now
    return found


def _crossing(
    number: int, hop: PathHop, before: re.Match[str], now: re.Match[str]
) -> Crossing | None:
    to = f"{before['destination']} becomes {now['destination']}"
    source = f"from {before['source']} becomes {now['source']}"
    moved = before["destination"] != now["destination"]
    renamed = before["source"] != now["source"]
    if "proxy" in hop.note:
        words = f"answers {before['destination']} and dials {now['destination']}"
        return Crossing(number, "proxy", words)
    if moved and renamed:
        return Crossing(number, "NAT", f"to {to}, {source}")
    if moved:
        return Crossing(number, "DNAT", f"to {to}")
    if renamed:
        return Crossing(number, "SNAT", source)
    return None


def _kind(hop: PathHop) -> str:
    return hop.packet.partition(" ")[0] if hop.seen else ""
