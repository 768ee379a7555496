"""Whether two engines of a swarm still trust each other, by what they log.

A node whose ping is not answered within a second is suspected (memberlist, SWIM). It
refutes that as soon as it hears of it, and nothing is lost; after four seconds without
a word it is given up, and then half a minute passes until both know everything again.
A busy machine can raise a suspicion, but hardly keep a node from refuting it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from enum import Enum

_LINE = re.compile(
    r'^time="(?P<at>[^"]+)".*memberlist: (?P<what>Suspect|Marking|Refuting)\b',
    re.MULTILINE,
)


class Trust(Enum):
    """Between the nodes."""

    KEPT = "kept"
    DOUBTED = "doubted"
    """A node is suspected and has not refuted it so far."""
    LOST = "lost"
    """A node was given up since the engines' start."""


def trust(logs: Sequence[str]) -> Trust:
    """What the logs of all nodes, two of them, come to."""
    told = [_LINE.findall(log) for log in logs]
    if any(what == "Marking" for log in told for _, what in log):
        return Trust.LOST
    for suspecting, suspected in (told, told[::-1]):
        raised = _last(suspecting, "Suspect")
        if raised and raised >= (_last(suspected, "Refuting") or raised):
            return Trust.DOUBTED
    return Trust.KEPT


def _last(told: Sequence[tuple[str, str]], what: str) -> datetime | None:
    found = [datetime.fromisoformat(at) for at, word in told if word == what]
    return max(found, default=None)
