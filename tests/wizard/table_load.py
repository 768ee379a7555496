"""Small worlds and the causes they lead to: load."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import cast

from netwiz.probes import requests as ask
from netwiz.probes.facts import (
    HOST,
    After,
    Asked,
    Connection,
    Conversation,
    Ending,
    Finding,
    NameQuestions,
    Outcome,
    Pressure,
    Queue,
    Queues,
    Repeated,
    Rise,
)
from netwiz.wizard.case import Symptom
from tests.wizard.judge_table import Told
from tests.wizard.world import ORDER, PG, World, case, container, listener, syn

SERVED = {"pg": (listener("0.0.0.0:3000"),)}
WAY = (syn(ORDER.place, "eth0", inbound=False), syn(HOST, "br-app"))


def open_(link: Connection) -> Connection:
    """Connected at once."""
    return replace(link, outcome=Outcome.CONNECTED, after=After.OPEN, connect_ms=0.4)


def many(
    *times: float, refused: int = 0, rise: str = ""
) -> Callable[[ask.Request], Finding]:
    """Probes that took so long; 0 stands for no answer at all."""

    def answer(request: ask.Request) -> Finding:
        asked = cast("ask.Repeat", request)
        one = open_(
            Connection(
                place=asked.place,
                address=asked.address,
                port=asked.port,
                outcome=Outcome.CONNECTED,
            )
        )
        lost = replace(one, outcome=Outcome.TIMEOUT, after=After.NONE)
        made = [replace(one, connect_ms=ms) if ms else lost for ms in times]
        made += [replace(lost, outcome=Outcome.REFUSED)] * refused
        return Repeated(
            place=asked.place,
            address=asked.address,
            port=asked.port,
            attempts=tuple(made),
            kernel=(Rise(HOST, rise, 3),) if rise else (),
        )

    return answer


def queues(rate: int, held: int) -> Callable[[ask.Request], Finding]:
    """A shaper that holds packets back between the two readings."""

    def answer(request: ask.Request) -> Finding:
        asked = cast("ask.ReadQueues", request)
        count = held if asked.nth == 2 and asked.place == PG.place else 0
        shaper = Queue("eth0", "tbf", rate=rate, overlimits=count, handle="1:0")
        own = (shaper,) if asked.place == PG.place else ()
        return Queues(place=asked.place, queues=own)

    return answer


def pressures(times: int) -> Callable[[ask.Request], Finding]:
    """A cgroup that is throttled so many times out of ten between two readings."""

    def answer(request: ask.Request) -> Finding:
        asked = cast("ask.ReadPressure", request)
        later = asked.nth > 1
        return Pressure(
            container_id=asked.container_id,
            quota=0.02,
            periods=110 if later else 100,
            throttled=50 + times * later,
        )

    return answer


def conversation(took_ms: float) -> Callable[[ask.Request], Finding]:
    """An answer whose whole takes so long."""

    def answer(request: ask.Request) -> Finding:
        asked = cast("ask.Converse", request)
        return Conversation(
            place=asked.place,
            address=asked.address,
            port=asked.port,
            words="http",
            outcome=Outcome.CONNECTED,
            ending=Ending.COMPLETE,
            received=4000,
            first_ms=took_ms,
            took_ms=took_ms,
        )

    return answer


def asking(open_ms: float) -> Callable[[ask.Request], Finding]:
    """A question that the server's process holds open for so long."""

    def answer(request: ask.Request) -> Finding:
        place = cast("ask.WatchAsking", request).place
        return NameQuestions(place=place, asked=(Asked("9.9.9.9", open_ms, "sshd"),))

    return answer


def steady(**more: Callable[[ask.Request], Finding]) -> World:
    """Every connection comes about at once."""
    answers: dict[type, Callable[[ask.Request], Finding]] = {
        ask.Repeat: many(*[0.4] * 20),
        ask.ReadQueues: queues(0, 0),
        ask.ReadPressure: pressures(0),
        ask.Converse: conversation(3000.0),
        ask.WatchAsking: asking(0.0),
    }
    answers |= {getattr(ask, name): answer for name, answer in more.items()}
    return World(
        sockets=SERVED,
        outcomes={"172.18.0.2": Outcome.CONNECTED},
        connection=open_,
        answers=answers,
    )


def losing() -> World:
    """Some probes are late by a repeated SYN, and watched ones end on the host."""
    world = steady(Repeat=many(0.4, 0.5, 1002.0, 2003.0, 0.4, 0.0))

    def link(found: Connection) -> Connection:
        if found.outcome is Outcome.CONNECTED:
            return open_(found)
        return found

    def attempt(request: ask.Request) -> Finding:
        asked = cast("ask.Attempt", request)
        gone = asked.nth in (31, 34)
        world.outcomes = {"172.18.0.2": Outcome.TIMEOUT if gone else Outcome.CONNECTED}
        world.sightings = WAY if gone else None
        return world._attempt(asked)

    world.connection = link
    world.answers = {**world.answers, ask.Attempt: attempt}
    return world


API = tuple(
    replace(container(f"{project}-api", last), project=project, service="api")
    for project, last in (("shop", 5), ("blog", 6))
)
SLOW = case(symptom=Symptom.SLOW)
SLOW_HTTP = case(symptom=Symptom.SLOW, scheme="http")

TABLE: dict[str, Told] = {
    "late by a repeated SYN": Told("packet-loss", losing(), SLOW),
    "a shaper that is full": Told(
        "bandwidth-saturated", steady(ReadQueues=queues(64000, 40)), SLOW_HTTP
    ),
    "kept from running": Told(
        "container-cpu-starved", steady(ReadPressure=pressures(8)), SLOW_HTTP
    ),
    "throttled, and its queue overflows": Told(
        "container-cpu-starved",
        steady(ReadPressure=pressures(9), Repeat=many(0.4, 1001.0, 1003.0, 0.4, 0.0)),
        SLOW,
    ),
    "new flows collide": Told(
        "conntrack-snat-race",
        steady(Repeat=many(0.4, 1001.0, 0.4, rise="nf_conntrack.insert_failed")),
        SLOW,
    ),
    "asks for names in vain": Told(
        "server-reverse-dns-slow", steady(WatchAsking=asking(2900.0)), SLOW_HTTP
    ),
    "two projects, one name": Told(
        "alias-collision",
        World(
            containers=(ORDER, *API),
            names={"pg": ("172.18.0.5", "172.18.0.6")},
            outcomes=dict.fromkeys(("172.18.0.5", "172.18.0.6"), Outcome.CONNECTED),
            connection=open_,
            answers={
                ask.Repeat: many(*[0.4] * 20),
                ask.ReadPressure: pressures(0),
            },
        ),
        SLOW,
    ),
}
