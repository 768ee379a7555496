"""What must not be blamed on the way out, though it looks like a fault."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from netwiz.probes import requests as ask
from netwiz.probes.facts import (
    HOST,
    ArpAnswers,
    Attempted,
    Finding,
    Neighbour,
    Outcome,
    Route,
    Rule,
    Ruleset,
)
from netwiz.wizard.verdict import Diagnosis, Result
from tests.wizard.table_routing import (
    BARE,
    BY_TABLE,
    CASE,
    COVERING,
    DEFAULT,
    ENTERED,
    HOST_CASE,
    INTO_BRIDGE,
    INTO_TUNNEL,
    LEFT,
    MASQUERADE,
    POLICY,
    ROUTER,
    RULES,
    TARGET,
    WHO_HAS,
    Out,
    answer,
    seen,
)
from tests.wizard.world import BRIDGE, NETWORK, World, case, walk

TUNNEL_ROUTES = (DEFAULT, Route("203.0.113.0/24", "tun9"))
IN_TUNNEL = (*ENTERED, seen(HOST, "tun9", inbound=False, source="10.8.0.6"))


async def open_(world: World, about: object = CASE) -> Diagnosis:
    found = await walk(world, about)  # type: ignore[arg-type]
    assert found.result is Result.UNDETERMINED, found.summary
    assert found.cause is None
    return found


async def test_silence_from_beyond_is_nobodys_fault_here() -> None:
    found = await open_(Out(LEFT).world())
    assert "left this machine at eth0 as 10.99.0.1" in found.summary
    assert "nothing came back" in found.summary
    assert any("firewalls before it" in text for text in found.missing)


async def test_this_host_itself_may_meet_the_same_silence() -> None:
    left = (seen(HOST, "eth0", inbound=False, source="10.99.0.1"),)
    found = await open_(Out(left).world(), HOST_CASE)
    assert "left this machine at eth0" in found.summary


async def test_a_private_source_alone_is_not_blamed() -> None:
    found = await open_(Out(BARE).world())
    assert "this host itself is not answered either" in found.summary


async def test_rules_that_cannot_be_read_are_not_said_to_be_missing() -> None:
    blind = replace(RULES, unseen=("nft: permission denied",))
    found = await open_(Out(BARE, answers_host=True).world(rules=blind))
    assert "permission denied" in found.summary


async def test_a_rule_that_was_passed_over_is_named_and_not_blamed() -> None:
    rule = Rule(
        HOST,
        MASQUERADE.backend,
        4,
        "nat",
        "POSTROUTING",
        f"-A POSTROUTING -s 172.18.0.0/16 ! -o {BRIDGE} -j MASQUERADE",
        "MASQUERADE",
        source="172.18.0.0/16",
        out_device=f"!{BRIDGE}",
    )
    rules = replace(RULES, rules=(*RULES.rules, rule))
    found = await open_(Out(BARE, answers_host=True).world(rules=rules))
    assert rule.text in found.summary


async def test_masquerading_of_others_is_no_excuse() -> None:
    other = Rule(
        HOST,
        MASQUERADE.backend,
        4,
        "nat",
        "POSTROUTING",
        "-A POSTROUTING -s 172.29.0.0/16 ! -o br-other -j MASQUERADE",
        "MASQUERADE",
        source="172.29.0.0/16",
        out_device="!br-other",
    )
    rules = replace(RULES, rules=(*RULES.rules, other))
    found = await walk(Out(BARE, answers_host=True).world(rules=rules), CASE)
    assert found.cause is not None
    assert found.cause.id == "masquerade-missing"


async def test_a_tunnel_with_a_dead_far_end_is_not_blamed() -> None:
    found = await open_(Out(IN_TUNNEL, INTO_TUNNEL, routes=TUNNEL_ROUTES).world())
    assert "tun9" in found.summary


async def test_a_tunnel_that_serves_this_host_is_not_blamed() -> None:
    out = Out(
        IN_TUNNEL,
        INTO_TUNNEL,
        routes=TUNNEL_ROUTES,
        answers_by="eth0",
        answers_host=True,
    )
    await open_(out.world())


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.TIMEOUT])
async def test_a_refusal_by_another_way_proves_no_machine_elsewhere(
    outcome: Outcome,
) -> None:
    """Routers refuse in the name of private addresses that they do not route."""
    out = Out(
        ENTERED,
        replace(INTO_BRIDGE, device="br-lab"),
        routes=(DEFAULT, Route("203.0.113.0/24", "br-lab")),
    )
    made = out.world(networks=(NETWORK, COVERING))

    def attempt(request: ask.Request) -> Finding:
        found = out.attempt(request)
        assert isinstance(request, ask.Attempt)
        assert isinstance(found, Attempted)
        if not request.device:
            return found
        return replace(found, connection=replace(found.connection, outcome=outcome))

    made.answers = {**made.answers, ask.Attempt: attempt}
    found = await walk(made, CASE)
    assert found.cause is None or found.cause.id != "subnet-overlap"


async def test_a_policy_rule_that_leads_to_an_answerless_target_is_not_blamed() -> None:
    out = Out(
        (*ENTERED, seen(HOST, "eth1", inbound=False, source="192.0.2.1")),
        BY_TABLE,
        policy=(POLICY,),
    )
    await open_(out.world())


SWITCHES: dict[str, Mapping[str, str]] = {
    "another device": {"net.ipv4.conf.docker0.forwarding": "0"},
    "IPv6 alone": {"net.ipv6.conf.all.forwarding": "0"},
    "the general one, set back": {"net.ipv4.ip_forward": "0"},
}


@pytest.mark.parametrize("switches", SWITCHES.values(), ids=SWITCHES)
async def test_a_switch_that_the_packet_does_not_meet_is_not_blamed(
    switches: Mapping[str, str],
) -> None:
    await open_(Out(LEFT, sysctls=switches).world())


async def test_an_answer_with_hops_to_spare_is_not_stopped_by_its_ttl() -> None:
    found = await walk(Out((*LEFT, answer(ttl=2))).world(), CASE)
    assert found.cause is None


async def test_a_next_hop_that_answers_when_asked_again_is_not_dead() -> None:
    made = Out(ENTERED, neighbours=(Neighbour(ROUTER, "eth0", "", "FAILED"),)).world()
    asked: list[ask.Request] = []

    def arp(request: ask.Request) -> Finding:
        assert isinstance(request, ask.AskArp)
        asked.append(request)
        macs = ("02:00:00:00:00:01",)
        return ArpAnswers(place=HOST, address=request.address, macs=macs)

    made.answers = {**made.answers, ask.AskArp: arp}
    await open_(made)
    assert asked == [ask.AskArp(HOST, ROUTER)]


async def test_a_neighbour_on_the_wire_is_nobodys_router() -> None:
    on_link = replace(WHO_HAS, packet=replace(WHO_HAS.packet, destination=TARGET))
    near = replace(Out(()).route, gateway="", destination="203.0.113.0/24")
    found = await open_(Out((*ENTERED, on_link), near).world())
    assert "nobody answers for it there" in found.summary


async def test_no_rules_at_all_are_nobodys_loss_without_an_engine_that_writes() -> None:
    made = Out(BARE).world(rules=Ruleset(place=HOST))
    await open_(made, case(TARGET))
