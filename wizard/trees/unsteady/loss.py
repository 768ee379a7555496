"""Some probes are lost: where, and who takes them?"""

from __future__ import annotations

from dataclasses import replace
from statistics import median

from netwiz.probes.facts import (
    Attempted,
    Failed,
    Failure,
    KernelCounters,
    Place,
    Repeated,
    Rise,
    Rule,
    resent,
)
from netwiz.probes.facts.firewall_commands import deletion
from netwiz.probes.requests import ReadCounters, Repeat
from netwiz.wizard.path import where
from netwiz.wizard.scene import Scene, Unseen
from netwiz.wizard.tree import Ruling
from netwiz.wizard.trees.attempts import witnessed
from netwiz.wizard.trees.lost.drops import limits
from netwiz.wizard.trees.refused.entry import two_owners
from netwiz.wizard.trees.unsteady.pressure import throttling
from netwiz.wizard.verdict import Mark

WATCHED = 16
"""Probes that are watched one by one: at a loss of one in three all of them get through
once in six hundred times."""
ENOUGH = 3
"""Lost ones among them: by then it is known where they end, and what counts each."""
SHORTEST_MS, LONGEST_MS = 300, 1200
TIMES_AS_LONG = 5
"""Of the median of those that were answered at once: what takes longer is lost."""
WAIT_MS = 600.0
QUEUE_RISES = ("TcpExtListenDrops", "TcpExtListenOverflows")
TRACKING_RISES = ("nf_conntrack.insert_failed",)
FULL = 0.98
"""Of the table: beyond it new connections are dropped."""


def loss(scene: Scene) -> Ruling:
    """By counters, by a second owner, then by watching single probes."""
    many = _many(scene)
    held_back = throttling(scene, 2)
    if held_back is not None:
        lines = (held_back[0], f"{many.address}: {many.spread}")
        words = held_back[1]
        return Ruling("throttled", words["throttle"], Mark.BAD, lines, words)
    queue = _rise(many, QUEUE_RISES, scene.focus.place)
    if queue is not None:
        return Ruling(
            "queue",
            f"{queue.name} of {queue.place.label} rose by {queue.by}",
            Mark.BAD,
            evidence=(_told(queue), f"{many.address}: {many.spread}"),
        )
    if scene.focus.server is not None:
        owners = two_owners(scene)
        if owners.branch == "two":
            return owners
    return _tracking(scene, many) or _on_the_way(scene, many)


def _many(scene: Scene) -> Repeated:
    """The many probes at the address in question."""
    asked = (r for r in scene.findings if isinstance(r, Repeat))
    wanted = next((r for r in asked if r.address == scene.focus.address), None)
    if wanted is None:
        raise Unseen(Failed(kind=Failure.BROKEN, what="no probes were made"))
    return scene.look(wanted, Repeated)


def _rise(
    many: Repeated, names: tuple[str, ...], place: Place | None = None
) -> Rise | None:
    """The rise of one of these counters, in one place or in any."""
    fitting = (r for r in many.kernel if place is None or r.place == place)
    return next((r for r in fitting if r.name in names), None)


def _told(rise: Rise) -> str:
    return f"the kernel's {rise.name} in {rise.place.label} rose by {rise.by} meanwhile"


def _tracking(scene: Scene, many: Repeated) -> Ruling | None:
    """Whether connection tracking on this host takes them."""
    race = _rise(many, TRACKING_RISES)
    if race is not None:
        said = f"{race.name} rose by {race.by}"
        return Ruling("tracking", said, Mark.BAD, (_told(race),))
    counters = scene.try_look(ReadCounters(scene.place), KernelCounters)
    if counters is None or not counters.tracked_max:
        return None
    if counters.tracked < FULL * counters.tracked_max:
        return None
    said = f"{counters.tracked} of {counters.tracked_max} entries are taken"
    values = {
        "tracked": str(counters.tracked),
        "tracked_max": str(counters.tracked_max),
        "more_tracked": str(counters.tracked_max * 4),
    }
    return Ruling("table", said, Mark.BAD, (f"connection tracking: {said}",), values)


def _on_the_way(scene: Scene, many: Repeated) -> Ruling:
    """Watch single probes until some are lost, and see where."""
    one = replace(witnessed(scene, scene.focus), budget_ms=_patience_ms(many))
    seen: list[Attempted] = []
    lost: list[Attempted] = []
    # One after the other: counters compared around one must not count another.
    # Of two rules that counted each of them, one may have met other packets by chance.
    while len(seen) < WATCHED and (len(lost) < ENOUGH or len(_taking(scene, lost)) > 1):
        asked = replace(one, counters=one.taps, nth=30 + len(seen))
        seen.append(scene.look(asked, Attempted))
        if not seen[-1].connection.works and seen[-1].tapped:
            lost.append(seen[-1])
    if not lost:
        return Ruling("unknown", "those that were watched got through", Mark.ODD)
    counting = _taking(scene, lost)
    rule = counting[0] if len(counting) == 1 else None
    places = sorted({_end(found) for found in lost})
    evidence = [
        f"{many.address}: {many.spread}",
        f"of {len(seen)} probes that were watched {len(lost)} were lost, last seen at "
        f"{' and '.join(places)}",
    ]
    if rule is not None:
        evidence.insert(
            0,
            f"the rule `{rule.text}` ({rule.backend}, table {rule.table}, chain "
            f"{rule.chain}) counted each probe that was lost",
        )
    again = _rise(many, ("TcpExtTCPSynRetrans",))
    if again is not None:
        evidence.append(_told(again))
    values = {
        "loss_where": " and ".join(places),
        "loss_share": f"{len(lost)} of {len(seen)}",
        "rule": rule.text if rule else "",
        "rule_where": f"{rule.backend}, table {rule.table}, chain {rule.chain}"
        if rule
        else "",
        "remove_rule": deletion(rule) if rule else "",
        "beyond": "" if rule else "yes",
        "limits": "",
    }
    said = f"{len(lost)} of {len(seen)} are lost behind {' and '.join(places)}"
    key = "limit" if rule is not None and limits(rule) else "lost"
    return Ruling(key, said, Mark.BAD, tuple(evidence), values)


def _patience_ms(many: Repeated) -> int:
    """How long an answer is waited for: by how long answers took a moment ago."""
    at_once = [a.connect_ms for a in many.working if not resent(a.connect_ms)]
    if not at_once:
        return LONGEST_MS
    return round(min(max(median(at_once) * TIMES_AS_LONG, SHORTEST_MS), LONGEST_MS))


def _end(found: Attempted) -> str:
    """Where the probe, or the answer to it, was seen for the last time."""
    told = found.replies or found.forward
    return where(told[-1]) if told else f"{found.connection.place.label} itself"


def _taking(scene: Scene, lost: list[Attempted]) -> list[Rule]:
    """The refusing rules that fit the probe and counted every one that was lost.

    They may have counted others too: a rule that takes packets at random takes those of
    connections that came about as well.
    """
    focus = scene.focus
    inner = (focus.inner_address or focus.address, focus.inner_port or focus.port)
    source = lost[0].connection.source
    protocol = scene.case.target.protocol.value

    def fits(rule: Rule) -> bool:
        return rule.refuses and (
            rule.concerns(source, focus.address, focus.port, protocol)
            or rule.concerns(source, *inner, protocol)
        )

    def key(rule: Rule) -> tuple[object, ...]:
        return (rule.place, rule.backend, rule.table, rule.chain, rule.text)

    counted = [
        {key(h.rule): h.rule for h in found.hits if h.rule is not None and fits(h.rule)}
        for found in lost
    ]
    return [r for k, r in counted[0].items() if all(k in rest for rest in counted)]
