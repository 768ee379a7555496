"""A second machine with an engine of its own, joined with the first in a real swarm.

It is raised only for scenarios that ask for it (`[engine] swarm = true`) and stays
until one comes that does not. The outside world is the router between the two, so a
rule there stands for the firewall of a data centre:

    nwlab-host h0 10.99.0.1 ═ 10.99.0.2 o0 nwlab-out o1 10.98.0.2 ═ 10.98.0.1 h0
    the manager                                                nwlab-host2, a worker
"""

from __future__ import annotations

import json
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab import dockerd, namespaces
from tests.lab.gossip import Trust, trust
from tests.lab.outside import HOST_DEVICE, HOST_IP
from tests.lab.scenario import Options
from tests.lab.state import COMMAND_SECONDS, LabError, Names, wait_until

if TYPE_CHECKING:
    from tests.lab.engine import Lab
    from tests.lab.scenario import Scenario

SECOND_IP = "10.98.0.1"
ROUTER_IP = "10.98.0.2"
ROUTER_DEVICE = "o1"
MANAGER = f"{HOST_IP}:2377"
OF_THE_SWARM = ("ingress", "docker_gwbridge")
"""Networks that come with it and stay as long as it does."""
REFUTED_SECONDS = 15.0
"""Then a suspicion is over: the engines give a node up after four without a word."""
READY_SECONDS = 30.0
"""A worker that lost its manager tries again after eight at the latest."""


@dataclass(frozen=True)
class SecondNames(Names):
    """The second machine's: below the lab's own, so that one end is the end of both."""

    netns: str = ""

    @classmethod
    def beside(cls, names: Names) -> SecondNames:
        return cls(f"{names.label}/second", names.folder / "second", names.second_netns)

    @property
    def host_netns(self) -> str:
        return self.netns

    @property
    def hostname(self) -> str:
        return "second"


class Swarm:
    """Two engines, one swarm. Made by `Lab` at boot, ended by clearing the lab."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self.names = SecondNames.beside(lab.names)
        self._read = 0

    # -- life ------------------------------------------------------------

    def raise_(self, images: bytes, dies_with_parent: bool) -> subprocess.Popen[bytes]:
        """The machine, its engine, the swarm; the images are the first engine's."""
        self._lay_cable()
        self.names.folder.mkdir(parents=True, exist_ok=True)
        engine = dockerd.start(self.names, Options(), dies_with_parent)
        dockerd.wait_for(self.names)
        subprocess.run(
            ["docker", "load", "--quiet"],
            input=images,
            env=self._lab.env("second"),
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=COMMAND_SECONDS,
        )
        docker = self._lab.docker
        docker("swarm", "init", "--advertise-addr", HOST_IP)
        token = docker("swarm", "join-token", "-q", "worker")
        docker("swarm", "join", "--token", token, MANAGER, on="second")
        wait_until(self._both_ready, "both nodes are ready")
        for place in ("host", "second"):
            # The ingress network is made in the background.
            wait_until(
                partial(self._ingress_stands, place),
                f"the ingress network stands on {place}",
            )
            wait_until(
                partial(self._rules_stand, place),
                f"the engine's rules stand on {place}",
            )
        return engine

    def _lay_cable(self) -> None:
        out, second = self._lab.names.outside_netns, self.names.host_netns
        namespaces.add(second)
        for place, key, value in (
            (second, "net.ipv6.conf.all.accept_dad", "0"),
            (second, "net.ipv6.conf.default.accept_dad", "0"),
            (second, "net.ipv4.ip_forward", "0"),
            # It has no route to anywhere but the two machines.
            (out, "net.ipv4.ip_forward", "1"),
        ):
            namespaces.set_sysctl(place, key, value)
        peer = f"{ROUTER_DEVICE} netns {out}"
        for line in (
            f"ip -n {second} link add {HOST_DEVICE} type veth peer name {peer}",
            f"ip -n {second} addr add {SECOND_IP}/24 dev {HOST_DEVICE}",
            f"ip -n {out} addr add {ROUTER_IP}/24 dev {ROUTER_DEVICE}",
            f"ip -n {second} link set {HOST_DEVICE} up",
            f"ip -n {out} link set {ROUTER_DEVICE} up",
            f"ip -n {second} route add default via {ROUTER_IP}",
        ):
            namespaces.run(line.split())

    # -- state -----------------------------------------------------------

    def _both_ready(self) -> bool:
        try:
            found = self._lab.docker("node", "ls", "--format", "{{.Status}}")
        except LabError:
            return False  # the manager itself may be about to find its feet
        return found.split() == ["Ready", "Ready"]

    def _ingress_stands(self, place: str) -> bool:
        names = self._lab.docker("network", "ls", "--format", "{{.Name}}", on=place)
        if not set(OF_THE_SWARM) <= set(names.split()):
            return False
        found = self._lab.docker("network", "inspect", "ingress", on=place)
        return "ingress-sbox" in json.loads(found)[0].get("Containers", {})

    def _rules_stand(self, place: str) -> bool:
        """With every network the engine takes this jump away, and puts it first again.

        Whoever looks in between would remember a host without it.
        """
        listed = self._lab.run(["iptables", "-S", "FORWARD"], on=place).stdout
        rules = [line for line in listed.splitlines() if line.startswith("-A ")]
        return rules[:1] == ["-A FORWARD -j DOCKER-USER"]

    def check(self) -> None:
        """Raise a LabError unless the swarm is as it was at boot."""
        if complaint := self._complaint():
            raise LabError(complaint)

    def _complaint(self) -> str:
        """Why this swarm is no longer as it was at boot; empty when it is."""
        if not dockerd.running(self.names):
            return "the second engine has died"
        for place, address in (("host", HOST_IP), ("second", SECOND_IP)):
            told = self._lab.docker("info", "-f", "{{json .Swarm}}", on=place)
            swarm = json.loads(told)
            if swarm["LocalNodeState"] != "active" or swarm["NodeAddr"] != address:
                return f"{place} is not in the swarm as it was"
        managers = self._lab.docker(
            "info", "-f", "{{range .Swarm.RemoteManagers}}{{.Addr}} {{end}}"
        )
        if managers.split() != [MANAGER]:
            return "the swarm has other managers"
        try:
            wait_until(self._both_ready, "both nodes are ready", READY_SECONDS)
        except LabError as error:
            return str(error)
        with suppress(LabError):
            wait_until(
                lambda: self._trust() is not Trust.DOUBTED,
                "no node is suspected",
                REFUTED_SECONDS,
            )
        lost = self._trust() is Trust.LOST
        return "a node was given up by the other's gossip" if lost else ""

    def _trust(self) -> Trust:
        folders = (self._lab.names.folder, self.names.folder)
        return trust([(f / "dockerd.log").read_text(errors="replace") for f in folders])

    def clear(self) -> None:
        """Remove every service, container and network of scenarios, on both."""
        docker = self._lab.docker
        if services := docker("service", "ls", "-q").split():
            docker("service", "rm", *services)
        for place in ("host", "second"):
            wait_until(partial(self._empty, place), f"no container is on {place}")
        for place in ("host", "second"):
            wait_until(
                partial(self._bare, place),
                f"the networks on {place} are gone",
                step=0.05,
            )

    def _empty(self, place: str) -> bool:
        found = self._lab.docker("ps", "-aq", "--no-trunc", on=place).split()
        if found:
            with suppress(LabError):
                self._lab.docker("rm", "-f", "-v", *found, on=place)
        return not found

    def _bare(self, place: str) -> bool:
        """Overlay networks may be removed by the manager alone, and go everywhere."""
        if networks := self._networks(place):
            with suppress(LabError):
                self._lab.docker("network", "rm", *networks, on=place)
        return not networks

    def _networks(self, place: str) -> list[str]:
        words = ("network", "ls", "--filter", "type=custom", "--format", "{{.Name}}")
        found = self._lab.docker(*words, on=place).split()
        return [name for name in found if name not in OF_THE_SWARM]

    # -- scenarios -------------------------------------------------------

    def wait_known(self, play: Scenario) -> None:
        """Wait until each engine knows where every address of a network is."""
        for name, service in play.services.items():
            wait_until(
                partial(self._runs, name, service.replicas),
                f"every task of {name} runs",
                step=0.05,
            )
        for name, network in play.networks.items():
            users = {
                c: x
                for c, x in play.containers.items()
                if network.driver == "overlay" and name in x.networks and x.start
            }
            wanted = set(users)
            wanted |= {
                service
                for service, x in play.services.items()
                if name in x.networks and x.replicas
            }
            for place in {x.on or "host" for x in users.values()}:
                wait_until(
                    partial(self._knows, place, name, frozenset(wanted)),
                    f"{place} knows every address of {name}",
                    step=0.05,
                )

    def _runs(self, service: str, replicas: int) -> bool:
        words = ("service", "ps", service, "--format", "{{.CurrentState}}")
        states = self._lab.docker(*words).splitlines()
        return sum(s.startswith("Running") for s in states) == replicas

    def _knows(self, place: str, network: str, wanted: frozenset[str]) -> bool:
        told = self._lab.docker("network", "inspect", "-v", network, on=place)
        services = json.loads(told)[0].get("Services") or {}
        known = {t["Name"] for s in services.values() for t in s["Tasks"] or ()}
        return wanted <= known | set(services)


def pid(names: Names) -> int:
    """The second engine's process."""
    return dockerd.pid(SecondNames.beside(names))


def environment(names: Names) -> dict[str, str]:
    """What differs for somebody logged in on the second machine."""
    second = SecondNames.beside(names)
    return {
        "HOME": str(second.folder / "home"),
        "DOCKER_HOST": f"unix://{second.socket}",
    }


def stands(names: Names) -> bool:
    """Whether the second machine is up, also for who has not raised it."""
    return Path("/run/netns", names.second_netns).exists()
