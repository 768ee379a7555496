"""A small machine, and the signs that a patrol of it may bring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from netwiz.probes.facts import (
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
from netwiz.wizard.suspects.book import Book
from netwiz.wizard.suspects.suspect import Suspect

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
