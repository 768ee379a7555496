"""{{pg.ip}} and the like: facts of the lab that only exist once it stands.

A word before the dot names a container or a network, the one after it a
fact. Docker's own templates begin with a dot, so the two never meet.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable
from typing import Any

from tests.lab import namespaces
from tests.lab.certificates import Certificates
from tests.lab.engine import Lab
from tests.lab.state import LabError

PLACEHOLDER = re.compile(r"\{\{([\w-]+)\.(\w+)(?:@([\w-]+))?\}\}")


def referred_containers(text: str) -> list[str]:
    return [match[1] for match in PLACEHOLDER.finditer(text)]


class Placeholders:
    """Fills texts with facts; what was seen once stays known when it is gone."""

    def __init__(self, lab: Lab, certificates: Certificates | None = None) -> None:
        self._lab = lab
        self._certificates = certificates
        self._seen: dict[str, str] = {}

    def __call__(self, text: str) -> str:
        return PLACEHOLDER.sub(self._fact, text)

    def _fact(self, match: re.Match[str]) -> str:
        name, fact, network = match[1], match[2], match[3] or ""
        kind, _, fact_only = fact.partition("_")
        if kind == "old":
            # The value from before the fault, for example a hardcoded address.
            return self._seen[f"{name}.{fact_only}@{network}"]
        value = self._look(name, fact, network)
        self._seen.setdefault(f"{name}.{fact}@{network}", value)
        return value

    def _look(self, name: str, fact: str, network: str) -> str:
        if fact in NETWORK_FACTS:
            found = json.loads(self._lab.docker("network", "inspect", name))[0]
            return NETWORK_FACTS[fact](found)
        if fact in CONTAINER_FACTS:
            home = self._lab.home_of(name)
            told = self._lab.docker("container", "inspect", name, on=home)
            found = json.loads(told)[0]
            return CONTAINER_FACTS[fact](_endpoint(found, network), found)
        if fact == "veth":
            return self._veth(name)
        if self._certificates and name in self._certificates:
            return self._certificates.fact(name, fact)
        raise LabError(f"no fact {fact!r} in {{{{{name}.{fact}}}}}")

    def _veth(self, name: str) -> str:
        """The host's end of a container's first cable."""

        def peer() -> str:
            text = namespaces.run(["ip", "-o", "link", "show", "type", "veth"])
            found = re.search(r"@if(\d+)", text)
            if not found:
                raise LabError(f"{name} has no veth")
            return found[1]

        index = self._lab.in_namespace(name, peer)
        text = self._lab.in_namespace(
            "host", lambda: namespaces.run(["ip", "-o", "link", "show"])
        )
        found = re.search(rf"^{index}: ([^@:]+)", text, re.MULTILINE)
        if not found:
            raise LabError(f"no device with index {index} on the host")
        return found[1]


def _endpoint(container: dict[str, Any], network: str) -> dict[str, Any]:
    endpoints = container["NetworkSettings"]["Networks"]
    if not endpoints:
        return {}
    endpoint: dict[str, Any] = endpoints[network or next(iter(endpoints))]
    return endpoint


def _bridge(network: dict[str, Any]) -> str:
    named: str = network["Options"].get("com.docker.network.bridge.name", "")
    return named or f"br-{network['Id'][:12]}"


def _subnet(network: dict[str, Any], six: bool) -> dict[str, str]:
    for config in network["IPAM"]["Config"]:
        if (":" in config["Subnet"]) == six:
            found: dict[str, str] = config
            return found
    raise LabError(f"network {network['Name']} has no such subnet")


def _gateway(network: dict[str, Any], six: bool) -> str:
    """Unless one is given, Docker takes the first address of the subnet."""
    config = _subnet(network, six)
    first = next(iter(ipaddress.ip_network(config["Subnet"]).hosts()))
    return config.get("Gateway") or str(first)


NETWORK_FACTS: dict[str, Callable[[dict[str, Any]], str]] = {
    "bridge": _bridge,
    "subnet": lambda network: _subnet(network, six=False)["Subnet"],
    "subnet6": lambda network: _subnet(network, six=True)["Subnet"],
    "gateway": lambda network: _gateway(network, six=False),
    "gateway6": lambda network: _gateway(network, six=True),
    "network_id": lambda network: str(network["Id"]),
}

CONTAINER_FACTS: dict[str, Callable[[dict[str, Any], dict[str, Any]], str]] = {
    "ip": lambda endpoint, _: str(endpoint.get("IPAddress", "")),
    "ip6": lambda endpoint, _: str(endpoint.get("GlobalIPv6Address", "")),
    "mac": lambda endpoint, _: str(endpoint.get("MacAddress", "")),
    "id": lambda _, container: str(container["Id"]),
    "pid": lambda _, container: str(container["State"]["Pid"]),
}
