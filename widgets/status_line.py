"""The first line: which machine this is and how it stands; it never ticks."""

from __future__ import annotations

from dataclasses import dataclass

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from netwiz.widgets.lines import Line, cells, clip, line_content


@dataclass(frozen=True, slots=True)
class Standing:
    """What the line says."""

    host: str = ""
    engine: str = ""
    """``Docker 28.2``; empty while it is being looked for."""
    running: int = 0
    containers: int = 0
    networks: int = 0
    suspects: int = 0
    gone_since: str = ""
    """Since when the engine does not answer, as a time of day."""
    missing: bool = False
    """There is no engine here."""
    clock: str = ""


class StatusLine(Widget):
    """``netwiz  prod-01 · Docker 28.2 · 14 containers · 5 networks · 2 suspects``."""

    DEFAULT_CSS = """
    StatusLine {
        height: 1;
        width: 1fr;
        padding: 0 1;
    }
    """
    standing: reactive[Standing] = reactive(Standing())

    def render(self) -> Content:
        """The line for the width it has."""
        return line_content(draw_standing(self.standing, self.size.width))


def draw_standing(now: Standing, width: int) -> Line:
    """As much of it as fits, the most telling first."""
    clock = f"  {now.clock}" if now.clock else ""
    line: Line = ()
    # The least telling goes first; what is wrong stays to the last.
    for less in range(5):
        tail = clock if less < 2 else ""
        line = _joined(_parts(now, less, max(width // 4, 8)))
        gap = width - cells(line) - len(tail)
        if gap >= 0:
            return (*line, (" " * gap + tail, "dim")) if tail else line
    return line


def _joined(parts: list[Line]) -> Line:
    line: list[tuple[str, str]] = [("netwiz", "label"), ("  ", "")]
    for number, part in enumerate(parts):
        line += [(" · ", "dim"), *part] if number else part
    return tuple(line)


def _parts(now: Standing, less: int, host_width: int) -> list[Line]:
    parts: list[Line] = []
    if now.host and less < 4:
        parts.append(((clip(now.host, host_width), "strong"),))
    if now.missing:
        parts.append((("no Docker engine", "odd"),))
    elif now.engine:
        parts += [((now.engine, ""),)] if less < 3 else []
        parts.append(_count(now))
        parts += [((_plural(now.networks, "network"), ""),)] if not less else []
    else:
        parts.append((("looking around …", "dim"),))
    if now.suspects:
        parts.append(((f"⚠ {_plural(now.suspects, 'suspect')}", "bad"),))
    if now.gone_since:
        parts.append(((f"✗ engine gone since {now.gone_since}, retrying", "bad"),))
    return parts


def _count(now: Standing) -> Line:
    total = _plural(now.containers, "container")
    if now.running == now.containers:
        return ((total, ""),)
    return ((f"{now.running}/{total}", ""),)


def _plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
