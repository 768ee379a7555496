"""A name that resolves now: is it answered each time, and by each of the servers?"""

from __future__ import annotations

from dataclasses import replace

from netwiz.probes.facts import HOST, NameOutcome, Resolution, ServerAnswer
from netwiz.probes.facts.upstreams import EMBEDDED, loopback
from netwiz.probes.requests import AskServer
from netwiz.wizard.scene import Scene, Unseen
from netwiz.wizard.tree import Branch, Node, Ruling, fault, undetermined
from netwiz.wizard.trees.names.servers import origin_values
from netwiz.wizard.trees.names.slow import right_question
from netwiz.wizard.trees.names.words import lookup, upstreams
from netwiz.wizard.verdict import Mark

TIMES = 12
"""Questions put to a server that may fail now and then: one failure in three is missed
by all of them once in a hundred times."""
EACH_MS = 600
MANY = 3
"""Failures among them that are no accident."""
SILENT = {NameOutcome.TIMEOUT, NameOutcome.UNREACHABLE}


def steady_requests(scene: Scene) -> tuple[AskServer, ...]:
    """The lookup's question, put many times to each server that it depends on."""
    found = lookup(scene)
    if found.outcome is not NameOutcome.ANSWERED:
        return ()
    name = right_question(found).question.rstrip(".")
    record = right_question(found).record
    asked = [*found.files.servers]
    if EMBEDDED in asked and not _own(scene, found):
        asked += upstreams(scene).servers[:3]
    return tuple(
        AskServer(scene.place, s, name, record, budget_ms=EACH_MS, times=TIMES)
        for s in dict.fromkeys(asked)
        if s == EMBEDDED or not (loopback(s) and scene.place != HOST)
    )


def _own(scene: Scene, found: Resolution) -> bool:
    """Whether the engine answers by itself: a container's name."""
    return any(scene.owner(a).kind in ("container", "network") for a in found.addresses)


def name_unsteady(scene: Scene) -> Ruling:
    """Whether a name that resolves now is answered each time."""
    asked = steady_requests(scene)
    if not asked:
        return Ruling("steady", "nobody is asked for it", quiet=True)
    found = scene.look_all(asked, ServerAnswer)
    behind = [a for a in found if a.server != EMBEDDED]
    telling = [a for a in (behind or list(found)) if a.failed_tries]
    lines = tuple(_tally(a) for a in found)
    if not any(a.failed_tries for a in found):
        return Ruling("steady", f"yes: {'; '.join(lines)}", evidence=lines)
    worst = telling[0] if telling else found[0]
    if not (lasting := _again(scene, asked, worst)):
        said = f"{_tally(worst)}, and none when asked as often once more"
        return Ruling("steady", said, Mark.ODD, lines, assumptions=(said,))
    lines = (*lines, *lasting)
    if worst.server == EMBEDDED:
        values = {"servers_said": "; ".join(lines), "dead": EMBEDDED}
        if not _drops(scene, asked, worst):
            # A container that stops takes its name along, in the midst of questions.
            return Ruling("changes", _tally(worst), Mark.ODD, lines, values)
        return Ruling("engine", "127.0.0.11 fails alone", Mark.BAD, lines, values)
    values = _unsteady_values(scene, worst, found)
    if worst is not (behind or list(found))[0]:
        # Asked only after another one: nobody notices unless they take turns.
        if "rotate" not in lookup(scene).files.options:
            said = f"{worst.server} fails, but stands behind one that answers"
            return Ruling("steady", said, Mark.ODD, lines, assumptions=(said,))
        return Ruling("first_dead", lines[0], Mark.BAD, lines, values)
    kinds = {t.outcome for t in worst.failed_tries}
    if kinds <= {NameOutcome.REJECTED, NameOutcome.REFUSED}:
        return Ruling("refuses", _tally(worst), Mark.BAD, lines, values)
    if kinds <= SILENT:
        whole = len(worst.failed_tries) == len(worst.tries)
        if whole and len(behind) > 1:
            return Ruling("first_dead", _tally(worst), Mark.BAD, lines, values)
        return Ruling("silent", _tally(worst), Mark.BAD, lines, values)
    return Ruling("changes", _tally(worst), Mark.BAD, lines, values)


def _again(
    scene: Scene, asked: tuple[AskServer, ...], worst: ServerAnswer
) -> tuple[str, ...]:
    """What speaks for a failure that lasts; empty for one that may be a moment's.

    One datagram may be lost on any busy machine, and our own patience is short: few
    failures have to come again.
    """
    if len(worst.failed_tries) >= MANY:
        return (f"{len(worst.failed_tries)} failures of one server",)
    first = next(r for r in asked if r.server == worst.server)
    more = scene.look(replace(first, times=TIMES - 1), ServerAnswer)
    return (f"once more: {_tally(more)}",) if more.failed_tries else ()


def _drops(scene: Scene, asked: tuple[AskServer, ...], worst: ServerAnswer) -> bool:
    """Whether the engine keeps silent about a name that it still knows afterwards."""
    if not {t.outcome for t in worst.failed_tries} <= SILENT:
        return False
    first = next(r for r in asked if r.server == EMBEDDED)
    more = scene.look(replace(first, times=TIMES - 1), ServerAnswer)
    return len(more.failed_tries) < len(more.tries)


def _unsteady_values(
    scene: Scene, worst: ServerAnswer, found: tuple[ServerAnswer, ...]
) -> dict[str, str]:
    good = [a.server for a in found if not a.failed_tries and a.server != EMBEDDED]
    return {
        "dead": worst.server,
        "refusal": _tally(worst),
        "servers_said": "; ".join(map(_tally, found)),
        "symptom": "dns",
        **origin_values(lookup(scene), upstreams(scene), good),
    }


def _tally(answer: ServerAnswer) -> str:
    total, bad = len(answer.tries), len(answer.failed_tries)
    if not bad:
        slowest = max((t.ms for t in answer.tries), default=0.0)
        return (
            f"{answer.server} answered {total} of {total}, in {slowest:.0f} ms at most"
        )
    kinds = ", ".join(dict.fromkeys(t.outcome.value for t in answer.failed_tries))
    return f"{answer.server} failed {bad} of {total} questions ({kinds})"


def dns_steady(scene: Scene) -> bool | None:
    """For other trees: whether the name is answered each time; None if unknown."""
    try:
        return name_unsteady(scene).branch == "steady"
    except Unseen:
        return None


NODES = (
    Node(
        "name_unsteady",
        "is {host} answered each time?",
        name_unsteady,
        {
            "steady": Branch("yes", "found_name"),
            "silent": Branch(
                "its server keeps silent at times", fault("dns-upstream-dead")
            ),
            "refuses": Branch(
                "its server refuses at times", fault("dns-upstream-refuses")
            ),
            "first_dead": Branch(
                "one of the servers is dead", fault("dns-first-server-dead-slow")
            ),
            "changes": Branch(
                "its server says now this, now that",
                undetermined(
                    "{host} is not answered each time: {servers_said}",
                    "the servers behind {dead} do not agree: its operator can tell",
                ),
            ),
            "engine": Branch(
                "the engine's own server fails at times",
                fault("dns-concurrency-limit"),
            ),
        },
    ),
)
