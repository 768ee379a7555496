"""A line of the Containers pane, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from netwiz.widgets.lines import Line

if TYPE_CHECKING:
    from netwiz.widgets.suspects import Suspect

NOWHERE = "–"
"""Stands for the address of what has none."""


@dataclass(frozen=True, slots=True)
class Row:
    """One container, or what stands in its place where there is no engine."""

    key: str
    """Full container id, ``host``, or ``netns:NAME``."""
    name: str
    glyph: tuple[str, str]
    addresses: tuple[str, ...] = ()
    networks: str = ""
    ports: str = ""
    listens: Line = ()
    notes: tuple[Line, ...] = ()
    """What is wrong or unusual, the gravest first."""
    suspect: Suspect | None = None
    about: tuple[str, ...] = ()
    """Said of it while it is under the cursor; the first may be cut for the rest."""
    running: bool = True

    @property
    def text(self) -> str:
        """What a filter looks at."""
        said = (text for line in (self.listens, *self.notes) for text, _ in line)
        parts = (*self.addresses, self.networks, self.ports, *said, *self.about)
        return " ".join((self.name, *parts, self.key[:12]))
