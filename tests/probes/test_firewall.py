"""Real packet filters in throw-away namespaces: read whole, and left untouched."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from netwiz.probes.errors import ProbeError
from netwiz.probes.facts.base import Place
from netwiz.probes.facts.firewall import Backend, Ruleset
from netwiz.probes.facts.firewall_commands import deletion
from netwiz.probes.firewall import tools
from netwiz.probes.firewall.diff import diff
from netwiz.probes.firewall.senses import read_rules
from netwiz.probes.machine import Ground
from netwiz.probes.requests import ReadRules
from tests.probes.little_net import Namespace, ground, needs_root

pytestmark = needs_root


@pytest.fixture
def place() -> Iterator[Namespace]:
    made = Namespace("fw")
    yield made
    made.close()


async def read(where: Namespace, on: Ground | None = None) -> Ruleset:
    base = on or ground()
    try:
        return await read_rules(base, ReadRules(where.place))
    finally:
        if on is None:
            base.namespaces.close()


NAMES = "cat /proc/thread-self/net/ip_tables_names 2>/dev/null || true"


async def test_reading_creates_nothing(place: Namespace) -> None:
    found = await read(place)
    assert (found.rules, found.policies, found.unseen) == ((), (), ())
    assert place.run("nft list ruleset") == ""
    assert place.run(NAMES) == ""


async def test_reading_changes_nothing_that_is_there(place: Namespace) -> None:
    place.run("iptables -A INPUT -p tcp --dport 1 -j DROP")
    place.run("nft add table inet other")
    before = place.run("nft -a list ruleset")
    await read(place)
    assert place.run("nft -a list ruleset") == before
    assert place.run(NAMES) == ""


async def test_all_three_layers_are_read(place: Namespace) -> None:
    place.run("iptables -t nat -A OUTPUT -p tcp --dport 80 -j DNAT --to 127.0.0.1:8080")
    place.run("ip6tables -A INPUT -p tcp --dport 6 -j REJECT")
    place.run("iptables-legacy -A INPUT -p tcp --dport 7 -j DROP")
    place.run(
        "nft add table inet own; nft add chain inet own in "
        "'{ type filter hook input priority 0; policy drop; }';"
        "nft add rule inet own in tcp dport 9 counter drop"
    )
    found = await read(place)
    shown = {(r.backend, r.family, r.table, r.verdict, r.tool) for r in found.rules}
    assert shown == {
        (Backend.IPTABLES_NFT, 4, "nat", "DNAT", "iptables"),
        (Backend.IPTABLES_NFT, 6, "filter", "REJECT", "ip6tables"),
        (Backend.IPTABLES_LEGACY, 4, "filter", "DROP", "iptables-legacy"),
        (Backend.NFT, 0, "own", "DROP", "nft"),
    }
    assert ("in", "DROP") in {(p.chain, p.policy) for p in found.policies}
    assert found.unseen == ()


async def test_a_foreign_chain_in_a_table_of_iptables_is_seen(place: Namespace) -> None:
    place.run("iptables -A INPUT -p tcp --dport 1 -j DROP")
    place.run(
        "nft add chain ip filter input "
        "'{ type filter hook input priority 0; policy accept; }';"
        "nft add rule ip filter input tcp dport 2 drop"
    )
    found = await read(place)
    assert {(r.backend, r.destination_ports) for r in found.rules} == {
        (Backend.IPTABLES_NFT, "1"),
        (Backend.NFT, "2"),
    }


HOSTILE = 'a "b" $(touch x) `id` \\ ; reboot \' !'


@pytest.mark.parametrize("tool", ["iptables", "ip6tables", "iptables-legacy"])
async def test_deletion_removes_the_very_rule(place: Namespace, tool: str) -> None:
    quoted = HOSTILE.replace("'", "'\\''")
    place.run(f"{tool} -A INPUT -p tcp --dport 1 -j ACCEPT")
    place.run(
        f"{tool} -A INPUT ! -i br+ -p tcp -m multiport ! --dports 1,2:4 "
        f"-m comment --comment '{quoted}' -j REJECT --reject-with tcp-reset"
    )
    place.run(f"{tool} -A INPUT -p tcp --dport 3 -j ACCEPT")
    rules = (await read(place)).rules
    (wanted,) = (r for r in rules if r.verdict == "REJECT")
    # The command enters the namespace by itself.
    place.run(deletion(wanted))
    left = [r.destination_ports for r in (await read(place)).rules]
    assert left == ["1", "3"]


async def test_deletion_of_a_foreign_rule(place: Namespace) -> None:
    place.run(
        "nft add table inet own; nft add chain inet own in;"
        "nft add rule inet own in tcp dport 9 drop;"
        "nft add rule inet own in tcp dport 10 drop"
    )
    rule = (await read(place)).rules[0]
    place.run(deletion(rule))
    assert [r.destination_ports for r in (await read(place)).rules] == ["10"]


async def test_the_rule_that_saw_the_packets(place: Namespace) -> None:
    for tool in ("iptables", "iptables-legacy"):
        place.run(f"{tool} -A INPUT -p udp --dport 9 -m comment --comment {tool}")
    place.run("iptables -A INPUT -p udp --dport 9")
    place.run("iptables -A INPUT -p udp --dport 9")
    place.run("iptables -A INPUT -p udp --dport 10 -j DROP")
    place.run("iptables -P INPUT DROP")
    base = ground()
    before = await read(place, base)
    place.run(_datagram(9))
    after = await read(place, base)
    base.namespaces.close()
    hits = diff(before, after)
    rules = [h.rule for h in hits if h.rule]
    assert [r.backend for r in rules] == [
        Backend.IPTABLES_NFT,
        Backend.IPTABLES_NFT,
        Backend.IPTABLES_NFT,
        Backend.IPTABLES_LEGACY,
    ]
    assert {r.destination_ports for r in rules} == {"9"}
    assert {h.packets for h in hits} == {1}
    assert ("INPUT", "DROP") in {(p.chain, p.policy) for h in hits if (p := h.policy)}
    assert diff(after, after) == ()


def _datagram(port: int) -> str:
    code = (
        "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); "
        f's.sendto(b"x", ("127.0.0.1", {port}))'
    )
    return f"python3 -c '{code}'"


async def test_a_namespace_that_is_gone() -> None:
    base = ground()
    with pytest.raises(ProbeError):
        await read_rules(base, ReadRules(Place.netns("nwt-was-never")))
    base.namespaces.close()


async def test_missing_tools_are_named(
    place: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.run("iptables-legacy -A INPUT -p tcp --dport 7 -j DROP")
    monkeypatch.setattr(tools, "find", lambda _: "")
    found = await read(place)
    assert found.rules == ()
    assert len(found.unseen) == 4
    assert any("legacy tables (filter)" in line for line in found.unseen)


def test_a_tool_that_hangs_is_stopped() -> None:
    sleep = tools.find("sleep")
    first, second = tools.run([sleep, "60"], [sleep, "0"], seconds=3.0)
    assert "no answer in time" in first.problem
    assert second.problem == ""


def test_a_tool_that_never_stops_talking_is_stopped() -> None:
    (said,) = tools.run([tools.find("cat"), "/dev/zero"])
    assert "more than we keep" in said.problem
    assert len(said.out) == tools.OUTPUT_LIMIT


def test_a_tool_that_fails_or_is_not_there() -> None:
    failed, absent = tools.run([tools.find("cat"), "/nowhere"], ["/nowhere/tool"])
    assert "No such file" in failed.problem
    assert "No such file" in absent.problem


async def test_reading_does_not_hold_up_the_event_loop(place: Namespace) -> None:
    async with asyncio.timeout(60):
        reading = asyncio.ensure_future(read(place))
        ticks = 0
        while not reading.done():
            await asyncio.sleep(0)
            ticks += 1
        assert (await reading).rules == ()
    assert ticks > 2
