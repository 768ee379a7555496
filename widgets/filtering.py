"""What a person types after `/`, and whether a text matches it."""

from __future__ import annotations

import re

_SPECIAL = frozenset("\\.^$*+?{}[]|()")


class Filter:
    """Matches a text that holds the pattern literally, or matches it as a regex.

    Both at once, so that ``[::1]:3000`` and ``timed? ?out`` need no switch. Case counts
    only when the pattern has a capital letter.
    """

    def __init__(self, pattern: str = "") -> None:
        self.pattern = pattern
        self._folds = pattern == pattern.lower()
        self._regex: re.Pattern[str] | None = None
        if not _SPECIAL.intersection(pattern):
            # As a regular expression it would mean the same, at three times the cost.
            return
        try:
            flags = re.IGNORECASE if self._folds else re.NOFLAG
            self._regex = re.compile(pattern, flags)
        except (re.error, OverflowError, RecursionError):
            self._regex = None

    def __bool__(self) -> bool:
        return bool(self.pattern)

    def matches(self, text: str) -> bool:
        """Whether a text stays; every text does when nothing was typed."""
        if not self.pattern:
            return True
        if self.pattern in (text.lower() if self._folds else text):
            return True
        return self._regex is not None and self._regex.search(text) is not None
