"""What addresses are called in a capture, beside those of containers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from netwiz.probes.facts import Engine, HostFacts, Network, Snapshot
from netwiz.probes.facts.engine import Subnet
from netwiz.tui.capture_names import shown_names

SHOP = Network(
    "n1", "shop", device="br-1", subnets=(Subnet("10.1.0.0/24", "10.1.0.1"),)
)
OFFICE = Network(
    "n2", "office", "macvlan", subnets=(Subnet("10.2.0.0/24", "10.2.0.1"), Subnet("x"))
)
SNAPSHOT = Snapshot(
    taken_at=datetime(2026, 11, 21, tzinfo=UTC),
    engine=Engine("unix:///var/run/docker.sock", "27.0"),
    networks=(SHOP, OFFICE),
    host=HostFacts(addresses=(("lo", "127.0.0.1"), ("eth0", "192.0.2.7"))),
)


def test_dockers_name_server_and_gateways_have_names() -> None:
    assert shown_names(SNAPSHOT) == {
        "127.0.0.11": "Docker's DNS",
        "10.1.0.1": "host",
        "10.2.0.1": "office gateway",
        "192.0.2.7": "host",
    }


def test_what_the_host_has_itself_is_the_hosts() -> None:
    here = replace(SNAPSHOT.host, addresses=(("macvlan0", "10.2.0.1"),))
    assert shown_names(replace(SNAPSHOT, host=here))["10.2.0.1"] == "host"


def test_without_an_engine_there_is_no_docker_to_name() -> None:
    assert "127.0.0.11" not in shown_names(replace(SNAPSHOT, engine=None))
