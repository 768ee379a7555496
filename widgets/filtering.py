"""What a person types after `/`, and whether a text matches it."""

from __future__ import annotations

import re


class Filter:
    """Matches a text that holds the pattern literally, or matches it as a regex.

    Both at once, so that ``[::1]:3000`` and ``timed? ?out`` need no switch. Case counts
    only when the pattern has a capital letter. ``!pattern`` matches what the pattern
    does not; a backslash before it takes the mark for itself.
    """

    def __init__(self, pattern: str = "") -> None:
        self.pattern = pattern
        self.negative = pattern.startswith("!") and len(pattern) > 1
        self._wanted = pattern[1:] if self.negative else pattern.removeprefix("\\!")
        if self._wanted != pattern and not self.negative:
            self._wanted = "!" + self._wanted
        self._folds = self._wanted == self._wanted.lower()
        try:
            flags = re.IGNORECASE if self._folds else re.NOFLAG
            self._regex: re.Pattern[str] | None = re.compile(self._wanted, flags)
        except (re.error, OverflowError, RecursionError):
            self._regex = None

    def __bool__(self) -> bool:
        return bool(self.pattern)

    def matches(self, text: str) -> bool:
        """Whether a text stays; every text does when nothing was typed."""
        if not self.pattern:
            return True
        return self._holds(text) is not self.negative

    def _holds(self, text: str) -> bool:
        if self._wanted in (text.lower() if self._folds else text):
            return True
        return self._regex is not None and self._regex.search(text) is not None

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where in a text the pattern is: beginnings and ends, for marking it."""
        if not self.pattern or self.negative:
            return []
        found: list[tuple[int, int]] = []
        searched = text.lower() if self._folds else text
        at = searched.find(self._wanted)
        while at >= 0 and len(found) < MAX_SPANS:
            found.append((at, at + len(self._wanted)))
            at = searched.find(self._wanted, at + len(self._wanted))
        if not found and self._regex is not None:
            for match in self._regex.finditer(text):
                if match.end() > match.start():
                    found.append(match.span())
                if len(found) >= MAX_SPANS:
                    break
        return found


MAX_SPANS = 20
"""Places in one text that are marked."""
