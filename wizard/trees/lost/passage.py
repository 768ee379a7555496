"""The hooks that a lost packet had to pass where it was last seen, and what fits there.

A rule can have taken the packet only if it stands in the namespace and on a hook behind
the last sighting, and asks for nothing that the packet has not: ends before or after
NAT, the devices of its way, the state that connection tracking gives it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from netwiz.probes.facts import (
    HOST,
    Attempted,
    ChainPolicy,
    IcmpError,
    Place,
    Rule,
    RuleHit,
    Ruleset,
    Sighting,
)
from netwiz.probes.requests import ReadRules
from netwiz.wizard.scene import Scene
from netwiz.wizard.trees.lost.where import Stage, Trail

Flow = tuple[str, int, str, int]
"""Source address and port, destination address and port."""

_IN = ("ingress", "prerouting")
_THROUGH = (*_IN, "forward", "postrouting")
_OUT = ("output", "postrouting", "egress")

_CODES = {
    "net-unreachable": (3, 0),
    "no-route": (3, 0),
    "host-unreachable": (3, 1),
    "proto-unreachable": (3, 2),
    "prot-unreachable": (3, 2),
    "port-unreachable": (3, 3),
    "net-prohibited": (3, 9),
    "host-prohibited": (3, 10),
    "admin-prohibited": (3, 13),
}
_CODES6 = {
    "no-route": (1, 0),
    "net-unreachable": (1, 0),
    "adm-prohibited": (1, 1),
    "admin-prohibited": (1, 1),
    "addr-unreachable": (1, 3),
    "host-unreachable": (1, 3),
    "port-unreachable": (1, 4),
    "policy-fail": (1, 5),
    "reject-route": (1, 6),
}
"""What REJECT sends (iptables-extensions(8), nft(8)): type and code."""


@dataclass(frozen=True)
class Passage:
    """Where the packet went in and did not come out."""

    place: Place
    hooks: tuple[str, ...]
    flows: frozenset[Flow]
    protocol: str
    state: str
    """``NEW`` for the probe, ``ESTABLISHED`` for what answers it."""
    came_by: frozenset[str] = frozenset()
    """Devices that ``-i`` may mean; empty: not known."""
    leaves_by: frozenset[str] = frozenset()
    entry: str = ""
    """The device by which a router would say that it came in; empty: not known."""
    icmp: IcmpError | None = None
    """The error that came back instead of silence."""

    @property
    def family(self) -> int:
        """Of its addresses."""
        return 6 if any(":" in flow[2] for flow in self.flows) else 4

    def fits(self, rule: Rule, chains: Chains) -> bool:
        """Whether a rule can have taken this packet."""
        return (
            rule.place == self.place
            and rule.family in (self.family, 0)
            and self._takes(rule)
            and bool(chains.hooks(rule) & set(self.hooks))
            and self._in_state(rule)
            and _device(rule.in_device, self.came_by)
            and _device(rule.out_device, self.leaves_by)
            and any(self._concerns(rule, flow) for flow in self.flows)
        )

    def policy_fits(self, policy: ChainPolicy) -> bool:
        """Whether a chain's policy can have taken it."""
        return (
            policy.place == self.place
            and policy.policy == "DROP"
            and policy.family in (self.family, 0)
            and policy.hook in self.hooks
            and self.icmp is None
        )

    def _takes(self, rule: Rule) -> bool:
        if self.icmp is None:
            return rule.verdict == "DROP"
        return rule.verdict == "REJECT" and code_of(rule, self.family) == (
            self.icmp.type,
            self.icmp.code,
        )

    def _in_state(self, rule: Rule) -> bool:
        if not rule.states:
            return True
        mine = {self.state}
        if self.state != "NEW":
            # Half of a connection that was never seen whole may count as neither.
            mine.add("INVALID")
        wanted = {s.lstrip("! ") for s in rule.states}
        negated = rule.states[0].startswith("!")
        return not mine <= wanted if negated else bool(mine & wanted)

    def _concerns(self, rule: Rule, flow: Flow) -> bool:
        source, source_port, destination, port = flow
        back = (destination, source, source_port, self.protocol)
        ports = Rule(
            rule.place,
            rule.backend,
            rule.family,
            rule.table,
            rule.chain,
            "",
            "",
            destination_ports=rule.source_ports,
        )
        return rule.concerns(
            source, destination, port, self.protocol
        ) and ports.concerns(*back)


@dataclass(frozen=True)
class Chains:
    """Which hooks lead into which chains of a namespace."""

    reach: dict[tuple[object, ...], frozenset[str]]

    def hooks(self, rule: Rule) -> frozenset[str]:
        """The hooks from which a rule can be come to."""
        own = frozenset({rule.hook} if rule.hook else ())
        return own | self.reach.get(_key(rule, rule.chain), frozenset())


def chains_of(rules: Ruleset) -> Chains:
    """Follow every jump from the base chains."""
    reach: dict[tuple[object, ...], set[str]] = {}
    for policy in rules.policies:
        if policy.hook:
            reach.setdefault(_key(policy, policy.chain), set()).add(policy.hook)
    jumps = [r for r in rules.rules if r.target and r.verdict in ("JUMP", "GOTO")]
    grew = True
    while grew:
        grew = False
        for rule in jumps:
            here = reach.get(_key(rule, rule.chain), set())
            there = reach.setdefault(_key(rule, rule.target), set())
            if not here <= there:
                there |= here
                grew = True
    return Chains({key: frozenset(hooks) for key, hooks in reach.items()})


def _key(of: Rule | ChainPolicy, chain: str) -> tuple[object, ...]:
    return (of.place, of.backend, of.family, of.nft_family, of.table, chain)


def code_of(rule: Rule, family: int) -> tuple[int, int] | None:
    """Type and code of the ICMP error that a REJECT sends; None for a RST."""
    word = rule.reject_with.replace(" ", "-") or "icmp-port-unreachable"
    kind = word.removeprefix("icmp").removeprefix("x").removeprefix("v6")
    kind = kind.removeprefix("6").removeprefix("-")
    return (_CODES6 if family == 6 else _CODES).get(kind)


def passages(scene: Scene, found: Attempted, way: Trail) -> tuple[Passage, ...]:
    """The ways that the packet can have ended, by where it was last seen."""
    make = _Maker(scene, found, way)
    server = scene.focus.place or HOST
    match way.stage:
        case Stage.WITHIN:
            return (make.forth(way.client, _OUT),)
        case Stage.FORWARD | Stage.EGRESS | Stage.WIRE:
            hooks = _OUT if way.client == HOST else _THROUGH
            return (make.forth(HOST, hooks),)
        case Stage.INPUT:
            taken = make.forth(HOST, (*_IN, "input"))
            if not _forwarded(scene):
                return (taken,)
            return taken, make.forth(HOST, _THROUGH)
        case Stage.ARRIVED:
            taken = make.forth(server, (*_IN, "input"))
            return taken, make.back(server, _OUT)
        case Stage.REPLY:
            return _of_reply(make, way)
    return ()


def _forwarded(scene: Scene) -> bool:
    """Whether NAT leads what is sent to this host's address on to a container."""
    engine, focus = scene.snapshot.engine, scene.focus
    alone = engine is not None and engine.userland_proxy is False
    return alone and bool(focus.inner_address) and focus.place not in (None, HOST)


def _of_reply(make: _Maker, way: Trail) -> tuple[Passage, ...]:
    last = way.last
    if last is None:
        return ()
    if last.place == way.client and last.inbound:
        return (make.back(way.client, (*_IN, "input")),)
    if last.place == HOST:
        hooks = (*_IN, "input") if way.client == HOST else _THROUGH
        return (make.back(HOST, hooks),)
    # It left the server's namespace, and the host's end of its wire did not show it.
    return (make.back(HOST, _THROUGH), make.back(last.place, _OUT))


@dataclass(frozen=True)
class _Maker:
    """Makes passages of one attempt."""

    scene: Scene
    found: Attempted
    way: Trail

    def forth(self, place: Place, hooks: tuple[str, ...]) -> Passage:
        """The probe's own way."""
        return self._passage(place, hooks, self._ends(self.way.forward), "NEW")

    def back(self, place: Place, hooks: tuple[str, ...]) -> Passage:
        """The answer's way."""
        seen = self._ends(self.way.forward)
        turned = {(d, dp, s, sp) for s, sp, d, dp in seen}
        turned |= {
            (
                s.packet.source,
                s.packet.source_port,
                s.packet.destination,
                s.packet.destination_port,
            )
            for s in self.way.replies
        }
        return self._passage(place, hooks, turned, "ESTABLISHED")

    def _passage(
        self, place: Place, hooks: tuple[str, ...], ends: set[Flow], state: str
    ) -> Passage:
        sources = {(s, sp) for s, sp, _, _ in ends}
        targets = {(d, dp) for _, _, d, dp in ends}
        came, leaves = self._devices(place, hooks, state)
        return Passage(
            place=place,
            hooks=hooks,
            flows=frozenset((*s, *t) for s, t in product(sources, targets)),
            protocol=self.scene.case.target.protocol.value,
            state=state,
            came_by=came,
            leaves_by=leaves,
            entry=self._entry(came) if state == "NEW" else "",
            icmp=self.found.connection.icmp,
        )

    def _ends(self, seen: tuple[Sighting, ...]) -> set[Flow]:
        """The probe's ends, as dialled, as seen, and behind a mapping."""
        focus, link = self.scene.focus, self.found.connection
        ends = {
            (
                s.packet.source,
                s.packet.source_port,
                s.packet.destination,
                s.packet.destination_port,
            )
            for s in seen
        }
        if all(s.leg == 1 for s in seen):
            own = (link.source, link.source_port)
            inner = focus.inner_address, focus.inner_port
            ends.add((*own, focus.address, focus.port))
            if all(inner):
                ends.add((*own, *inner))
        return {e for e in ends if e[2]}

    def _devices(
        self, place: Place, hooks: tuple[str, ...], state: str
    ) -> tuple[frozenset[str], frozenset[str]]:
        """Where it came in and was to leave, of the host; others have but a few."""
        if place != HOST:
            return frozenset(), frozenset()
        near, far = self._near(), self._far()
        came, leaves = (near, far) if state == "NEW" else (far, near)
        if "output" in hooks:
            came = frozenset()
        if "input" in hooks:
            leaves = frozenset()
            came |= {"lo"} if self.way.client == HOST else frozenset()
        return came, leaves

    def _entry(self, came: frozenset[str]) -> str:
        """A bridge of the engine, or else the last device at which it came in."""
        if self.way.client == HOST or not came:
            return "lo" if "lo" in came else ""
        own = self._bridges(self.scene.client, self.found.connection.source)
        seen = [s for s in self.way.forward if s.place == HOST and s.inbound]
        last = seen[-1].device if seen else ""
        return next(iter(own), last if last in came else "")

    def _near(self) -> frozenset[str]:
        """Devices of the host towards the client."""
        if self.way.client == HOST:
            return frozenset()
        seen = {s.device for s in self.way.forward if s.place == HOST and s.inbound}
        source = self.found.connection.source
        return frozenset(seen | self._bridges(self.scene.client, source))

    def _far(self) -> frozenset[str]:
        """Devices of the host towards the server; empty when that is beyond."""
        focus = self.scene.focus
        if focus.server is None:
            return frozenset()
        return frozenset(self._bridges(focus.server, focus.inner_address))

    def _bridges(self, container: object, address: str) -> set[str]:
        attachments = getattr(container, "attachments", ())
        known = self.scene.snapshot.networks_by_id
        return {
            known[net.network_id].device
            for net in attachments
            if net.network_id in known
            and (address in net.addresses or not address)
            and known[net.network_id].device
        }


def _device(match: str, devices: frozenset[str]) -> bool:
    """Whether a device match holds for one that the packet met."""
    if not match or not devices:
        return True
    want = not match.startswith("!")
    name = match.lstrip("! ")

    def same(device: str) -> bool:
        return device.startswith(name[:-1]) if name.endswith("+") else device == name

    return any(same(d) is want for d in devices)


def rules_of(scene: Scene, place: Place) -> Ruleset:
    """The rules of a place, as they stand."""
    return scene.look(ReadRules(place), Ruleset)


def same_hit(one: RuleHit, other: RuleHit) -> bool:
    """Whether two hits are of one rule, or of one policy."""
    if (one.rule is None) is not (other.rule is None):
        return False

    def key(hit: RuleHit) -> tuple[object, ...]:
        if hit.rule is not None:
            r = hit.rule
            return (*_key(r, r.chain), r.text, r.handle)
        p = hit.policy
        return (*_key(p, p.chain),) if p is not None else ()

    return key(one) == key(other)
