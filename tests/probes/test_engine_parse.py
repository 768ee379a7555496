from __future__ import annotations

import copy
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netwiz.probes.engine import fields as js
from netwiz.probes.engine.parse import (
    inspected_container,
    listed_container,
    listed_network,
    with_gateways,
)
from netwiz.probes.facts import (
    Attachment,
    Container,
    HostFacts,
    PortMapping,
    State,
    Subnet,
)

ID = "ab" * 32

INSPECTED: dict[str, Any] = {
    "Id": ID,
    "Name": "/pg",
    "Path": "docker-entrypoint.sh",
    "Args": ["postgres", "-c", "x=1"],
    "RestartCount": 4,
    "State": {
        "Status": "running",
        "Pid": 4711,
        "ExitCode": 0,
        "OOMKilled": True,
        "Error": "port is already allocated\x1b[2J",
        "StartedAt": "2024-01-05T10:00:00.123456789Z",
        "FinishedAt": "0001-01-01T00:00:00Z",
        "Health": {"Status": "unhealthy"},
    },
    "Config": {
        "Image": "postgres:16",
        "Hostname": "db1",
        "Env": ["PGHOST=pg", "EVIL=\x1b]0;x\x07"],
        "ExposedPorts": {"5432/tcp": {}, "x/tcp": {}},
        "Labels": {
            "com.docker.compose.project": "shop",
            "com.docker.compose.service": "db",
        },
    },
    "HostConfig": {
        "NetworkMode": "default",
        "RestartPolicy": {"Name": "always"},
        "Memory": 2**33,
        "MemorySwap": -1,
        "PortBindings": {"5432/tcp": [{"HostIp": "", "HostPort": "5432-5440"}]},
    },
    "NetworkSettings": {
        "Ports": {"5432/tcp": [{"HostIp": "::", "HostPort": "5432"}], "80/tcp": None},
        "Networks": {
            "app": {
                "NetworkID": "cd" * 32,
                "IPAddress": "172.18.0.2",
                "IPPrefixLen": 16,
                "GlobalIPv6Address": "FD00:0::2",
                "GlobalIPv6PrefixLen": 64,
                "MacAddress": "02:42:ac:12:00:02",
                "Gateway": "172.18.0.1",
                "Aliases": ["db", ID[:12]],
                "DNSNames": ["pg", "db", "main"],
            }
        },
    },
}
LISTED: dict[str, Any] = {
    "Id": ID,
    "Names": ["/a/link", "/pg"],
    "Image": "postgres:16",
    "State": "exited",
    "Status": "Exited (137) 3 hours ago",
    "Command": "postgres",
    "Labels": {"com.docker.compose.service": "db"},
    "Ports": [
        {"IP": "0.0.0.0", "PrivatePort": 5432, "PublicPort": 5432, "Type": "tcp"},
        {"PrivatePort": 80, "Type": "tcp"},
    ],
    "HostConfig": {"NetworkMode": "app"},
    "NetworkSettings": {"Networks": {"app": {"IPAddress": ""}}},
}
NETWORK: dict[str, Any] = {
    "Id": "cd" * 32,
    "Name": "app",
    "Driver": "bridge",
    "Scope": "local",
    "Internal": True,
    "EnableIPv6": True,
    "IPAM": {
        "Config": [
            {"Subnet": "172.18.0.0/16", "Gateway": "172.18.0.1"},
            {"Subnet": "fd00:0::/64", "Gateway": "fd00:0::1/64"},
            {"Subnet": "nonsense"},
        ]
    },
    "Options": {"com.docker.network.driver.mtu": "1400"},
    "Labels": {"com.docker.compose.project": "shop"},
}


def inspected(**changes: Any) -> Container:
    found = inspected_container({**copy.deepcopy(INSPECTED), **changes})
    assert found is not None
    return found


def test_an_inspect_is_read() -> None:
    found = inspected()
    assert (found.id, found.name, found.image) == (ID, "pg", "postgres:16")
    assert (found.state, found.pid, found.restart_count) == (State.RUNNING, 4711, 4)
    assert found.started_at == datetime(2024, 1, 5, 10, 0, 0, 123456, UTC)
    assert found.finished_at is None
    assert found.oom_killed
    assert (found.memory, found.memory_swap) == (2**33, -1)
    assert found.error == "port is already allocated\\x1b[2J"
    assert (found.health, found.restart_policy) == ("unhealthy", "always")
    assert (found.network_mode, found.hostname) == ("bridge", "db1")
    assert found.published == (PortMapping(5432, "tcp", "::", 5432),)
    assert found.requested == (PortMapping(5432, "tcp", "", 0),)
    assert found.exposed == ((5432, "tcp"),)
    assert found.env == ("PGHOST=pg", "EVIL=\\x1b]0;x\\x07")
    assert found.command == "docker-entrypoint.sh postgres -c x=1"
    assert (found.project, found.service) == ("shop", "db")
    (place,) = found.attachments
    assert place.addresses == ("172.18.0.2", "fd00::2")
    assert place.aliases == ("db", "main")
    assert found.detailed


def test_a_stopped_container_has_no_pid() -> None:
    assert inspected(State={"Status": "exited", "Pid": 4711, "ExitCode": 137}).pid == 0


def test_a_list_entry_is_read() -> None:
    found = listed_container(LISTED)
    assert found is not None
    assert (found.name, found.state, found.exit_code) == ("pg", State.EXITED, 137)
    assert found.published == (PortMapping(5432, "tcp", "0.0.0.0", 5432),)
    assert (found.service, found.pid, found.detailed) == ("db", 0, False)


@pytest.mark.parametrize(
    ("status", "health"),
    [
        ("Up 3 hours (healthy)", "healthy"),
        ("Up 3 hours (unhealthy)", "unhealthy"),
        ("Up 2 seconds (health: starting)", "starting"),
        ("Up 3 hours (Paused)", ""),
    ],
)
def test_health_is_read_from_the_list(status: str, health: str) -> None:
    found = listed_container({**LISTED, "Status": status})
    assert found is not None
    assert found.health == health


def test_a_network_is_read() -> None:
    found = listed_network(NETWORK)
    assert found is not None
    assert found.subnets == (
        Subnet("172.18.0.0/16", "172.18.0.1"),
        Subnet("fd00::/64", "fd00::1"),
    )
    assert (found.device, found.mtu, found.project) == ("br-" + "cd" * 6, 1400, "shop")
    assert found.internal
    assert found.ipv6


@pytest.mark.parametrize(
    ("change", "device"),
    [
        ({"Options": {"com.docker.network.bridge.name": "docker0"}}, "docker0"),
        (
            {"Options": {"com.docker.network.bridge.name": "a; reboot"}},
            "br-" + "cd" * 6,
        ),
        ({"Driver": "macvlan"}, ""),
        ({"Driver": None}, ""),
    ],
)
def test_the_bridge_is_named(change: dict[str, Any], device: str) -> None:
    found = listed_network({**NETWORK, **change})
    assert found is not None
    assert found.device == device


def test_a_gateway_that_the_engine_keeps_to_itself_is_read_from_the_host() -> None:
    raw = {**NETWORK, "IPAM": {"Config": [{"Subnet": "172.18.0.0/16"}]}}
    found = listed_network(raw)
    assert found is not None
    device = found.device

    def gateway(*addresses: tuple[str, str], inside: str = "") -> str:
        place = Attachment(found.id, found.name, gateway4=inside)
        container = replace(inspected(), attachments=(place,))
        host = HostFacts(addresses=addresses)
        (network,) = with_gateways([found], host, [container])
        return network.subnets[0].gateway

    assert gateway(("eth0", "172.18.9.9"), (device, "fe80::1")) == ""
    assert gateway((device, "fe80::1"), (device, "172.18.0.1")) == "172.18.0.1"
    assert gateway(inside="172.18.0.254") == "172.18.0.254"
    assert gateway(inside="10.0.0.1") == ""
    (told,) = with_gateways([replace(found, subnets=TOLD)], HostFacts(), ())
    assert told.subnets == TOLD


TOLD = (Subnet("172.18.0.0/16", "172.18.0.7"),)


@pytest.mark.parametrize(
    "name", ["/pg; reboot", "/$(reboot)", "/\x1b[2J", "", None, 7, "/-rf", ["/pg"]]
)
def test_a_name_that_no_engine_gives_becomes_the_id(name: object) -> None:
    assert inspected(Name=name).name == ID[:12]


@pytest.mark.parametrize("key", ["", None, 7, "../../info", "a" * 200, "a/b", "\x1b"])
def test_an_entry_without_a_usable_id_is_left_out(key: object) -> None:
    assert inspected_container({**INSPECTED, "Id": key}) is None
    assert listed_container({**LISTED, "Id": key}) is None
    assert listed_network({**NETWORK, "Id": key}) is None


def test_everything_is_bounded() -> None:
    many = [f"K{n}={'v' * 10_000}" for n in range(5000)]
    labels = {f"l{n}": "v" * 10_000 for n in range(5000)}
    found = inspected(Config={"Env": many, "Labels": labels})
    assert len(found.env) == 200
    assert len(found.labels) == 200
    assert max(map(len, found.env)) <= js.LONG + 1


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=10,
)


@st.composite
def spoiled(draw: st.DrawFn, whole: dict[str, Any]) -> Any:
    """A real answer in which one value, somewhere, is replaced or removed."""
    answer = copy.deepcopy(whole)
    here: Any = answer
    while True:
        step = draw(st.sampled_from(sorted(here)) if isinstance(here, dict) else DIGIT)
        if isinstance(here, list):
            step = step % len(here) if here else 0
        inner = here[step] if here else None
        if isinstance(inner, dict | list) and inner and draw(st.booleans()):
            here = inner
            continue
        if draw(st.booleans()):
            here[step] = draw(anything)
        else:
            del here[step]
        return answer


DIGIT = st.integers(0, 9)


def is_clean(value: object) -> bool:
    """Whether a fact holds printable text only, and not too much of anything."""
    if isinstance(value, str):
        return value.isprintable() and len(value) <= js.LONG + 1
    if isinstance(value, tuple):
        return len(value) <= js.MANY * 16 and all(map(is_clean, value))
    fields = getattr(value, "__dataclass_fields__", {})
    return all(is_clean(getattr(value, name)) for name in fields)


@settings(max_examples=300)
@given(spoiled(INSPECTED))
def test_no_inspect_breaks_the_reading(answer: Any) -> None:
    assert is_clean(inspected_container(answer))


@settings(max_examples=200)
@given(spoiled(LISTED), spoiled(NETWORK))
def test_no_list_breaks_the_reading(container: Any, network: Any) -> None:
    assert is_clean(listed_container(container))
    assert is_clean(listed_network(network))


@given(anything)
def test_anything_at_all_is_read_or_left(answer: Any) -> None:
    for read in (inspected_container, listed_container, listed_network):
        assert is_clean(read(answer))
    assert is_clean(js.text(answer))
    assert isinstance(js.number(answer), int)
    assert json.dumps(list(js.texts(answer))) is not None


@pytest.mark.parametrize(
    ("given_time", "year"),
    [
        ("2024-01-05T10:00:00Z", 2024),
        ("2024-01-05T10:00:00.1+02:00", 2024),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("yesterday", None),
        ("", None),
        (None, None),
        (1.5, None),
    ],
)
def test_moments(given_time: object, year: int | None) -> None:
    found = js.moment(given_time)
    assert (found.year if found else None) == year
