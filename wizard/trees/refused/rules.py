"""Which rule refused the probe: counters, held against where the refusal was born.

On a busy host many rules count packets while a probe is under way. One is named only
if it stands where the refusal was born, answers as the refusal did, and fits the
packet in all that is understood of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

from netwiz.probes.facts import (
    HOST,
    Attempted,
    Backend,
    Outcome,
    Place,
    Rule,
    RuleHit,
    Ruleset,
)
from netwiz.probes.requests import Attempt, ReadRules
from netwiz.wizard.scene import Scene
from netwiz.wizard.trees.attempts import counted

CONFIRMATIONS = 2
"""Further probes that a rule with a match unknown to us has to count, one each."""


class Birth(Enum):
    """Where the refusal came into being."""

    SERVER = "server"
    WITHIN = "within"
    """In the client's own namespace, before any packet left."""
    BETWEEN = "between"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Named:
    """The rule that refused."""

    rule: Rule
    packets: int
    """By how much its counter rose; 0 for a rule that has none."""
    confirmed: int = 0
    """How many further probes it counted."""


@dataclass(frozen=True, slots=True)
class Search:
    """What the search for the rule brought."""

    named: Named | None = None
    unsure: tuple[Rule, ...] = ()
    """Rules that may have refused, which cannot be told."""
    blind: tuple[str, ...] = ()
    """Namespaces whose counters could not be read."""


def birth(scene: Scene, found: Attempted) -> Birth:
    """Where the refusal was born, by the packets that were seen."""
    focus = scene.focus
    if not found.tapped:
        return Birth.UNKNOWN
    if focus.place == scene.place:
        return Birth.SERVER
    if any(s.place == focus.place for s in found.forward):
        return Birth.SERVER
    if focus.place is not None and focus.place not in found.tapped:
        return Birth.UNKNOWN
    left = any(s.device != "lo" for s in found.forward)
    return Birth.BETWEEN if left or scene.place not in found.tapped else Birth.WITHIN


def search(scene: Scene) -> Search:
    """The rule that refused the probe, if the findings name one."""
    request = counted(scene, scene.focus)
    found = scene.look(request, Attempted)
    fits = _Fits(scene, found)
    hits = [h for h in found.hits if h.rule is not None and fits(h.rule)]
    wanted = tuple(dict.fromkeys(request.counters))
    blind = tuple(
        p.label for p in wanted if p not in found.counted and _alone(scene, p)
    )
    for hit in sorted(hits, key=lambda h: h.packets != 1):
        if hit.rule is not None and not hit.rule.unknown:
            return Search(Named(hit.rule, hit.packets), blind=blind)
    odd = tuple(h.rule for h in hits if h.rule is not None)
    for hit in hits:
        if hit.rule is not None and _confirmed(scene, request, hit):
            return Search(Named(hit.rule, hit.packets, CONFIRMATIONS), blind=blind)
    silent = _without_counter(scene, found, fits)
    sure = [r for r in silent if not r.unknown]
    if len(silent) == 1 and sure and not odd and not blind:
        return Search(Named(sure[0], 0))
    return Search(unsure=(*odd, *silent), blind=blind)


def _alone(scene: Scene, place: Place) -> bool:
    """Whether nobody whose counters were read shares this place's namespace."""
    container = scene.snapshot.by_id.get(place.key)
    return place == HOST or container is None or not scene.kin(container)


def _confirmed(scene: Scene, request: Attempt, hit: RuleHit) -> bool:
    """Whether each of a few more probes is counted by the rule, one packet each."""
    if hit.packets != 1:
        return False
    more = tuple(replace(request, nth=10 + n) for n in range(CONFIRMATIONS))
    return all(
        any(h.packets == 1 and _same(h.rule, hit.rule) for h in again.hits)
        for again in scene.look_all(more, Attempted)
    )


def _same(one: Rule | None, other: Rule | None) -> bool:
    if one is None or other is None:
        return False

    def key(r: Rule) -> tuple[object, ...]:
        return (r.place, r.backend, r.family, r.table, r.chain, r.text, r.handle)

    return key(one) == key(other)


def _without_counter(scene: Scene, found: Attempted, fits: _Fits) -> list[Rule]:
    """Refusing rules of nftables that count nothing and stand where it was refused."""
    if fits.born is Birth.UNKNOWN or found.connection.outcome is not Outcome.REFUSED:
        return []
    places = {
        Birth.SERVER: (scene.focus.place or HOST,),
        Birth.WITHIN: (scene.place,),
    }.get(fits.born, (HOST,))
    return [
        rule
        for place in places
        for rule in scene.look(ReadRules(place), Ruleset).rules
        if rule.backend is Backend.NFT
        and "counter" not in rule.text.split()
        and fits(rule)
    ]


class _Fits:
    """Whether a rule can have refused this very probe."""

    def __init__(self, scene: Scene, found: Attempted) -> None:
        self._scene = scene
        self._found = found
        self.born = birth(scene, found)
        focus = scene.focus
        link = found.connection
        inner = (focus.inner_address or focus.address, focus.inner_port or focus.port)
        self._flows = {
            (link.source, focus.address, focus.port),
            ("" if link.hung_up else link.source, *inner),
        } | {
            (s.packet.source, s.packet.destination, s.packet.destination_port)
            for s in found.forward
        }

    def __call__(self, rule: Rule) -> bool:
        protocol = self._scene.case.target.protocol.value
        return (
            rule.verdict == "REJECT"
            and self._stands_there(rule)
            and self._on_the_way(rule)
            and self._answers_so(rule)
            and (not rule.states or "NEW" in rule.states)
            and self._device(rule)
            and any(rule.concerns(*flow, protocol) for flow in self._flows)
        )

    def _stands_there(self, rule: Rule) -> bool:
        """The rule's namespace against the place where the refusal was born."""
        client, server = self._scene.place, self._scene.focus.place
        if self._found.connection.hung_up:
            # Somebody accepted: only docker-proxy's own way on can have met a rule.
            proxied = self._scene.focus.mapping is not None
            return proxied and rule.place in (server, HOST)
        if self.born is Birth.WITHIN:
            return rule.place == client
        if self.born is Birth.SERVER:
            same = (server, client) if self._one_house() else (server,)
            return rule.place in same
        if self.born is Birth.BETWEEN:
            return rule.place != server or server == HOST
        return True

    def _one_house(self) -> bool:
        scene, server = self._scene, self._scene.focus.server
        client = scene.client
        if client is None or server is None:
            return scene.place == scene.focus.place
        return client.id == server.id or client in scene.kin(server)

    def _on_the_way(self, rule: Rule) -> bool:
        """The rule's hook, where the chain tells it, against the packet's way."""
        hook = rule.hook or {
            "INPUT": "input",
            "OUTPUT": "output",
            "FORWARD": "forward",
        }.get(rule.chain, "")
        if not hook or self._found.connection.hung_up or rule.place != HOST:
            return True
        if self._scene.place == HOST:
            return hook != "forward"
        to_host = self._scene.focus.place == HOST or self._scene.focus.mapping
        return hook != "output" and (bool(to_host) or hook != "input")

    def _answers_so(self, rule: Rule) -> bool:
        """What the rule sends back against what came back."""
        found, link = self._found, self._found.connection
        resets = rule.reject_with.replace(" ", "-") == "tcp-reset"
        if link.hung_up:
            return True
        if link.icmp is not None or (found.answer and found.answer.packet.icmp):
            kind = rule.reject_with.replace("icmp", "").lstrip("6x-")
            return not resets and (not kind or kind.startswith("port"))
        return resets or found.answer is None

    def _device(self, rule: Rule) -> bool:
        """Devices that the rule asks for against those that the packet could meet."""
        if rule.place != HOST:
            return True
        known = {s.device for s in self._found.forward if s.place == HOST}
        known |= {h.device for h in self._found.expected if h.place == HOST}
        known |= {"lo"} if self._scene.place == HOST else set()
        known |= set(self._bridges())
        if self._scene.focus.server is None:
            bridges = {n.device for n in self._scene.snapshot.networks}
            own = {dev for dev, _ in self._scene.snapshot.host.addresses}
            known |= own - bridges
        return all(_could(d, known) for d in (rule.in_device, rule.out_device))

    def _bridges(self) -> Iterable[str]:
        for container in (self._scene.client, self._scene.focus.server):
            for net in container.attachments if container else ():
                found = self._scene.snapshot.networks_by_id.get(net.network_id)
                if found is not None:
                    yield found.device


def _could(match: str, devices: set[str]) -> bool:
    if not match or match.startswith("!"):
        return True
    if match.endswith("+"):
        return any(d.startswith(match[:-1]) for d in devices)
    return match in devices
