"""How a suspect looks in one line, and its evidence in a few more. Pure."""

from __future__ import annotations

from datetime import datetime

from rich.cells import cell_len

from netwiz.probes.facts.signs import SeenBy
from netwiz.widgets.lines import Line, Piece, cells, clip
from netwiz.widgets.suspects import Standing, Suspect

WORDS = {
    "refused": "connection refused",
    "timeout": "no answer",
    "unreachable": "unreachable",
    "dns": "name not found",
    "tls": "TLS fails",
    "reset": "connection reset",
    "slow": "slow",
    "restarts": "restarts again and again",
    "crashed": "crashed",
    "unhealthy": "unhealthy",
    "out of memory": "out of memory",
}
_MARKS = {
    Standing.ACTIVE: ("⚠ ", "bad"),
    Standing.QUIET: ("· ", "odd"),
    Standing.HEALED: ("✓ ", "good"),
    Standing.GONE: ("◌ ", "dim"),
}
_SENSES = {
    SeenBy.LOG: "log",
    SeenBy.PACKETS: "packets",
    SeenBy.SOCKETS: "sockets",
    SeenBy.COUNTERS: "counters",
    SeenBy.ENGINE: "engine",
}
_SENSE_WIDTH = max(map(len, _SENSES.values()))
GAP = 2
MOST_ENDS = 60


def draw_suspects(suspects: list[Suspect], width: int) -> list[Line]:
    """One line each, in columns: who to whom, what, how often, when."""
    room = width - 2
    ends = [_ends(one, 4096) for one in suspects]
    widest = max((cells(line) for line in ends), default=0)
    words = max((cell_len(_what(one)) for one in suspects), default=0)
    counts = max((cell_len(_count(one)) for one in suspects), default=0)
    left = room - words - counts - 3 * GAP - 8
    wide = min(widest, max(left, 16), MOST_ENDS)
    return [_draw(one, room, wide, words, counts) for one in suspects]


def draw_evidence(suspect: Suspect, width: int) -> list[Line]:
    """What each sense saw of it, the newest words of each."""
    lines: list[Line] = []
    for one in suspect.evidence:
        tail = f"  {_times(one.count)}{_span(one.first, one.last)}"
        head = f"    {_SENSES[one.seen]:<{_SENSE_WIDTH}}  "
        text = clip(one.text, max(width - cell_len(head) - cell_len(tail), 12))
        lines.append(((head, "dim"), (text, ""), (tail, "dim")))
    return lines


def _draw(one: Suspect, room: int, wide: int, words: int, counts: int) -> Line:
    lively = one.active
    tone = "bad" if lively else "dim"
    ends = _ends(one, wide)
    line: list[Piece] = [_MARKS[one.standing]]
    line += ends if lively else [(text, "dim") for text, _ in ends]
    line.append((" " * (wide - cells(ends) + GAP), ""))
    line.append((_pad(_what(one), words), tone))
    line.append((" " * GAP + _count(one).rjust(counts), "" if lively else "dim"))
    left = room - cells(line) + 2 - GAP
    when = one.why or _span(one.first, one.at).strip()
    if not one.why and cell_len(when) > left and one.at is not None:
        when = _clock(one.at)
    if left >= 8:
        line.append((" " * GAP, ""))
        line.append((clip(when, left), "dim"))
    return tuple(line)


def _ends(one: Suspect, width: int) -> Line:
    """``order → pg:3000``; the server's name where an address was dialled."""
    if not one.client:
        return ((clip(one.target or one.server, width), "strong"),)
    target = one.target or "?"
    name = ""
    if one.server and one.server not in target and one.server != one.client:
        name = f"{one.server} "
    arrow = " → "
    client = clip(one.client, max(width - cell_len(arrow) - 8, 6))
    room = width - cell_len(client) - cell_len(arrow)
    told = clip(name + target, max(room, 4))
    # The name first: where room is short, an address says less.
    cut = min(len(name), len(told))
    return (
        *((client, "strong"), (arrow, "dim")),
        *((told[:cut], "strong"), (told[cut:], "dim" if name else "")),
    )


def _what(one: Suspect) -> str:
    return WORDS.get(one.symptom, one.symptom)


def _count(one: Suspect) -> str:
    return f"{one.count}×"


def _times(count: int) -> str:
    return f"{count}× " if count > 1 else ""


def _span(first: datetime | None, last: datetime | None) -> str:
    if first is None or last is None:
        return ""
    if last.replace(microsecond=0) <= first.replace(microsecond=0):
        return _clock(last)
    return f"{_clock(first)}–{_clock(last)}"


def _clock(at: datetime) -> str:
    return f"{at.astimezone():%H:%M:%S}"


def _pad(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))
