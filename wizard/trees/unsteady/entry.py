"""Slow, or only at times: many probes instead of one."""

from __future__ import annotations

from netwiz.probes.facts import Container, Outcome, Repeated, Restarts
from netwiz.probes.requests import CountRestarts, Repeat
from netwiz.wizard.case import Symptom
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Branch, Node, Ruling, fault, undetermined
from netwiz.wizard.trees.attempts import Try, taps_for, tries
from netwiz.wizard.trees.refused.entry import two_owners
from netwiz.wizard.trees.refused.not_listening import restart_values
from netwiz.wizard.trees.unsteady.loss import loss
from netwiz.wizard.trees.unsteady.pressure import pressure
from netwiz.wizard.trees.words import dial, server_name
from netwiz.wizard.verdict import Mark

PROBES = 20
"""Of twenty probes a fault that takes one in five is missed by all once in a hundred
times; who suspects a rarer one asks for more (--repeat)."""


def spread(scene: Scene) -> tuple[tuple[Try, Repeated], ...]:
    """Many probes at each address of the target."""
    made = tries(scene)
    count = scene.case.repeat or PROBES
    requests = tuple(
        Repeat(
            scene.place,
            t.focus.address,
            t.focus.port,
            scene.case.target.protocol,
            count,
            counters=taps_for(scene, t.focus),
        )
        for t in made
    )
    return tuple(zip(made, scene.look_all(requests, Repeated), strict=True))


def unsteady(scene: Scene) -> Ruling:
    """What many probes bring, address by address."""
    pressure(scene)
    brought = spread(scene)
    lines = tuple(_line(scene, t, found) for t, found in brought)
    troubled = [(t, f) for t, f in brought if f.failed or f.late]
    if not troubled:
        key = "collision" if _projects(scene, brought) else "steady"
        said = "; ".join(lines)
        values = {"spread": said, "worked": said}
        return Ruling(key, said, Mark.GOOD, lines, values)
    tried, found = max(troubled, key=lambda one: len(one[1].failed))
    values = {
        "address": tried.focus.address,
        "spot": dial(tried.focus.address, tried.focus.port),
        "server": server_name(scene.at(tried.focus)),
        "spread": found.spread,
        "symptom": "slow",
    }
    key = _kind(brought, found)
    said = "; ".join(lines)
    return Ruling(key, said, Mark.BAD, lines, values, focus=tried.focus)


def _kind(brought: tuple[tuple[Try, Repeated], ...], found: Repeated) -> str:
    owners = {_holder(t) for t, _ in brought}
    whole = not found.working
    if whole and len(owners) > 1 and any(f.working for _, f in brought):
        return "replica"
    if whole:
        return "broken"
    answered = [a for a in found.failed if a.outcome is not Outcome.TIMEOUT]
    return "flaps" if len(answered) > len(found.failed) / 2 else "loss"


def _holder(tried: Try) -> str:
    server = tried.focus.server
    return server.id if server else tried.focus.address


def _line(scene: Scene, tried: Try, found: Repeated) -> str:
    name = server_name(scene.at(tried.focus))
    named = found.address if name == found.address else f"{found.address} ({name})"
    return f"{named}: {found.spread}"


def _projects(scene: Scene, brought: tuple[tuple[Try, Repeated], ...]) -> bool:
    """Whether one name leads to containers that have nothing to do with each other."""
    servers = [t.focus.server for t, _ in brought if t.focus.server is not None]
    kinds = set(map(_kin, servers))
    return scene.case.intermittent and len(kinds) > 1


def collision(scene: Scene) -> Ruling:
    """Several containers answer to the name: are they the same thing?"""
    servers = [t.focus.server for t, _ in spread(scene) if t.focus.server is not None]
    host = scene.case.target.host
    evidence = tuple(
        f"{host} is {c.name} at {', '.join(c.addresses)} ({_whose(c)})" for c in servers
    )
    names = " and ".join(c.name for c in servers)
    first, second = servers[0], next(c for c in servers if _kin(c) != _kin(servers[0]))
    mine = scene.client.project if scene.client else ""
    if mine and second.project == mine != first.project:
        first, second = second, first
    network = scene.shares_network(first, second)
    unique = next((a for a in _names(first) if a not in _names(second)), first.name)
    values = {
        "owners": names,
        "owners_text": "; ".join(f"{c.name} ({_whose(c)})" for c in servers),
        "unique": unique,
        "intruder": second.name,
        "network": network,
        "can_rename": "yes" if network else "",
        "unique_alias": f"{second.project or second.name}-{host}",
    }
    return Ruling("strangers", f"no: {names}", Mark.BAD, evidence, values)


def _kin(container: Container) -> tuple[str, str]:
    return container.project, container.service or container.image


def _names(container: Container) -> tuple[str, ...]:
    aliases = (a for net in container.attachments for a in net.aliases)
    return tuple(a for a in (container.name, *aliases) if a)


def _whose(container: Container) -> str:
    if container.project:
        return f"project {container.project}, service {container.service}"
    return f"image {container.image}"


def flaps(scene: Scene) -> Ruling:
    """Answered at times, refused at others: who changes?"""
    server = scene.focus.server
    if server is not None:
        runs = scene.look(CountRestarts(server.id), Restarts)
        if runs.deaths > 1:
            return Ruling(
                "restarts",
                f"{server.name} ended {runs.deaths} times lately",
                Mark.BAD,
                evidence=(
                    f"{server.name} was restarted {runs.count} times (RestartCount), "
                    f"with {runs.deaths} die events within "
                    f"{runs.window_s / 60:.0f} minutes; last exit code "
                    f"{runs.last_exit}",
                ),
                values=restart_values(server, runs),
            )
    owners = two_owners(scene) if server is not None else None
    if owners is not None and owners.branch == "two":
        return owners
    said = f"nothing that was looked at changes at {server_name(scene)}"
    return Ruling("unknown", said, Mark.ODD)


def after_it(scene: Scene) -> Ruling:
    """Where the walk goes on once connecting has proven steady."""
    case = scene.case
    if case.symptom is Symptom.TLS or case.target.scheme == "https":
        return Ruling("tls", "TLS", quiet=True)
    if case.symptom in (Symptom.RESET, Symptom.TIMEOUT):
        return Ruling("exchange", "what follows the handshake", quiet=True)
    if case.symptom is Symptom.SLOW or case.target.scheme == "http":
        return Ruling("pace", "how fast it goes on", quiet=True)
    return Ruling("enough", "nothing", quiet=True)


NODES = (
    Node(
        "unsteady",
        "what do many probes bring?",
        unsteady,
        {
            "steady": Branch("every one of them is answered at once", "after_many"),
            "collision": Branch("answers, from several containers", "strangers"),
            "replica": Branch("one address never answers", fault("one-dead-replica")),
            "loss": Branch("some are lost, or late by a repeated SYN", "loss"),
            "flaps": Branch("some are refused or hung up on", "flaps"),
            "broken": Branch(
                "none is answered any more",
                undetermined(
                    "{spot} was answered a moment ago and is not now: {spread}",
                    "diagnose again: it fails for good by now",
                ),
            ),
        },
    ),
    Node(
        "strangers",
        "are the containers behind {host} the same service?",
        collision,
        {"strangers": Branch("no", fault("alias-collision"))},
    ),
    Node(
        "flaps",
        "who comes and goes?",
        flaps,
        {
            "restarts": Branch("the server", fault("container-restart-loop")),
            "two": Branch("two containers have the address", fault("duplicate-ip")),
            "unknown": Branch(
                "nobody who is known",
                undetermined(
                    "{spot} answers at times only ({spread}), and nothing that was "
                    "looked at explains it",
                    "a limit in the service itself? its log at the time of a failure "
                    "would tell",
                ),
            ),
        },
    ),
    Node(
        "loss",
        "where are the packets lost?",
        loss,
        {
            "queue": Branch("at the server: its accept queue", "queue"),
            "throttled": Branch(
                "at the server, which may hardly run", fault("container-cpu-starved")
            ),
            "tracking": Branch("in connection tracking", fault("conntrack-snat-race")),
            "table": Branch(
                "by a full connection tracking table", fault("conntrack-table-full")
            ),
            "two": Branch("two containers have the address", fault("duplicate-ip")),
            "limit": Branch("at a rule with a limit", fault("rate-limited")),
            "lost": Branch("on the way", fault("packet-loss")),
            "unknown": Branch(
                "it could not be told",
                undetermined(
                    "probes to {spot} get lost at times ({spread}); where, was not "
                    "seen: the ones that were watched got through",
                    "netwiz diagnose {client!q} {target!q} --repeat 200",
                ),
            ),
        },
    ),
    Node(
        "after_many",
        "what else was complained of?",
        after_it,
        {
            "tls": Branch("TLS", "tls"),
            "exchange": Branch("what is said after connecting", "exchange"),
            "pace": Branch("that it is slow", "pace"),
            "enough": Branch("nothing", "served"),
        },
    ),
)
