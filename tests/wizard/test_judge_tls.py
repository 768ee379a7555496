"""What TLS could be blamed for and is not: a network that is fine stays so."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from netwiz.probes import requests as ask
from netwiz.probes.facts import (
    Conversation,
    Ending,
    Failed,
    Failure,
    IssuerFetched,
    ProxyAnswer,
    TlsTalk,
    Trust,
    TrustStore,
)
from netwiz.wizard.case import Case, Symptom
from netwiz.wizard.verdict import Diagnosis, Result
from tests.wizard import table_tls as tls
from tests.wizard.world import NOW, ORDER, PG, World, case, walk

NODE = TrustStore(own_roots="node")
JAVA = replace(tls.BUNDLE, own_roots="java")


async def verdict(world: World, about: Case) -> tuple[Result, str]:
    found = await walk(world, about)
    return found.result, found.cause.id if found.cause else ""


async def told(world: World, about: Case) -> Diagnosis:
    return await walk(world, about)


async def test_a_program_with_its_own_roots_needs_no_bundle() -> None:
    world = tls.world(tls.only_here(tls.unverified(20, "no issuer", store=NODE)))
    assert await verdict(world, tls.https()) == (Result.HEALTHY, "")
    complaint = tls.https(symptom=Symptom.TLS)
    assert await verdict(world, complaint) == (Result.FAULT, "tls-no-ca-bundle")


async def test_what_a_program_trusts_by_itself_is_not_judged() -> None:
    world = tls.world(tls.unverified(20, "no issuer", store=JAVA))
    assert await verdict(world, tls.https()) == (Result.UNDETERMINED, "")
    complaint = tls.https(symptom=Symptom.TLS)
    assert await verdict(world, complaint) == (Result.FAULT, "tls-unknown-ca")


async def test_a_good_handshake_is_healthy_and_says_how_long_still() -> None:
    soon = replace(tls.LEAF, not_after=NOW + timedelta(days=3))
    world = tls.world(lambda r: tls.ok(r, certificates=(soon,), asks_certificate=True))
    found = await told(world, tls.https())
    assert found.result is Result.HEALTHY
    assert (
        "CN=pg, issued by Lab CA, valid until 2026-05-07, 3 days left" in found.summary
    )
    assert any("ends soon" in line for line in found.assumptions)
    assert any("client certificate" in line for line in found.assumptions)


async def test_another_issuer_of_the_same_organisation_is_not_told_apart() -> None:
    world = tls.world(tls.unverified(20, "no issuer", kin=("Lab Root",)))
    found = await told(world, tls.https())
    assert found.result is Result.UNDETERMINED
    assert "Lab Root" in found.summary


@pytest.mark.parametrize("completes", [True, False])
async def test_an_issuer_that_could_not_be_had_proves_nothing(completes: bool) -> None:
    world = tls.gap()

    def nothing(request: ask.Request) -> IssuerFetched:
        assert isinstance(request, ask.FetchIssuer)
        return IssuerFetched(url=request.url, completes=completes, why_not="404")

    world.answers = {**world.answers, ask.FetchIssuer: nothing}
    assert await verdict(world, tls.https()) == (Result.UNDETERMINED, "")


async def test_one_clock_against_another_is_undetermined() -> None:
    world = tls.world(tls.clocks(tls.DAYS, tls.DAYS))
    assert await verdict(world, tls.https()) == (Result.UNDETERMINED, "")


async def test_the_same_certificate_everywhere_is_no_interception() -> None:
    def everywhere(request: ask.TalkTls) -> TlsTalk:
        return tls.unverified(20, "no issuer")(request)

    world = tls.world(everywhere, **tls.OUTER)
    about = tls.https("pay.example")
    assert await verdict(world, about) == (Result.FAULT, "tls-unknown-ca")


async def test_two_certificates_of_one_authority_are_no_interception() -> None:
    other = replace(tls.LEAF, fingerprint="dd")

    def balanced(request: ask.TalkTls) -> TlsTalk:
        if request.trust is Trust.HOST:
            return tls.ok(request, certificates=(other,))
        return tls.unverified(20, "no issuer")(request)

    world = tls.world(balanced, **tls.OUTER)
    about = tls.https("pay.example")
    assert await verdict(world, about) == (Result.FAULT, "tls-unknown-ca")


async def test_a_protocol_that_speaks_first_is_not_called_plain() -> None:
    world = tls.world(tls.plain)
    about = case("pg", 5432, symptom=Symptom.TLS)
    assert await verdict(world, about) == (Result.UNDETERMINED, "")


async def test_an_alert_that_nothing_explains_is_passed_on() -> None:
    world = tls.world(tls.alerted(80, certificates=()))
    found = await told(world, tls.https())
    assert found.result is Result.UNDETERMINED
    assert "internal error (alert 80)" in found.summary


async def test_a_reset_of_the_server_itself_is_nobody_elses() -> None:
    def own(request: ask.Request) -> Conversation:
        assert isinstance(request, ask.Converse)
        found = tls.forged(request)
        assert isinstance(found, Conversation)
        born = tuple(replace(s, place=PG.place) for s in found.segments)
        return replace(found, segments=born)

    world = tls.talking(tls.reset, own)
    assert await verdict(world, tls.https()) == (Result.UNDETERMINED, "")


@pytest.mark.parametrize("line", [b"404 Not Found", b"403 Forbidden", b"500 Oops"])
async def test_an_answer_that_nobody_complains_of_is_healthy(line: bytes) -> None:
    world = tls.talking(tls.ok, tls.answers(line))
    assert await verdict(world, tls.http()) == (Result.HEALTHY, "")


async def test_a_proxy_that_is_exempted_is_not_asked() -> None:
    for listed in ("pg", "*", ".svc,pg:443", "172.18.0.2", "10.0.0.0/8"):
        order = replace(tls.PROXIED, env=(*tls.PROXIED.env, f"NO_PROXY={listed}"))
        world = replace(tls.captured(), containers=(order, PG))
        assert await verdict(world, tls.http()) == (Result.HEALTHY, "")
        assert not [r for r in world.asked if isinstance(r, ask.AskProxy)]


async def test_a_proxy_that_is_none_is_passed_over() -> None:
    for value in ("http://[", "http://h:99999", "", "socks5://h:1080", "://"):
        order = replace(ORDER, env=(f"http_proxy={value}",))
        world = replace(tls.captured(), containers=(order, PG))
        assert await verdict(world, tls.http()) == (Result.HEALTHY, "")


async def test_a_proxy_that_does_serve_the_target_is_no_fault() -> None:
    world = tls.captured()
    good = ProxyAnswer(proxy="proxy.corp:3128", status=200)
    world.answers = {**world.answers, ask.AskProxy: lambda _: good}
    assert await verdict(world, tls.http()) == (Result.HEALTHY, "")


async def test_no_handshake_seen_is_never_healthy() -> None:
    def fails(request: ask.Request) -> Failed | None:
        if isinstance(request, ask.TalkTls):
            return Failed(kind=Failure.RIGHTS, what="not allowed")
        return None

    world = replace(tls.world(tls.ok), fails=fails)
    assert await verdict(world, tls.https()) == (Result.UNDETERMINED, "")


async def test_one_bad_replica_is_enough() -> None:
    def second(request: ask.TalkTls) -> TlsTalk:
        bad = request.address == "172.18.0.4"
        answer = tls.unverified(10, "expired", certificates=(tls.OLD,))
        return answer(request) if bad else tls.ok(request)

    world = tls.world(
        second,
        containers=(ORDER, PG, tls.SHIP),
        names={"pg": ("172.18.0.2", "172.18.0.4")},
    )
    found = await told(world, tls.https())
    assert found.cause is not None
    assert found.cause.id == "tls-expired"
    assert any("172.18.0.4" in line for line in found.cause.evidence)


async def test_silence_that_nothing_explains_is_undetermined() -> None:
    def silence(_: ask.Request) -> Conversation:
        found = tls.said(b"", Ending.SILENCE)
        assert isinstance(found, Conversation)
        return found

    world = tls.talking(tls.silent, silence)
    result, cause = await verdict(world, tls.https())
    assert (result, cause) == (Result.UNDETERMINED, "")


@pytest.mark.parametrize("status", [b"400 Bad Request", b"404 Not Found", b"500 Oops"])
@pytest.mark.parametrize("symptom", [s for s in Symptom if s is not Symptom.TLS])
async def test_a_status_is_no_timeout_and_no_reset(
    status: bytes, symptom: Symptom
) -> None:
    there = tls.talking(tls.ok, tls.answers(status))
    assert (await verdict(there, tls.http(symptom=symptom)))[1] == ""
