"""When signs make a suspect, and when it is over. All thresholds stand here.

A false suspect is worse than a late one. So no single sign of the kernel is enough, and
whatever works in between starts the count anew: a server that restarts, a check that
comes too early, a fallback from ::1 to 127.0.0.1, a SYN that was lost once.
"""

from __future__ import annotations

from datetime import datetime, timedelta

COMING_UP, GOING_DOWN = timedelta(seconds=5), timedelta(seconds=10)
"""A container that started so lately may refuse, and one that ended may come back."""
NO_END = frozenset({"1", "10", "12", "17", "28"})
"""Signals by which nobody ends a server: HUP, USR1, USR2, CHLD, WINCH (signal(7))."""
RESENT_SLACK = timedelta(seconds=1.5)
"""A SYN is repeated after 1, 3, 7, 15 s (RFC 6298, 2.1 and 5.5): never later than this
beyond its age."""
REFUSALS, REFUSALS_SPAN = 3, timedelta(seconds=1.4)
"""So many refusals or errors over so long, with nothing that worked in between."""
FEW_REFUSALS, FEW_SPAN = 2, timedelta(seconds=4)
"""Fewer, of a client that tries more rarely."""
HALF_OPEN_AGE_S = 1.5
"""One SYN without an answer for so long: repeated after 1 s, and again in vain."""
HALF_OPENS, HALF_OPEN_SPAN = 2, timedelta(seconds=0.8)
"""Several connections, one after another, that each had no answer for a while."""
WAITED_S = 2.0
"""A connection that nobody accepts for so long."""
REFUSED_QUESTIONS, UNANSWERED_QUESTIONS = 2, 3
QUESTIONS_SPAN = timedelta(seconds=0.8)
"""A server that says no does so twice. Silence may be two datagrams that were lost: at
1 % each way that befalls one pair in 2500, three in a row one in 125 000. A client that
waits 2 s for each answer is therefore named after 5.5 s, and one that asks for A and
AAAA, or several names, sooner."""
WINDOW = timedelta(seconds=15)
"""What had no answer counts together within this: losses far apart are just losses."""
QUESTION_AGE_S = 10.5
"""One question without an answer for so long: libc asks again after 5 s, then ends."""
FORMER = timedelta(minutes=2)
"""For so long an address belongs to whoever had it last, if nobody has it now."""
ROUTELESS, ROUTELESS_SPAN = 3, timedelta(seconds=1.8)
FULL, FULL_SPAN = 2, timedelta(seconds=1.5)
UNSTEADY_SECONDS, UNSTEADY_WINDOW = 6, timedelta(seconds=30)
"""Seconds of the last ones that had a refusal: then it is unsteady, though attempts in
between work."""
COUNTED = timedelta(seconds=4)
"""A failed connect that was only counted belongs to the target seen within this."""
FALLBACK = timedelta(seconds=2)
"""What is refused at one address and works at another of the same port within this is
a fallback, and in order."""
QUIET_AFTER = timedelta(seconds=60)
GAPS = 4
"""Quiet: so many times the longest pause between two failures, 60 s at least."""
LATELY = timedelta(minutes=15)
"""An error that was not repeated for so long is no suspect any more."""
REMEMBERED = timedelta(minutes=10)
"""For so long what healed or fell quiet is still shown."""
LOOPS, LOOP_WINDOW = 3, timedelta(seconds=120)
"""Deaths of a container within this."""
STOPPED_BY_HAND = frozenset({0, 130, 137, 143})
"""Exit codes of SIGINT, SIGKILL and SIGTERM: the engine was told to stop it."""

SEVERITY = {
    "restarts": 3.5,
    "refused": 3.0,
    "timeout": 3.0,
    "unreachable": 3.0,
    "dns": 3.0,
    "out of memory": 3.0,
    "tls": 2.5,
    "crashed": 2.5,
    "unhealthy": 2.0,
    "reset": 1.5,
}
HALF_LIFE = timedelta(minutes=2)


def score(symptom: str, count: int, age: timedelta) -> float:
    """The place in the list: severity x freshness x count.

    Freshness halves with every two minutes of silence. The count goes in by its
    logarithm: a client that tries a hundred times a second is not a hundred times as
    badly off as one that tries once.
    """
    fresh: float = 0.5 ** (max(age, timedelta()) / HALF_LIFE)
    return SEVERITY.get(symptom, 1.0) * fresh * (1 + count.bit_length())


def clock(at: datetime) -> str:
    """The time of day, here."""
    return f"{at.astimezone():%H:%M:%S}"
