"""All keys of the screen below, from the registry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from netwiz.tui.keys import HELP_KEYS, Section, sections, shown
from netwiz.widgets.lines import Line, content


class HelpScreen(ModalScreen[None]):
    """What can be pressed, and where."""

    BINDINGS: ClassVar[list[BindingType]] = list(HELP_KEYS)

    def __init__(self, keymap: Mapping[str, str]) -> None:
        super().__init__()
        self._keymap = keymap

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog", id="help") as box:
            box.border_title = Content("Keys")
            box.border_subtitle = Content("esc back")
            yield Static(content(self._lines()), markup=False)

    def _lines(self) -> Sequence[Line]:
        below = self.app.screen_stack[-2]
        wizard = type(below).__name__.startswith("Wizard")
        where = getattr(below, "KEYS_OF", "wizard" if wizard else "overview")
        lines: list[Line] = []
        for section in sections():
            if not section.where or where in section.where.split():
                lines += [()] if lines else []
                lines += section_lines(section, self._keymap)
        lines += [(), (("Any key can be changed: ", "dim"), ("[keys]", "code"))]
        lines.append((("in netwiz/config.toml, by the name at the right.", "dim"),))
        return lines

    def action_scroll(self, by: int) -> None:
        """Further down or up."""
        self.query_one("#help").scroll_relative(y=by, animate=False)

    def action_close(self) -> None:
        """Back to the screen below."""
        self.dismiss(None)


def section_lines(section: Section, keymap: Mapping[str, str]) -> list[Line]:
    """A heading and a line per action."""
    lines: list[Line] = [((section.title, "label"),)]
    for binding in section.bindings:
        keys = shown(keymap.get(binding.id or "", binding.key))
        words = binding.tooltip or binding.description
        words = words[:1].lower() + words[1:]
        lines.append(
            (
                ("  " + keys + " " * max(13 - cell_len(keys), 1), "code"),
                (words + " " * max(33 - cell_len(words), 1), ""),
                (binding.id or "", "dim"),
            )
        )
    return lines
