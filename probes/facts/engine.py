"""The machine at one instant, as the container engine and the kernel tell it."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from netwiz.probes.facts.base import HOST, Finding, Place


class State(StrEnum):
    """``State.Status`` of the Engine API (v1.41, ContainerInspect)."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    REMOVING = "removing"
    EXITED = "exited"
    DEAD = "dead"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class PortMapping:
    """A port of a container and where on the host it is (to be) published."""

    container_port: int
    protocol: str = "tcp"
    host_ip: str = ""
    """Empty when the request named none (all addresses)."""
    host_port: int = 0
    """0 when the request left the choice to the engine."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A container's place in one network."""

    network_id: str
    network: str
    ipv4: str = ""
    prefix4: int = 0
    ipv6: str = ""
    prefix6: int = 0
    mac: str = ""
    gateway4: str = ""
    gateway6: str = ""
    aliases: tuple[str, ...] = ()

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses it has, IPv4 first."""
        return tuple(a for a in (self.ipv4, self.ipv6) if a)


@dataclass(frozen=True)
class Container:
    """What the engine says of one container."""

    id: str
    name: str
    image: str = ""
    state: State = State.UNKNOWN
    pid: int = 0
    """Of its first process; 0 when it does not run."""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    exit_code: int = 0
    oom_killed: bool = False
    memory: int = 0
    """Its limit in bytes (``HostConfig.Memory``); 0 for none."""
    memory_swap: int = 0
    """Memory and swap together, in bytes (``MemorySwap``); -1 for no limit."""
    error: str = ""
    """``State.Error``: why the engine could not start it."""
    restart_count: int = 0
    restart_policy: str = ""
    health: str = ""
    """starting, healthy, unhealthy; empty without a health check."""
    network_mode: str = ""
    """``bridge``, ``host``, ``none``, ``container:<id>`` or a network's name."""
    hostname: str = ""
    attachments: tuple[Attachment, ...] = ()
    published: tuple[PortMapping, ...] = ()
    """What is in effect (``NetworkSettings.Ports``)."""
    requested: tuple[PortMapping, ...] = ()
    """What was asked for (``HostConfig.PortBindings``)."""
    exposed: tuple[tuple[int, str], ...] = ()
    env: tuple[str, ...] = ()
    command: str = ""
    project: str = ""
    """Compose project, from its label."""
    service: str = ""
    """Compose service, from its label."""
    labels: tuple[tuple[str, str], ...] = ()
    dns: tuple[str, ...] = ()
    """Name servers asked for with ``--dns`` (``HostConfig.Dns``)."""
    links: tuple[str, ...] = ()
    """``--link`` as asked for: ``/pg:/order/db`` is pg under the name db."""
    detailed: bool = True
    """False while only the list entry is known, before the inspect came."""

    @property
    def running(self) -> bool:
        """Whether it has a first process (a paused one has)."""
        return self.state in (State.RUNNING, State.PAUSED)

    @property
    def short_id(self) -> str:
        """The twelve digits that ``docker ps`` prints."""
        return self.id[:12]

    @property
    def place(self) -> Place:
        """Its network namespace, as a place to probe from."""
        return Place.container(self.id, self.name)

    @property
    def addresses(self) -> tuple[str, ...]:
        """All its addresses on the engine's networks."""
        return tuple(a for net in self.attachments for a in net.addresses)

    @property
    def rides_on(self) -> str:
        """Id or name of the container whose namespace it was given; else empty."""
        kind, _, owner = self.network_mode.partition(":")
        return owner if kind == "container" else ""

    @property
    def on_host_network(self) -> bool:
        """Whether it lives in the host's namespace."""
        return self.network_mode == "host"


@dataclass(frozen=True, slots=True)
class Subnet:
    """One address range of a network, with its gateway (may be empty)."""

    subnet: str
    gateway: str = ""


@dataclass(frozen=True, slots=True)
class Network:
    """What the engine says of one network."""

    id: str
    name: str
    driver: str = "bridge"
    scope: str = "local"
    internal: bool = False
    ipv6: bool = False
    subnets: tuple[Subnet, ...] = ()
    options: tuple[tuple[str, str], ...] = ()
    device: str = ""
    """The bridge on the host (``br-<id>``, ``docker0``); empty for other drivers."""
    mtu: int = 0
    """From the driver's options; 0 when not set there."""
    project: str = ""

    def holds(self, address: str) -> bool:
        """Whether one of its subnets covers the address."""
        try:
            ip = ipaddress.ip_address(address)
            return any(ip in ipaddress.ip_network(s.subnet) for s in self.subnets)
        except ValueError:
            return False


@dataclass(frozen=True, slots=True)
class Engine:
    """The engine itself."""

    endpoint: str
    """Its URL, as used (``unix:///var/run/docker.sock``)."""
    version: str = ""
    api_version: str = ""
    name: str = ""
    """Hostname of the engine's machine."""
    context: str = ""
    system: str = ""
    """``OperatingSystem`` of its machine, as ``docker info`` prints it."""
    os_type: str = ""
    """``linux`` or ``windows``: what kind of containers it runs."""
    rootless: bool = False
    live_restore: bool = False
    userland_proxy: bool | None = None
    """None when neither the daemon's options nor a proxy process tell."""
    iptables: bool | None = None
    """False when the daemon was told not to write rules; None when unknown."""
    dns: tuple[str, ...] = ()
    """Name servers of the daemon's own ``--dns``, or of its daemon.json."""
    http_proxy: str = ""
    """URL of the proxy through which the engine itself goes out (HTTPS_PROXY or
    HTTP_PROXY of its environment); the engine masks a password in it."""
    warnings: tuple[str, ...] = ()
    local: bool = True
    """False when the pids it names are not processes of this machine; they are then
    left out, for they would lead into strangers' namespaces."""


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What the kernel says of the host's own namespace."""

    hostname: str = ""
    addresses: tuple[tuple[str, str], ...] = ()
    """(device, address) pairs, loopback included."""
    root: bool = False
    """Whether namespaces and raw sockets are open to us (CAP_SYS_ADMIN, NET_RAW)."""
    namespaces: tuple[str, ...] = ()
    """Named network namespaces."""

    def device_of(self, address: str) -> str:
        """The device that holds an address of the host; empty when none does."""
        return next((dev for dev, a in self.addresses if a == address), "")


@dataclass(frozen=True)
class Snapshot:
    """Networks, containers and host at one instant; immutable."""

    taken_at: datetime
    host: HostFacts = HostFacts()
    engine: Engine | None = None
    missing: str = ""
    """Why there is no engine, and what to do; empty when there is one."""
    containers: tuple[Container, ...] = ()
    networks: tuple[Network, ...] = ()

    @cached_property
    def by_id(self) -> dict[str, Container]:
        """Containers by full id."""
        return {c.id: c for c in self.containers}

    @cached_property
    def networks_by_id(self) -> dict[str, Network]:
        """Networks by full id."""
        return {n.id: n for n in self.networks}

    def find(self, text: str) -> tuple[Container, ...]:
        """Containers that a name or an id prefix means; an exact name or id wins."""
        if not text:
            return ()
        for c in self.containers:
            if text in (c.name, c.id):
                return (c,)
        prefix = text.lower()
        if len(prefix) < 2:
            return ()
        return tuple(c for c in self.containers if c.id.startswith(prefix))

    def place(self, container: Container) -> Place:
        """Where a container's sockets are: the host's namespace if it shares that."""
        return HOST if container.on_host_network else container.place


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotTaken(Finding):
    """The finding that carries a snapshot."""

    snapshot: Snapshot
