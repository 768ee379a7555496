"""The small reasoning that facts do about themselves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netwiz.probes.facts import HOST, Backend, Listener, Network, Rule, Subnet

ANY4 = Listener("0.0.0.0", 80)
ANY6 = Listener("::", 80, family=6, v6only=True)
BOTH = Listener("::", 80, family=6)
LOOP4 = Listener("127.0.0.1", 80)
LOOP6 = Listener("::1", 80, family=6)
MAPPED = Listener("::ffff:172.18.0.2", 80, family=6)
SCOPED = Listener("fe80::1%eth0", 80, family=6)


@pytest.mark.parametrize(
    ("listener", "address", "takes"),
    [
        (ANY4, "172.18.0.2", True),
        (ANY4, "fd00::2", False),
        (ANY6, "fd00::2", True),
        (ANY6, "172.18.0.2", False),
        (BOTH, "fd00::2", True),
        (BOTH, "172.18.0.2", True),
        (LOOP4, "127.0.0.1", True),
        (LOOP4, "127.0.0.2", False),
        (LOOP4, "172.18.0.2", False),
        (LOOP6, "::1", True),
        (LOOP6, "127.0.0.1", False),
        (MAPPED, "172.18.0.2", True),
        (MAPPED, "172.18.0.3", False),
        (SCOPED, "fe80::1", True),
    ],
)
def test_what_a_listener_takes(listener: Listener, address: str, takes: bool) -> None:
    assert listener.accepts(address) is takes


@pytest.mark.parametrize(
    ("listener", "text", "loopback", "wildcard"),
    [
        (ANY4, "0.0.0.0:80", False, True),
        (ANY6, "[::]:80", False, True),
        (BOTH, "*:80", False, True),
        (LOOP4, "127.0.0.1:80", True, False),
        (LOOP6, "[::1]:80", True, False),
        (SCOPED, "[fe80::1%eth0]:80", False, False),
    ],
)
def test_how_a_listener_is_written(
    listener: Listener, text: str, loopback: bool, wildcard: bool
) -> None:
    assert (listener.text, listener.loopback, listener.wildcard) == (
        text,
        loopback,
        wildcard,
    )


RULE = Rule(HOST, Backend.IPTABLES_NFT, 4, "filter", "FORWARD", "x", "DROP")


@pytest.mark.parametrize(
    ("match", "fits"),
    [
        ({}, True),
        ({"source": "172.18.0.0/16"}, True),
        ({"source": "!172.18.0.0/16"}, False),
        ({"source": "10.0.0.0/8"}, False),
        ({"destination": "172.18.0.2/32"}, True),
        ({"destination": "!172.18.0.2/32"}, False),
        ({"protocol": "tcp"}, True),
        ({"protocol": "udp"}, False),
        ({"protocol": "!udp"}, True),
        ({"protocol": "all"}, True),
        ({"destination_ports": "3000"}, True),
        ({"destination_ports": "3001"}, False),
        ({"destination_ports": "2000:4000"}, True),
        ({"destination_ports": "80,443,3000"}, True),
        ({"destination_ports": "!3000"}, False),
        ({"destination_ports": "!80"}, True),
        ({"destination_ports": ":2999"}, False),
        ({"destination_ports": "3000:"}, True),
    ],
)
def test_whether_a_rule_concerns_a_flow(match: dict[str, str], fits: bool) -> None:
    rule = replace(RULE, **match)  # type: ignore[arg-type]
    assert rule.concerns("172.18.0.3", "172.18.0.2", 3000, "tcp") is fits


def test_what_a_network_holds() -> None:
    network = Network(
        "n" * 64, "app", subnets=(Subnet("172.18.0.0/16"), Subnet("fd00::/64"))
    )
    assert network.holds("172.18.255.1")
    assert network.holds("fd00::9")
    assert not network.holds("172.19.0.1")
    assert not network.holds("no address")
    assert not replace(network, subnets=(Subnet("garbage"),)).holds("172.18.0.1")
