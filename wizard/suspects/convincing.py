"""When what failed is more than chance; every number stands in `rules`. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netwiz.probes.facts.signs import SignKind
from netwiz.wizard.suspects import rules

if TYPE_CHECKING:
    from netwiz.wizard.suspects.trouble import Trouble


def convincing(it: Trouble) -> bool:
    """Whether any kind of failure, since something worked, is enough by itself."""
    tests = (_refused, _half_open, _waiting, _unanswered, _by_counters)
    return any(test(it) for test in tests)


def _refused(it: Trouble) -> bool:
    found = it.of(SignKind.REFUSED, SignKind.UNREACHABLE, SignKind.COUNTED)
    found = [f for f in found if not f.age_s]
    if not found:
        return False
    span = found[-1].at - found[0].at
    often = len(found) >= rules.REFUSALS and span >= rules.REFUSALS_SPAN
    return often or (len(found) >= rules.FEW_REFUSALS and span >= rules.FEW_SPAN)


def _half_open(it: Trouble) -> bool:
    found = it.lately(SignKind.HALF_OPEN, SignKind.UNREACHABLE)
    found = [f for f in found if f.age_s]
    if not found:
        return False
    if max(f.age_s for f in found) >= rules.HALF_OPEN_AGE_S:
        return True
    several = len({f.port for f in found}) >= rules.HALF_OPENS
    return several and found[-1].at - found[0].at >= rules.HALF_OPEN_SPAN


def _waiting(it: Trouble) -> bool:
    return any(f.age_s >= rules.WAITED_S for f in it.of(SignKind.NOT_ACCEPTED))


def _unanswered(it: Trouble) -> bool:
    found = it.lately(SignKind.UNANSWERED, SignKind.NAME_FAILED)
    if any(f.age_s >= rules.QUESTION_AGE_S for f in found):
        return True
    # Of one server: what the engine's own asks on, it asks another one.
    for server in {f.server for f in found}:
        own = [f for f in found if f.server == server]
        if own[-1].at - own[0].at < rules.QUESTIONS_SPAN:
            continue
        failed = {f.port for f in own if f.kind is SignKind.NAME_FAILED}
        if len(failed) >= rules.REFUSED_QUESTIONS:
            return True
        if len({f.port for f in own}) >= rules.UNANSWERED_QUESTIONS:
            return True
    return False


def _by_counters(it: Trouble) -> bool:
    for kind, least, span in (
        (SignKind.NO_ROUTE, rules.ROUTELESS, rules.ROUTELESS_SPAN),
        (SignKind.QUEUE_FULL, rules.FULL, rules.FULL_SPAN),
        (SignKind.TRACKING_FULL, rules.FULL, rules.FULL_SPAN),
    ):
        found = it.of(kind)
        if len(found) >= least and found[-1].at - found[0].at >= span:
            return True
    return False
