"""A name that resolves, but not to what was meant, or not for every program."""

from __future__ import annotations

from netwiz.probes.facts import (
    Answer,
    Attempted,
    Container,
    NameOutcome,
    OwnerKind,
    Resolution,
    ServerAnswer,
    owners_of_name,
)
from netwiz.probes.facts.upstreams import EMBEDDED
from netwiz.probes.requests import AskServer
from netwiz.wizard.case import Symptom
from netwiz.wizard.scene import Focus, Scene, Unseen
from netwiz.wizard.tree import HEALTHY, Also, Branch, Node, Ruling, fault
from netwiz.wizard.trees.attempts import focus_on, plain_try, tries
from netwiz.wizard.trees.names.words import lookup, nearest, shared
from netwiz.wizard.verdict import Mark

NO_SUCH_HOST = "netwiz-asks-for-no-such-host"
"""Only a wildcard record has an address for it."""


def found_name(scene: Scene) -> Ruling:
    """Whether an address that was found is one for every program, and the right one."""
    found = lookup(scene)
    musl = for_musl(scene, found)
    if musl is not None:
        return musl
    if not scene.case.target.name_only:
        return Ruling("address", "an address", quiet=True)
    wrong = stale_hosts(scene, found) or stranger(scene, found)
    return wrong or Ruling("alone", "that is all that was asked", quiet=True)


def for_musl(scene: Scene, found: Resolution) -> Ruling | None:
    """Whether musl's resolver gives up where glibc's goes on.

    musl reads the two answers in the order of the questions and takes NXDOMAIN or
    SERVFAIL in either for the whole answer (lookup_name.c, name_from_dns).
    """
    if found.files.libc != "musl" or scene.case.symptom not in (None, Symptom.DNS):
        return None
    good = next((a for a in found.answers if a.addresses), None)
    if good is None or found.outcome is not NameOutcome.ANSWERED:
        return None
    fatal = (NameOutcome.NXDOMAIN, NameOutcome.SERVFAIL)
    bad = next(
        (
            a
            for a in found.answers
            if (a.question, a.server) == (good.question, good.server)
            and a.outcome in fatal
        ),
        None,
    )
    if bad is None:
        return None
    name = scene.place.label
    return Ruling(
        "musl",
        f"for glibc, but not for musl: {bad.record} is {bad.outcome.value}",
        Mark.BAD,
        evidence=(
            f"{good.server} on {good.question} {good.record}: "
            f"{', '.join(good.addresses[:4])}; on {bad.record}: {bad.outcome.value}",
            f"{name} has musl's loader: its programs take that {bad.outcome.value} for "
            "the whole answer",
        ),
        values={
            "bad_record": bad.record,
            "bad_outcome": bad.outcome.value,
            "good_record": good.record,
            "dns_server": good.server,
            "symptom": "dns",
        },
    )


def stranger(scene: Scene, found: Resolution) -> Ruling | None:
    """Whether somebody outside has answered to a container's name."""
    if found.outcome is not NameOutcome.ANSWERED or scene.client is None:
        return None
    kinds = {scene.owner(a).kind for a in found.addresses}
    if kinds != {OwnerKind.ELSEWHERE}:
        return None
    right = next(a for a in found.answers if a.addresses)
    host = scene.case.target.host.rstrip(".")
    if "." in host:
        return None
    if right.question.rstrip(".") == host:
        return _leaked(scene, scene.client, found, right)
    return _hijacked(scene, scene.client, found, right)


def _hijacked(
    scene: Scene, client: Container, found: Resolution, right: Answer
) -> Ruling | None:
    """A wildcard below a search domain, where a container was meant."""
    host = scene.case.target.host
    meant = _meant(scene, client, host)
    if meant is None:
        return None
    server, why = meant
    domain = right.question.rstrip(".").removeprefix(f"{host.rstrip('.')}.")
    asked = AskServer(
        scene.place, right.server, f"{NO_SUCH_HOST}.{domain}", right.record
    )
    bare = AskServer(scene.place, right.server, host)
    wild, itself = scene.look_all((asked, bare), ServerAnswer)
    if not set(wild.addresses) & set(right.addresses):
        return None
    listed = ", ".join(right.addresses[:3])
    return Ruling(
        "hijack",
        f"{right.question} by the search list, a wildcard; {why}",
        Mark.BAD,
        evidence=(
            f"{host} became {right.question} by the search domain {domain}: {listed}",
            f"any name below {domain} is answered so: {asked.name} is "
            f"{', '.join(wild.addresses[:3])}; {host}. itself: {itself.said}",
            why,
        ),
        values={
            "domain": domain,
            "question": right.question,
            "stranger": right.addresses[0],
            "server": server.name,
            "meant": why,
            "search": " ".join(found.files.search),
        },
        also=_down(server),
    )


def _meant(scene: Scene, client: Container, host: str) -> tuple[Container, str] | None:
    """The container that a short name was most likely meant for, and why not it."""
    for server in owners_of_name(scene.snapshot, host):
        if not shared(client, server):
            continue
        if not server.running:
            return server, f"container {server.name} is {server.state}"
        return server, f"container {server.name} runs on {shared(client, server)[0]}"
    near = nearest(scene, client, host)
    if near is None:
        return None
    return near[0], f"{near[1]}, the nearest name on {near[2]}, is another one"


def _down(server: Container) -> tuple[Also, ...]:
    if server.running:
        return ()
    values = {
        "server": server.name,
        "state": server.state.value,
        "since": "",
        "exit_text": "",
    }
    line = f"{server.name} is {server.state} (exit code {server.exit_code})"
    return (Also("container-not-running", (line,), values),)


def _leaked(
    scene: Scene, client: Container, found: Resolution, right: Answer
) -> Ruling | None:
    """A container that is down: its name went on to whoever answers outside."""
    if EMBEDDED not in found.files.servers:
        return None
    host = scene.case.target.host.rstrip(".")
    down = [
        c
        for c in owners_of_name(scene.snapshot, host)
        if shared(client, c) and not c.running
    ]
    if not down:
        return None
    listed = ", ".join(right.addresses[:3])
    asked = scene.try_look(
        AskServer(scene.place, EMBEDDED, host, right.record, watch=True), ServerAnswer
    )
    to = ", ".join(asked.asked_on[:3]) if asked and asked.asked_on else "its upstream"
    server = down[0]
    return Ruling(
        "leak",
        f"{listed}, said by {to}: {server.name} itself is {server.state}",
        Mark.BAD,
        evidence=(
            f"{host} is {listed}, an address of no container and not of this host",
            f"the container {server.name} is {server.state}, so the engine's name "
            f"server passed the question on to {to}",
        ),
        values={
            "server": server.name,
            "leaked_to": to,
            "leak_text": f"They answered {listed}: a stranger.",
        },
        also=_down(server),
    )


def stale_hosts(scene: Scene, found: Resolution) -> Ruling | None:
    """Whether the hosts file leads past what the name is today."""
    if found.outcome is not NameOutcome.HOSTS or scene.client is None:
        return None
    old = found.addresses[0]
    kind = scene.owner(old).kind
    if kind is OwnerKind.LOOPBACK or not _fails(scene, old):
        return None
    client, host = scene.client, scene.case.target.host
    told = tuple(dict.fromkeys(a for one in found.answers for a in one.addresses))
    by = "DNS"
    if not told:
        told, by = _of_container(scene, client, host), "the engine"
    if not told or old in told:
        return None
    owner = scene.owner(old)
    # Where nobody has the old one, it is old whatever else is wrong with the new one.
    vacant = owner.kind is OwnerKind.NETWORK and scene.owner(told[0]).container
    if not vacant and not _works(scene, told[0]):
        return None
    linked = any(
        link.rpartition("/")[2] == host or link.partition(":")[0].strip("/") == host
        for link in client.links
    )
    values = {
        "old": old,
        "old_owner": owner.text,
        "now": ", ".join(told),
        "told_by": by,
        "linked": host,
        "server": scene.owner(told[0]).text.removeprefix("container "),
        "better": host,
        "stale_link": "yes" if linked else "",
    }
    server = scene.owner(told[0]).container
    if server is not None:
        values |= {"server": server.name, "server_address": told[0]}
    said = f"{old} by its hosts file, {told[0]} by {by}"
    return Ruling(
        "link" if linked else "hosts",
        said,
        Mark.BAD,
        evidence=(
            f"the hosts file of {client.name} says {host} is {old} ({owner.text})",
            f"{by} says {host} is {values['now']}",
            *_tried(scene, old, told[0]),
        ),
        values=values,
    )


def _fails(scene: Scene, address: str) -> bool:
    """Whether an address is of no use, by a connection or by nobody having it."""
    port = scene.case.target.port
    if port is None:
        return scene.owner(address).kind is OwnerKind.NETWORK
    return not _attempt(scene, address).connection.works


def _works(scene: Scene, address: str) -> bool:
    if scene.case.target.port is None:
        return scene.owner(address).kind is not OwnerKind.NETWORK
    return _attempt(scene, address).connection.works


def _attempt(scene: Scene, address: str) -> Attempted:
    for tried in tries(scene):
        if tried.link.address == address:
            return tried.found
    focus: Focus = focus_on(scene, address, scene.case.target.port or 0)
    return scene.look(plain_try(scene, focus, nth=5), Attempted)


def _tried(scene: Scene, old: str, now: str) -> tuple[str, ...]:
    port = scene.case.target.port
    if port is None:
        return ()
    failed, told = _attempt(scene, old).connection, _attempt(scene, now).connection
    met = "connects" if told.works else told.outcome.value
    return (f"port {port}: {old} {failed.outcome.value}, {now} {met}",)


def _of_container(scene: Scene, client: Container, host: str) -> tuple[str, ...]:
    """The address of the running container of that name, on a network in common."""
    for server in owners_of_name(scene.snapshot, host):
        for net in server.attachments if server.running else ():
            if net.network in shared(client, server) and net.ipv4:
                return (net.ipv4,)
    return ()


def not_meant(scene: Scene) -> Ruling | None:
    """For a connection that failed: whether the name led it to the wrong address."""
    found = lookup(scene)
    try:
        return stale_hosts(scene, found) or stranger(scene, found)
    except Unseen:
        return None


NODES = (
    Node(
        "found_name",
        "is that so for every program, and right?",
        found_name,
        {
            "address": Branch("as far as names go", "reach"),
            "alone": Branch("yes, and that is all that was asked", HEALTHY),
            "musl": Branch("not for programs with musl", fault("dns-musl-behaviour")),
            "hosts": Branch("its hosts file is out of date", fault("etc-hosts-stale")),
            "link": Branch(
                "an old --link is out of date", fault("legacy-link-missing")
            ),
            "hijack": Branch(
                "a wildcard below a search domain", fault("dns-search-hijack")
            ),
            "leak": Branch(
                "an answer from outside to a container's name",
                fault("dns-name-leaks-upstream"),
            ),
        },
    ),
)
