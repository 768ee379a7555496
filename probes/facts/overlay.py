"""An overlay network as one node of the swarm sees it."""

from __future__ import annotations

from dataclasses import dataclass

from netwiz.probes.facts.base import Finding, Place

VXLAN_PORT = 4789
"""IANA's, and the engine's unless ``--data-path-port`` says otherwise."""
GOSSIP_PORT = 7946
MANAGER_PORT = 2377


@dataclass(frozen=True, slots=True)
class OverlayTask:
    """An address of the network, as the nodes' gossip tells of it."""

    name: str
    """Of the container, ``<service>.<slot>.<id>`` for a task of a service."""
    address: str
    node: str
    """Address of the node that it is on (``Host IP``)."""
    service: str = ""


@dataclass(frozen=True, slots=True)
class VirtualAddress:
    """The address of a service, behind which IPVS is to share out connections."""

    service: str
    address: str


@dataclass(frozen=True, slots=True)
class Forwarding:
    """To which node frames for a MAC are sent (``bridge fdb``)."""

    mac: str
    node: str


@dataclass(frozen=True, slots=True)
class TunnelNeighbour:
    """Which MAC the tunnel answers with when a container asks for an address."""

    address: str
    mac: str


@dataclass(frozen=True, slots=True)
class SwarmNode:
    """A node, as a manager knows it."""

    id: str
    hostname: str
    address: str
    state: str
    """ready, down, disconnected, unknown."""
    manager: bool = False


@dataclass(frozen=True, slots=True)
class SwarmPort:
    """A port that a service publishes, as a manager knows it."""

    service: str
    published: int
    target: int
    protocol: str = "tcp"
    mode: str = "ingress"
    """ingress: on every node, by the routing mesh; host: where a task runs."""


@dataclass(frozen=True, slots=True)
class Tunnel:
    """What the network's own namespace holds on this node."""

    place: Place
    enter: str = ""
    """How a person gets there: a shell prefix."""
    device: str = ""
    vni: int = 0
    port: int = VXLAN_PORT
    mtu: int = 0
    forwarding: tuple[Forwarding, ...] = ()
    neighbours: tuple[TunnelNeighbour, ...] = ()

    def mac_of(self, address: str) -> str:
        """The MAC that stands for an address; empty when there is no entry."""
        known = (n.mac for n in self.neighbours if n.address == address)
        return next(known, "")

    def node_of(self, mac: str) -> str:
        """The node that a MAC's frames go to; empty when there is no entry."""
        return next((f.node for f in self.forwarding if mac and f.mac == mac), "")


@dataclass(frozen=True, slots=True)
class KernelSupport:
    """What this node's kernel can do for a swarm; None where it could not be told."""

    ipvs: bool | None = None
    """Shares out connections to a service's virtual address."""
    ipvs_module: bool = False
    """Whether a module for it lies ready to be loaded."""
    esp: bool | None = None
    """Encrypts what nodes send each other."""
    esp_module: bool = False
    release: str = ""
    """``uname -r``."""
    modules: tuple[str, ...] = ()
    """Kernels for which modules are installed (/lib/modules)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlayFacts(Finding):
    """One overlay network, its tunnel, and the swarm around it."""

    network_id: str
    network: str = ""
    attachable: bool = False
    ingress: bool = False
    encrypted: bool = False
    swarm_state: str = ""
    """active, pending, inactive, locked, error."""
    swarm_error: str = ""
    store: str = ""
    """host:port of the key-value store of an engine before swarms (cluster-store)."""
    local: str = ""
    """The address by which this node is known to the others."""
    port: int = VXLAN_PORT
    """``Data Path Port``."""
    managers: tuple[str, ...] = ()
    """host:port of each."""
    is_manager: bool = False
    nodes: tuple[SwarmNode, ...] = ()
    """Empty where this node is no manager."""
    ports: tuple[SwarmPort, ...] = ()
    """What services publish; empty where this node is no manager."""
    peers: tuple[str, ...] = ()
    """Addresses of the nodes that take part in the network, this one among them."""
    tasks: tuple[OverlayTask, ...] = ()
    virtual: tuple[VirtualAddress, ...] = ()
    tunnel: Tunnel | None = None
    """None when this node has no part in it, or its namespace could not be found."""
    blind: str = ""
    """Why there is no tunnel to see."""
    policies: tuple[str, ...] = ()
    """Nodes for which packets must be encrypted (``ip xfrm policy``, dir out)."""
    associations: tuple[str, ...] = ()
    """Nodes for which there is a key to do so (``ip xfrm state``)."""
    unsent: int = 0
    """Packets that could not be encrypted since boot (XfrmOutNoStates)."""
    kernel: KernelSupport = KernelSupport()

    def task(self, address: str) -> OverlayTask | None:
        """Who has an address."""
        return next((t for t in self.tasks if t.address == address), None)

    def service_at(self, address: str) -> str:
        """The service whose virtual address this is; empty when it is none."""
        return next((v.service for v in self.virtual if v.address == address), "")

    def node_called(self, address: str) -> str:
        """``worker1 (10.0.0.2)``, or the address alone."""
        known = (n.hostname for n in self.nodes if n.address == address and n.hostname)
        name = next(known, "")
        return f"{name} ({address})" if name else address

    @property
    def others(self) -> tuple[str, ...]:
        """Addresses of the other nodes that are known, each once."""
        managers = (m.rpartition(":")[0].strip("[]") for m in self.managers)
        known = (*(n.address for n in self.nodes), *self.peers, *managers)
        return tuple(dict.fromkeys(a for a in known if a and a != self.local))
