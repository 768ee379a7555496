"""Slow, though every connection comes about at once: what holds it back?

Queues and throttling are read before and after a few requests of our own, so that what
is blamed has happened now; a limit that nothing runs into is none.
"""

from __future__ import annotations

from netwiz.probes.facts import (
    HOST,
    Asked,
    Conversation,
    Finding,
    NameQuestions,
    Place,
    Queue,
    Queues,
    Repeated,
)
from netwiz.probes.requests import (
    Converse,
    ReadQueues,
    Repeat,
    Request,
    WatchAsking,
)
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import HEALTHY, Branch, Node, Ruling, fault, undetermined
from netwiz.wizard.trees.unsteady.pressure import pressure, throttling
from netwiz.wizard.trees.words import dial, in_container, server_name
from netwiz.wizard.verdict import Mark

TIMES = 3
SLOW_MS = 1000.0
"""To the first byte, or for the whole answer: less is no complaint by itself."""
PATIENCE_MS = 7000
"""A resolver gives a dead server 5 s (resolv.conf(5), timeout)."""
HELD_MS = 800.0
"""A question to a name server that stays open for longer was not answered promptly."""


def pace(scene: Scene) -> Ruling:
    """What a few requests of our own take, and what they run into."""
    places = tuple(
        dict.fromkeys(
            p for p in (HOST, scene.place, scene.focus.place) if p is not None
        )
    )
    queues = scene.look_all(tuple(ReadQueues(p) for p in places), Queues)
    pressure(scene)
    said = _exchange(scene)
    after = scene.look_all(tuple(ReadQueues(p, nth=2) for p in places), Queues)
    values = {
        "address": scene.focus.address,
        "spot": dial(scene.focus.address, scene.focus.port),
        "server": server_name(scene),
        "took": said.words,
        "worked": said.words,
    }
    shaped = _shaped(queues, after, places)
    if shaped is not None and said.slow:
        return _at_a_shaper(*shaped, said, values)
    throttled = throttling(scene, 3)
    if throttled is not None:
        lines = (throttled[0], *said.lines)
        words = throttled[1]
        return Ruling("throttled", words["throttle"], Mark.BAD, lines, values | words)
    if said.waited and said.slow:
        return _asks_in_vain(scene, said, values)
    if not said.slow:
        return Ruling("fine", said.words, Mark.GOOD, said.lines, values)
    return Ruling("server", said.words, Mark.ODD, said.lines, values)


class _Said:
    """What our requests brought."""

    def __init__(self) -> None:
        self.slow = False
        self.words = ""
        self.lines: tuple[str, ...] = ()
        self.waited: tuple[Asked, ...] = ()
        """Questions of the server to its name server that nobody answered promptly."""


def _exchange(scene: Scene) -> _Said:
    """A few requests where HTTP is spoken; else the connections made before count."""
    told = _Said()
    focus = scene.focus
    if scene.case.target.scheme != "http" or focus.place is None:
        many = _many(scene)
        times = sorted(a.connect_ms for a in many.working) if many else [0.0]
        told.words = f"connecting took {times[len(times) // 2]:.1f} ms, in the middle"
        told.slow = bool(times) and times[len(times) // 2] > SLOW_MS / 4
        told.lines = (told.words,)
        return told
    talks = [scene.look(_converse(scene, n), Conversation) for n in range(2, TIMES + 1)]
    first = [t.first_ms for t in talks if t.received]
    whole = [t.took_ms for t in talks if t.received]
    if first and min(whole) > SLOW_MS:
        # Slow each time: see who waits for what meanwhile.
        budget_ms = min(PATIENCE_MS, int(max(whole) * 1.1) // 100 * 100 + 200)
        asked: tuple[Request, ...] = (
            _converse(scene, 1),
            WatchAsking(focus.place, budget_ms),
        )
        found = scene.look_all(asked, Finding)
        talks += [f for f in found if isinstance(f, Conversation)]
        questions = (f for f in found if isinstance(f, NameQuestions))
        told.waited = tuple(
            a for q in questions for a in q.asked if a.open_ms >= HELD_MS
        )
    told.slow = bool(whole) and min(whole) > SLOW_MS
    if not whole:
        told.words = "connecting is prompt; a request was not answered"
        return told
    told.words = (
        f"first byte after {min(first):.0f} to {max(first):.0f} ms, the whole answer "
        f"({max(t.received for t in talks)} bytes) after {min(whole):.0f} to "
        f"{max(whole):.0f} ms"
    )
    told.lines = (f"{len(talks)} requests to {server_name(scene)}: {told.words}",)
    return told


def _converse(scene: Scene, nth: int) -> Converse:
    focus = scene.focus
    return Converse(
        scene.place,
        focus.address,
        focus.port,
        host=scene.case.target.host,
        server=focus.place,
        server_port=focus.inner_port or focus.port,
        budget_ms=PATIENCE_MS,
        nth=40 + nth,
    )


def _many(scene: Scene) -> Repeated | None:
    asked = (r for r in scene.findings if isinstance(r, Repeat))
    wanted = next((r for r in asked if r.address == scene.focus.address), None)
    return scene.look(wanted, Repeated) if wanted is not None else None


def _shaped(
    before: tuple[Queues, ...], after: tuple[Queues, ...], places: tuple[Place, ...]
) -> tuple[Place, Queue, Queue] | None:
    """A queue with a rate that held packets back or dropped them meanwhile."""
    for place, old, new in zip(places, before, after, strict=True):
        for now in new.queues:
            was = old.of(now.device, now.handle)
            if not now.rate or was is None:
                continue
            held = now.overlimits - was.overlimits, now.dropped - was.dropped
            if max(held) > 0 or now.backlog > 0:
                return place, was, now
    return None


def _at_a_shaper(
    place: Place,
    was: Queue,
    now: Queue,
    said: _Said,
    values: dict[str, str],
) -> Ruling:
    home = "this host" if place == HOST else place.label
    text = (
        f"{now.kind} on {now.device} of {home} lets {now.rate_text} through: meanwhile "
        f"it held back {now.overlimits - was.overlimits} times, dropped "
        f"{now.dropped - was.dropped} packets, and {now.backlog} bytes wait"
    )
    enter = "" if place == HOST else in_container(place.label)
    values |= {
        "queue": f"{now.kind} on {now.device} of {home}",
        "rate": now.rate_text,
        "queue_home": home,
        "remove_queue": f"{enter}tc qdisc del dev {now.device} root",
    }
    answer = f"a queue that lets {now.rate_text} through, on {now.device} of {home}"
    return Ruling("shaped", answer, Mark.BAD, (text, *said.lines), values)


def _asks_in_vain(scene: Scene, said: _Said, values: dict[str, str]) -> Ruling:
    asked = max(said.waited, key=lambda a: a.open_ms)
    who = asked.process or server_name(scene)
    text = (
        f"while it was to answer, {who} in {server_name(scene)} waited "
        f"{asked.open_ms / 1000:.1f} s for the name server {asked.server}"
    )
    values |= {"dead": asked.server, "process": who}
    answer = f"the server waits for the name server {asked.server}"
    return Ruling("resolving", answer, Mark.BAD, (text, *said.lines), values)


NODES = (
    Node(
        "pace",
        "what holds it back?",
        pace,
        {
            "fine": Branch("nothing, it is fast", HEALTHY),
            "shaped": Branch("a queue with a limit", fault("bandwidth-saturated")),
            "throttled": Branch(
                "the server's share of the processor", fault("container-cpu-starved")
            ),
            "resolving": Branch(
                "the server asks a name server in vain",
                fault("server-reverse-dns-slow"),
            ),
            "server": Branch(
                "the server itself takes its time",
                undetermined(
                    "{server} accepts at once and then takes its time: {took}; no "
                    "queue on this machine was full, and its processor share was not "
                    "used up",
                    "look into {server}: its log, its database, its own upstreams",
                ),
            ),
        },
    ),
)
