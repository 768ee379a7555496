"""The keys of the log, and what they go through."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from textual.binding import Binding

from netwiz.probes.facts.logs import LogLevel
from netwiz.widgets.list_pane import LIST_KEYS


def _hidden(keys: str, action: str, words: str, name: str) -> Binding:
    return Binding(keys, action, words, show=False, id=name)


LOG_KEYS = (
    *LIST_KEYS,
    _hidden("enter", "open", "Diagnose, or read it whole", "log.open"),
    _hidden("v", "whole", "Read it whole", "log.whole"),
    Binding("p,space", "pause", "Pause", id="log.pause"),
    _hidden("e", "level", "All, warnings, errors", "log.level"),
    _hidden("a", "since", "From now, 5 min, 1 h, all", "log.since"),
    _hidden("o", "only", "Only this container", "log.only"),
    _hidden("ctrl+f", "ask('search')", "Search, hiding nothing", "log.search"),
    _hidden("n", "next(1)", "Next match or suspect", "log.next"),
    _hidden("N", "next(-1)", "Match or suspect before", "log.previous"),
    _hidden("Y", "ask('copy')", "Copy all in view", "log.copy_all"),
    _hidden("ctrl+s", "ask('save')", "Save all in view", "log.save"),
    _hidden("right,l", "shift(1)", "Rest of a line", "log.right"),
    _hidden("left,h", "shift(-1)", "Start of a line", "log.left"),
)
LEVELS = (LogLevel.UNKNOWN, LogLevel.WARN, LogLevel.ERROR)
"""The least levels that are shown, in the order in which a key goes through them."""


@dataclass(frozen=True, slots=True)
class Past:
    """How far back the log is looked at."""

    word: str
    """What the border says."""
    span: timedelta | None
    """None: all."""
    ask: bool = False
    """Whether the engine is asked for what is not here."""


PAST = (
    Past("", None),
    Past("from now", timedelta()),
    Past("last 5 min", timedelta(minutes=5), ask=True),
    Past("last hour", timedelta(hours=1), ask=True),
    Past("all there is", None, ask=True),
)
