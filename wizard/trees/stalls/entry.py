"""Connected, and then: silence, a reset, an end. Who is to blame?"""

from __future__ import annotations

from netwiz.probes.facts import Conversation, Ending, Outcome
from netwiz.probes.requests import Converse
from netwiz.wizard.case import Symptom
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import HEALTHY, Branch, Node, Ruling, fault, undetermined
from netwiz.wizard.trees.stalls.queue import BRANCHES, taken, why_full
from netwiz.wizard.trees.words import server_name
from netwiz.wizard.verdict import Mark

LARGE = 3000
"""Bytes of words that need more than one packet of any usual size."""
BUDGET_MS = 2500


def words_of(scene: Scene) -> str:
    """What a client of this scheme would say first; nothing where that is unknown."""
    case = scene.case
    if case.target.scheme == "https" or case.symptom is Symptom.TLS:
        return "tls"
    return "http" if case.target.scheme == "http" else "silence"


def opening(scene: Scene, size: int = 0) -> Converse:
    """A conversation with what the focus is about."""
    focus = scene.focus
    return Converse(
        scene.place,
        focus.address,
        focus.port,
        words_of(scene),
        scene.case.target.host,
        server=focus.place,
        server_port=focus.inner_port or focus.port,
        size=size,
        budget_ms=BUDGET_MS,
    )


def complains(scene: Scene) -> bool:
    """Whether the person named a symptom that a working connection can have."""
    return scene.case.symptom in (Symptom.RESET, Symptom.TIMEOUT)


def exchange(scene: Scene) -> Ruling:
    """What the first words bring."""
    if words_of(scene) == "silence":
        return Ruling("quiet", "nothing can be said without knowing how", quiet=True)
    asked = opening(scene)
    found = scene.look(asked, Conversation)
    if found.ending is Ending.COMPLETE and complains(scene) and asked.words == "http":
        # A small question that is answered says nothing of large ones.
        large = scene.look(opening(scene, size=LARGE), Conversation)
        if large.ending in (Ending.SILENCE, Ending.RESET):
            found = large
    values = {"server": server_name(scene), "address": scene.focus.address}
    values |= {"said": _said(found), "first_line": found.first_line}
    values["words_size"] = str(LARGE if found.sent >= LARGE else 0)
    if found.ending is Ending.COMPLETE:
        values["worked"] = f"answered in {found.first_ms:.0f} ms: {found.first_line}"
        if found.words == "tls":
            values["worked"] = f"answered in {found.first_ms:.0f} ms"
        return Ruling("fine", values["worked"], values=values)
    if found.outcome is not Outcome.CONNECTED:
        return Ruling("changed", f"now {found.outcome.value}", Mark.ODD, values=values)
    key = {Ending.RESET: "reset", Ending.EOF: "ended"}.get(found.ending, "silent")
    values["symptom"] = "timeout" if key == "silent" else "reset"
    evidence = (
        f"from {scene.place.label}: {found.sent} bytes said to {scene.focus.address} "
        f"port {scene.focus.port}: {values['said']}",
    )
    return Ruling(key, values["said"], Mark.BAD, evidence, values)


def _said(found: Conversation) -> str:
    came = f"{found.received} bytes came"
    if found.promised > found.received:
        came += f" of {found.promised}"
    if not found.received:
        came = "not a byte came back"
    seconds = f"{found.took_ms / 1000:.1f} s"
    return {
        Ending.RESET: f"{came}, then a reset ({found.errno_name}) after {seconds}",
        Ending.EOF: f"{came}, then the connection was closed after {seconds}",
        Ending.SILENCE: f"{came}, then silence for {seconds}",
    }.get(found.ending, f"{came} in {seconds}")


NODES = (
    Node(
        "served",
        "does the service take the connection?",
        taken,
        {**BRANCHES, "fine": Branch("yes", HEALTHY)},
    ),
    Node(
        "exchange",
        "what do the first words bring?",
        exchange,
        {
            "fine": Branch("an answer", "pool"),
            "quiet": Branch("nothing is said", "pool"),
            "silent": Branch("silence", "queue"),
            "reset": Branch("a reset", "cut_off"),
            "ended": Branch("an end without an answer", "queue"),
            "changed": Branch(
                "no connection this time",
                undetermined(
                    "{address} accepted a connection and a moment later did not",
                    "repeat the probe: a fault that comes and goes needs several",
                ),
            ),
        },
    ),
    Node(
        "why_full",
        "does anything keep it from accepting?",
        why_full,
        {
            "paused": BRANCHES["paused"],
            "files": BRANCHES["files"],
            "slow": Branch(
                "not that is seen; it is too slow, or hangs",
                fault("accept-backlog-full"),
            ),
        },
    ),
    Node(
        "queue",
        "does the service take its connections?",
        taken,
        {**BRANCHES, "fine": Branch("yes", "stuck")},
    ),
)
