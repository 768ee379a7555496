from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwiz.probes.names.rfc6724 import Candidate, Terrain, in_order, look_around
from tests.probes.little_net import Namespace, ground, needs_root


def order(*pairs: tuple[str, str], libc: str = "") -> list[str]:
    return in_order((Candidate(to, source, 24) for to, source in pairs), libc)


def test_localhost_is_tried_on_ipv6_first() -> None:
    assert order(("127.0.0.1", "127.0.0.1"), ("::1", "::1")) == ["::1", "127.0.0.1"]


def test_localhost_without_ipv6_is_tried_on_ipv4_first() -> None:
    assert order(("::1", ""), ("127.0.0.1", "127.0.0.1")) == ["127.0.0.1", "::1"]


def test_what_has_no_source_comes_last() -> None:
    assert order(
        ("2001:db8::1", ""), ("203.0.113.1", "10.0.0.1"), ("198.51.100.1", "")
    ) == ["203.0.113.1", "2001:db8::1", "198.51.100.1"]


def test_global_ipv6_goes_before_ipv4() -> None:
    assert order(("203.0.113.1", "10.0.0.1"), ("2001:db8::1", "2001:db8::2")) == [
        "2001:db8::1",
        "203.0.113.1",
    ]


def test_ipv4_goes_before_an_ipv6_of_another_label() -> None:
    # RFC 6724, 10.3: from a unique local source the world is better reached by IPv4.
    assert order(("2001:db8::1", "fd00::2"), ("203.0.113.1", "198.51.100.2")) == [
        "203.0.113.1",
        "2001:db8::1",
    ]


@pytest.mark.parametrize(
    ("libc", "first"),
    [("glibc", "fd00::3"), ("musl", "172.18.0.3"), ("", "172.18.0.3")],
)
def test_the_libraries_differ_over_unique_local_addresses(
    libc: str, first: str
) -> None:
    pairs = (("fd00::3", "fd00::2"), ("172.18.0.3", "172.18.0.2"))
    assert order(*pairs, libc=libc)[0] == first
    assert order(*reversed(pairs), libc=libc)[0] == first


def test_a_deprecated_source_is_avoided() -> None:
    assert in_order(
        [
            Candidate("2001:db8::1", "2001:db8::9", 64, deprecated=True),
            Candidate("203.0.113.1", "198.51.100.2", 24),
        ]
    ) == ["203.0.113.1", "2001:db8::1"]


def test_scope_decides_before_precedence() -> None:
    assert order(("2001:db8::1", "fe80::2"), ("203.0.113.1", "198.51.100.2")) == [
        "203.0.113.1",
        "2001:db8::1",
    ]


@pytest.mark.parametrize(
    ("libc", "sorted_near", "sorted_far"),
    [("glibc", True, False), ("musl", True, True), ("", False, False)],
)
def test_the_libraries_differ_over_round_robin(
    libc: str, sorted_near: bool, sorted_far: bool
) -> None:
    near = [
        Candidate("172.18.0.9", "172.18.0.2", 16),
        Candidate("172.18.0.3", "172.18.0.2", 16),
    ]
    far = [
        Candidate("203.0.113.9", "172.18.0.2", 16),
        Candidate("172.19.0.3", "172.18.0.2", 16),
    ]
    assert (in_order(near, libc) != [c.address for c in near]) is sorted_near
    assert (in_order(far, libc) != [c.address for c in far]) is sorted_far


ADDRESSES = st.ip_addresses().map(str)


@given(
    st.lists(st.tuples(ADDRESSES, st.one_of(st.just(""), ADDRESSES))),
    st.sampled_from(["", "glibc", "musl"]),
)
def test_nothing_is_lost_or_invented(pairs: list[tuple[str, str]], libc: str) -> None:
    same_family = [
        (to, source if (":" in to) == (":" in source) else "") for to, source in pairs
    ]
    assert sorted(order(*same_family, libc=libc)) == sorted(to for to, _ in pairs)


@pytest.fixture
def lone() -> Iterator[Namespace]:
    with contextlib.closing(Namespace("lone")) as made:
        yield made


def look(lone: Namespace, *destinations: str) -> Terrain:
    known = ground()
    try:
        return known.namespaces.call_here(lone.place, look_around, destinations)
    finally:
        known.namespaces.close()


@needs_root
def test_sources_are_the_kernels_choice(lone: Namespace) -> None:
    lone.run(
        "ip link add e0 type veth peer name e1; ip link set e1 up; ip link set e0 up;"
        "ip addr add 10.9.0.1/20 dev e0; ip addr add 10.9.0.2/20 dev e0;"
        "ip addr add fd00:9::1/64 dev e0 nodad preferred_lft 0"
    )
    found = look(lone, "10.9.0.9", "127.0.0.1", "203.0.113.1", "fd00:9::9")
    assert found.candidates == (
        Candidate("10.9.0.9", "10.9.0.1", 20),
        Candidate("127.0.0.1", "127.0.0.1", 8),
        Candidate("203.0.113.1"),
        Candidate("fd00:9::9", "fd00:9::1", 64, deprecated=True),
    )
    assert (found.has_ipv4, found.has_ipv6) == (True, True)


@needs_root
def test_loopback_alone_is_no_address_family(lone: Namespace) -> None:
    found = look(lone, "::1")
    assert (found.has_ipv4, found.has_ipv6) == (False, False)
    assert found.candidates == (Candidate("::1", "::1", 128),)
