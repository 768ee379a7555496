"""The engine's lists and inspects, turned into facts (Engine API v1.41 and later)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from netwiz.probes.engine import fields as js
from netwiz.probes.facts.engine import (
    Attachment,
    Container,
    HostFacts,
    Network,
    PortMapping,
    State,
    Subnet,
)

MAX_ENV = 200
MAX_LABELS = 200
MAX_PLACES = 64
"""Networks of one container, names in one network."""
PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"
BRIDGE_NAME = "com.docker.network.bridge.name"
MTU = "com.docker.network.driver.mtu"

_DEVICE = re.compile(r"[A-Za-z0-9_.@:+-]{1,15}")
"""Names of devices that the kernel takes and a shell leaves alone."""
_HEALTH = re.compile(r"\((?:health: )?(starting|healthy|unhealthy)\)")
_EXIT = re.compile(r"(?:Exited|Restarting) \((\d{1,3})\)")


def listed_container(entry: object) -> Container | None:
    """A container as ``GET /containers/json`` tells of it; None without a usable id.

    Its pid, environment, hostname and aliases are only known to the inspect.
    """
    raw = js.mapping(entry)
    key = js.identity(raw.get("Id"))
    if not key:
        return None
    names = [js.name(n) for n in js.items(raw.get("Names"))]
    labels = _labels(raw.get("Labels"))
    status = js.text(raw.get("Status"))
    exit_code = _EXIT.match(status)
    health = _HEALTH.search(status)
    mode = js.text(js.mapping(raw, "HostConfig").get("NetworkMode"))
    return Container(
        id=key,
        name=next(filter(None, names), key[:12]),
        image=js.text(raw.get("Image"), js.LONG),
        state=_state(raw.get("State")),
        exit_code=int(exit_code[1]) if exit_code else 0,
        health=health[1] if health else "",
        network_mode=_mode(mode),
        attachments=_attachments(js.mapping(raw, "NetworkSettings", "Networks"), ()),
        published=tuple(_listed_ports(raw.get("Ports"))),
        command=js.text(raw.get("Command"), js.LONG),
        project=dict(labels).get(PROJECT, ""),
        service=dict(labels).get(SERVICE, ""),
        labels=labels,
        detailed=False,
    )


def inspected_container(answer: object) -> Container | None:
    """A container as ``GET /containers/{id}/json`` tells of it."""
    raw = js.mapping(answer)
    key = js.identity(raw.get("Id"))
    if not key:
        return None
    state = js.mapping(raw, "State")
    config = js.mapping(raw, "Config")
    wishes = js.mapping(raw, "HostConfig")
    settings = js.mapping(raw, "NetworkSettings")
    status = _state(state.get("Status"))
    alive = status in (State.RUNNING, State.PAUSED)
    labels = _labels(config.get("Labels"))
    name = js.name(raw.get("Name")) or key[:12]
    words = (js.text(raw.get("Path"), js.LONG), *js.texts(raw.get("Args"), 100))
    return Container(
        id=key,
        name=name,
        image=js.text(config.get("Image"), js.LONG),
        state=status,
        pid=js.number(state.get("Pid"), 1, 2**22) if alive else 0,
        started_at=js.moment(state.get("StartedAt")),
        finished_at=js.moment(state.get("FinishedAt")),
        exit_code=js.number(state.get("ExitCode"), -(2**31)),
        oom_killed=js.flag(state.get("OOMKilled")),
        memory=js.number(wishes.get("Memory"), 0, 2**62),
        memory_swap=js.number(wishes.get("MemorySwap"), -1, 2**62),
        error=js.text(state.get("Error"), 500),
        restart_count=js.number(raw.get("RestartCount")),
        restart_policy=js.text(js.mapping(wishes, "RestartPolicy").get("Name")),
        health=_health(js.mapping(state, "Health").get("Status")),
        network_mode=_mode(js.text(wishes.get("NetworkMode"))),
        hostname=js.text(config.get("Hostname")),
        attachments=_attachments(js.mapping(settings, "Networks"), (name, key[:12])),
        published=tuple(_ports(js.mapping(settings, "Ports"))),
        requested=tuple(_ports(js.mapping(wishes, "PortBindings"))),
        exposed=tuple(
            port
            for name, _ in js.pairs(config.get("ExposedPorts"))
            if (port := _port(name))
        ),
        env=js.texts(config.get("Env"), MAX_ENV, js.LONG),
        command=js.text(" ".join(filter(None, words)), js.LONG),
        project=dict(labels).get(PROJECT, ""),
        service=dict(labels).get(SERVICE, ""),
        labels=labels,
        dns=tuple(filter(None, map(js.address, js.items(wishes.get("Dns"), 16)))),
        links=js.texts(wishes.get("Links"), MAX_PLACES),
    )


def listed_network(entry: object) -> Network | None:
    """A network as ``GET /networks`` tells of it; None without a usable id."""
    raw = js.mapping(entry)
    key = js.identity(raw.get("Id"))
    if not key:
        return None
    driver = js.text(raw.get("Driver")) or "null"
    options = tuple(
        (name, js.text(value)) for name, value in js.pairs(raw.get("Options"), 100)
    )
    known = dict(options)
    device = known.get(BRIDGE_NAME, "")
    if not _DEVICE.fullmatch(device):
        device = f"br-{key[:12]}"
    return Network(
        id=key,
        name=js.text(raw.get("Name")) or key[:12],
        driver=driver,
        scope=js.text(raw.get("Scope")) or "local",
        internal=js.flag(raw.get("Internal")),
        ipv6=js.flag(raw.get("EnableIPv6")),
        subnets=tuple(_subnets(js.mapping(raw, "IPAM").get("Config"))),
        options=options,
        device=device if driver == "bridge" else "",
        mtu=js.number(known.get(MTU), 68, 65_535),
        project=dict(_labels(raw.get("Labels"))).get(PROJECT, ""),
    )


def with_gateways(
    networks: Iterable[Network], host: HostFacts, containers: Iterable[Container]
) -> tuple[Network, ...]:
    """The networks with their gateways known.

    Engines before 23 tell only a gateway that was asked for. Else it is the address
    that the host has on the bridge, or the one that its containers were given.
    """
    known: dict[str, set[str]] = {}
    for place in (place for c in containers for place in c.attachments):
        given = known.setdefault(place.network_id, set())
        given.update(filter(None, (place.gateway4, place.gateway6)))
    found: list[Network] = []
    for network in networks:
        own = [a for device, a in host.addresses if device and device == network.device]
        own += sorted(known.get(network.id, ()))
        subnets = tuple(_filled(subnet, own) for subnet in network.subnets)
        found.append(replace(network, subnets=subnets))
    return tuple(found)


def _filled(known: Subnet, own: Iterable[str]) -> Subnet:
    if known.gateway:
        return known
    reach = ipaddress.ip_network(known.subnet)
    found = (a for a in own if ipaddress.ip_address(a) in reach)
    return replace(known, gateway=next(found, ""))


def _state(value: object) -> State:
    try:
        return State(js.text(value).lower())
    except ValueError:
        return State.UNKNOWN


def _health(value: object) -> str:
    """``none`` is what newer engines say where there is no check."""
    found = js.text(value)
    return found if found in ("starting", "healthy", "unhealthy") else ""


def _mode(value: str) -> str:
    """``default`` is the engine's other word for the default bridge."""
    return "bridge" if value == "default" else value


def _labels(value: object) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name, js.text(member, js.LONG)) for name, member in js.pairs(value, MAX_LABELS)
    )


def _attachments(networks: js.Mapping, own: tuple[str, ...]) -> tuple[Attachment, ...]:
    return tuple(
        _attachment(name, js.mapping(raw), own)
        for name, raw in js.pairs(networks, MAX_PLACES)
    )


def _attachment(network: str, raw: js.Mapping, own: tuple[str, ...]) -> Attachment:
    # Engine 25 and later tell all names in DNSNames, older ones in Aliases.
    given = (
        *js.texts(raw.get("Aliases"), MAX_PLACES),
        *js.texts(raw.get("DNSNames"), MAX_PLACES),
    )
    return Attachment(
        network_id=js.identity(raw.get("NetworkID")),
        network=network,
        ipv4=js.address(raw.get("IPAddress")),
        prefix4=js.number(raw.get("IPPrefixLen"), 0, 32),
        ipv6=js.address(raw.get("GlobalIPv6Address")),
        prefix6=js.number(raw.get("GlobalIPv6PrefixLen"), 0, 128),
        mac=js.text(raw.get("MacAddress"), 32),
        gateway4=js.address(raw.get("Gateway")),
        gateway6=js.address(raw.get("IPv6Gateway")),
        aliases=tuple(n for n in dict.fromkeys(given) if n not in own),
    )


def _port(text: str) -> tuple[int, str] | None:
    """``3000/tcp`` taken apart."""
    port, _, protocol = text.partition("/")
    value = js.number(port, 1, 65_535)
    return (value, protocol or "tcp") if value else None


def _ports(raw: js.Mapping) -> Iterator[PortMapping]:
    """From ``{"3000/tcp": [{"HostIp": "", "HostPort": "3000"}]}``."""
    for name, bindings in js.pairs(raw):
        port = _port(name)
        if port is None:
            continue
        for binding in js.items(bindings, 16):
            place = js.mapping(binding)
            yield PortMapping(
                container_port=port[0],
                protocol=port[1],
                host_ip=js.address(place.get("HostIp")),
                host_port=js.number(place.get("HostPort"), 1, 65_535),
            )


def _listed_ports(raw: object) -> Iterator[PortMapping]:
    """From the list's flat form; a port without a public one is only exposed."""
    for entry in js.items(raw):
        port = js.mapping(entry)
        public = js.number(port.get("PublicPort"), 1, 65_535)
        private = js.number(port.get("PrivatePort"), 1, 65_535)
        if public and private:
            yield PortMapping(
                container_port=private,
                protocol=js.text(port.get("Type"), 16) or "tcp",
                host_ip=js.address(port.get("IP")),
                host_port=public,
            )


def _subnets(raw: object) -> Iterator[Subnet]:
    for entry in js.items(raw, MAX_PLACES):
        config = js.mapping(entry)
        found = js.subnet(config.get("Subnet"))
        if found:
            yield Subnet(found, js.address(config.get("Gateway")))
