"""How a line of the Flows tab looks: signs and words first, numbers as they fit. Pure.

At 80 columns: who to whom, state (or what is wrong), rate, retransmissions, round trip.
Each wider screen adds what helps next: the rate as a sparkline, what is wrong in words,
the process, bytes both ways, the addresses of both ends, the age.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len

from netwiz.widgets.lines import Line, Piece, clip
from netwiz.widgets.sparkline import EIGHTHS, peak, sparkline, summed

if TYPE_CHECKING:
    from netwiz.probes.facts.flows import Flow, FlowEnd
    from netwiz.widgets.flows_rows import FlowLine

SPARK = 12
PROXY = "docker-proxy"
GAP = "  "
ARROW = " → "
WIDE = 104
_BASE = 42
"""Columns of the signs and of the numbers that are always there."""


def draw_flow(line: FlowLine, width: int, heights: Sequence[str] = EIGHTHS) -> Line:
    """One line, at most `width` columns wide."""
    dim = line.closed
    names, extra = _layout(width)
    pieces: list[Piece] = [_sign(line), (" ", "")]
    pieces += _who(line, names)
    pieces += [(GAP[:1], ""), _state(line)]
    pieces += [(" ", ""), _rate(line), (" ", ""), _again(line), (" ", ""), _rtt(line)]
    words = _words(line)
    for part in extra:
        if part == "ends" and line.troubles:
            # The addresses stand below for the line under the cursor; what is wrong
            # must be seen of every line.
            break
        pieces += [(GAP, ""), *_extra(part, line, heights)]
    room = width - sum(cell_len(text) for text, _ in pieces) - len(GAP)
    if words and room > 12:
        pieces += [(GAP, ""), (clip(words, room), _tone(line) or "dim")]
    if dim:
        return tuple((text, "dim") for text, _ in pieces)
    return tuple(pieces)


EXTRAS = (
    # What, its width, and the width of the screen from which it is there.
    ("spark", SPARK + 9, WIDE),
    ("bytes", 14, 126),
    ("process", 15, 144),
    ("ends", 44, 188),
    ("age", 6, 194),
)


def _layout(width: int) -> tuple[int, list[str]]:
    """Columns for the names, and what else there is room for."""
    extra = [what for what, _, least in EXTRAS if width >= least]
    taken = sum(wide + len(GAP) for what, wide, _ in EXTRAS if what in extra)
    left = width - _BASE - taken
    # On a wide screen what is left over tells what is wrong, in words.
    due = left if width < WIDE else 34 + (width - WIDE) // 8
    return max(min(left, due), 16), extra


def _sign(line: FlowLine) -> Piece:
    if line.closed:
        return "○", "dim"
    if line.gravity == 2:
        return "✗", "bad"
    if line.gravity == 1:
        return "!", "odd"
    return ("·", "dim") if line.flow.state == "ESTAB" else ("…", "dim")


def _tone(line: FlowLine) -> str:
    return ("", "odd", "bad")[line.gravity]


def _who(line: FlowLine, width: int) -> list[Piece]:
    """``order → pg:5432 ×48``, each name as long as there is room for it."""
    flow = line.flow
    count = ""
    if line.count > 1:
        count = f" ×{line.count}" + ("" if line.folded else " ▾")
    client = called(flow.client)
    if line.member:
        # All that tells it from the others of its group.
        client = f"  {client}:{flow.client.port}"
    port = f":{flow.server.port}" if flow.server.port else ""
    server = called(flow.server)
    via = f" ⇒ {flow.behind}" if flow.behind else ""
    room = width - cell_len(ARROW + port + count)
    if via and room - cell_len(via) >= 12:
        room -= cell_len(via)
    else:
        via = ""
    client, server = _shared(client, server, room)
    strong = "strong" if line.gravity else ""
    pieces = [(client, strong), (ARROW, "dim"), (server + port, strong)]
    pieces += [(via, "dim"), (count, "label")]
    space = width - sum(cell_len(text) for text, _ in pieces)
    return [*pieces, (" " * max(space, 0), "")]


def _shared(one: str, other: str, room: int) -> tuple[str, str]:
    """Two texts in one room: the shorter one is not cut for the longer one's sake."""
    half = max(room // 2, 3)
    if cell_len(one) <= half:
        return one, clip(other, max(room - cell_len(one), 3))
    if cell_len(other) <= half:
        return clip(one, max(room - cell_len(other), 3)), other
    return clip(one, half), clip(other, max(room - half, 3))


def called(end: FlowEnd) -> str:
    """The container, or the host with its process: that is who talks there."""
    if end.on_host and end.process and end.process.name == PROXY:
        return PROXY
    if end.on_host and end.process and not end.process.container_id:
        return f"{end.name}/{end.process.name}"
    return f"[{end.name}]" if ":" in end.name else end.name


def _state(line: FlowLine) -> Piece:
    if line.troubles and not line.closed:
        more = f" {line.troubled}/{line.count}" if line.count > 1 else ""
        short = clip(line.troubles[0].short, 13 - len(more))
        return f"{short + more:<13}", _tone(line)
    plain = line.flow.state == "ESTAB" and "/" not in line.state
    return f"{clip(line.state, 13):<13}", "dim" if plain else ""


def _rate(line: FlowLine) -> Piece:
    if line.rate < 1:
        return f"{'–':>9}", "dim"
    return f"{amount(line.rate) + 'B/s':>9}", ""


def _again(line: FlowLine) -> Piece:
    """Segments sent again lately, or since ever in a dim tone."""
    if line.recent:
        return f"{'↻' + count(line.recent):>6}", "odd"
    if line.retransmits:
        return f"{'↻' + count(line.retransmits):>6}", "dim"
    return " " * 6, ""


def _rtt(line: FlowLine) -> Piece:
    text = duration(line.rtt_ms) if line.rtt_ms else "–"
    slow = any(t.short == "slow" for t in line.troubles)
    return f"{text:>7}", "odd" if slow else "" if line.rtt_ms else "dim"


def _extra(what: str, line: FlowLine, heights: Sequence[str]) -> list[Piece]:
    flow = line.flow
    if what == "spark":
        rates = summed([f.rates for f in line.flows], SPARK)
        top = peak(rates, SPARK)
        drawn = sparkline(rates, SPARK, heights=heights) if top >= 1 else " " * SPARK
        # The scale of each line is its own: the largest value stands beside it.
        scale = f"≤{amount(top)}B/s" if top >= 1 else ""
        return [(drawn, "code"), (f" {scale:<8}", "dim")]
    if what == "bytes":
        sent = sum(f.sent for f in line.flows)
        received = sum(f.received for f in line.flows)
        return [(f"{'↑' + amount(sent):<6} {'↓' + amount(received):<7}", "")]
    if what == "process":
        return [(f"{clip(process_of(flow), 15):<15}", "dim")]
    if what == "ends":
        ends = f"{flow.client.text} → {flow.server.text}" if line.count == 1 else ""
        return [(f"{clip(ends or _addresses(line), 44):<44}", "dim")]
    return [(f"{age(flow if line.count == 1 else None, line.age_s):>6}", "dim")]


def _addresses(line: FlowLine) -> str:
    """The addresses of a group: its clients' ports differ."""
    flow = line.flow
    clients = {f.client.address for f in line.flows}
    client = flow.client.address if len(clients) == 1 else f"{len(clients)} addresses"
    return f"{client} → {flow.server.text}"


def process_of(flow: Flow) -> str:
    """``java→postgres``, as far as both are known."""
    names = [e.process.name if e.process else "" for e in (flow.client, flow.server)]
    return "→".join(name or "?" for name in names) if any(names) else ""


def _words(line: FlowLine) -> str:
    """What is wrong, or what is odd about the way."""
    flow = line.flow
    if line.troubles:
        return line.troubles[0].text
    if not flow.sockets and flow.captured:
        return f"seen by the capture only, {flow.captured.packets} packets"
    if flow.dialled:
        return f"dialled {flow.dialled}"
    return f"published as :{flow.published}" if flow.published else ""


def details(line: FlowLine, heights: Sequence[str] = EIGHTHS) -> Line:
    """All that there was no room for, for the line under the cursor."""
    flow = line.flow
    parts: list[Piece] = []
    if line.troubles:
        parts.append((line.troubles[0].text, _tone(line)))
    elif _words(line):
        parts.append((_words(line), ""))
    parts += _histories(line, heights)
    if line.count == 1:
        parts.append((f"{flow.client.text} → {flow.server.text}", ""))
    else:
        parts.append((_addresses(line), ""))
    if line.count == 1 and flow.captured:
        parts.append((f"{flow.captured.packets} packets captured", ""))
    if process_of(flow):
        parts.append((process_of(flow), "dim"))
    if line.count == 1:
        parts.append((f"↑{amount(flow.sent)} ↓{amount(flow.received)}", "dim"))
        parts.append((age(flow, flow.age_s), "dim"))
    return tuple(
        piece
        for number, part in enumerate(parts)
        for piece in ((" · ", "dim"), part)[not number :]
    )


def _histories(line: FlowLine, heights: Sequence[str]) -> list[Piece]:
    """How losses and the round trip went, where there is something to see of it."""
    found: list[Piece] = []
    losses = summed([f.losses for f in line.flows], SPARK)
    if most := peak(losses, SPARK):
        drawn = sparkline(losses, len(losses), heights=heights)
        found.append((f"↻ {drawn} ≤{count(round(most))}", "odd"))
    rtts = line.flow.rtts[-SPARK:] if line.count == 1 else ()
    if len(rtts) > 2 and (top := peak(rtts, SPARK)) > 0:
        drawn = sparkline(rtts, len(rtts), heights=heights)
        found.append((f"rtt {drawn} ≤{duration(top)}", "code"))
    return found


def age(flow: Flow | None, age_s: float) -> str:
    """How long it is known; ``≥`` where it was there before netwiz looked."""
    at_least = "≥" if flow is not None and not flow.began else ""
    for unit, seconds in (("d", 86400), ("h", 3600), ("m", 60)):
        if age_s >= seconds:
            return f"{at_least}{age_s / seconds:.0f}{unit}"
    return f"{at_least}{age_s:.0f}s"


def amount(value: float) -> str:
    """``512``, ``1.2k``, ``34M``: at most four characters, by powers of 1000."""
    for unit in ("", "k", "M", "G", "T"):
        if value < 999.5:
            short = unit and value < 9.95
            return f"{value:.1f}{unit}" if short else f"{value:.0f}{unit}"
        value /= 1000
    return f"{value:.0f}P"


def count(value: int) -> str:
    """A count in at most five characters."""
    return str(value) if value < 10_000 else amount(value)


def duration(ms: float) -> str:
    """``0.04ms``, ``12ms``, ``1.3s``."""
    if ms < 1:
        return f"{ms:.2f}ms"
    if ms < 10:
        return f"{ms:.1f}ms"
    return f"{ms:.0f}ms" if ms < 1000 else f"{ms / 1000:.1f}s"
