"""Whom an address or a name means on this machine."""

from __future__ import annotations

import datetime as dt

import pytest

from netwiz.probes.facts import (
    Attachment,
    Container,
    Engine,
    HostFacts,
    Network,
    OwnerKind,
    Snapshot,
    State,
    Subnet,
    owner_of_address,
    owners_of_name,
)

APP = Network(
    "n" * 64, "app", subnets=(Subnet("172.18.0.0/16", "172.18.0.1"),), device="br-app"
)
PG = Container(
    "a" * 64,
    "shop-pg-1",
    state=State.RUNNING,
    hostname="aaaaaaaaaaaa",
    attachments=(
        Attachment(
            APP.id, "app", "172.18.0.2", 16, "fd00::2", 64, aliases=("db", "pg")
        ),
    ),
    project="shop",
    service="pg",
)
OLD = Container(
    "b" * 64,
    "old",
    state=State.EXITED,
    attachments=(Attachment(APP.id, "app", "172.18.0.9", 16, aliases=("db",)),),
)
MACHINE = Snapshot(
    dt.datetime(2026, 11, 21, tzinfo=dt.UTC),
    HostFacts(addresses=(("lo", "127.0.0.1"), ("eth0", "10.99.0.1"))),
    Engine("unix:///x"),
    containers=(OLD, PG),
    networks=(APP,),
)


@pytest.mark.parametrize(
    ("address", "kind", "words"),
    [
        ("172.18.0.2", OwnerKind.CONTAINER, "container shop-pg-1 on app"),
        ("fd00::2", OwnerKind.CONTAINER, "container shop-pg-1 on app"),
        ("FD00:0:0::2", OwnerKind.CONTAINER, "container shop-pg-1 on app"),
        ("172.18.0.1", OwnerKind.GATEWAY, "this host, as gateway of app"),
        ("10.99.0.1", OwnerKind.HOST, "this host (eth0)"),
        ("127.0.0.53", OwnerKind.LOOPBACK, "loopback"),
        ("::1", OwnerKind.LOOPBACK, "loopback"),
        ("172.18.0.9", OwnerKind.NETWORK, "nobody, though app covers it"),
        ("172.18.77.77", OwnerKind.NETWORK, "nobody, though app covers it"),
        ("203.0.113.10", OwnerKind.ELSEWHERE, "beyond this machine"),
        ("no address", OwnerKind.ELSEWHERE, "beyond this machine"),
    ],
)
def test_owner_of_an_address(address: str, kind: OwnerKind, words: str) -> None:
    found = owner_of_address(MACHINE, address)
    assert found.kind is kind
    assert words in found.text


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("shop-pg-1", PG),
        ("SHOP-PG-1.", PG),
        ("pg", PG),
        ("aaaaaaaaaaaa", PG),
        ("old", OLD),
        ("b" * 12, OLD),
    ],
)
def test_owner_of_a_name(name: str, first: Container) -> None:
    assert owners_of_name(MACHINE, name)[0] == first


def test_a_name_may_mean_several_or_nobody() -> None:
    assert set(owners_of_name(MACHINE, "db")) == {PG, OLD}
    assert owners_of_name(MACHINE, "nobody") == ()
    assert owners_of_name(MACHINE, "b") == ()
    assert owners_of_name(MACHINE, "") == ()
