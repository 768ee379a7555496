"""A conversation as sections: each turn of a side one, as text or as bytes."""

from __future__ import annotations

from collections.abc import Iterator

from netwiz.probes.reading.layers import hexdump
from netwiz.probes.reading.stream import Conversation, Turn
from netwiz.probes.text import plain
from netwiz.widgets.lines import Line
from netwiz.widgets.packets.detail import Section
from netwiz.widgets.packets.layer_lines import byte_lines
from netwiz.widgets.packets.row_line import lag_text, time_text
from netwiz.widgets.packets.standing import count_text

MOST_LINES, MOST_ALL = 400, 6000
"""Lines of one turn and of all of them; what is more is counted, and saved in full."""
MOST_LINE = 2000
READABLE = 0.85
"""A turn with fewer printable characters than this is shown as bytes."""


def turn_sections(
    found: Conversation, client: str, server: str, *, as_hex: bool, whole: bool = False
) -> list[Section]:
    """All turns; `whole` leaves nothing out, for a file."""
    sections: list[Section] = []
    began_ns = found.turns[0].at_ns if found.turns else 0
    room = 10**9 if whole else MOST_ALL
    for number, turn in enumerate(found.turns):
        head = _head(turn, began_ns, client, server)
        lines = list(_lines(turn, as_hex=as_hex, most=10**9 if whole else MOST_LINES))
        room -= len(lines) + 1
        if room < 0:
            more = f"… {count_text(len(found.turns) - number)} more turns; s saves all"
            sections.append(Section(((more, "odd"),)))
            break
        sections.append(Section(head, lines, key=str(number)))
    if found.cut:
        sections.append(Section((("… it goes on: this is its beginning", "odd"),)))
    return sections


def _head(turn: Turn, began_ns: int, client: str, server: str) -> Line:
    sign, who = ("▶", client) if turn.from_client else ("◀", server)
    size = f"{count_text(len(turn.data))} B" if turn.data else "nothing kept"
    return (
        (f"{sign} {who}", "label" if turn.from_client else "good"),
        (f"  {size}  ", ""),
        (f"{time_text(turn.at_ns, 12)}  {lag_text(turn.at_ns - began_ns)}", "dim"),
    )


def _lines(turn: Turn, *, as_hex: bool, most: int) -> Iterator[Line]:
    if turn.missing:
        missing = f"… {count_text(turn.missing)} bytes before this were not captured"
        yield ((missing, "odd"),)
    text = "" if as_hex else readable(turn.data)
    if text:
        parts = text.removesuffix("\n").split("\n")
        for part in parts[:most]:
            yield ((plain(part.rstrip("\r"), MOST_LINE), ""),)
        left = len(parts) - most
    else:
        yield from byte_lines(hexdump(turn.data, 0, min(len(turn.data), most * 16)))
        left = -(-len(turn.data) // 16) - most
    if left > 0:
        yield ((f"… {count_text(left)} more lines; s saves all", "odd"),)


def readable(data: bytes) -> str:
    """The bytes as text; empty when they are none that a person could read."""
    text = data.decode("utf-8", "replace")
    sample = text[:4096]
    good = sum(char.isprintable() or char in "\r\n\t" for char in sample)
    good -= sample.count("\ufffd")
    return text if sample and good / len(sample) >= READABLE else ""
