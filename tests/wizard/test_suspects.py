"""Signs become suspects, or do not: every rule beside its healthy twin."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from netwiz.probes.facts import HOST
from netwiz.probes.facts.signs import SeenBy, Sign, SignKind
from netwiz.wizard.suspects.book import Book
from tests.wizard.suspects_world import (
    IN_ORDER,
    MACHINE,
    active,
    answered,
    at,
    counted,
    full,
    half_open,
    name_failed,
    no_route,
    refused,
    reported,
    seen,
    unanswered,
    waiting,
    worked,
)

FAULTS: dict[str, tuple[list[Sign], tuple[str, str, str]]] = {
    "refused again and again": (
        [refused(0), refused(1), refused(2)],
        ("order", "refused", "172.18.0.2:3000"),
    ),
    "refused to a client that tries rarely": (
        [refused(0), refused(5)],
        ("order", "refused", "172.18.0.2:3000"),
    ),
    "refused on its own loopback, the first one only counted": (
        [
            counted(0.4),
            refused(1, 5432, "127.0.0.1", "127.0.0.1", IN_ORDER),
            refused(2, 5432, "127.0.0.1", "127.0.0.1", IN_ORDER),
        ],
        ("order", "refused", "127.0.0.1:5432"),
    ),
    "a SYN that is repeated": (
        [half_open(0.6, 0.6, 1), half_open(2.1, 2.1, 1)],
        ("order", "timeout", "172.18.0.2:3000"),
    ),
    "a client that gives up after a second": (
        [half_open(0.6, 0.6, 1), half_open(1.6, 0.6, 2)],
        ("order", "timeout", "172.18.0.2:3000"),
    ),
    "nobody answers ARP": (
        [
            replace(half_open(0.6, 0.6, 1, "172.18.0.9"), kind=SignKind.UNREACHABLE),
            replace(half_open(1.6, 0.6, 2, "172.18.0.9"), kind=SignKind.UNREACHABLE),
        ],
        ("order", "unreachable", "172.18.0.9:3000"),
    ),
    "accepted by nobody": (
        [waiting(2, 2.1), waiting(2.5, 2.6)],
        ("order", "timeout", "172.18.0.2:3000"),
    ),
    "a queue that stays full": (
        [full(0), full(1), full(2)],
        ("", "timeout", "172.18.0.2:3000"),
    ),
    "a name server that is silent": (
        [unanswered(n, n, 0.9) for n in (1, 2, 3)],
        ("order", "dns", ""),
    ),
    "one question that stays open": (
        [unanswered(2, 1, 2.0), unanswered(11, 1, 11.0)],
        ("order", "dns", ""),
    ),
    "a name that fails again and again": (
        [name_failed(0, "pay.example"), name_failed(1, "pay.example")],
        ("order", "dns", "pay.example"),
    ),
    "a name server's port that is closed": (
        [
            replace(refused(n, 53, "192.0.2.53"), protocol="udp", place=IN_ORDER)
            for n in (0, 1)
        ],
        ("order", "dns", ""),
    ),
    "no route": (
        [no_route(0), no_route(1), no_route(2)],
        ("order", "unreachable", ""),
    ),
    "said by a log, once": (
        [reported(0, "refused", "pg", 3000)],
        ("order", "refused", "pg:3000"),
    ),
    "TLS, which only a log tells": (
        [reported(0, "tls", "pay", 443), worked(1, 443, "pay")],
        ("order", "tls", "pay:443"),
    ),
    "refused now and then, for many seconds": (
        [sign for n in range(14) for sign in (refused(2 * n), worked(2 * n + 0.5))],
        ("order", "refused", "172.18.0.2:3000"),
    ),
    "a stranger at a published port": (
        [refused(n, client="203.0.113.9") for n in range(4)],
        ("outside", "refused", "172.18.0.2:3000"),
    ),
    "connection tracking is full": (
        [
            Sign(SignKind.TRACKING_FULL, SeenBy.COUNTERS, at(n), HOST, text="9 of 9")
            for n in range(3)
        ],
        ("host", "timeout", ""),
    ),
}

HEALTHY: dict[str, list[Sign]] = {
    "one refusal": [refused(0)],
    "a restart that is over in a second": [
        refused(0),
        refused(0.3),
        refused(0.9),
        worked(1.2),
    ],
    "hundreds of refusals within a second of a reload": [
        *(refused(n / 200) for n in range(200)),
        worked(1.1),
    ],
    "localhost first asked as ::1": [
        sign
        for n in range(20)
        for sign in (
            refused(3 * n, 80, "::1", "::1", IN_ORDER),
            replace(worked(3 * n + 0.001, 80, "127.0.0.1"), place=IN_ORDER),
        )
    ],
    "a scan of many ports": [
        refused(n / 10, 1000 + n, client="203.0.113.9") for n in range(200)
    ],
    "a SYN on its way to the other side of the world": [half_open(0.45, 0.45, 1)],
    "one lost SYN": [half_open(0.6, 0.6, 1), half_open(1.05, 1.05, 1), worked(1.2)],
    "a lossy uplink: one in many is repeated": [
        sign
        for n in range(30)
        for sign in (half_open(7 * n, 0.9, 10 + n), worked(7 * n + 0.5))
    ],
    "twice lost, while others get through": [
        half_open(0.6, 0.6, 1),
        worked(0.8),
        half_open(1.1, 1.1, 1),
        half_open(1.8, 1.8, 1),
        half_open(2.8, 2.8, 1),
        worked(3.2),
    ],
    "a burst in an accept queue": [waiting(2, 1.6), waiting(2.3, 1.9)],
    "a queue full for a moment": [full(0)],
    "a slow answer of a name server": [
        unanswered(1, 1, 1.6, "a.example"),
        answered(1.2, "a.example"),
        unanswered(9, 2, 1.6, "b.example"),
    ],
    "a datagram lost on the way, while others are answered": [
        answered(0.5, "b.example"),
        unanswered(2, 1, 2.0, "a.example"),
        unanswered(7, 1, 7.0, "a.example"),
    ],
    "twice lost, A and later AAAA": [
        unanswered(2, 1, 2.0, "a.example"),
        unanswered(7, 2, 2.0, "a.example"),
        answered(9, "a.example"),
    ],
    "a name that is gone while its container restarts, once": [name_failed(0, "web")],
    "one question, and what the engine's server asks for it": [
        unanswered(2, 1, 2.0, "a.example"),
        replace(unanswered(3, 2, 2.0, "a.example"), server="192.0.2.53"),
        answered(4, "a.example"),
    ],
    "old neighbours that are gone": [
        replace(
            half_open(n, 1.6, 0, f"172.18.0.{9 + n}"),
            kind=SignKind.UNREACHABLE,
            seen=SeenBy.PACKETS,
            port=0,
            protocol="arp",
        )
        for n in range(5)
    ],
    "SERVFAIL of the first server, and the second one knows": [
        name_failed(0, "a.example", 7),
        answered(0.1, "a.example"),
        name_failed(3, "a.example", 8),
        answered(3.1, "a.example"),
    ],
    "A and AAAA fail together, once": [
        name_failed(0, "a.example", 1),
        name_failed(0, "a.example", 2),
    ],
    "a packet without a route, once": [no_route(0), no_route(0.4)],
    "failures that only a counter saw": [counted(n) for n in range(20)],
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_are_suspects(name: str) -> None:
    signs, wanted = FAULTS[name]
    assert wanted in active(signs), seen(signs)
    assert len(active(signs)) == 1


@pytest.mark.parametrize("name", HEALTHY)
def test_what_is_healthy_is_not(name: str) -> None:
    book = Book()
    book.know(MACHINE)
    for sign in HEALTHY[name]:
        book.note([sign])
        # Not for a moment: somebody is looking at the screen all the time.
        assert not book.suspects(sign.at), sign
        assert not book.suspects(sign.at + timedelta(milliseconds=400)), sign
    assert not book.suspects(at(300))
