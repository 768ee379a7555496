"""Raises a scenario on the lab: networks, containers, processes, faults."""

from __future__ import annotations

import dataclasses
import re
import subprocess
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from tests.lab import loader, outside
from tests.lab.certificates import Certificates
from tests.lab.engine import Lab
from tests.lab.placeholders import Placeholders, referred_containers
from tests.lab.scenario import (
    Container,
    Network,
    Process,
    Scenario,
    Service,
    Step,
)
from tests.lab.state import LabError, wait_until


class Stage:
    """One scenario on one lab, from its topology to its fix."""

    def __init__(self, lab: Lab, play: Scenario) -> None:
        self.lab = lab
        self.play = play
        made = Certificates(lab.names.folder / "certificates", play.certificates)
        self._fill = Placeholders(lab, made)
        self._containers = dict(play.containers)

    # -- topology --------------------------------------------------------

    def raise_topology(self) -> None:
        for name, network in self.play.networks.items():
            self._create_network(name, network)
        for name in in_start_order(self.play.containers):
            self._create_container(name, self.play.containers[name])
        for name, service in self.play.services.items():
            self._create_service(name, service)
        if self.lab.swarm:
            self.lab.swarm.wait_known(self.play)
        for name in self.play.containers:
            self._wait_addresses(name)
        for process in self.play.processes:
            self._start_process(process)
        for step in self.play.setup:
            self.act(step)

    def break_it(self) -> None:
        for step in self.play.fault:
            self.act(step)

    def fill(self, text: str) -> str:
        """`text` with its {{place.fact}} replaced by what the lab has now."""
        return self._fill(text)

    def _create_network(self, name: str, network: Network) -> None:
        words = ["network", "create", "--driver", network.driver]
        for option, value in (
            ("--subnet", network.subnet),
            ("--gateway", network.gateway),
            ("--ip-range", network.ip_range),
        ):
            words += [option, value] if value else []
        if network.ipv6_subnet:
            words += ["--ipv6", "--subnet", network.ipv6_subnet]
        words += ["--internal"] if network.internal else []
        words += ["--attachable"] if network.attachable else []
        for key, value in network.options.items():
            words += ["--opt", f"{key}={value}"]
        self.lab.docker(*words, name)

    def _create_service(self, name: str, service: Service) -> None:
        words = ["service", "create", "--quiet", "--detach", "--name", name]
        words += ["--no-resolve-image", "--replicas", str(service.replicas)]
        for network in service.networks:
            words += ["--network", network]
        if service.on:
            role = "worker" if service.on == "second" else "manager"
            words += ["--constraint", f"node.role=={role}"]
        words += ["--endpoint-mode", service.endpoint_mode or "vip"]
        for port in service.publish:
            words += ["--publish", port]
        words.append(f"lab/{service.image}")
        words += ["sh", "-c", self.fill(service.run)] if service.run else []
        self.lab.docker(*words, *map(self.fill, service.command))

    def _create_container(self, name: str, container: Container) -> None:
        on = container.on or "host"
        self.lab.docker(*self._create_words(name, container), on=on)
        # The first network is in the create command, the others follow.
        for network in list(container.networks)[1:]:
            words = _attachment_words(container, network, "--alias")
            self.lab.docker("network", "connect", *words, network, name, on=on)
        if container.start:
            self.lab.docker("start", name, on=on)
            self._wait_ready(name, container.ready)

    def _create_words(self, name: str, container: Container) -> list[str]:
        words = ["create", "--name", name]
        if container.network_mode:
            words += ["--network", container.network_mode]
        elif container.networks:
            first = next(iter(container.networks))
            words += ["--network", first]
            words += _attachment_words(container, first, "--network-alias")
        for option, value in _single_options(container):
            words += [option, value] if value else []
        for option, values in _repeated_options(container):
            for value in values:
                words += [option, self.fill(value)]
        words += ["--publish-all"] if container.publish_all else []
        if health := container.health:
            words += ["--health-cmd", health.run, "--health-interval", health.interval]
            words += ["--health-timeout", health.timeout]
            words += ["--health-retries", str(health.retries)]
            words += ["--health-start-period", health.start_period]
        for path, content in container.files.items():
            words += ["--volume", f"{self._file(name, path, content)}:{path}"]
        words.append(f"lab/{container.image}")
        if container.run:
            return [*words, "sh", "-c", self.fill(container.run)]
        return [*words, *map(self.fill, container.command)]

    def _file(self, name: str, path: str, content: str) -> Path:
        source = self.lab.names.folder / "files" / name / path.lstrip("/")
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_text(self.fill(content))
        return source

    def _start_process(self, process: Process) -> None:
        self._spawn(process.run, process.on)
        self._wait_ready(process.on, process.ready)

    def _spawn(self, line: str, on: str) -> None:
        self.lab.spawn(["sh", "-c", self.fill(line)], on)

    def _wait_ready(self, place: str, ready: Iterable[str]) -> None:
        """Wait until the sockets are open, read from the kernel's tables."""
        for text in ready:
            wait_until(
                partial(self._listens, place, *parse_ready(text)),
                f"{place} listens on {text}",
            )

    def _listens(self, place: str, protocol: str, address: str, port: int) -> bool:
        netns = self.lab.netns_of(place)
        return outside.listens(netns, protocol, address, port)

    def _wait_addresses(self, name: str) -> None:
        """An IPv6 address is of no use until its duplicates are ruled out."""

        def settled() -> bool:
            words = ("inspect", "-f", "{{.State.Running}} {{.State.Pid}}", name)
            on = self.lab.home_of(name)
            state, pid = self.lab.docker(*words, on=on).split()
            if state != "true":
                return True
            try:
                rows = Path(f"/proc/{pid}/net/if_inet6").read_text().splitlines()
            except FileNotFoundError:
                return True
            return not any(int(row.split()[4], 16) & 0x40 for row in rows)

        wait_until(settled, f"the addresses of {name} are settled")

    # -- faults and fixes ------------------------------------------------

    def act(self, step: Step, netwiz_commands: Iterable[str] = ()) -> None:
        """One step; what must succeed and does not is an error with its words."""
        if step.recreate:
            self._recreate(step)
        elif step.background:
            self._spawn(step.background, step.on)
        elif step.from_netwiz:
            for line in netwiz_commands:
                self._command(self.fill(line), "host", expect_fail=False)
        elif step.run:
            self._command(self.fill(step.run), step.on, step.expect_fail)
        if step.until:
            wait_until(
                lambda: self._try(self.fill(step.until), step.on).returncode == 0,
                f"on {step.on}: {step.until}",
                step=0.05,
            )

    def _try(self, line: str, on: str) -> subprocess.CompletedProcess[str]:
        return self.lab.run(["sh", "-c", line], on)

    def _command(self, line: str, on: str, expect_fail: bool) -> None:
        done = self._try(line, on)
        if bool(done.returncode) != expect_fail:
            words = (done.stderr or done.stdout).strip()
            wanted = "should have failed" if expect_fail else "failed"
            raise LabError(
                f"on {on}: `{line}` {wanted}: exit {done.returncode} {words}"
            )

    def _recreate(self, step: Step) -> None:
        """Remove a container and make it again, with some keys changed."""
        name = step.recreate
        changes: dict[str, Any] = {
            field.name: getattr(built, field.name)
            for built in [loader.build(Container, step.with_, f"with ({name})")]
            for field in dataclasses.fields(Container)
            if field.name in step.with_
        }
        container = dataclasses.replace(self._containers[name], **changes)
        self._containers[name] = container
        home = self.lab.home_of(name)
        if self.lab.docker("ps", "-aq", "--filter", f"name=^{name}$", on=home):
            self.lab.docker("rm", "-f", "-v", name, on=home)
        self._create_container(name, container)
        self._wait_addresses(name)


def parse_ready(text: str) -> tuple[str, str, int]:
    """127.0.0.1:3000, [::]:3000, udp://0.0.0.0:53, *:3000."""
    protocol, _, rest = text.rpartition("://")
    address, _, port = rest.rpartition(":")
    return protocol or "tcp", address.strip("[]"), int(port)


def in_start_order(containers: Mapping[str, Container]) -> list[str]:
    """File order, but whoever is referred to comes first."""
    ordered: list[str] = []

    def visit(name: str, waiting: tuple[str, ...]) -> None:
        if name in waiting:
            raise LabError(f"containers wait for each other: {' '.join(waiting)}")
        if name not in ordered:
            for other in _needs(containers[name]):
                if other in containers and other != name:
                    visit(other, (*waiting, name))
            ordered.append(name)

    for name in containers:
        visit(name, ())
    return ordered


def _needs(container: Container) -> list[str]:
    needed = list(container.after)
    if match := re.fullmatch(r"container:(.+)", container.network_mode):
        needed.append(match[1])
    needed += [link.partition(":")[0] for link in container.links]
    texts = [
        container.run,
        *container.command,
        *container.env.values(),
        *container.files.values(),
        *container.extra_hosts,
    ]
    return needed + [name for text in texts for name in referred_containers(text)]


def _attachment_words(container: Container, network: str, alias: str) -> list[str]:
    attachment = container.networks[network]
    words = [word for name in attachment.aliases for word in (alias, name)]
    words += ["--ip", attachment.ip] if attachment.ip else []
    return words + (["--ip6", attachment.ip6] if attachment.ip6 else [])


def _single_options(container: Container) -> list[tuple[str, str]]:
    return [
        ("--hostname", container.hostname),
        ("--restart", container.restart),
        ("--memory", container.memory),
        ("--cpus", container.cpus),
    ]


def _repeated_options(container: Container) -> list[tuple[str, Iterable[str]]]:
    return [
        ("--publish", container.publish),
        ("--expose", container.expose),
        ("--env", [f"{k}={v}" for k, v in container.env.items()]),
        ("--label", [f"{k}={v}" for k, v in container.labels.items()]),
        ("--dns", container.dns),
        ("--dns-search", container.dns_search),
        ("--dns-option", container.dns_options),
        ("--add-host", container.extra_hosts),
        ("--link", container.links),
        ("--sysctl", [f"{k}={v}" for k, v in container.sysctls.items()]),
        ("--ulimit", container.ulimits),
        ("--cap-add", container.cap_add),
        ("--cap-drop", container.cap_drop),
    ]
