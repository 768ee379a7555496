"""Names that look odd and are in order: nobody is blamed for them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from netwiz.probes import requests as ask
from netwiz.probes.facts import (
    Answer,
    NameOutcome,
    Outcome,
    PortMapping,
    Resolution,
    ResolverFiles,
    ServerAnswer,
    SocketTable,
    State,
    Stream,
)
from netwiz.wizard.case import Client, ClientKind, Symptom
from netwiz.wizard.trees.names.unsteady import TIMES
from netwiz.wizard.verdict import Result
from tests.wizard.names_world import (
    DEAD,
    EMBEDDED,
    FILES,
    HOST_FILES,
    NEAR,
    WEB,
    N,
    asking,
    dns,
    lookup,
    questions,
    works,
    world,
)
from tests.wizard.table_names import BY_HOSTS, LATER, POSTGRES, SEARCHED, SEARCHING
from tests.wizard.world import PG, case, container, walk

FOUND = lookup(N.ANSWERED, (WEB,))
GOOD = {WEB: Outcome.CONNECTED, "172.18.0.2": Outcome.CONNECTED}


@pytest.mark.parametrize("symptom", [Symptom.DNS, Symptom.SLOW])
async def test_a_name_that_is_answered_each_time_is_in_order(symptom: Symptom) -> None:
    says = {
        ("order", EMBEDDED): questions(EMBEDDED, 0, N.TIMEOUT),
        ("order", NEAR): questions(NEAR, 0, N.TIMEOUT),
    }
    found = await walk(world(FOUND, says), dns(symptom=symptom))
    assert found.result is Result.HEALTHY


def _unknown_to_the_host(request: ask.Resolve) -> Resolution:
    said = Answer(NEAR, f"{request.name}.", "A", N.NXDOMAIN, ())
    return Resolution(
        place=request.place,
        name=request.name,
        outcome=N.NXDOMAIN,
        answers=(said,),
        files=HOST_FILES,
    )


@pytest.mark.parametrize(
    ("kind", "published", "port", "words"),
    [
        (ClientKind.HOST, (), 3000, "this host reaches it at 172.18.0.2"),
        (ClientKind.OUTSIDE, (), 3000, "and it publishes no port 3000"),
        (
            ClientKind.OUTSIDE,
            (PortMapping(3000, host_port=8080),),
            3000,
            "at port 8080 of this host pg publishes 3000",
        ),
        (
            ClientKind.OUTSIDE,
            (PortMapping(3000, host_ip="127.0.0.1", host_port=8080),),
            3000,
            "and it publishes no port 3000",
        ),
        (
            ClientKind.OUTSIDE,
            (PortMapping(4000, host_port=8080),),
            3000,
            "and it publishes no port 3000",
        ),
    ],
)
async def test_only_containers_know_a_container_by_its_name(
    kind: ClientKind, published: tuple[PortMapping, ...], port: int, words: str
) -> None:
    server = replace(PG, published=published)
    asked = replace(case("pg", port), client=Client(kind, kind.value))
    found = await walk(world(_unknown_to_the_host, others=(server,)), asked)
    assert found.result is Result.UNDETERMINED
    (said,) = [line for line in found.missing if "only containers know pg" in line]
    assert said.endswith(words)


async def test_a_server_that_nobody_waits_for_may_be_dead() -> None:
    says = {
        ("order", EMBEDDED): questions(EMBEDDED, 0, N.TIMEOUT),
        ("order", NEAR): questions(NEAR, 0, N.TIMEOUT),
        ("order", DEAD): questions(DEAD, 12, N.TIMEOUT),
    }
    made = world(FOUND, says, client=asking(NEAR, DEAD))
    found = await walk(made, dns(symptom=Symptom.DNS))
    assert found.result is Result.HEALTHY
    assert DEAD in " ".join(found.assumptions)


async def test_a_slow_lookup_with_nobody_to_blame_blames_nobody() -> None:
    slow = lookup(N.ANSWERED, (WEB,), took_ms=2100.0)
    found = await walk(world(slow, {("order", NEAR): N.ANSWERED}), dns())
    assert found.result is Result.HEALTHY


async def test_a_hosts_file_that_leads_to_a_working_address_may_differ() -> None:
    good = {"172.18.0.250": Outcome.CONNECTED, **GOOD}
    made = world(BY_HOSTS, outcomes=good, connection=works)
    found = await walk(made, case())
    assert found.result is Result.HEALTHY


async def test_a_wildcard_that_no_container_was_meant_by_is_no_hijack() -> None:
    named = Answer(EMBEDDED, "intranet.corp.test.", "A", N.ANSWERED, (WEB,))
    found = await walk(
        world(
            lookup(N.ANSWERED, (WEB,), SEARCHING, (named,)),
            {("order", EMBEDDED): N.ANSWERED},
            others=(PG, POSTGRES),
        ),
        dns("intranet"),
    )
    assert found.result is Result.HEALTHY


async def test_a_name_below_a_search_domain_without_a_wildcard_is_meant() -> None:
    made = world(
        lookup(N.ANSWERED, (WEB,), SEARCHING, (SEARCHED,)),
        {("order", EMBEDDED): N.NXDOMAIN},
        others=(PG, POSTGRES),
    )
    found = await walk(made, dns("postgers"))
    assert found.result is Result.HEALTHY


async def test_a_stopped_container_elsewhere_owns_no_public_name() -> None:
    other = replace(container("www", 9), state=State.EXITED, pid=0, attachments=())
    found = await walk(world(FOUND, others=(PG, other)), dns("www"))
    assert found.result is Result.HEALTHY


async def test_an_open_connection_to_another_container_is_not_stale() -> None:
    def holding(request: ask.ReadSockets) -> SocketTable:
        stream = Stream("172.18.0.3", 40001, "172.18.0.7", 3000, "ESTAB")
        return SocketTable(place=request.place, streams=(stream,))

    made = world(
        lookup(N.ANSWERED, ("172.18.0.2",)),
        others=(LATER, POSTGRES),
        outcomes=GOOD,
        connection=works,
    )
    made = replace(
        made, answers=cast("Any", {**made.answers, ask.ReadSockets: holding})
    )
    found = await walk(made, case())
    assert found.result is Result.HEALTHY


@pytest.mark.parametrize("outcome", [N.NODATA, N.ANSWERED])
async def test_musl_takes_an_absent_record_as_glibc_does(outcome: NameOutcome) -> None:
    both = (
        Answer(EMBEDDED, "example.test.", "A", N.ANSWERED, (WEB,)),
        Answer(EMBEDDED, "example.test.", "AAAA", outcome),
    )
    musl = replace(FILES, libc="musl")
    made = world(lookup(N.ANSWERED, (WEB,), musl, both))
    assert (await walk(made, dns())).result is Result.HEALTHY


async def test_a_typo_with_two_near_names_is_not_guessed() -> None:
    others = (container("cache1", 7), container("cache2", 8))
    says = {(place, NEAR): N.NXDOMAIN for place in ("order", "host")}
    found = await walk(world(lookup(), says, others=others), dns("cache"))
    assert found.result is Result.UNDETERMINED
    assert "every name server says so" in found.summary


async def test_silence_everywhere_is_not_blamed_on_a_server() -> None:
    files = ResolverFiles(servers=(DEAD,))
    made = world(
        lookup(N.TIMEOUT),
        client=asking(DEAD),
        host=files,
        outcomes={DEAD: Outcome.TIMEOUT},
    )
    found = await walk(made, dns())
    assert found.cause is None or not found.cause.id.startswith("dns-")


async def test_one_lost_question_that_does_not_come_again_is_an_accident() -> None:
    def once(request: ask.AskServer) -> ServerAnswer:
        failing = 1 if request.times == TIMES else 0
        said = questions(request.server, failing, N.TIMEOUT)
        return replace(said, server=request.server)

    made = world(FOUND)
    made = replace(made, answers=cast("Any", {**made.answers, ask.AskServer: once}))
    found = await walk(made, dns(symptom=Symptom.DNS))
    assert found.result is Result.HEALTHY
    assert "once more" in " ".join(found.assumptions)
