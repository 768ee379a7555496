"""Small worlds and the causes they lead to: names."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

from netwiz.probes import requests as ask
from netwiz.probes.facts import (
    Answer,
    Outcome,
    PortMapping,
    ResolverFiles,
    SocketTable,
    State,
    Stream,
)
from netwiz.wizard.case import Symptom
from tests.wizard.judge_table import Told, down
from tests.wizard.names_world import (
    AWAY,
    BRIDGE,
    DEAD,
    EMBEDDED,
    FILES,
    NEAR,
    OTHER,
    WEB,
    N,
    asking,
    dns,
    lookup,
    on,
    questions,
    told,
    works,
    world,
)
from tests.wizard.world import NETWORK, NOW, ORDER, PG, case, container, listener

FOUND = lookup(N.ANSWERED, (WEB,))
ON_BRIDGE = on(BRIDGE, ORDER, 3)
OLD = ResolverFiles(servers=(EMBEDDED,), hosts=(("172.18.0.250", ("pg",)),))
BY_HOSTS = lookup(
    N.HOSTS,
    ("172.18.0.250",),
    OLD,
    (Answer(EMBEDDED, "pg.", "A", N.ANSWERED, ("172.18.0.2",)),),
)
SEARCHED = Answer(EMBEDDED, "postgers.corp.test.", "A", N.ANSWERED, (WEB,))
SEARCHING = replace(FILES, search=("corp.test",))
POSTGRES = container("postgres", 7)
SLOW = (
    Answer(EMBEDDED, "example.test.a.local.", "A", N.NXDOMAIN, ms=900.0),
    Answer(EMBEDDED, "example.test.b.local.", "A", N.NXDOMAIN, ms=900.0),
    Answer(EMBEDDED, "example.test.", "A", N.ANSWERED, (WEB,), ms=3.0),
)
RACE = (
    Answer(EMBEDDED, "example.test.", "A", N.ANSWERED, (WEB,), ms=2.0),
    Answer(EMBEDDED, "example.test.", "AAAA", N.TIMEOUT, ms=4500.0),
)
MUSL = (
    Answer(EMBEDDED, "example.test.", "A", N.ANSWERED, (WEB,)),
    Answer(EMBEDDED, "example.test.", "AAAA", N.NXDOMAIN),
)
LATER = replace(PG, started_at=NOW - timedelta(minutes=1))
GATEWAY_FILES = ResolverFiles(
    servers=(EMBEDDED,), hosts=(("172.17.0.1", ("host.docker.internal",)),)
)


def holding(request: ask.ReadSockets) -> SocketTable:
    """A connection that is tried to where pg was."""
    stream = Stream("172.18.0.3", 40001, "172.18.0.66", 3000, "SYN-SENT")
    return SocketTable(place=request.place, streams=(stream,))


STALE = world(lookup(N.ANSWERED, ("172.18.0.2",)), others=(LATER,))
STALE = replace(
    STALE,
    outcomes={"172.18.0.2": Outcome.CONNECTED},
    connection=works,
    answers=cast("Any", {**STALE.answers, ask.ReadSockets: holding}),
)

TABLE: dict[str, Told] = {
    "default bridge": Told(
        "default-bridge-no-dns",
        world(lookup(), client=ON_BRIDGE, others=(on(BRIDGE, PG, 2),)),
    ),
    "linked to another": Told(
        "legacy-link-missing",
        world(
            lookup(),
            client=replace(ON_BRIDGE, links=("/cache:/order/cache",)),
            others=(on(BRIDGE, PG, 2),),
        ),
    ),
    "two projects": Told(
        "different-compose-projects",
        world(
            lookup(),
            client=replace(ORDER, project="shop"),
            others=(replace(on(OTHER, PG, 2, "pg"), project="data"),),
        ),
    ),
    "two networks": Told(
        "no-common-network", world(lookup(), others=(on(OTHER, PG, 2),))
    ),
    "a hostname is no alias": Told(
        "alias-missing",
        world(lookup(), others=(replace(PG, service="database"),)),
        case("database"),
    ),
    "port 53 is taken": Told(
        "port-53-conflict",
        replace(
            down(
                error="listen tcp4 0.0.0.0:53: bind: address already in use",
                requested=(PortMapping(53, "tcp", "", 53),),
            ),
            sockets={"host": (listener("127.0.0.1:53", "systemd-resolve"),)},
        ),
        case("pg", 53),
    ),
    "on no network": Told(
        "container-disconnected",
        world(
            lookup(N.TIMEOUT),
            client=replace(ORDER, attachments=(), network_mode="app"),
        ),
    ),
    "host.docker.internal": Told(
        "host-docker-internal-undefined",
        world(lookup()),
        case("host.docker.internal"),
    ),
    "a slip of the pen": Told(
        "wrong-target-address",
        world(
            lookup(),
            others=(PG, POSTGRES),
            sockets={"postgres": (listener("0.0.0.0:3000", owner=POSTGRES),)},
        ),
        case("postgers"),
    ),
    "down, and asked outside": Told(
        "container-not-running",
        world(
            lookup(),
            {("order", EMBEDDED): told(N.NXDOMAIN, asked_on=(NEAR,))},
            others=(replace(PG, state=State.EXITED, pid=0),),
        ),
        also=("dns-name-leaks-upstream",),
    ),
    "down, and answered outside": Told(
        "dns-name-leaks-upstream",
        world(
            FOUND,
            {("order", EMBEDDED): told(N.ANSWERED, WEB, asked_on=(NEAR,))},
            others=(replace(PG, state=State.EXITED, pid=0),),
        ),
        dns("pg"),
        also=("container-not-running",),
    ),
    "old line in the hosts file": Told(
        "etc-hosts-stale",
        world(
            BY_HOSTS,
            outcomes={
                "172.18.0.250": Outcome.HOST_UNREACHABLE,
                "172.18.0.2": Outcome.CONNECTED,
            },
            connection=works,
        ),
    ),
    "old line in the hosts file, and nothing listens": Told(
        "etc-hosts-stale",
        world(
            BY_HOSTS,
            outcomes={
                "172.18.0.250": Outcome.HOST_UNREACHABLE,
                "172.18.0.2": Outcome.REFUSED,
            },
        ),
    ),
    "old link": Told(
        "legacy-link-missing",
        world(BY_HOSTS, client=replace(ORDER, links=("/pg:/order/pg",))),
        dns("pg"),
    ),
    "another bridge's gateway": Told(
        "host-gateway-is-docker0",
        world(
            lookup(N.HOSTS, ("172.17.0.1",), GATEWAY_FILES, ()),
            client=on(NETWORK, ORDER, 3),
            sockets={"host": (listener("172.18.0.1:3000"),)},
        ),
        case("host.docker.internal"),
    ),
    "cached": Told("client-dns-cached-stale-ip", STALE),
    "wildcard": Told(
        "dns-search-hijack",
        world(
            lookup(
                N.ANSWERED, (WEB,), replace(FILES, search=("corp.test",)), (SEARCHED,)
            ),
            {("order", EMBEDDED): N.ANSWERED},
            others=(PG, POSTGRES),
        ),
        dns("postgers"),
    ),
    "upstream dead": Told(
        "dns-upstream-dead",
        world(
            lookup(N.TIMEOUT),
            {("order", NEAR): N.ANSWERED, ("host", NEAR): N.ANSWERED},
            client=asking(DEAD),
        ),
        dns(),
    ),
    "upstream refuses": Told(
        "dns-upstream-refuses",
        world(lookup(N.TIMEOUT), {("order", AWAY): N.REFUSED}, client=asking(AWAY)),
        dns(),
    ),
    "upstream answers REFUSED": Told(
        "dns-upstream-refuses",
        world(
            lookup(N.REJECTED),
            {("order", AWAY): N.REJECTED, ("host", AWAY): N.REJECTED},
            client=asking(AWAY),
        ),
        dns(),
    ),
    "first server dead": Told(
        "dns-first-server-dead-slow",
        world(
            lookup(N.ANSWERED, (WEB,), took_ms=4002.0),
            {("order", NEAR): N.ANSWERED},
            client=asking(DEAD, NEAR),
        ),
        dns(),
    ),
    "fallback of the engine": Told(
        "dns-loopback-resolver-in-host",
        world(
            lookup(N.TIMEOUT, files=replace(FILES, servers=("8.8.8.8", "8.8.4.4"))),
            {("host", "127.0.0.1"): N.ANSWERED},
            client=ON_BRIDGE,
            host=ResolverFiles(servers=("127.0.0.1",)),
        ),
        dns(),
    ),
    "public ones blocked": Told(
        "dns-8888-fallback-blocked",
        world(
            lookup(N.TIMEOUT),
            {("order", NEAR): N.ANSWERED, ("host", NEAR): N.ANSWERED},
            client=asking("8.8.8.8", "8.8.4.4"),
        ),
        dns(),
    ),
    "the host knows it": Told(
        "dns-split-horizon-vpn",
        world(
            lookup(),
            {
                ("order", AWAY): N.NXDOMAIN,
                ("host", AWAY): N.NXDOMAIN,
                ("host", NEAR): N.ANSWERED,
            },
            client=asking(AWAY),
        ),
        dns(),
    ),
    "does not fit": Told(
        "dns-large-answer-tcp-blocked",
        world(
            lookup(N.TIMEOUT),
            {("order", NEAR): told(N.ANSWERED, flags=("tc", "ra"))},
        ),
        dns(),
    ),
    "many questions": Told(
        "ndots-amplification",
        world(
            lookup(
                N.ANSWERED,
                (WEB,),
                replace(FILES, ndots=5, search=("a.local", "b.local")),
                SLOW,
                took_ms=1803.0,
            ),
            {("order", NEAR): N.ANSWERED},
        ),
        dns(),
    ),
    "one of two is lost": Told(
        "dns-conntrack-race-5s",
        world(
            lookup(N.ANSWERED, (WEB,), answers=RACE, took_ms=4500.0),
            {("order", EMBEDDED): N.ANSWERED, ("order", NEAR): N.ANSWERED},
            tracked={"insert_failed": 12},
        ),
        dns(),
    ),
    "for musl nothing": Told(
        "dns-musl-behaviour",
        world(lookup(N.ANSWERED, (WEB,), replace(FILES, libc="musl"), MUSL)),
        dns(),
    ),
    "silent at times": Told(
        "dns-upstream-dead",
        world(
            FOUND,
            {
                ("order", EMBEDDED): questions(EMBEDDED, 4, N.TIMEOUT),
                ("order", NEAR): questions(NEAR, 4, N.TIMEOUT),
            },
        ),
        dns(symptom=Symptom.DNS),
    ),
    "only the engine's own drops": Told(
        "dns-concurrency-limit",
        world(
            FOUND,
            {
                ("order", EMBEDDED): questions(EMBEDDED, 4, N.TIMEOUT),
                ("order", NEAR): questions(NEAR, 0, N.TIMEOUT),
            },
        ),
        dns(symptom=Symptom.DNS),
    ),
}
