"""The wizard's first line: the case as far as it is known, and where we are."""

from __future__ import annotations

from dataclasses import dataclass

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from netwiz.widgets.lines import Line, cells, clip, line_content

STEPS = ("symptom", "client", "target", "walk")


@dataclass(frozen=True, slots=True)
class Heading:
    """What the line says; empty texts are not known yet."""

    step: int = 1
    client: str = ""
    target: str = ""
    symptom: str = ""
    state: str = ""
    """What the walk does: walking, paused, stepping."""
    elapsed_ms: float = 0.0


class StepsHeader(Widget):
    """``order ──▶ pg:3000   refused        wizard · step 4 of 4 · 0.2 s``."""

    DEFAULT_CSS = """
    StepsHeader {
        height: 1;
        width: 1fr;
        padding: 0 1;
    }
    """

    heading: reactive[Heading] = reactive(Heading())

    def render(self) -> Content:
        """The line at the present width."""
        return draw_heading(self.heading, self.content_size.width)


def draw_heading(heading: Heading, width: int) -> Content:
    """Case at the left, position at the right; the case gives way."""
    right = _position(heading)
    room = max(width - cells(right) - 2, 12)
    left = _case(heading, room)
    gap = max(width - cells(left) - cells(right), 1)
    return line_content((*left, (" " * gap, ""), *right))


def _position(heading: Heading) -> Line:
    name = STEPS[heading.step - 1]
    pieces = [("wizard · ", "dim"), (f"step {heading.step} of {len(STEPS)}", "")]
    pieces.append((f" · {name}" if not heading.state else f" · {heading.state}", "dim"))
    if heading.elapsed_ms:
        pieces.append((f" · {heading.elapsed_ms / 1000:.1f} s", "dim"))
    return tuple(pieces)


def _case(heading: Heading, room: int) -> Line:
    symptom = f"   {heading.symptom}" if heading.symptom else ""
    each = max((room - 5 - len(symptom)) // 2, 4)
    client = heading.client or "?"
    target = heading.target or "?"
    if cells(((client, ""), (target, ""))) > 2 * each:
        client, target = clip(client, each), clip(target, each)
    return (
        (client, "strong" if heading.client else "dim"),
        (" ──▶ ", "dim"),
        (target, "strong" if heading.target else "dim"),
        (symptom, "odd"),
    )
