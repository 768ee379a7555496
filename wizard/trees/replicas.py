"""A name with several addresses, of which some fail."""

from __future__ import annotations

from netwiz.probes.facts import Attempted, Outcome
from netwiz.wizard.scene import Scene, Unseen
from netwiz.wizard.tree import HEALTHY, Also, Branch, Node, Ruling, fault
from netwiz.wizard.trees.attempts import Try, plain_try, said_of, tries
from netwiz.wizard.trees.refused.listening import listening
from netwiz.wizard.trees.second import behind
from netwiz.wizard.trees.unreachable.family import only_ipv4
from netwiz.wizard.trees.words import server_name
from netwiz.wizard.verdict import Mark

_AGAIN = (6, 7, 8)
"""Further tries before silence is called death: of two in five that are lost at random,
three in a row are lost in six of a hundred."""


def replicas(scene: Scene) -> Ruling:
    """Several addresses, of which some fail: one thing's families, or many things?"""
    made = tries(scene)
    bad = [t for t in made if not t.link.works]
    good = [t for t in made if t.link.works]
    worst = bad[0]
    values = {
        "addresses": ", ".join(t.link.address for t in made),
        "failing": worst.link.address,
        "working": good[0].link.address,
    }
    evidence = tuple(f"{_named(t)}: {said_of(t.link)}" for t in made)
    if scene.owner(worst.link.address).kind == "loopback":
        if made[0].link.works:
            return _first_works(worst, evidence)
        return Ruling(
            "loopback", f"{worst.link.address} fails", Mark.BAD, evidence, values
        )
    if (lost := only_ipv4(scene, made)) is not None:
        return lost
    owners = {t.focus.server.id if t.focus.server else t.link.address for t in made}
    if len(owners) == 1 and made[0].link.works and scene.case.symptom is None:
        return _first_works(worst, evidence)
    refused = worst.link.outcome is Outcome.REFUSED
    about = scene.at(worst.focus)
    known = worst.focus.place is not None
    heard = listening(about) if refused and known else None
    if refused and (heard is None or heard.branch == "accepts"):
        values |= {"server": server_name(about), "address": worst.link.address}
        said = f"{values['server']} listens, yet {worst.link.address} is refused"
        return Ruling("rule", said, Mark.BAD, evidence, values, focus=worst.focus)
    if worst.link.outcome is Outcome.TIMEOUT and _answers_again(scene, worst):
        said = f"{worst.link.address} answers when it is asked again"
        return Ruling("unsteady", said, Mark.ODD, evidence)
    if len(owners) > 1:
        return _one_dead(scene, worst, good, values, evidence)
    if heard is None:
        return Ruling(
            "lost", said_of(worst.link), Mark.BAD, evidence, focus=worst.focus
        )
    values |= {**heard.values, "address": worst.link.address}
    said = f"{worst.link.address} fails: {heard.answer}"
    lines = (*heard.evidence, *evidence)
    return Ruling("family", said, Mark.BAD, lines, values, focus=worst.focus)


def _answers_again(scene: Scene, worst: Try) -> bool:
    """Whether one that kept silent once was not dead: its packet was lost."""
    again = tuple(plain_try(scene, worst.focus, nth=nth) for nth in _AGAIN)
    return any(t.connection.works for t in scene.look_all(again, Attempted))


def _first_works(worst: Try, evidence: tuple[str, ...]) -> Ruling:
    address = worst.link.address
    return Ruling(
        "first_works",
        "the first address works",
        Mark.ODD,
        evidence,
        values={"worked": f"its first address works, though {address} does not"},
        assumptions=(
            f"the application tries the addresses in order: one that takes {address} "
            f"sees it {said_of(worst.link)}",
        ),
    )


def _one_dead(
    scene: Scene,
    worst: Try,
    good: list[Try],
    values: dict[str, str],
    evidence: tuple[str, ...],
) -> Ruling:
    dead = worst.focus.server
    reason = said_of(worst.link)
    also: tuple[Also, ...] = ()
    if dead is not None:
        reason, also = _why_dead(scene.at(worst.focus), reason)
    alive = ", ".join(
        t.focus.server.name if t.focus.server else t.link.address for t in good
    )
    network = ""
    if dead is not None:
        network = next(
            (a.network for a in dead.attachments if worst.link.address in a.addresses),
            "",
        )
    name = dead.name if dead else worst.link.address
    values |= {
        "dead": name,
        "dead_address": worst.link.address,
        "dead_reason": reason,
        "dead_network": network,
        "alive_text": f"{alive} {'answers' if len(good) == 1 else 'answer'}",
    }
    said = f"{name} does not answer"
    return Ruling("replica", said, Mark.BAD, evidence, values, also=also)


def _why_dead(scene: Scene, reason: str) -> tuple[str, tuple[Also, ...]]:
    """What is wrong with the replica itself, if its listeners tell."""
    try:
        heard = listening(scene)
    except Unseen:
        return reason, ()
    if heard.branch == "accepts":
        return reason, ()
    if heard.branch == "nothing":
        return f"{reason}; it listens on {heard.values['others']}", ()
    on = f"{reason}; it listens on {heard.values['listeners']} only"
    return on, behind(scene, heard)


def _named(tried: Try) -> str:
    server = tried.focus.server
    return f"{tried.link.address} ({server.name})" if server else tried.link.address


NODES = (
    Node(
        "replicas",
        "what do the addresses have in common?",
        replicas,
        {
            "loopback": Branch(
                "two families of one loopback", fault("localhost-resolves-ipv6-first")
            ),
            "family": Branch(
                "two families of one server", fault("listens-on-other-family")
            ),
            "aaaa": Branch(
                "two families, of which IPv6 is lost",
                fault("aaaa-preferred-unreachable"),
            ),
            "replica": Branch("several servers", fault("one-dead-replica")),
            "rule": Branch("nothing: one of them is refused on the way", "whom"),
            "lost": Branch("one server; one address is lost on the way", "lost"),
            "unsteady": Branch("nothing: it answers now", "unsteady"),
            "first_works": Branch("the first one works", HEALTHY),
        },
    ),
)
