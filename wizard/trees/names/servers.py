"""A name that is no container's: each name server asked by itself, and held together.

The engine's own server hides what lies behind it: an upstream server that refuses looks
like one that is silent, and one that is dead costs four seconds. So each is asked from
where the client stands and from the host, over UDP and over TCP.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from netwiz.probes.facts import (
    HOST,
    NameOutcome,
    Origin,
    Outcome,
    Resolution,
    ResolverFiles,
    ServerAnswer,
    Upstreams,
)
from netwiz.probes.facts.upstreams import EMBEDDED, FALLBACK, loopback
from netwiz.probes.requests import AskServer
from netwiz.wizard.case import Target
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Branch, Node, Ruling, fault, undetermined
from netwiz.wizard.trees.attempts import focus_on, said_of, witnessed
from netwiz.wizard.trees.names.words import host_files, lookup, upstreams
from netwiz.wizard.trees.words import dial
from netwiz.wizard.verdict import Mark

MOST_SERVERS = 4
_WAYS = {
    Outcome.REFUSED: "way_refused",
    Outcome.TIMEOUT: "way_lost",
    Outcome.SILENT: "way_lost",
    Outcome.CONNECTED: "works",
}
"""Where it leads how an attempt at a server ended; elsewhere there is no way at all."""
PUBLIC = (
    *FALLBACK,
    *("1.1.1.1", "1.0.0.1", "9.9.9.9", "149.112.112.112"),
    *("208.67.222.222", "208.67.220.220"),
    *("2001:4860:4860::8888", "2001:4860:4860::8844", "2606:4700:4700::1111"),
)
"""Resolvers that anybody may ask, and that company networks therefore block."""


@dataclass(frozen=True)
class Heard:
    """What every server said that has to do with the name."""

    ups: Upstreams
    udp: dict[str, ServerAnswer]
    """By upstream server, asked from where the client stands."""
    tcp: dict[str, ServerAnswer]
    from_host: dict[str, ServerAnswer]
    """The same servers, asked from the host; empty where the client is there."""
    others: dict[str, ServerAnswer]
    """The host's own servers, asked from where the client stands."""
    hosts: dict[str, ServerAnswer]
    """The host's own servers, asked from the host."""
    files: ResolverFiles
    """The host's."""

    @property
    def first(self) -> ServerAnswer:
        """The first server's answer."""
        return next(iter(self.udp.values()))

    def dead(self) -> list[str]:
        """Upstream servers that said nothing over UDP."""
        return [s for s, a in self.udp.items() if not a.alive]

    def good(self) -> list[str]:
        """Servers in reach of the client that know the name, or at least answer."""
        all_ = {**self.udp, **self.others}
        known = [s for s, a in all_.items() if a.knows]
        return known or [s for s, a in all_.items() if usable(a)]


def usable(answer: ServerAnswer) -> bool:
    """Whether a server does its work, be it by saying that there is no such name."""
    wrong = (NameOutcome.REJECTED, NameOutcome.SERVFAIL)
    return answer.alive and answer.outcome not in wrong


def hear(scene: Scene, name: str = "") -> Heard:
    """Ask all of them, side by side."""
    name = name or scene.case.target.host.rstrip(".")
    place = scene.place
    ups = upstreams(scene)
    files = host_files(scene)
    servers = ups.servers[:MOST_SERVERS]
    own = () if place == HOST else files.servers[:MOST_SERVERS]
    udp = {s: AskServer(HOST if ups.from_host(s) else place, s, name) for s in servers}
    tcp = {s: replace(r, over_tcp=True) for s, r in udp.items()}
    beside = {} if place == HOST else {s: AskServer(HOST, s, name) for s in servers}
    more = [s for s in own if s not in servers and not loopback(s)]
    others = {s: AskServer(place, s, name) for s in more}
    hosts = {s: AskServer(HOST, s, name) for s in own}
    groups = (udp, tcp, beside, others, hosts)
    # All at once: the slowest, not their sum, is what a person waits for.
    every = tuple(dict.fromkeys(r for group in groups for r in group.values()))
    found = dict(zip(every, scene.look_all(every, ServerAnswer), strict=True))
    heard = [{s: found[r] for s, r in group.items()} for group in groups]
    return Heard(ups, heard[0], heard[1], heard[2], heard[3], heard[4], files)


def servers(scene: Scene) -> Ruling:
    """Which of the servers fails, and how."""
    heard = hear(scene)
    evidence = _evidence(scene, heard)
    values = _values(scene, heard)
    alive = [a for a in heard.udp.values() if a.alive]
    knows = [a for a in alive if a.knows]
    if knows:
        key, said = _one_knows(heard, knows[0])
    elif alive:
        key, said = _none_knows(heard, alive)
    else:
        key, said = _none_alive(heard)
    if key == "path":
        return _on_the_way(scene, heard, evidence, values)
    values["servers_said"] = said
    return Ruling(key, said, Mark.BAD, evidence, values)


def _one_knows(heard: Heard, answer: ServerAnswer) -> tuple[str, str]:
    """The name is known behind, yet does not come through."""
    server = answer.server
    if "tc" in answer.flags and not heard.tcp[server].alive:
        return "tcp", f"{server} has an answer too big for UDP, and TCP brings none"
    before = list(heard.udp)[: list(heard.udp).index(server)]
    dead = [s for s in before if not usable(heard.udp[s])]
    if dead:
        return "first_dead", f"{', '.join(dead)} fails, {server} behind it answers"
    return "engine", f"{server} knows it, and still it does not come through"


def _none_knows(heard: Heard, alive: list[ServerAnswer]) -> tuple[str, str]:
    """They answer, but without an address."""
    said = ", ".join(dict.fromkeys(f"{a.server}: {a.outcome.value}" for a in alive))
    if all(a.outcome is NameOutcome.REJECTED for a in alive):
        return "refuses", said
    known = [a for a in heard.hosts.values() if a.knows]
    if known:
        key = "loopback" if _stub_lost(heard) else "split"
        return key, f"{said}; but {known[0].server} tells the host {known[0].said}"
    if all(a.outcome is NameOutcome.SERVFAIL for a in alive):
        return "servfail", said
    return "nobody", said


def _stub_lost(heard: Heard) -> bool:
    """Whether the client was given others for the host's loopback server, or it."""
    if heard.ups.origin is Origin.CONTAINER:
        return all(map(loopback, heard.ups.servers))
    return heard.ups.origin is Origin.FALLBACK


def _none_alive(heard: Heard) -> tuple[str, str]:
    """No server says anything over UDP: dead, refusing, or not to be reached?"""
    said = ", ".join(f"{s}: {a.said}" for s, a in heard.udp.items())
    if _stub_lost(heard) and (
        all(map(loopback, heard.ups.servers))
        or any(a.alive for a in heard.hosts.values())
    ):
        return "loopback", said
    if any(a.alive for a in heard.from_host.values()):
        return "path", said
    refused = [a for a in heard.udp.values() if a.outcome is NameOutcome.REFUSED]
    if len(refused) == len(heard.udp):
        return "refuses", said
    # Whoever is answered by another server can send packets out: then it is these.
    elsewhere = any(a.alive for a in heard.others.values())
    by_tcp = any(
        a.alive or a.outcome is NameOutcome.REFUSED for a in heard.tcp.values()
    )
    if not (elsewhere or by_tcp or refused):
        return "path", said
    public = all(s in PUBLIC for s in heard.udp)
    own = any(usable(a) for a in heard.hosts.values())
    return ("public" if public and own else "dead"), said


def _on_the_way(
    scene: Scene, heard: Heard, evidence: tuple[str, ...], values: dict[str, str]
) -> Ruling:
    """No server is reached at all: not a matter of names, but of the way there.

    The walk goes on as for a connection to the server itself: over TCP, as that tells
    more, or with datagrams where TCP gets through.
    """
    server = next(
        (s for s, a in heard.from_host.items() if a.alive), next(iter(heard.udp))
    )
    about = _about(scene, server, "tcp")
    if about.attempted.connection.outcome is Outcome.CONNECTED:
        about = _about(scene, server, "udp")
    link = about.attempted.connection
    key = _WAYS.get(link.outcome, "way_closed")
    said = f"{dial(server, 53)} over {about.case.target.protocol.value.upper()}: "
    said += said_of(link)
    values |= {"address": server, "server": server, "spot": dial(server, 53)}
    values |= {"port": "53", "host": server, "outcome": link.outcome.value}
    values |= {"reached": "timeout", "servers_said": said}
    evidence = (f"from {scene.place.label}: {said}", *evidence)
    return Ruling(
        key,
        f"no name server is reached: {said}",
        Mark.BAD,
        evidence,
        values,
        focus=about.focus,
        case=about.case,
    )


def _about(scene: Scene, server: str, scheme: str) -> Scene:
    """The same walk, about the way to a name server."""
    case = replace(scene.case, target=Target(server, 53, scheme))
    about = replace(scene, case=case)
    focus = focus_on(about, server, 53)
    return about.at(replace(focus, attempt=witnessed(about, focus)))


def _evidence(scene: Scene, heard: Heard) -> tuple[str, ...]:
    who = scene.place.label
    lines = []
    for server, answer in heard.udp.items():
        line = f"{who} asks {server} directly: UDP {_short(answer)}"
        line += f", TCP {_short(heard.tcp[server])}"
        if server in heard.from_host:
            line += f"; the host asks it: UDP {_short(heard.from_host[server])}"
        lines.append(line)
    for server, answer in heard.others.items():
        lines.append(f"{who} asks {server}, which the host uses: {_short(answer)}")
    for server, answer in heard.hosts.items():
        if server not in heard.from_host:
            lines.append(f"the host asks {server}, which it uses: {_short(answer)}")
    if EMBEDDED in lookup(scene).files.servers:
        lines.append(
            f"behind 127.0.0.11 of {who} are {', '.join(heard.ups.servers)}, named by "
            f"{heard.ups.origin}"
        )
    return tuple(lines)


def _short(answer: ServerAnswer) -> str:
    cut = " (cut off: TC)" if "tc" in answer.flags else ""
    return f"{answer.said}{cut}"


def _values(scene: Scene, heard: Heard) -> dict[str, str]:
    dead = heard.dead() or [
        s for s, a in heard.udp.items() if a.outcome is NameOutcome.REJECTED
    ]
    own = ", ".join(heard.files.servers) or "none"
    good = [s for s in heard.good() if s not in heard.dead()]
    return {
        "dead": ", ".join(dead) or ", ".join(heard.udp),
        "host_servers": own,
        "refusal": heard.first.said,
        **origin_values(lookup(scene), heard.ups, good),
    }


def origin_values(found: Resolution, ups: Upstreams, good: list[str]) -> dict[str, str]:
    """Who named the servers, so where they are mended, and by which one."""
    better = good[0] if good else ""
    by_container = ups.origin is Origin.CONTAINER
    own = ups.origin is Origin.OWN
    return {
        "upstreams": ", ".join(ups.servers),
        "origin": str(ups.origin),
        "good": better or "<a name server that answers>",
        "engine_asks": "yes" if EMBEDDED in found.files.servers else "",
        "fix_container": "yes" if by_container else "",
        "fix_daemon": "" if by_container or own else "yes",
        "fix_own": "yes" if own else "",
    }


NODES = (
    Node(
        "upstreams",
        "what does each name server say of {host}?",
        servers,
        {
            "first_dead": Branch(
                "a dead one stands before one that answers",
                fault("dns-first-server-dead-slow"),
            ),
            "tcp": Branch(
                "the answer does not fit, and TCP is blocked",
                fault("dns-large-answer-tcp-blocked"),
            ),
            "refuses": Branch("they refuse", fault("dns-upstream-refuses")),
            "loopback": Branch(
                "the host's own is on its loopback",
                fault("dns-loopback-resolver-in-host"),
            ),
            "public": Branch(
                "public ones, which are blocked", fault("dns-8888-fallback-blocked")
            ),
            "dead": Branch("nothing, while others answer", fault("dns-upstream-dead")),
            "split": Branch(
                "no such name, while the host's knows it",
                fault("dns-split-horizon-vpn"),
            ),
            "way_refused": Branch("nothing: the way there is refused", "whom"),
            "way_lost": Branch("nothing: the way there is lost", "lost"),
            "way_closed": Branch("nothing: there is no way there", "unreachable"),
            "works": Branch(
                "nothing, though probes get there",
                undetermined(
                    "{client} gets no answer from the name server {server}, though "
                    "probes get there now ({servers_said})",
                    "repeat the diagnosis: a fault that comes and goes needs several",
                ),
            ),
            "engine": Branch(
                "one knows it",
                undetermined(
                    "{host} did not resolve for {client} ({name_outcome}), yet asked "
                    "directly its servers know it: {servers_said}",
                    "ask again; if it stays so, see [resolver] in the engine's log",
                ),
            ),
            "servfail": Branch(
                "they fail",
                undetermined(
                    "{host} did not resolve for {client}: {servers_said}",
                    "the zone's own name servers, or DNSSEC, are the server's trouble: "
                    "its log tells which",
                ),
            ),
            "nobody": Branch(
                "there is no such name",
                undetermined(
                    "{host} did not resolve for {client}: {name_outcome}; every name "
                    "server says so, the host's too ({servers_said})",
                    "is the name spelt as the container, alias or zone spells it?",
                ),
            ),
        },
    ),
)
