"""A packet from beyond this machine, led on paper from the uplink to where it ends."""

from __future__ import annotations

from dataclasses import dataclass, replace

from netwiz.probes.facts import HOST, LinkTable, OwnerKind, Rule, Ruleset
from netwiz.probes.requests import ReadLinks, ReadRules
from netwiz.wizard.forwarding import (
    Fate,
    PaperPacket,
    Translation,
    fate_at,
    translated,
)
from netwiz.wizard.scene import Scene

_OURS = (OwnerKind.HOST, OwnerKind.GATEWAY, OwnerKind.LOOPBACK)


@dataclass(frozen=True, slots=True)
class Paper:
    """What would become of the packet, as far as the rules tell."""

    hook: str
    """Where it is decided: prerouting, forward (to a container), input (the host)."""
    packet: PaperPacket
    """As it would cross that hook."""
    nat: Translation
    fate: Fate
    switched_off: str = ""
    """The sysctl that keeps it from being forwarded, as ``name=0``; else empty."""
    unseen: tuple[str, ...] = ()
    """Packet filters that could not be read."""

    @property
    def undecided(self) -> tuple[Rule, ...]:
        """Rules of which it cannot be told, and that would change the end."""
        return (*self.nat.undecided, *self.fate.undecided)

    @property
    def sure(self) -> bool:
        """Whether nothing stands open."""
        return not self.undecided and not self.unseen

    @property
    def passes(self) -> bool:
        """Whether it would get to its end."""
        return not self.fate.refused and not self.switched_off


def on_uplink(scene: Scene, source: str = "") -> Paper:
    """The packet of a client outside to the dialled address, rule by rule.

    Without a source it is anybody's: rules that ask for one are then undecided.
    """
    rules = scene.look(ReadRules(HOST), Ruleset)
    links = scene.look(ReadLinks(HOST), LinkTable)
    focus = scene.focus
    device = uplink(scene, links)
    packet = PaperPacket(
        destination=focus.address,
        port=focus.port,
        protocol=scene.case.target.protocol.value,
        in_device=device,
        out_device="",
        source=source,
        local=_ours(scene, focus.address),
    )
    paper = Paper("prerouting", packet, Translation(), fate_at_once(rules, packet))
    paper = replace(paper, unseen=rules.unseen)
    if paper.fate.refused:
        return paper
    nat = translated("prerouting", rules, packet)
    if nat.rule is not None:
        local = nat.rule.verdict == "REDIRECT" or _ours(scene, nat.address)
        packet = replace(packet, destination=nat.address, port=nat.port, local=local)
    hook = "input" if packet.local else "forward"
    off = ""
    if hook == "forward":
        packet = replace(packet, out_device=towards(scene, packet.destination))
        off = not_forwarding(links, packet)
    fate = fate_at(hook, rules, packet)
    return replace(
        paper, hook=hook, packet=packet, nat=nat, fate=fate, switched_off=off
    )


def fate_at_once(rules: Ruleset, packet: PaperPacket) -> Fate:
    """The fate before any routing: raw and mangle, as newer engines use them."""
    fate = fate_at("prerouting", rules, packet)
    return fate if fate.refused or fate.undecided else Fate("")


def uplink(scene: Scene, links: LinkTable) -> str:
    """The device by which it comes in; empty when it could be any of several."""
    bridges = {n.device for n in scene.snapshot.networks}
    held = scene.snapshot.host.device_of(scene.focus.address)
    if held and held != "lo" and held not in bridges:
        return held
    version = 6 if ":" in scene.focus.address else 4
    leads = {
        route.device
        for route in links.routes
        if route.destination == "default" and route.family == version
    }
    return leads.pop() if len(leads) == 1 else ""


def towards(scene: Scene, address: str) -> str:
    """The host's device towards a container's address; empty when not known."""
    for network in scene.snapshot.networks:
        if network.device and network.holds(address):
            return network.device
    return ""


def not_forwarding(links: LinkTable, packet: PaperPacket) -> str:
    """The switch that keeps this host from forwarding the packet; empty when none.

    The one of the device that it comes in by decides; ``ip_forward`` sets them all
    (Documentation/networking/ip-sysctl.rst). IPv6 asks ``conf.all`` alone.
    """
    if ":" in packet.destination:
        names = ["net.ipv6.conf.all.forwarding"]
    else:
        names = ["net.ipv4.ip_forward"]
        if packet.in_device:
            names.append(f"net.ipv4.conf.{packet.in_device}.forwarding")
    return next((f"{n}=0" for n in names if links.sysctl(n) == "0"), "")


def _ours(scene: Scene, address: str) -> bool:
    return scene.owner(address).kind in _OURS
