"""How often the patrol goes round: as often as its own cost allows. Pure."""

from __future__ import annotations

SHARE = 0.005
"""Of one processor: what the patrol may take while nothing is wrong."""
SHORTEST_S, LONGEST_S = 0.7, 10.0
_WEIGHT = 0.3


class Pace:
    """Measures what rounds cost, and stretches the time between them."""

    def __init__(self, share: float = SHARE) -> None:
        self._share = share
        self._usual_s = 0.0

    def interval(self, cost_s: float) -> float:
        """Seconds until the next round, after one that cost so much processor time.

        Ruled by what rounds usually cost: one that had much to look at, because
        something is wrong, does not make netwiz slower to see it.
        """
        if not self._usual_s:
            self._usual_s = cost_s
        self._usual_s += _WEIGHT * (min(cost_s, 4 * self._usual_s) - self._usual_s)
        return min(max(self._usual_s / self._share, SHORTEST_S), LONGEST_S)
