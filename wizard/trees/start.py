"""The beginning of every walk: who asks, what the name means, what a try brings."""

from __future__ import annotations

from netwiz.probes.facts import (
    Container,
    Failed,
    Failure,
    NameOutcome,
    NamespaceIdentity,
    Outcome,
    Resolution,
    State,
)
from netwiz.probes.requests import IdentifyNamespace, Resolve
from netwiz.wizard.case import ClientKind, Symptom
from netwiz.wizard.scene import Focus, Scene, Unseen
from netwiz.wizard.tree import (
    Branch,
    Node,
    Ruling,
    Skip,
    fault,
    undetermined,
)
from netwiz.wizard.trees.attempts import Try, asleep, first_failing, tries
from netwiz.wizard.trees.names.slow import is_slow
from netwiz.wizard.trees.pinged import by_ping
from netwiz.wizard.trees.stalls.queue import paused_values
from netwiz.wizard.trees.words import dial
from netwiz.wizard.verdict import Mark

OUTSIDE_ASSUMED = (
    "a client beyond this machine was stood in for by the host itself; "
    "what lies between the two was not looked at"
)


def who_asks(scene: Scene) -> Ruling:
    """The client, as the engine knows it."""
    kind = scene.case.client.kind
    if kind is ClientKind.OUTSIDE:
        return Ruling(
            "here", "from outside; the host stands in", assumptions=(OUTSIDE_ASSUMED,)
        )
    if kind is not ClientKind.CONTAINER:
        return Ruling("here", "yes")
    client, snapshot = scene.client, scene.snapshot
    if client is None and snapshot.engine is None:
        raise Unseen(Failed(kind=Failure.ENGINE, what=snapshot.missing))
    if client is None or client.state is State.REMOVING:
        return Ruling("gone", "the engine no longer has it", Mark.BAD)
    if not client.running:
        return Ruling(
            "stopped", f"it is {client.state}", Mark.BAD, focus=Focus(server=client)
        )
    if client.state is State.PAUSED:
        return Ruling("paused", "it is paused: nothing in it runs", Mark.BAD)
    values = {"client_is_container": "yes"}
    return (
        Ruling("here", f"up since {client.started_at:%H:%M:%S}", values=values)
        if (client.started_at)
        else Ruling("here", "it runs", values=values)
    )


def rides(scene: Scene) -> Ruling:
    """Whether a client in another's namespace is in the one that the other has now."""
    client = scene.client
    owners = scene.snapshot.find(client.rides_on) if client else ()
    if client is None or not owners:
        return Ruling("own", "it has its own", quiet=True)
    owner = owners[0]
    if not owner.pid:
        return Ruling("own", f"its owner {owner.name} does not run", Mark.ODD)
    mine, theirs = scene.look_all(
        (IdentifyNamespace(client.place), IdentifyNamespace(owner.place)),
        NamespaceIdentity,
    )
    if mine.inode == theirs.inode:
        return Ruling("own", f"shared with {owner.name}, and the same")
    return Ruling(
        "dead",
        f"not the one that {owner.name} has now",
        Mark.BAD,
        evidence=(
            f"{client.name} is in network namespace {mine.inode}, {owner.name} in "
            f"{theirs.inode}, though {client.name} was started in {owner.name}'s",
        ),
        values={"rider": client.name, "owner": owner.name},
    )


def meaning(scene: Scene) -> Ruling:
    """What the target's name is for the application."""
    host = scene.case.target.host
    found = scene.look(Resolve(scene.place, host), Resolution)
    listed = ", ".join(found.addresses)
    values = {"addresses": listed, "name_outcome": found.outcome.value}
    if found.outcome.ok and found.addresses:
        how = {
            NameOutcome.LITERAL: "an address",
            NameOutcome.HOSTS: f"{listed} (hosts file)",
        }.get(found.outcome, listed)
        literal = found.outcome is NameOutcome.LITERAL
        if scene.case.target.name_only:
            values["worked"] = f"the name is {listed}"
            if by_ping(scene.case):
                return Ruling("pinged", how, values=values)
        if is_slow(found):
            how += f", after {found.took_ms / 1000:.1f} s"
            return Ruling("slow", how, Mark.ODD, values=values)
        doubted = scene.case.symptom in (Symptom.DNS, Symptom.SLOW)
        doubted = doubted or scene.case.intermittent
        if doubted and found.outcome is NameOutcome.ANSWERED:
            return Ruling("doubted", how, values=values)
        return Ruling("found", how, values=values, quiet=literal)
    values["symptom"] = "dns"
    asked = ", ".join(found.files.servers) or "no server"
    said = f"{found.outcome.value} ({asked})"
    evidence = tuple(
        f"{a.server} on {a.question} {a.record}: {a.outcome.value}"
        for a in found.answers[:6]
    )
    return Ruling("nothing", said, Mark.BAD, evidence, values)


def reach(scene: Scene) -> Ruling:
    """What a connection meets, at each address that the name has."""
    made = tries(scene)
    values = {"tried": str(len(made))}
    working = [t for t in made if t.found.connection.works]
    paused = next((p for t in working if (p := asleep(scene, t))), None)
    if paused is not None:
        return _accepted_asleep(paused, working[0])
    if len(working) == len(made):
        link = made[0].found.connection
        values["worked"] = f"connected to {link.address} in {link.connect_ms:.1f} ms"
        more = f", all {len(made)} addresses" if len(made) > 1 else ""
        return Ruling(
            "works", values["worked"] + more, values=values, focus=made[0].focus
        )
    if working:
        bad = [t.link.address for t in made if t not in working]
        return Ruling(
            "some",
            f"{len(working)} of {len(made)} addresses answer; not {', '.join(bad)}",
            Mark.BAD,
            values=values,
            focus=first_failing(made).focus,
        )
    worst = first_failing(made)
    link = worst.link
    values |= {"address": link.address, "outcome": link.outcome.value}
    values["spot"] = dial(link.address, link.port)
    key = {
        Outcome.REFUSED: "refused",
        Outcome.SILENT: "silent",
        Outcome.TIMEOUT: "timeout",
        Outcome.HOST_UNREACHABLE: "unreachable",
        Outcome.NET_UNREACHABLE: "unreachable",
        Outcome.CONNECTED: "hung_up",
    }.get(link.outcome, "other")
    values["symptom"] = {"hung_up": "reset", "silent": "", "other": ""}.get(key, key)
    said = f"{link.outcome.value} {link.errno_name}".strip()
    if key == "hung_up":
        said = f"accepted, then {link.after.value}"
    where = f"{link.address} port {link.port}"
    values["reached"] = key
    return Ruling(
        key if key == "silent" else "failed",
        f"{said} at {where} after {link.connect_ms:.1f} ms",
        Mark.BAD,
        evidence=(f"from {scene.place.label}: {where}: {said}",),
        values=values,
        focus=worst.focus,
    )


def _accepted_asleep(paused: Container, tried: Try) -> Ruling:
    link = tried.link
    said = f"{link.address} accepts, but {paused.name} is paused"
    return Ruling(
        "paused",
        said,
        Mark.BAD,
        evidence=(f"{paused.name} is paused (State.Paused)",),
        values=paused_values(paused, link.address),
        focus=tried.focus,
    )


NODES = (
    Node(
        "client",
        "can {client} be looked at?",
        who_asks,
        {
            "here": Branch("it runs", "rides"),
            "stopped": Branch("it does not run", "stopped"),
            "paused": Branch(
                "it is paused",
                undetermined(
                    "{client} is paused: nothing in it can ask or wait for an answer",
                    "docker unpause {client!q}, then diagnose again",
                ),
            ),
            "gone": Branch(
                "it is gone",
                undetermined(
                    "{client} is gone: the engine has removed it",
                    "create it again, then diagnose again",
                ),
            ),
        },
    ),
    Node(
        "rides",
        "is {client}'s network namespace alive?",
        rides,
        {
            "own": Branch("yes", "meaning"),
            "dead": Branch(
                "no, its owner has another by now",
                fault("shared-netns-owner-restarted"),
                (
                    Skip(
                        "what does the name mean?", "nothing can be reached from there"
                    ),
                ),
            ),
        },
    ),
    Node(
        "meaning",
        "what does {host} mean to {client}?",
        meaning,
        {
            "found": Branch("an address", "found_name"),
            "pinged": Branch("an address, and only ping was tried", "pinged"),
            "slow": Branch("an address, but it took long", "slow_name"),
            "doubted": Branch(
                "an address now, though names are doubted", "name_unsteady"
            ),
            "nothing": Branch("nothing", "overlay_names"),
        },
    ),
    Node(
        "reach",
        "what does a connection to {target} meet?",
        reach,
        {
            "works": Branch(
                "it works",
                "worked",
                (Skip("who listens? which rule refuses?", "the connection works"),),
            ),
            "some": Branch("some addresses answer", "replicas"),
            "failed": Branch("it fails", "platform"),
            "paused": Branch(
                "it is accepted for a paused container",
                fault("container-paused"),
            ),
            "silent": Branch("sent, nothing came back (UDP)", "silent"),
        },
    ),
)
