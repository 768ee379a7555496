"""From the names on the command line to the places that are listened in."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from netwiz.probes.capture.wanted import TapWanted
from netwiz.probes.facts import HOST, Container, Network, Place, Snapshot
from netwiz.probes.text import plain
from netwiz.tui.case_input import CannotLookError, with_rights
from netwiz.wizard.case import BadInput

KINDS = ("container", "network", "netns")
"""What a name may be said to be: ``network:shop``."""
_EMBEDDED_DNS = "127.0.0.11"
"""Where Docker answers for names in networks that people made (its manual, DNS)."""
EVERY_DEVICE = "any"
"""``--device any``: as tcpdump calls all devices of a namespace."""


@dataclass(frozen=True, slots=True)
class Places:
    """What is listened to, and what a person should know of it."""

    taps: tuple[TapWanted, ...]
    notes: tuple[str, ...] = ()


def places_for(
    names: Sequence[str], snapshot: Snapshot, *, device: str = "", every: bool = False
) -> Places:
    """Where these names are. Raises BadInput; CannotLookError where rights lack."""
    if not snapshot.host.root:
        raise CannotLookError("listening to packets needs root", with_rights())
    found: list[TapWanted] = []
    notes: list[str] = []
    if every:
        if snapshot.engine is None:
            raise CannotLookError(f"no containers are known: {snapshot.missing}")
        found += _everything(snapshot)
    for name in names:
        taps, note = _Finder(snapshot, name).taps()
        found += taps
        notes += [note] if note else []
    if device:
        chosen = "" if device == EVERY_DEVICE else device
        found = [TapWanted(tap.place, tap.name, chosen) for tap in found]
    # A namespace that two names mean is listened to once, by the first of them.
    once = {(tap.place, tap.device): tap for tap in reversed(found)}
    return Places(tuple(reversed(once.values())), tuple(dict.fromkeys(notes)))


def names_of(snapshot: Snapshot) -> dict[str, str]:
    """Address to the name of the container that has it; of none if several have."""
    names: dict[str, str] = {}
    several: set[str] = set()
    for container in snapshot.containers:
        if not container.running:
            continue
        for address in container.addresses:
            if names.setdefault(address, container.name) != container.name:
                several.add(address)
    return {address: name for address, name in names.items() if address not in several}


def shown_names(snapshot: Snapshot) -> Mapping[str, str]:
    """The same for reading: with the host, Docker's name server and gateways.

    A bridge's gateway is the host; a router's (macvlan) is called by its network.
    """
    others: dict[str, str] = {}
    if snapshot.engine is not None:
        others[_EMBEDDED_DNS] = "Docker's DNS"
    for network in snapshot.networks:
        for subnet in network.subnets:
            if subnet.gateway:
                gateway = "host" if network.device else f"{network.name} gateway"
                others.setdefault(subnet.gateway, gateway)
    own = {
        address: "host"
        for device, address in snapshot.host.addresses
        if device != "lo" and not address.startswith(("127.", "fe80:"))
    }
    return others | own | names_of(snapshot)


def names_in(path: str) -> dict[str, str]:
    """The names that a file begins with, as netwiz and wireshark write them.

    Raises ProbeError when it cannot be read or is no capture.
    """
    from netwiz.probes.capture.files import CaptureFile

    with CaptureFile(path) as file:
        next(file.packets(), None)
        return dict(file.names)


def uplinks(snapshot: Snapshot) -> tuple[str, ...]:
    """Devices of the host that have an address and are none of the engine's."""
    engines = {network.device for network in snapshot.networks} | {"docker_gwbridge"}
    return tuple(
        dict.fromkeys(
            device
            for device, address in snapshot.host.addresses
            if device not in engines
            and not address.startswith(("127.", "fe80:"))
            and address != "::1"
        )
    )


def _host(snapshot: Snapshot) -> Iterator[TapWanted]:
    devices = uplinks(snapshot) or ("",)
    for device in devices:
        name = "host" if len(devices) == 1 else f"host/{device}"
        yield TapWanted(HOST, name, device)


def _everything(snapshot: Snapshot) -> Iterator[TapWanted]:
    for container in sorted(snapshot.containers, key=lambda c: c.name):
        if container.pid and not container.on_host_network and not container.rides_on:
            yield TapWanted(container.place, container.name)
    yield from _host(snapshot)


class _Finder:
    """Finds out what one name means."""

    def __init__(self, snapshot: Snapshot, text: str) -> None:
        self._snapshot = snapshot
        kind, colon, rest = text.strip().partition(":")
        self._kind = kind if colon and kind in KINDS else ""
        self._name = rest.strip() if self._kind else text.strip()
        self._shown = plain(self._name, 80)

    def taps(self) -> tuple[list[TapWanted], str]:
        """The taps, and a note where the name could have meant something else."""
        if not self._name:
            raise BadInput("NAME is empty: name a container, a network, host or --all")
        if self._name == "host" and not self._kind:
            return list(_host(self._snapshot)), ""
        ways: list[tuple[str, Callable[[], Iterator[TapWanted]]]] = []
        containers = self._containers(self._name)
        if len(containers) == 1:
            ways.append(("container", lambda: self._container(containers[0])))
        networks = self._networks()
        if len(networks) == 1:
            ways.append(("network", lambda: self._network(networks[0])))
        if self._name in self._snapshot.host.namespaces:
            ways.append(("netns", self._netns))
        ways = [way for way in ways if self._kind in ("", way[0])]
        if not ways:
            raise self._nobody(containers, networks)
        taps = list(ways[0][1]())
        others = " and ".join(f"{kind}:{self._shown}" for kind, _ in ways[1:])
        note = f"{self._shown} is a {ways[0][0]} here, and {others}" if others else ""
        return taps, note

    def _containers(self, name: str) -> tuple[Container, ...]:
        return self._snapshot.find(name)

    def _networks(self) -> list[Network]:
        all_ = self._snapshot.networks
        exact = [n for n in all_ if self._name in (n.name, n.id)]
        if exact or len(self._name) < 4:
            return exact
        return [n for n in all_ if n.id.startswith(self._name.lower())]

    def _container(self, container: Container) -> Iterator[TapWanted]:
        engine = self._snapshot.engine
        if engine is not None and not engine.local:
            raise CannotLookError(
                f"{container.name} does not run on this machine but on that of "
                f"{plain(engine.endpoint, 200)}",
                "log in there and run netwiz on it",
            )
        if not container.running:
            raise BadInput(
                f"{container.name} is not running: it has no network to listen in"
            )
        owner = self._snapshot.find(container.rides_on) if container.rides_on else ()
        home = owner[0] if len(owner) == 1 else container
        yield TapWanted(self._snapshot.place(home), container.name)

    def _network(self, network: Network) -> Iterator[TapWanted]:
        if network.driver == "overlay":
            yield TapWanted(Place.overlay(network.id, network.name), network.name)
        elif network.driver == "host":
            yield from _host(self._snapshot)
        elif network.driver in ("macvlan", "ipvlan"):
            parent = dict(network.options).get("parent", "")
            if not parent:
                raise BadInput(
                    f"network {self._shown} has no device on this host: "
                    "name its containers"
                )
            yield TapWanted(HOST, network.name, parent)
        elif network.device:
            yield TapWanted(HOST, network.name, network.device)
        else:
            raise BadInput(
                f"network {self._shown} ({plain(network.driver, 40)}) has no device "
                "to listen to: name its containers"
            )

    def _netns(self) -> Iterator[TapWanted]:
        yield TapWanted(Place.netns(self._name), self._name)

    def _nobody(
        self, containers: Sequence[Container], networks: Sequence[Network]
    ) -> BadInput | CannotLookError:
        several = [c.name for c in containers] or [n.name for n in networks]
        if len(several) > 1:
            names = ", ".join(several[:5])
            return BadInput(
                f"'{self._shown}' could be any of {names}: give more of the id"
            )
        if self._snapshot.engine is None:
            return CannotLookError(
                f"nothing named '{self._shown}' can be looked up: "
                f"{self._snapshot.missing}; 'host' and named namespaces still work"
            )
        what = f"no {self._kind}" if self._kind else "no container and no network"
        return BadInput(f"{what} is named '{self._shown}': {self._near()}")

    def _near(self) -> str:
        known = [c.name for c in self._snapshot.containers]
        known += [n.name for n in self._snapshot.networks]
        close = difflib.get_close_matches(self._name, known, n=3, cutoff=0.5)
        if close:
            return f"did you mean {' or '.join(dict.fromkeys(close))}?"
        if known:
            return f"there are {', '.join(sorted(set(known))[:8])}"
        return "the engine has none"
