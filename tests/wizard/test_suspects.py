"""Signs become suspects, or do not: every rule beside its healthy twin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from netwiz.probes.facts import (
    HOST,
    Attachment,
    Container,
    Engine,
    HostFacts,
    Place,
    PortMapping,
    Snapshot,
    State,
)
from netwiz.probes.facts.signs import SeenBy, Sign, SignKind
from netwiz.wizard.suspects import rules
from netwiz.wizard.suspects.book import Book
from netwiz.wizard.suspects.suspect import Standing, Suspect

T0 = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LONG_AGO = T0 - timedelta(hours=1)
NET = "n" * 64
ORDER, PG, WEB = (
    Container(
        letter * 64,
        name,
        state=State.RUNNING,
        pid=pid,
        started_at=LONG_AGO,
        attachments=(Attachment(NET, "shop", address, 16, aliases=(alias,)),),
        published=ports,
    )
    for letter, name, pid, address, alias, ports in (
        ("a", "order", 1, "172.18.0.3", "orders", ()),
        ("b", "pg", 2, "172.18.0.2", "db", ()),
        ("c", "web", 3, "172.18.0.4", "www", (PortMapping(80, host_port=8080),)),
    )
)
MACHINE = Snapshot(
    T0,
    HostFacts("prod", (("lo", "127.0.0.1"), ("eth0", "192.0.2.10")), root=True),
    Engine("unix:///var/run/docker.sock"),
    containers=(ORDER, PG, WEB),
)
IN_ORDER = ORDER.place


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def refused(
    seconds: float,
    port: int = 3000,
    target: str = "172.18.0.2",
    client: str = "172.18.0.3",
    place: Place | None = None,
) -> Sign:
    """A RST to a SYN, each from a port of its own."""
    return Sign(
        SignKind.REFUSED,
        SeenBy.PACKETS,
        at(seconds),
        place,
        client,
        40000 + int(seconds * 100),
        target,
        port,
        text=f"{target} answered the handshake with RST",
    )


def worked(seconds: float, port: int = 3000, target: str = "172.18.0.2") -> Sign:
    return replace(
        refused(seconds, port, target),
        kind=SignKind.WORKED,
        text="the handshake was answered",
    )


def half_open(seconds: float, age: float, client_port: int, target: str = "") -> Sign:
    return Sign(
        SignKind.HALF_OPEN,
        SeenBy.SOCKETS,
        at(seconds),
        IN_ORDER,
        "172.18.0.3",
        client_port,
        target or "172.18.0.2",
        3000,
        text=f"SYN-SENT for {age} s",
        age_s=age,
    )


def counted(seconds: float) -> Sign:
    text = "1 failed connects counted (TcpAttemptFails)"
    return Sign(SignKind.COUNTED, SeenBy.COUNTERS, at(seconds), IN_ORDER, text=text)


def reported(seconds: float, symptom: str, target: str, port: int = 0) -> Sign:
    return Sign(
        SignKind.REPORTED,
        SeenBy.LOG,
        at(seconds),
        IN_ORDER,
        target=target,
        port=port,
        protocol="dns" if symptom == "dns" else "tcp",
        error=f"Error: {symptom} {target}",
        symptom=symptom,
    )


def unanswered(seconds: float, port: int, age: float = 1.5, name: str = "") -> Sign:
    return Sign(
        SignKind.UNANSWERED,
        SeenBy.SOCKETS,
        at(seconds),
        IN_ORDER,
        "172.18.0.3",
        port,
        name,
        protocol="dns",
        server="127.0.0.11",
        text="127.0.0.11 does not answer",
        age_s=age,
    )


def name_failed(seconds: float, name: str, port: int = 0) -> Sign:
    return replace(
        unanswered(seconds, port or 50000 + int(seconds * 10), 0.0, name),
        kind=SignKind.NAME_FAILED,
        text="127.0.0.11 answered SERVFAIL",
    )


def answered(seconds: float, name: str) -> Sign:
    return replace(name_failed(seconds, name), kind=SignKind.WORKED, text="NOERROR")


def waiting(seconds: float, age: float) -> Sign:
    return Sign(
        SignKind.NOT_ACCEPTED,
        SeenBy.SOCKETS,
        at(seconds),
        None,
        "172.18.0.3",
        41000,
        "172.18.0.2",
        3000,
        text=f"connected, and not accepted for {age} s",
        age_s=age,
    )


def no_route(seconds: float) -> Sign:
    return Sign(SignKind.NO_ROUTE, SeenBy.COUNTERS, at(seconds), IN_ORDER, text="1")


def full(seconds: float) -> Sign:
    return Sign(
        SignKind.QUEUE_FULL,
        SeenBy.SOCKETS,
        at(seconds),
        PG.place,
        target="172.18.0.2",
        port=3000,
        text="accept queue full: 2 wait, limit 1",
    )


def seen(
    signs: Sequence[Sign], now: float = 30, machine: Snapshot = MACHINE
) -> tuple[Suspect, ...]:
    """What the book says at the end, having looked after each sign."""
    book = Book()
    book.know(machine)
    for sign in signs:
        book.note([sign])
        book.suspects(sign.at)
    return book.suspects(at(now))


def active(signs: Sequence[Sign], now: float = 30) -> list[tuple[str, str, str]]:
    return [(s.client, s.symptom, s.target) for s in seen(signs, now) if s.active]


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


def test_log_packets_and_counters_of_one_fault_are_one_suspect() -> None:
    signs = [
        refused(0),
        reported(0.1, "refused", "172.18.0.2", 3000),
        refused(1),
        counted(1.5),
        reported(1.6, "refused", "db", 3000),
        half_open(1.8, 0.5, 9),
    ]
    (one,) = seen(signs, 3)
    assert (one.client, one.server, one.symptom) == ("order", "pg", "refused")
    assert [e.seen for e in one.evidence] == ["packets", "log", "counters", "sockets"]
    assert one.count == 5
    assert one.error == "Error: refused db"
    assert (one.first, one.at) == (at(0), at(1.8))


def test_what_a_log_calls_it_is_how_it_is_called() -> None:
    signs = [refused(0), refused(1), refused(2), reported(3, "refused", "db", 3000)]
    (one,) = seen(signs, 4)
    assert one.target == "db:3000"


@pytest.mark.parametrize(
    ("host", "port", "server"),
    [
        ("pg", 3000, "pg"),
        ("db", 3000, "pg"),
        ("172.18.0.2", 3000, "pg"),
        ("192.0.2.10", 8080, "web"),
        ("localhost", 5432, ""),
        ("pay.example", 443, ""),
    ],
)
def test_who_is_behind_a_target(host: str, port: int, server: str) -> None:
    (one,) = seen([reported(0, "refused", host, port)], 1)
    assert one.server == (server or ("order" if host == "localhost" else ""))


def test_it_heals_when_the_same_works_again() -> None:
    signs = [refused(0), refused(1), refused(2), refused(3), worked(4)]
    (one,) = seen(signs, 10)
    assert one.standing is Standing.HEALED
    assert one.since == at(4)
    assert one.why == f"connected again at {rules.clock(at(4))}"
    assert one.evidence[-1].text == "the handshake was answered"


def test_it_does_not_heal_by_another_target() -> None:
    signs = [refused(0), refused(1), refused(2), worked(10, 3001), worked(11, 80)]
    assert active(signs, 12)


def test_it_comes_back() -> None:
    signs = [*(refused(n) for n in range(3)), worked(3), *map(refused, (20, 21, 22))]
    (one,) = seen(signs, 23)
    assert one.active


def test_silence_is_called_silence_and_not_healing() -> None:
    signs = [refused(0), refused(1), refused(2)]
    assert seen(signs, 50)[0].active
    (one,) = seen(signs, 70)
    assert one.standing is Standing.QUIET
    assert one.why.startswith("quiet since")
    assert seen(signs, 70 + 60 * 11) == ()


def test_a_client_that_tries_every_minute_is_not_quiet_in_between() -> None:
    signs = [refused(60 * n) for n in range(5)]
    assert active(signs, 60 * 4 + 100)


def test_its_client_goes_away() -> None:
    book = Book()
    book.know(MACHINE)
    book.note([refused(0), refused(1), refused(2)])
    assert book.suspects(at(2))[0].active
    book.know(replace(MACHINE, taken_at=at(9), containers=(PG, WEB)))
    (one,) = book.suspects(at(10))
    assert one.standing is Standing.GONE


@pytest.mark.parametrize("age", [1.0, 4.0])
def test_a_server_that_has_just_started_may_refuse(age: float) -> None:
    fresh = replace(PG, started_at=at(-age))
    machine = replace(MACHINE, containers=(ORDER, fresh, WEB))
    signs = [refused(n / 2) for n in range(6)]
    book = Book()
    book.know(machine)
    book.note(signs)
    assert not book.suspects(at(4.9 - age))
    assert book.suspects(at(5.1))[0].active


def test_a_server_that_restarts_and_comes_back_is_none() -> None:
    book = Book()
    book.know(MACHINE)
    book.lives.happened(PG.id, "die", "pg", {"exitCode": "143"}, at(0))
    book.note([half_open(1, 0.9, 1), half_open(2, 0.9, 2)])
    assert not book.suspects(at(2))
    book.lives.happened(PG.id, "start", "pg", {}, at(2.5))
    book.note([refused(3), refused(3.5), refused(4.6)])
    assert not book.suspects(at(5))
    book.note([worked(5.5)])
    assert not book.suspects(at(60))


def test_a_server_that_is_made_anew_has_no_address_for_a_moment() -> None:
    book = Book()
    book.know(MACHINE)
    book.lives.happened(PG.id, "die", "pg", {"exitCode": "0"}, at(0))
    bare = replace(PG, attachments=(), state=State.EXITED)
    book.know(replace(MACHINE, taken_at=at(0.5), containers=(ORDER, bare, WEB)))
    book.note([half_open(1, 0.9, 1), half_open(2, 1.9, 1), half_open(3, 0.9, 2)])
    assert not book.suspects(at(9))
    assert book.suspects(at(11))[0].server == "pg"


LIVES: dict[str, tuple[list[tuple[float, str, str]], str]] = {
    "a crash": ([(0, "die", "1")], "crashed"),
    "a loop": (
        [
            (n + d, act, "1")
            for n in (0, 1, 3)
            for d, act in ((0, "start"), (0.5, "die"))
        ],
        "restarts",
    ),
    "out of memory": ([(0, "oom", ""), (0.1, "die", "137")], "out of memory"),
    "ill": ([(0, "health_status: unhealthy", "")], "unhealthy"),
    "stopped by hand": ([(0, "die", "137")], ""),
    "stopped politely": ([(0, "die", "143"), (1, "start", "")], ""),
    "ended well": ([(0, "die", "0")], ""),
    "restarted by hand, three times": (
        [
            (n + d, act, "143")
            for n in (0, 9, 18)
            for d, act in ((0, "die"), (1, "start"))
        ],
        "",
    ),
    "a check that takes its time": (
        [(0, "start", ""), (9, "health_status: healthy", "")],
        "",
    ),
}


@pytest.mark.parametrize("name", LIVES)
def test_what_the_engine_tells(name: str) -> None:
    events, wanted = LIVES[name]
    book = Book()
    book.know(MACHINE)
    for seconds, action, code in events:
        book.lives.happened(PG.id, action, "pg", {"exitCode": code}, at(seconds))
    found = [(s.symptom, s.server) for s in book.suspects(at(30)) if s.active]
    assert found == ([(wanted, "pg")] if wanted else [])


def test_a_container_that_stays_up_has_recovered() -> None:
    book = Book()
    book.know(MACHINE)
    book.lives.happened(PG.id, "die", "pg", {"exitCode": "1"}, at(0))
    book.lives.happened(PG.id, "start", "pg", {}, at(1))
    assert book.suspects(at(5))[0].active
    (one,) = book.suspects(at(30))
    assert one.standing is Standing.HEALED


def test_the_gravest_comes_first_and_what_is_over_last() -> None:
    signs = [
        *(refused(n / 2, 81) for n in range(4)),
        worked(2.5, 81),
        *(refused(n, 82) for n in range(30)),
        reported(28, "reset", "pg", 83),
        refused(22, 84),
        refused(27, 84),
    ]
    found = [(s.target.rpartition(":")[2], s.standing) for s in seen(signs, 30)]
    assert [port for port, _ in found] == ["82", "84", "83", "81"]
    assert found[-1][1] is Standing.HEALED


def test_a_flood_is_bounded() -> None:
    book = Book()
    book.know(MACHINE)
    book.note(refused(n / 100, 1 + n % 60000) for n in range(3000))
    book.suspects(at(30))
    assert len(book._troubles) <= 500


def test_age_and_count_rank() -> None:
    fresh = rules.score("refused", 3, timedelta())
    assert fresh == 2 * rules.score("refused", 3, rules.HALF_LIFE)
    assert rules.score("refused", 300, timedelta()) > fresh
    assert rules.score("reset", 3, timedelta()) < fresh
