"""A packet led through rules on paper, as iptables(8) would lead it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netwiz.probes.facts import HOST, Backend, ChainPolicy, Rule, Ruleset
from netwiz.wizard.forwarding import (
    NO_DEVICE,
    PaperPacket,
    aim,
    fate_at,
    translated,
)

PACKET = PaperPacket("172.18.0.2", 3000, "tcp", "eth0", "br-app")
BLANK = Rule(HOST, Backend.IPTABLES_NFT, 4, "filter", "FORWARD", "r", "ACCEPT")


def policy(
    verdict: str = "ACCEPT", chain: str = "FORWARD", **more: object
) -> ChainPolicy:
    made = ChainPolicy(HOST, Backend.IPTABLES_NFT, 4, "filter", chain, verdict)
    return replace(made, **more)  # type: ignore[arg-type]


def rule(verdict: str, chain: str = "FORWARD", **more: object) -> Rule:
    return replace(BLANK, verdict=verdict, chain=chain, **more)  # type: ignore[arg-type]


def fate(*rules: Rule, hook: str = "forward", base: ChainPolicy | None = None) -> str:
    ruleset = Ruleset(place=HOST, rules=rules, policies=(base or policy(),))
    return fate_at(hook, ruleset, PACKET).verdict


def test_the_first_match_wins() -> None:
    assert fate(rule("ACCEPT"), rule("REJECT")) == "ACCEPT"
    assert fate(rule("REJECT"), rule("ACCEPT")) == "REJECT"


def test_the_policy_decides_what_no_rule_did() -> None:
    assert fate(base=policy("DROP")) == "DROP"
    assert fate(rule("LOG"), base=policy("DROP")) == "DROP"


def test_a_jump_comes_back_and_return_leaves_the_chain() -> None:
    jump = rule("JUMP", target="USER")
    assert fate(jump, rule("REJECT")) == "REJECT"
    inside = rule("RETURN", "USER"), rule("DROP", "USER")
    assert fate(jump, *inside, rule("ACCEPT")) == "ACCEPT"
    assert fate(jump, rule("REJECT", "USER"), rule("ACCEPT")) == "REJECT"


def test_return_in_the_base_chain_leads_to_the_policy() -> None:
    assert fate(rule("RETURN"), rule("ACCEPT"), base=policy("DROP")) == "DROP"


def test_chains_that_call_each_other_end() -> None:
    loop = rule("JUMP", "A", target="B"), rule("JUMP", "B", target="A")
    assert fate(rule("JUMP", target="A"), *loop, base=policy("DROP")) == "DROP"


@pytest.mark.parametrize(
    ("match", "applies"),
    [
        ({"destination": "172.18.0.0/16"}, True),
        ({"destination": "!172.18.0.2/32"}, False),
        ({"destination_ports": "1:2999"}, False),
        ({"destination_ports": "!3000"}, False),
        ({"destination_ports": "80,3000"}, True),
        ({"protocol": "udp"}, False),
        ({"protocol": "!udp"}, True),
        ({"in_device": "!br-app"}, True),
        ({"in_device": "!eth0"}, False),
        ({"in_device": "eth+"}, True),
        ({"out_device": "docker0"}, False),
        ({"states": ("RELATED", "ESTABLISHED")}, False),
        ({"states": ("NEW",)}, True),
    ],
)
def test_matches_are_held_against_the_packet(
    match: dict[str, object], *, applies: bool
) -> None:
    found = rule("DROP", **match)  # type: ignore[arg-type]
    assert fate(found) == ("DROP" if applies else "ACCEPT")


@pytest.mark.parametrize("odd", [{"unknown": ("-m set x",)}, {"source": "10.0.0.0/8"}])
def test_what_cannot_be_told_is_named_and_not_counted(odd: dict[str, object]) -> None:
    rules = (rule("REJECT", **odd),)  # type: ignore[arg-type]
    found = fate_at(
        "forward", Ruleset(place=HOST, rules=rules, policies=(policy(),)), PACKET
    )
    assert found.verdict == "ACCEPT"
    assert found.undecided == rules


def test_any_backend_that_refuses_refuses() -> None:
    foreign = rule("REJECT", "fw", backend=Backend.NFT, family=0, table="corp")
    base = policy(
        chain="fw", backend=Backend.NFT, family=0, table="corp", hook="forward"
    )
    rules = Ruleset(
        place=HOST, rules=(rule("ACCEPT"), foreign), policies=(policy(), base)
    )
    assert fate_at("forward", rules, PACKET).verdict == "REJECT"


def test_hooks_and_families_are_kept_apart() -> None:
    assert fate(rule("REJECT", "INPUT"), base=policy(chain="INPUT")) == ""
    inside = rule("REJECT", "INPUT")
    assert fate(inside, hook="input", base=policy(chain="INPUT")) == "REJECT"
    six = rule("DROP", family=6)
    assert fate(six, base=policy(family=6)) == ""
    packet = replace(PACKET, destination="fd00::2")
    rules = Ruleset(place=HOST, rules=(six,), policies=(policy(family=6),))
    assert fate_at("forward", rules, packet).verdict == "DROP"


def test_a_foreign_chain_of_that_name_on_no_hook_is_no_base_chain() -> None:
    lure = policy("DROP", backend=Backend.NFT, family=0, table="corp", hook="output")
    assert fate(base=lure) == ""


NAT = policy(chain="PREROUTING", table="nat", hook="prerouting")
ARRIVES = replace(PACKET, destination="10.99.0.1", out_device="", local=True)


def dnat(target: str, chain: str = "PREROUTING", **more: object) -> Rule:
    return rule("DNAT", chain, table="nat", target=target, **more)


def led(*rules: Rule, packet: PaperPacket = ARRIVES) -> tuple[str, int, int]:
    ruleset = Ruleset(place=HOST, rules=rules, policies=(NAT,))
    found = translated("prerouting", ruleset, packet)
    return found.address, found.port, len(found.undecided)


def test_the_first_translation_that_takes_it_wins() -> None:
    dead, alive = dnat("172.18.0.199:80"), dnat("172.18.0.2:80")
    assert led(dead, alive) == ("172.18.0.199", 80, 0)
    assert led(replace(dead, destination_ports="3001"), alive) == ("172.18.0.2", 80, 0)
    assert led() == ("", 0, 0)


def test_a_translation_that_cannot_be_judged_is_named() -> None:
    odd = dnat("172.18.0.9:80", unknown=("set --match-set x src",))
    assert led(odd, dnat("172.18.0.2")) == ("172.18.0.2", 3000, 1)


def test_docker_asks_whether_the_address_is_the_hosts_own() -> None:
    asks = ("addrtype --dst-type LOCAL",)
    jump = rule("JUMP", "PREROUTING", table="nat", target="DOCKER", unknown=asks)
    inside = dnat("172.18.0.2:80", "DOCKER")
    assert led(jump, inside) == ("172.18.0.2", 80, 0)
    assert led(jump, inside, packet=replace(ARRIVES, local=False)) == ("", 0, 0)
    other = replace(jump, unknown=("! addrtype --dst-type LOCAL",))
    assert led(other, inside) == ("", 0, 0)


def test_what_the_host_sends_came_in_by_no_device() -> None:
    kept = dnat("172.18.0.2:80", in_device="!br-app")
    assert led(kept, packet=replace(ARRIVES, in_device=NO_DEVICE))[0] == "172.18.0.2"
    assert led(kept, packet=replace(ARRIVES, in_device="br-app")) == ("", 0, 0)
    assert led(kept, packet=replace(ARRIVES, in_device="")) == ("", 0, 1)


@pytest.mark.parametrize(
    ("target", "address", "port"),
    [
        ("172.18.0.2:80", "172.18.0.2", 80),
        ("172.18.0.2", "172.18.0.2", 0),
        ("[fd00::2]:80", "fd00::2", 80),
        ("fd00::2", "fd00::2", 0),
        ("10.0.0.1-10.0.0.9:80-90", "10.0.0.1", 80),
        ("8080", "", 8080),
        ("", "", 0),
        ("nonsense:x", "", 0),
    ],
)
def test_where_a_translation_aims(target: str, address: str, port: int) -> None:
    assert aim(target) == (address, port)


def test_what_accepts_before_a_refusal_leaves_it_open() -> None:
    listed = rule("ACCEPT", source="10.0.0.0/8")
    ruleset = Ruleset(place=HOST, rules=(listed, rule("DROP")), policies=(policy(),))
    found = fate_at("forward", ruleset, PACKET)
    assert (found.verdict, found.undecided) == ("DROP", (listed,))
    decided = fate_at("forward", ruleset, replace(PACKET, source="10.1.2.3"))
    assert (decided.verdict, decided.undecided) == ("ACCEPT", ())


def test_raw_and_mangle_refuse_before_any_routing() -> None:
    raw = rule("DROP", "PREROUTING", table="raw", destination="172.18.0.2/32")
    base = policy(chain="PREROUTING", table="raw")
    ruleset = Ruleset(place=HOST, rules=(raw,), policies=(base,))
    assert fate_at("prerouting", ruleset, PACKET).rule == raw
