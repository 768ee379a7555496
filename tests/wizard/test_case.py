"""What people write for FROM and TO, good and bad."""

from __future__ import annotations

import contextlib
import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwiz.probes.facts import Container, Engine, HostFacts, Protocol, Snapshot, State
from netwiz.wizard.case import (
    BadInput,
    ClientKind,
    Symptom,
    Target,
    check_port,
    client_hinted,
    parse_client,
    parse_target,
)
from tests.wizard.world import ORDER, World, container

NOW = dt.datetime(2026, 11, 21, 2, 4, tzinfo=dt.UTC)
TARGETS = {
    "pg:3000": Target("pg", 3000),
    "PG:3000": Target("pg", 3000),
    "172.18.0.2:80": Target("172.18.0.2", 80),
    "[fd00::0002]:80": Target("fd00::2", 80),
    "tcp://pg:5432": Target("pg", 5432),
    "udp://dns:53": Target("dns", 53, "udp"),
    "http://pg": Target("pg", 80, "http"),
    "http://pg:8080/path?q=1": Target("pg", 8080, "http"),
    "https://u:secret@api.example/x": Target("api.example", 443, "https"),
    "dns://pg": Target("pg", None, "dns"),
    "pg": Target("pg", None, "dns"),
    "my_service:80": Target("my_service", 80),
    "localhost:3000": Target("localhost", 3000),
    "::1": Target("::1", None, "dns"),
    "Bücher.example:80": Target("xn--bcher-kva.example", 80),
}
BAD = {
    "": "names no host",
    ":80": "names no host",
    "pg:": "port is missing",
    "pg:http": "a number from 1 to 65535",
    "pg:0": "a number from 1 to 65535",
    "pg:65536": "a number from 1 to 65535",
    "pg:99999999999999999999": "a number from 1 to 65535",
    "pg:-1": "a number from 1 to 65535",
    "pg:٣": "a number from 1 to 65535",
    "tcp://pg": "lacks a port",
    "ftp://pg:21": "unknown scheme",
    "dns://pg:53": "without a port",
    "300.1.2.3:80": "no IPv4 address",
    "[fd00::2:80": "IPv6 address is written",
    "[fd00::2]80": "IPv6 address is written",
    "[zz]:80": "IPv6 address is written",
    "a b:80": "no host name",
    "\x1b[31mpg:80": "no host name",
    "-pg:80": "no host name",
    "ü..pg:80": "no host name",
    "a" * 300 + ":80": "no host name",
}


def snapshot(*names: str) -> Snapshot:
    containers = tuple(
        Container(id=f"{i:x}" * 2 + "0" * 62, name=n, state=State.RUNNING, pid=1)
        for i, n in enumerate(names, 10)
    )
    engine = Engine("unix:///run/docker.sock")
    return Snapshot(NOW, HostFacts(namespaces=("blue",)), engine, containers=containers)


@pytest.mark.parametrize(("text", "want"), TARGETS.items())
def test_targets(text: str, want: Target) -> None:
    got = parse_target(text)
    assert got == want
    assert parse_target(got.text) == got


@pytest.mark.parametrize(("text", "words"), BAD.items())
def test_bad_targets_say_what_would_be_right(text: str, words: str) -> None:
    with pytest.raises(BadInput, match=words) as caught:
        parse_target(text)
    message = str(caught.value)
    assert message.isprintable()
    assert len(message) < 300


@pytest.mark.parametrize(
    ("text", "symptom", "lacks"),
    [
        ("db", None, ""),
        ("db", Symptom.DNS, ""),
        ("db:80", Symptom.REFUSED, ""),
        ("db", Symptom.REFUSED, "as in db:3000"),
        ("db", Symptom.UNREACHABLE, "as in db:3000"),
        # An address is no name: there is nothing to be resolved.
        ("10.0.0.1", None, "as in 10.0.0.1:3000"),
        ("dns://10.0.0.1", Symptom.DNS, "as in 10.0.0.1:3000"),
        ("fd00::2", Symptom.TIMEOUT, "as in [fd00::2]:3000"),
    ],
)
def test_whoever_is_refused_has_dialled_a_port(
    text: str, symptom: Symptom | None, lacks: str
) -> None:
    target = parse_target(text)
    if not lacks:
        assert check_port(target, symptom) == target
        return
    with pytest.raises(BadInput) as caught:
        check_port(target, symptom)
    assert str(caught.value).endswith(lacks)


@given(st.text(max_size=400))
def test_no_target_ever_breaks_anything(text: str) -> None:
    with contextlib.suppress(BadInput):
        got = parse_target(text)
        assert parse_target(got.text) == got
        assert got.protocol in Protocol
        assert got.text.isprintable()


@given(st.text(max_size=400))
def test_every_refusal_is_one_printable_line(text: str) -> None:
    try:
        parse_target(text)
    except BadInput as error:
        said = str(error)
    else:
        said = "fine"
    assert said.isprintable()


def test_clients() -> None:
    machine = snapshot("order", "pg")
    assert parse_client("host", machine).kind is ClientKind.HOST
    assert parse_client("outside", machine).kind is ClientKind.OUTSIDE
    assert parse_client("blue", machine).kind is ClientKind.NETNS
    assert parse_client("order", machine).container_id == machine.containers[0].id
    assert parse_client("bb0", machine).name == "pg"


def test_unknown_and_ambiguous_clients() -> None:
    machine = snapshot("order", "pg")
    with pytest.raises(BadInput, match="did you mean order"):
        parse_client("ordr", machine)
    with pytest.raises(BadInput, match="no container is named"):
        parse_client("\x1b]0;evil\x07", machine)
    twins = Snapshot(
        NOW,
        engine=Engine("x"),
        containers=(Container("ab" * 32, "one"), Container("ab" * 31 + "cd", "two")),
    )
    with pytest.raises(BadInput, match="any of one, two"):
        parse_client("abab", twins)
    lost = Snapshot(NOW, missing="no Docker Engine answers at unix:///x")
    with pytest.raises(BadInput, match="no Docker Engine answers"):
        parse_client("order", lost)


@pytest.mark.parametrize(
    ("hint", "name"),
    [
        ("order", "order"),
        ("172.18.0.3", "order"),
        ("api-2", "shop-api-2"),
        ("api-1", "shop-api-1"),
        ("single-1", "lonely"),
        ("single", "lonely"),
        ("api", None),
        ("api-3", None),
        ("nobody", None),
        ("", None),
    ],
)
def test_a_label_means_one_container_or_none(hint: str, name: str | None) -> None:
    own = (
        ORDER,
        container("shop-api-1", 5, service="api"),
        container("shop-api-2", 6, service="api"),
        container("lonely", 7, service="single"),
    )
    found = client_hinted(hint, World(containers=own).snapshot)
    assert (found.name if found else None) == name
