"""Scenarios: what a TOML file says, as immutable values."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Options:
    """What the engine is started with; an option that is not set is left out."""

    userland_proxy: bool | None = None
    iptables: bool | None = None
    ip6tables: bool | None = None
    ip_forward: bool | None = None
    ip_masq: bool | None = None
    icc: bool | None = None
    live_restore: bool | None = None
    bip: str = ""
    mtu: int | None = None
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    dns_opts: tuple[str, ...] = ()
    experimental: bool | None = None
    swarm: bool = False
    """Not its own: whether a second engine is up and joined with it in a swarm."""
    args: tuple[str, ...] = ()
    """Flags for its command line; all else goes where people put it, daemon.json."""

    @property
    def settings(self) -> dict[str, Any]:
        """The keys of daemon.json."""
        return {
            field.name.replace("_", "-"): value
            for field in dataclasses.fields(self)
            if field.name not in ("args", "swarm")
            and (value := getattr(self, field.name)) not in (None, "", ())
        }


@dataclass(frozen=True)
class Network:
    """`docker network create`."""

    driver: str = "bridge"
    subnet: str = ""
    ipv6_subnet: str = ""
    gateway: str = ""
    ip_range: str = ""
    internal: bool = False
    attachable: bool = False
    options: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Attachment:
    """How a container sits on one network."""

    aliases: tuple[str, ...] = ()
    ip: str = ""
    ip6: str = ""


@dataclass(frozen=True)
class Health:
    """The engine's health check of a container."""

    run: str
    interval: str = "1s"
    timeout: str = "1s"
    retries: int = 3
    start_period: str = "0s"


@dataclass(frozen=True)
class Container:
    """`docker create`, its networks, `docker start`."""

    on: str = ""
    """`second`: on the second machine of a swarm."""
    image: str = "busybox"
    run: str = ""
    command: tuple[str, ...] = ()
    networks: dict[str, Attachment] = field(default_factory=dict)
    network_mode: str = ""
    publish: tuple[str, ...] = ()
    publish_all: bool = False
    expose: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    hostname: str = ""
    restart: str = ""
    memory: str = ""
    cpus: str = ""
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    dns_options: tuple[str, ...] = ()
    extra_hosts: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    sysctls: dict[str, str] = field(default_factory=dict)
    ulimits: tuple[str, ...] = ()
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    health: Health | None = None
    after: tuple[str, ...] = ()
    start: bool = True
    ready: tuple[str, ...] = ()


@dataclass(frozen=True)
class Service:
    """`docker service create`, on the swarm's manager."""

    image: str = "busybox"
    run: str = ""
    command: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    on: str = ""
    """`host` or `second`: where its tasks may run; empty: anywhere."""
    replicas: int = 1
    endpoint_mode: str = ""
    publish: tuple[str, ...] = ()


@dataclass(frozen=True)
class Certificate:
    """What openssl makes when the scenario is raised; days count from then."""

    subject: str = ""
    names: tuple[str, ...] = ()
    """Host names; `IP:10.0.0.1` for an address."""
    issuer: str = ""
    """The name of another one; without it, it signs itself."""
    ca: bool = False
    begins: int = -30
    ends: int = 60
    key: str = "ec"
    key_of: str = ""
    """Another one whose key it shares: a cross-signed authority."""
    fetch_from: str = ""
    """Where the issuer's certificate is said to be had."""


@dataclass(frozen=True)
class Process:
    """A real process on the host, outside, or in a container's namespace."""

    on: str
    run: str
    ready: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """One act of a setup, of a fault or of a fix."""

    on: str = "host"
    run: str = ""
    background: str = ""
    by_hand: str = ""
    recreate: str = ""
    with_: dict[str, Any] = field(default_factory=dict)
    until: str = ""
    expect_fail: bool = False
    from_netwiz: bool = False
    reference: str = ""
    pick: int | None = None
    not_run: str = ""
    """Why the commands that netwiz prints are not run."""


@dataclass(frozen=True)
class Case:
    """Who cannot reach what, and what raw sockets must see of it."""

    from_: str
    to: str
    symptom: str = "ok"
    pass_symptom: bool = False
    error: str = ""
    args: tuple[str, ...] = ()
    """Further arguments of `netwiz diagnose`, before and after the fix."""
    times: int = 1
    """How often raw sockets try; a fault that comes and goes needs many."""


@dataclass(frozen=True)
class Expect:
    """What netwiz must say."""

    outcome: str
    cause: str = ""
    evidence: tuple[str, ...] = ()
    fix_mentions: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    ruled_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Round:
    """What a re-check meets once the fault before it is mended."""

    symptom: str
    expect: Expect
    fix: tuple[Step, ...] = ()


@dataclass(frozen=True)
class After:
    """What to check after the fix, where it differs from the case."""

    from_: str = ""
    to: str = ""


@dataclass(frozen=True)
class Scenario:
    """One topology, its faults, one case; one verdict for each fault that is met."""

    id: str
    title: str
    case: Case
    expect: Expect
    twin: str = ""
    engine: Options = field(default_factory=Options)
    networks: dict[str, Network] = field(default_factory=dict)
    containers: dict[str, Container] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)
    certificates: dict[str, Certificate] = field(default_factory=dict)
    processes: tuple[Process, ...] = ()
    setup: tuple[Step, ...] = ()
    fault: tuple[Step, ...] = ()
    fix: tuple[Step, ...] = ()
    then: tuple[Round, ...] = ()
    after: After = field(default_factory=After)

    @property
    def healthy(self) -> bool:
        return self.expect.outcome == "healthy"

    @property
    def rounds(self) -> tuple[Round, ...]:
        """One verdict after another, each with what mends its fault."""
        return (Round(self.case.symptom, self.expect, self.fix), *self.then)

    def case_of(self, turn: Round) -> Case:
        """The case as that round meets it."""
        return dataclasses.replace(self.case, symptom=turn.symptom)

    @property
    def case_after(self) -> Case:
        """The case that must be healthy once the fix has been applied."""
        return dataclasses.replace(
            self.case,
            from_=self.after.from_ or self.case.from_,
            to=self.after.to or self.case.to,
            symptom="ok",
            # Of what no single probe shows, no single one proves the end either.
            pass_symptom=self.case.pass_symptom
            and (self.case.times > 1 or self.case.symptom in ("ok", "slow")),
            error="",
        )
