"""What remains when nothing was refused: works now, works partly, lost, silent."""

from __future__ import annotations

from datetime import timedelta

from netwiz.probes.facts import (
    Attempted,
    Connection,
    Container,
    LogErrors,
    Restarts,
)
from netwiz.probes.requests import CountRestarts, ReadLogErrors
from netwiz.wizard.case import Symptom
from netwiz.wizard.path import fate, where
from netwiz.wizard.scene import Scene, Unseen
from netwiz.wizard.tree import HEALTHY, Branch, Node, Ruling, fault, undetermined
from netwiz.wizard.trees.attempts import Try, counted, plain_try, tries
from netwiz.wizard.trees.not_listening import LOOPING_DEATHS, restart_values
from netwiz.wizard.trees.words import (
    YOUNG_S,
    age_s,
    listed,
    server_name,
    sockets_of,
    uptime,
)
from netwiz.wizard.verdict import Mark

RECENT_S = 180.0
"""A server started this lately may have been asked too early."""


def worked(scene: Scene) -> Ruling:
    """Whether a connection that works now failed a while ago, and why."""
    server = scene.focus.server
    if server is not None and server.restart_count:
        runs = scene.look(CountRestarts(server.id), Restarts)
        if runs.deaths > LOOPING_DEATHS:
            return Ruling(
                "looping",
                f"{server.name} runs at the moment, restarted {runs.count} times",
                Mark.BAD,
                evidence=(
                    f"{server.name} was restarted {runs.count} times (RestartCount), "
                    f"with {runs.deaths} die events within ten minutes; last exit code "
                    f"{runs.last_exit}",
                ),
                values=restart_values(server, runs),
            )
    if scene.from_outside:
        return Ruling("outside", "it works from the host itself")
    complained = scene.case.symptom in (
        Symptom.REFUSED,
        Symptom.RESET,
        Symptom.TIMEOUT,
    )
    if not complained or server is None or scene.client is None:
        return Ruling("healthy", "it works")
    if age_s(server, scene) > RECENT_S or server.started_at is None:
        return Ruling("healthy", f"it works, and {server.name} is up for long")
    return _asked_too_early(scene, server, scene.client)


def _asked_too_early(scene: Scene, server: Container, client: Container) -> Ruling:
    started = server.started_at
    log = scene.try_look(ReadLogErrors(client.id), LogErrors)
    if log is None or started is None:
        return Ruling("healthy", "it works")
    until = started + timedelta(seconds=RECENT_S)
    names = {scene.case.target.host, *server.addresses}
    early = [
        line
        for line in log.lines
        if started <= line.at <= until and any(n in line.text for n in names)
    ]
    if not early:
        return Ruling("healthy", "it works, and the log holds no error since its start")
    first = early[0]
    after = (first.at - started).total_seconds()
    race = f"refused {after:.1f} s after {server.name}'s start, and accepted now"
    return Ruling(
        "early",
        race,
        Mark.BAD,
        evidence=(f"{client.name}'s log: {first.text}", race),
        values={
            "server": server.name,
            "inner_port": str(scene.focus.inner_port or scene.focus.port),
            "uptime": uptime(server, scene),
            "race": race,
        },
    )


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
    evidence = tuple(f"{_named(t)}: {_said(t.link)}" for t in made)
    if scene.owner(worst.link.address).kind == "loopback":
        if made[0].link.works:
            return Ruling("first_works", "the first address works", Mark.ODD, evidence)
        return Ruling(
            "loopback", f"{worst.link.address} fails", Mark.BAD, evidence, values
        )
    owners = {t.focus.server.id if t.focus.server else t.link.address for t in made}
    if len(owners) == 1:
        if made[0].link.works and scene.case.symptom is None:
            return Ruling("first_works", "the first address works", Mark.ODD, evidence)
        table = scene.sockets(worst.focus.place)
        port = worst.focus.inner_port
        values |= {
            "server": server_name(scene.at(worst.focus)),
            "listeners": sockets_of(table.on(port)),
            "inner_port": str(port),
            "address": worst.link.address,
            "family": "IPv6" if ":" in worst.link.address else "IPv4",
        }
        return Ruling(
            "family", f"{worst.link.address} fails", Mark.BAD, evidence, values
        )
    return _one_dead(scene, worst, good, values, evidence)


def _one_dead(
    scene: Scene,
    worst: Try,
    good: list[Try],
    values: dict[str, str],
    evidence: tuple[str, ...],
) -> Ruling:
    dead = worst.focus.server
    port = worst.focus.inner_port or worst.focus.port
    reason = _said(worst.link)
    if dead is not None:
        try:
            table = scene.sockets(worst.focus.place)
        except Unseen:
            table = None
        if table is not None and not table.on(port):
            reason += f"; it listens on {listed(table.listeners)}"
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
    return Ruling("replica", f"{name} does not answer", Mark.BAD, evidence, values)


def _named(tried: Try) -> str:
    server = tried.focus.server
    return f"{tried.link.address} ({server.name})" if server else tried.link.address


def _said(link: Connection) -> str:
    if link.works:
        return "answers"
    if link.hung_up:
        return f"accepted, then {link.after.value}"
    return f"{link.outcome.value} {link.errno_name}".strip()


def lost(scene: Scene) -> Ruling:
    """How far a probe came that got no answer, or an error from on the way."""
    found = scene.look(counted(scene, scene.focus), Attempted)
    last = found.forward[-1] if found.forward else None
    seen = (
        f"last seen at {where(last)}" if last else "no packet of it was seen anywhere"
    )
    evidence = [f"the probe: {fate(found)}"]
    for hit in found.hits:
        if hit.rule is not None and hit.rule.refuses:
            evidence.append(
                f"the rule `{hit.rule.text}` in {hit.rule.place.label} counted "
                f"+{hit.packets} meanwhile"
            )
        elif hit.policy is not None and hit.policy.policy == "DROP":
            evidence.append(
                f"policy DROP of {hit.policy.chain} counted +{hit.packets} meanwhile"
            )
    link = found.connection
    values = {
        "address": link.address,
        "fate": fate(found),
        "last_seen": seen,
        "rules": "; ".join(evidence[1:]) or "no refusing rule counted it",
    }
    return Ruling("here", seen, Mark.ODD, tuple(evidence), values)


def silent(scene: Scene) -> Ruling:
    """A datagram without an answer: did it arrive, and would somebody read it?"""
    focus, found = scene.focus, scene.attempted
    port = focus.inner_port or focus.port
    values = {"address": focus.address, "server": server_name(scene)}
    if focus.place is None:
        return Ruling(
            "unknown", "nobody known has that address", Mark.ODD, values=values
        )
    held = scene.sockets(focus.place).accepting(
        focus.inner_address or focus.address, port, "udp"
    )
    arrived = [s for s in found.forward if s.place == focus.place]
    if held and arrived:
        values["worked"] = (
            f"the datagram reached {server_name(scene)}, where {listed(held)} reads it"
        )
        return Ruling(
            "arrived",
            values["worked"],
            values=values,
            assumptions=(
                "UDP has no answer of its own: that the datagram arrived at an open "
                "socket is all that can be seen from here",
            ),
        )
    seen = where(found.forward[-1]) if found.forward else "nowhere"
    said = f"last seen at {seen}; open there: {sockets_of(held)}"
    return Ruling("unknown", said, Mark.ODD, (said,), values)


def again(scene: Scene) -> Ruling:
    """One more try, since nothing explains the refusal."""
    server = scene.focus.server
    link = scene.look(plain_try(scene, scene.focus, nth=3), Attempted).connection
    values = {"address": scene.focus.address, "outcome": link.outcome.value}
    values["server"] = server_name(scene)
    young = server is not None and age_s(server, scene) <= YOUNG_S * 4
    if link.works and young and server is not None:
        race = "refused a moment ago, accepted now"
        values |= {"race": race, "uptime": uptime(server, scene)}
        values["inner_port"] = str(scene.focus.inner_port or scene.focus.port)
        return Ruling("opened", race, Mark.BAD, (f"{server.name}: {race}",), values)
    if link.works:
        return Ruling("changes", "accepted now", Mark.ODD, values=values)
    return Ruling("still", _said(link), Mark.ODD, values=values)


NODES = (
    Node(
        "worked",
        "did it fail before?",
        worked,
        {
            "healthy": Branch("nothing says so", HEALTHY),
            "early": Branch(
                "yes, right after the server's start", fault("startup-race")
            ),
            "looping": Branch(
                "yes, the server keeps ending", fault("container-restart-loop")
            ),
            "outside": Branch("it works from the host itself", "forwarded"),
        },
    ),
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
            "replica": Branch("several servers", fault("one-dead-replica")),
            "first_works": Branch("the first one works", HEALTHY),
        },
    ),
    Node(
        "lost",
        "how far did the packet come?",
        lost,
        {
            "here": Branch(
                "as far as was seen",
                undetermined(
                    "{client} to {target}: {fate}; {last_seen}; {rules}",
                    "the tree of this symptom is not complete yet: the path and the "
                    "counters above are where to look",
                ),
            ),
        },
    ),
    Node(
        "silent",
        "did the datagram arrive?",
        silent,
        {
            "arrived": Branch("yes, at an open socket", HEALTHY),
            "unknown": Branch(
                "not seen",
                undetermined(
                    "a datagram to {address} got no answer and was not seen at an open "
                    "socket",
                    "is a service bound to that UDP port in {server}?",
                ),
            ),
        },
    ),
    Node(
        "again",
        "is it still refused?",
        again,
        {
            "opened": Branch(
                "no, the server has opened its port", fault("startup-race")
            ),
            "changes": Branch(
                "no",
                undetermined(
                    "{address} refused and then accepted, and nothing seen explains it",
                    "repeat the probe: a fault that comes and goes needs several",
                ),
            ),
            "still": Branch(
                "yes",
                undetermined(
                    "{address} is {outcome}, though {server} listens there and no rule "
                    "counted the probe",
                    "the service itself may hang up: its log, its limits and its "
                    "allow-list would tell",
                ),
            ),
        },
    ),
)
