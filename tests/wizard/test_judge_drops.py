"""A packet is lost, rules count others' packets, and nobody is blamed for that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from netwiz.probes import requests as ask
from netwiz.probes.facts import (
    HOST,
    After,
    Attempted,
    Finding,
    Outcome,
    Rule,
    RuleHit,
)
from netwiz.wizard.case import Symptom
from netwiz.wizard.trees.lost.passage import code_of
from netwiz.wizard.verdict import Diagnosis, Result
from tests.wizard.lost_world import (
    ANSWERED,
    DROP,
    ENTERED,
    GUARD,
    forward,
    hooked,
    nft,
    ruled,
    world,
)
from tests.wizard.world import World, case, walk


def no_blame(found: Diagnosis) -> None:
    assert found.result is not Result.FAULT, found.summary
    assert found.cause is None


def from_attempt(made: World, change: Callable[[int, Attempted], Attempted]) -> World:
    """The same world, with each attempt changed by its number."""

    def attempt(request: ask.Request) -> Finding:
        assert isinstance(request, ask.Attempt)
        found = made._attempt(request)
        assert isinstance(found, Attempted)
        return change(request.nth, found)

    return replace(made, answers={ask.Attempt: attempt})


def through(found: Attempted) -> Attempted:
    """The attempt gets through after all."""
    link = replace(found.connection, outcome=Outcome.CONNECTED, after=After.OPEN)
    return replace(found, connection=link)


async def test_a_rule_for_another_source_is_not_named() -> None:
    for_others = replace(DROP, source="!172.18.0.3/32")
    no_blame(await walk(world(for_others)))


async def test_a_rule_on_another_hook_is_not_named() -> None:
    on_input = replace(DROP, chain="INPUT", hook="input")
    no_blame(await walk(world(on_input)))
    no_blame(await walk(world(policy=replace(hooked(HOST, "INPUT"), policy="DROP"))))


async def test_a_rule_in_a_chain_of_the_input_is_not_named() -> None:
    jump = replace(
        DROP,
        chain="INPUT",
        hook="input",
        verdict="JUMP",
        target="ufw-user-input",
        destination_ports="",
    )
    own = replace(DROP, chain="ufw-user-input")
    no_blame(await walk(world(own, more=(jump,))))


async def test_a_rule_for_another_bridge_is_not_named() -> None:
    no_blame(await walk(world(replace(DROP, in_device="br-other"))))


async def test_a_rule_for_another_family_is_not_named() -> None:
    no_blame(await walk(world(replace(DROP, family=6))))


async def test_a_rule_that_counts_once_by_chance_is_not_named() -> None:
    odd = replace(DROP, unknown=("string --string GET",))

    def once(nth: int, found: Attempted) -> Attempted:
        return found if nth <= 2 else replace(found, hits=())

    found = await walk(from_attempt(world(odd), once))
    no_blame(found)
    assert any("cannot tell" in line for line in found.unsupported)


async def test_a_limit_is_named_by_what_it_let_pass() -> None:
    some = replace(DROP, unknown=("limit --limit 1/sec",))

    def passes(nth: int, found: Attempted) -> Attempted:
        return found if nth != 11 else replace(through(found), hits=())

    found = await walk(from_attempt(world(some), passes))
    assert found.cause is not None
    assert found.cause.id == "rate-limited"


async def test_what_comes_and_goes_is_no_rules_doing() -> None:
    for number in (2, 20):

        def passes(nth: int, found: Attempted, number: int = number) -> Attempted:
            return found if nth != number else through(found)

        found = await walk(from_attempt(world(), passes))
        no_blame(found)
        assert any(
            s.node == "unsteady"
            or "got through" in s.answer
            or "second try" in s.answer
            for s in found.steps
        )


async def test_a_policy_that_counts_others_is_not_named_for_an_answer() -> None:
    """The answer is let through by state; the policy counts somebody else's packets."""
    accept = Rule(
        HOST,
        DROP.backend,
        4,
        "filter",
        "FORWARD",
        "-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        "ACCEPT",
        states=("RELATED", "ESTABLISHED"),
        hook="forward",
    )
    busy = world(policy=forward("DROP"), more=(accept,), seen=ANSWERED)
    no_blame(await walk(busy))


async def test_a_policy_without_counter_is_not_named_beside_unknown_accepts() -> None:
    maybe = nft("meta mark 7 accept", verdict="ACCEPT", unknown=("meta mark 7",))
    maybe = replace(maybe, destination_ports="", protocol="")
    rules = ruled(maybe, policies=(replace(GUARD, policy="DROP"),))
    no_blame(await walk(replace(world(), rules=rules)))


async def test_two_rules_without_counters_are_both_possible() -> None:
    other = replace(GUARD, table="fw2")
    rules = ruled(
        nft("tcp dport 3000 drop"),
        nft("tcp dport 3000 drop", table="fw2"),
        policies=(GUARD, other),
    )
    no_blame(await walk(replace(world(), rules=rules)))


async def test_a_kernel_counter_of_others_proves_nothing() -> None:
    from netwiz.probes.facts import Rise

    def noisy(_: int, found: Attempted) -> Attempted:
        rises = (
            Rise(HOST, "TcpExtIPReversePathFilter", 3),
            Rise(HOST, "nf_conntrack.drop", 1),
        )
        return replace(found, kernel=rises)

    no_blame(await walk(from_attempt(world(seen=ENTERED), noisy)))


async def test_rules_that_could_not_be_read_are_no_clean_rules() -> None:
    found = await walk(replace(world(), hits=(), uncounted=(HOST,)))
    no_blame(found)
    assert any("could not be read" in line for line in found.unsupported)


async def test_exact_counts_win_over_busy_ones() -> None:
    mine = replace(DROP, text="-A DOCKER-USER -p tcp --dport 3000 -j DROP")
    noisy = replace(
        DROP, text="-A DOCKER-USER -p tcp -j DROP", destination_ports="", packets=900
    )
    both = replace(
        world(mine, more=(noisy,)), hits=(RuleHit(90, noisy), RuleHit(1, mine))
    )
    found = await walk(both)
    assert found.cause is not None
    assert any("--dport 3000 -j DROP" in line for line in found.cause.evidence)


@pytest.mark.parametrize(
    ("text", "family", "code"),
    [
        ("icmp-host-prohibited", 4, (3, 10)),
        ("icmp-admin-prohibited", 4, (3, 13)),
        ("icmpx-admin-prohibited", 4, (3, 13)),
        ("icmpx-admin-prohibited", 6, (1, 1)),
        ("icmpx-no-route", 4, (3, 0)),
        ("icmp6-adm-prohibited", 6, (1, 1)),
        ("icmpv6-admin-prohibited", 6, (1, 1)),
        ("", 4, (3, 3)),
        ("tcp-reset", 4, None),
    ],
)
def test_what_a_reject_sends(
    text: str, family: int, code: tuple[int, int] | None
) -> None:
    assert code_of(replace(DROP, reject_with=text), family) == code


def attempts(made: World) -> list[ask.Attempt]:
    return [r for r in made.asked if isinstance(r, ask.Attempt)]


async def test_a_timeout_that_was_named_is_counted_at_once() -> None:
    made = world(DROP)
    found = await walk(made, case(symptom=Symptom.TIMEOUT))
    assert found.cause is not None
    assert found.cause.id == "docker-user-drop"
    assert len(attempts(made)) == 1
    assert attempts(made)[0].counters == attempts(made)[0].taps


async def test_a_silence_is_not_waited_for_twice() -> None:
    made = world(DROP)
    found = await walk(made)
    assert found.cause is not None
    first, second = attempts(made)
    assert not first.counters
    assert second.counters == second.taps == first.taps
    assert second.budget_ms < first.budget_ms


async def test_an_answer_seen_on_its_way_is_waited_for_again() -> None:
    """What came late the first time may come late the second time, too."""
    made = world(DROP)

    def answer(nth: int, found: Attempted) -> Attempted:
        del nth
        seen = found.sightings
        back = replace(seen[-1], reply=True, inbound=not seen[-1].inbound)
        return replace(found, sightings=(*seen, back))

    late = from_attempt(made, answer)
    await walk(late)
    first, second = attempts(late)[:2]
    assert second.counters
    assert second.budget_ms == first.budget_ms
