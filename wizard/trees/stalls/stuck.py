"""Silence though the service takes connections: size, words, or the service itself?

Three conversations that differ in one thing each tell them apart: the same words again
under watch, the same in small segments (only the size differs), and others of the same
length (only the content differs). Whether words arrived is what the other side's kernel
confirms, whatever the application does.
"""

from __future__ import annotations

from dataclasses import replace

from netwiz.probes.facts import (
    Conversation,
    Ending,
    Outcome,
    Restarts,
    Segment,
)
from netwiz.probes.requests import Converse, CountRestarts
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Branch, Node, Ruling, fault, undetermined
from netwiz.wizard.trees.attempts import taps_for
from netwiz.wizard.trees.refused.not_listening import LOOPING_DEATHS, restart_values
from netwiz.wizard.trees.stalls.entry import opening
from netwiz.wizard.trees.stalls.rule import common_rule, rule_values
from netwiz.wizard.trees.words import server_name
from netwiz.wizard.verdict import Mark

AGAIN_MS = 1300
"""For each further conversation: lost segments are sent again three times in that."""
SMALL_MSS, SMALL_MSS6 = 536, 1220
"""Segments that every IPv4 host and every IPv6 path must take (RFC 9293, RFC 8200)."""


def failing(scene: Scene) -> Converse:
    """The conversation that went wrong."""
    return opening(scene, size=int(scene.values.get("words_size", "0")))


def watched(scene: Scene, nth: int = 2) -> Converse:
    """The same again, heard at every hop and with the rules' counters around it."""
    taps = taps_for(scene, scene.focus)
    return replace(
        failing(scene), taps=taps, counters=taps, nth=nth, budget_ms=AGAIN_MS
    )


def smaller(scene: Scene) -> Conversation:
    """The same in small segments: only the size differs."""
    mss = SMALL_MSS6 if ":" in scene.focus.address else SMALL_MSS
    return scene.look(replace(watched(scene, 3), mss=mss, taps=()), Conversation)


def otherwise(scene: Scene) -> Conversation:
    """Other words of the same length: only the content differs."""
    return scene.look(replace(watched(scene, 4), other=True, taps=()), Conversation)


def stuck(scene: Scene) -> Ruling:
    """Where words or answer are lost, if either is."""
    first = scene.look(failing(scene), Conversation)
    if first.ending is Ending.EOF:
        return _ended(scene, first)
    again = scene.look(watched(scene), Conversation)
    if again.outcome is not Outcome.CONNECTED or again.ending is Ending.COMPLETE:
        return Ruling("changes", "not this time", Mark.ODD)
    far = again.far
    if again.heard and far is not None and not far.unacked:
        return _arrived(scene, first, again)
    small = smaller(scene)
    lost = _lost(scene, again)
    if _better(small, again):
        # A service may have been slow twice and quick by now: the large must fail on.
        once_more = replace(failing(scene), nth=5, budget_ms=AGAIN_MS)
        if scene.look(once_more, Conversation).ending is Ending.COMPLETE:
            return Ruling("changes", "not this time", Mark.ODD)
        return _by_size(scene, again, small, lost)
    if _streams(again):
        return _open_end(again)
    # Words that were confirmed did arrive: what others bring is the service's affair.
    on_the_way = not again.heard or (far is not None and far.unacked > 0)
    if on_the_way:
        other = otherwise(scene)
        if _better(other, again):
            return _by_words(scene, again, small, other, lost)
    if again.heard and far is None and not again.received:
        return Ruling(
            "unseen_end", "the words arrived; what became of them is not seen", Mark.ODD
        )
    return Ruling("unknown", lost, Mark.ODD, (lost,), {"lost": lost})


def _better(trial: Conversation, found: Conversation) -> bool:
    """Whether more came through than in the one that failed."""
    if trial.outcome is not Outcome.CONNECTED:
        return False
    if not found.heard:
        return trial.heard
    # Answered or hung up on, where there was silence; or further into the answer.
    over = trial.ending in (Ending.COMPLETE, Ending.EOF)
    return over or trial.received > found.received


def _lost(scene: Scene, found: Conversation) -> str:
    """What was sent again and again, in words."""
    if not found.heard:
        what, size = (
            "the words",
            max((s.size for s in _data(found, from_client=True)), default=0),
        )
    else:
        what = "the answer"
        size = max((s.size for s in _data(found, from_client=False)), default=0)
    times = found.info.total_retransmits
    if found.heard and found.far is not None:
        times = found.far.retransmits
    shown = f"{what} of {server_name(scene)} " if found.heard else "the words "
    shown += f"({size} bytes in the largest segment) " if size else ""
    where = _last_seen(found)
    seen = f"; last seen at {where}" if where else ""
    return f"{shown}were sent {times + 1} times and never confirmed{seen}"


def _data(found: Conversation, *, from_client: bool) -> list[Segment]:
    return [s for s in found.segments if s.size and s.from_client is from_client]


def _last_seen(found: Conversation) -> str:
    lost = [s for s in found.segments if s.size and s.from_client is not found.heard]
    again = [s for s in lost if s.times > 1] or lost
    return f"{again[-1].place.label} {again[-1].device}" if again else ""


def _arrived(scene: Scene, first: Conversation, again: Conversation) -> Ruling:
    """Confirmed by the server's kernel, and nothing is under way back."""
    far = again.far
    name = server_name(scene)
    if _streams(again):
        return _open_end(again)
    values = {"server": name, "process": far.process if far else ""}
    if far is not None and far.unread and first.far is not None and first.far.unread:
        waited = f"{again.took_ms / 1000:.1f} s"
        who = far.process or "no process"
        line = (
            f"{far.unread} bytes wait unread at the socket of {name} for {waited}, in "
            f"two connections of two; it is held by {who}"
        )
        holder = far.process or "the service"
        values |= {"queued": "2", "watched": waited, "process": holder}
        values |= {"listener": f"port {scene.focus.inner_port or scene.focus.port}"}
        values |= {"backlog": "", "server_process": ""}
        server = scene.focus.server
        values["server_container"] = server.name if server else ""
        return Ruling("unread", line, Mark.BAD, (line,), values)
    took = f"{again.sent} bytes reached {name}, whose service has read them"
    return Ruling("thinks", f"{took} and says nothing", Mark.ODD, (took,), values)


def _streams(found: Conversation) -> bool:
    """An answer of no announced length that goes on, as event streams do."""
    over = found.far is None or not found.far.unacked
    return bool(found.received) and found.promised < 0 and over


def _open_end(found: Conversation) -> Ruling:
    said = f"answered in {found.first_ms:.0f} ms, and goes on: {found.first_line}"
    return Ruling("streams", said, values={"worked": said, "symptom": ""})


def _by_size(
    scene: Scene,
    again: Conversation,
    small: Conversation,
    lost: str,
) -> Ruling:
    rule = common_rule(scene, (again,), ())
    line = (
        f"the same words in segments of at most {small.info.mss or SMALL_MSS} bytes "
        f"come through ({small.received} bytes of answer, {again.received} before)"
    )
    evidence = [lost, line]
    if rule is not None and rule.unknown:
        evidence.append(f"the rule `{rule.text}` counted each time it failed")
    values = rule_values(rule if rule is not None and rule.unknown else None)
    return Ruling("size", line, Mark.BAD, tuple(evidence), values)


def _by_words(
    scene: Scene,
    again: Conversation,
    small: Conversation,
    other: Conversation,
    lost: str,
) -> Ruling:
    rule = common_rule(scene, (again, small), (other,))
    line = (
        f"{other.sent} other bytes on the same way are confirmed at once; these "
        f"{again.sent} are not, nor in smaller segments"
    )
    evidence = [lost, line]
    if rule is not None:
        evidence.append(
            f"the rule `{rule.text}` counted each time it failed, and not with other "
            "words"
        )
    return Ruling("words", line, Mark.BAD, tuple(evidence), rule_values(rule))


def _ended(scene: Scene, found: Conversation) -> Ruling:
    restarts = restarting(scene)
    if restarts is not None:
        return restarts
    took = f"{found.took_ms:.0f} ms"
    line = f"{server_name(scene)} closed after {found.received} bytes and {took}"
    return Ruling("ended", line, Mark.ODD, (line,), {"server": server_name(scene)})


def restarting(scene: Scene) -> Ruling | None:
    """A server whose runs keep ending takes its connections with it."""
    server = scene.focus.server
    if server is None or not server.restart_count:
        return None
    runs = scene.look(CountRestarts(server.id), Restarts)
    if runs.deaths < LOOPING_DEATHS:
        return None
    said = f"{server.name} ended {runs.deaths} times within ten minutes"
    return Ruling("restarts", said, Mark.BAD, (said,), restart_values(server, runs))


NOT_AGAIN = undetermined(
    "{said} at {address}, and not when it was tried again",
    "repeat the probe: a fault that comes and goes needs several",
)

NODES = (
    Node(
        "stuck",
        "where are words or answer lost?",
        stuck,
        {
            "size": Branch("on the way, where they are large", "path"),
            "words": Branch("on the way, for what they say", fault("dpi-silent-drop")),
            "unread": Branch(
                "at the service, which reads nothing", fault("app-hung-not-accepting")
            ),
            "restarts": Branch(
                "with the service, which keeps ending", fault("container-restart-loop")
            ),
            "streams": Branch("nowhere: it answers, and goes on", "pool"),
            "thinks": Branch(
                "nowhere: the service has them",
                undetermined(
                    "{address} took the words and has not answered ({said}): the "
                    "network carried them, and what the service does with them is not "
                    "to be seen from outside",
                    "the log of {server}, and what it waits for itself, would tell",
                ),
            ),
            "ended": Branch(
                "nowhere: the service hangs up",
                undetermined(
                    "{server} takes the connection and closes it: {said}; the network "
                    "carried both",
                    "its own log, its limits and its allow-list would tell why",
                ),
            ),
            "unseen_end": Branch(
                "where it cannot be seen",
                undetermined(
                    "{address} confirmed the words and does not answer ({said}); what "
                    "the service does is not to be seen from here",
                    "look at the server itself: is the service at work, and does its "
                    "answer leave it?",
                ),
            ),
            "unknown": Branch(
                "somewhere, whatever is said",
                undetermined(
                    "{lost}; neither smaller segments nor other words come through",
                    "the path above is where to look, behind its last hop",
                ),
            ),
            "changes": Branch("not again", NOT_AGAIN),
        },
    ),
)
