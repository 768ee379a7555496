"""Which rule refused: only one that stands, answers and fits as the refusal did."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netwiz.probes.facts import (
    HOST,
    After,
    Backend,
    Connection,
    IcmpError,
    Outcome,
    Rule,
    RuleHit,
    Ruleset,
    Snapshot,
    State,
)
from netwiz.wizard.verdict import Diagnosis, Result
from tests.wizard.judge_table import BETWEEN, OPEN, RULE
from tests.wizard.world import BRIDGE, ORDER, PG, World, container, listener, walk

NFT = replace(
    RULE,
    backend=Backend.NFT,
    family=0,
    table="corp",
    chain="fw",
    text="tcp dport 3000 reject with tcp reset",
    handle=2,
    nft_family="inet",
    packets=0,
)


def between(*rules: Rule, packets: int = 1) -> World:
    hits = tuple(RuleHit(packets, rule) for rule in rules)
    return World(sockets=OPEN, sightings=BETWEEN, hits=hits)


def named(found: Diagnosis) -> str:
    return found.cause.id if found.cause else ""


INNOCENT = {
    "another port": replace(RULE, destination_ports="3001"),
    "another destination": replace(RULE, destination="172.18.0.9/32"),
    "not this destination": replace(RULE, destination="!172.18.0.2/32"),
    "another source": replace(RULE, source="172.18.0.77/32"),
    "another protocol": replace(RULE, protocol="udp"),
    "another device": replace(RULE, in_device="wg0"),
    "another way": replace(RULE, chain="INPUT"),
    "what the host sends": replace(RULE, chain="OUTPUT"),
    "answers otherwise": replace(RULE, reject_with="icmp-port-unreachable"),
    "only drops": replace(RULE, verdict="DROP", reject_with=""),
    "established only": replace(RULE, states=("ESTABLISHED",)),
    "in the server, which nothing reached": replace(
        RULE, place=PG.place, chain="INPUT"
    ),
}


@pytest.mark.parametrize("rule", INNOCENT.values(), ids=INNOCENT)
async def test_a_busy_rule_that_cannot_have_done_it_is_not_blamed(rule: Rule) -> None:
    found = await walk(between(rule))
    assert found.result is Result.UNDETERMINED
    assert not found.also


@pytest.mark.parametrize(
    "rule",
    [
        replace(RULE, in_device=BRIDGE),
        replace(RULE, in_device="br+"),
        replace(RULE, source="172.18.0.0/16", destination="172.18.0.2"),
        replace(RULE, destination_ports="2000:4000", states=("NEW",)),
    ],
)
async def test_a_rule_that_fits_is_named(rule: Rule) -> None:
    assert named(await walk(between(rule))) == "forward-reject-tcp-reset"


async def test_the_innocent_beside_the_guilty_is_passed_over() -> None:
    found = await walk(between(*INNOCENT.values(), RULE))
    assert found.cause is not None
    assert RULE.text in found.cause.evidence[0]


async def test_a_match_unknown_to_us_takes_more_probes() -> None:
    odd = replace(RULE, unknown=("-m string --string x",))
    found = await walk(between(odd))
    assert named(found) == "forward-reject-tcp-reset"
    assert found.cause is not None
    assert "again with each of 2 more" in found.cause.evidence[0]
    busy = await walk(between(odd, packets=7))
    assert busy.result is Result.UNDETERMINED
    assert any(odd.text in line for line in busy.unsupported)


async def test_a_rule_without_a_counter_is_named_only_when_it_is_alone() -> None:
    world = between()
    world.rules = Ruleset(place=HOST, rules=(NFT,))
    found = await walk(world)
    assert named(found) == "forward-reject-tcp-reset"
    assert found.cause is not None
    assert "has no counter" in found.cause.evidence[0]
    twin = replace(NFT, handle=3, chain="other")
    world.rules = Ruleset(place=HOST, rules=(NFT, twin))
    both = await walk(world)
    assert both.result is Result.UNDETERMINED
    assert len(both.unsupported) == 2


async def test_an_unread_counter_is_said_and_excludes_guessing() -> None:
    world = between()
    world.rules = Ruleset(place=HOST, rules=(NFT,))
    world.uncounted = (HOST,)
    found = await walk(world)
    assert found.result is Result.UNDETERMINED
    assert any("host" in line for line in found.unsupported)
    assert not [r for r in found.ruled_out if r.id.startswith("forward-reject")]


async def test_who_hangs_up_was_not_refused_by_a_rule_of_the_host() -> None:
    def hangs_up(link: Connection) -> Connection:
        return replace(link, outcome=Outcome.CONNECTED, after=After.EOF)

    world = World(sockets=OPEN, hits=(RuleHit(1, RULE),), connection=hangs_up)
    found = await walk(world)
    assert found.result is Result.UNDETERMINED
    assert "hangs up" in found.summary


async def test_untapped_packets_are_not_said_to_have_stayed_away() -> None:
    found = await walk(World(sockets=OPEN, tapped=False))
    assert found.result is Result.UNDETERMINED
    lines = [line for step in found.steps for line in step.evidence]
    assert not [line for line in lines if "never reached" in line]


async def test_two_in_one_namespace_are_not_two_owners() -> None:
    rider = container("side", 9, network_mode=f"container:{PG.id}", attachments=())
    world = World(containers=(ORDER, PG, rider), sockets=OPEN, sightings=BETWEEN)
    assert (await walk(world)).result is Result.UNDETERMINED


@pytest.mark.parametrize(
    ("reject", "blamed"),
    [
        ("icmp-port-unreachable", True),
        ("", True),
        ("icmp-host-prohibited", False),
        ("icmp-admin-prohibited", False),
        ("tcp-reset", False),
    ],
)
async def test_the_answer_must_be_the_one_that_the_rule_gives(
    reject: str, *, blamed: bool
) -> None:
    world = between(replace(RULE, reject_with=reject))
    world.connection = lambda c: replace(c, icmp=IcmpError(3, 3, "172.18.0.1"))
    found = await walk(world)
    wanted = "forward-reject-port-unreachable" if blamed else ""
    assert named(found) == wanted


@pytest.mark.parametrize("who", ["order", "pg"])
async def test_what_is_being_removed_is_never_to_be_started(who: str) -> None:
    parts = {c.name: c for c in (ORDER, PG)}
    leaving = replace(parts[who], state=State.REMOVING, pid=0)
    parts[who] = leaving
    names: dict[str, tuple[str, ...]] = {"pg": ("172.18.0.2",)}
    if who == "pg":
        names = {}
    found = await walk(World(containers=tuple(parts.values()), names=names))
    assert found.result is Result.UNDETERMINED
    assert found.cause is None
    assert any("remov" in line for line in found.missing)


async def test_an_engine_that_has_gone_is_not_a_client_that_has() -> None:
    class Gone(World):
        @property
        def snapshot(self) -> Snapshot:
            return replace(
                super().snapshot, engine=None, containers=(), missing="no engine at x"
            )

    found = await walk(Gone())
    assert found.result is Result.UNDETERMINED
    assert found.cannot_look
    assert found.missing[0] == "no engine at x"


async def test_a_service_on_loopback_and_another_address_is_no_loopback_fault() -> None:
    both = (listener("127.0.0.1:3000"), listener("172.19.0.2:3000"))
    found = await walk(World(sockets={"pg": both}))
    assert found.result is Result.UNDETERMINED
    assert "172.19.0.2:3000" in found.missing[0]
