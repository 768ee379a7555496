"""Egress: a client that cannot get out of this machine. Where does its packet end?"""

from __future__ import annotations

from netwiz.probes.facts import HOST
from netwiz.wizard.path import fate, where
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Branch, Node, Ruling, fault, undetermined
from netwiz.wizard.trees.egress.proxy import needed
from netwiz.wizard.trees.egress.ways import Exit, answered, exit_of, from_host, said
from netwiz.wizard.trees.words import first_packet, sysctl_key
from netwiz.wizard.verdict import Mark


def egress(scene: Scene) -> Ruling:
    """How far the packet came on its way out."""
    way = exit_of(scene)
    found, place = way.found, scene.place
    values = {"address": way.address, "met": fate(found)}
    watched = place in found.tapped and HOST in found.tapped
    if not watched:
        said_ = "the packets could not be watched"
        return Ruling("blind", said_, Mark.UNKNOWN, values=values)
    if place == HOST or way.entered or way.left or way.asked:
        return Ruling("host", _seen(way), values=values)
    own = [s for s in found.forward if s.device != "lo"]
    if any(s.packet.kind == "ARP" for s in own):
        return Ruling("wire", "nobody answered its question", quiet=True)
    if own:
        said_ = f"last seen at {where(own[-1])}, never on this host"
        return Ruling("wire", said_, Mark.ODD, (said_,), values)
    return Ruling("within", f"no {first_packet(scene)} left it", values=values)


def _seen(way: Exit) -> str:
    if way.left:
        return f"it left this machine at {way.left.device}"
    if way.asked:
        asked = way.asked
        return f"at {asked.device} nobody answers for {asked.packet.destination}"
    if way.entered:
        return f"it came into this host at {way.entry}, and did not leave it"
    return "it was to leave from this host"


def forwarding(scene: Scene) -> Ruling:
    """Whether this host forwards at all what comes in by that device."""
    way = exit_of(scene)
    if way.entered is None or not way.entry:
        return Ruling("on", "it is this host's own packet", quiet=True)
    return switched(way, way.entry, "stopped") or Ruling("on", "yes")


def switched(way: Exit, device: str, fate_: str) -> Ruling | None:
    """The ruling for a device that forwards nothing; None when it does."""
    overall = name = "net.ipv6.conf.all.forwarding"
    if way.family == 4:
        # IPv6 has no switch of its own for each device (ip-sysctl.rst, forwarding).
        overall, name = "net.ipv4.ip_forward", f"net.ipv4.conf.{device}.forwarding"
    if way.links.sysctl(name) != "0":
        return None
    first = first_packet(way.scene)
    lines = (f"the {first} came into this host at {device} and did not leave it",)
    if fate_ != "stopped":
        lines = (f"the answer came into this host at {device} and went no further",)
    whole = way.links.sysctl(overall) == "0"
    key = "whole" if whole else "device"
    shown = overall if whole else name
    set_ = sysctl_key(shown)
    values = {"switch": set_, "switch_file": f"{set_} = 1", "device": device}
    said_ = f"no: {shown} = 0"
    seen = f"{overall} = {way.links.sysctl(overall)}"
    seen += f", {name} = 0" if name != overall else ""
    return Ruling(key, said_, Mark.BAD, (*lines, seen), values)


def passage(scene: Scene) -> Ruling:
    """What became of a packet whose route is right."""
    way = exit_of(scene)
    route = way.route
    values = {"device": route.device, "next_hop": route.gateway or way.address}
    if way.left:
        return Ruling("left", f"yes, at {way.left.device}", values=values)
    if silent := way.silent_hop:
        said_ = f"at {silent[0]} nobody answers for {silent[1]}"
        return Ruling("asked", said_, Mark.ODD, values=values)
    if way.entered:
        first, entry = first_packet(scene), way.entry
        seen = f"the {first} came in at {entry} and never left at {route.device}"
        return Ruling("stuck", "no", Mark.BAD, (seen,), values)
    seen = f"no {first_packet(scene)} left this host at {route.device}"
    return Ruling("within", "no", Mark.BAD, (seen,), values)


def departed(scene: Scene) -> Ruling:
    """Whether the packet left as it should, and what came back."""
    way = exit_of(scene)
    left = way.left
    if left is None:
        return Ruling("clean", "it did not leave", Mark.UNKNOWN)
    source, device = left.packet.source, left.device
    values = {"device": device, "source": source, "left_at": f"{scene.now:%H:%M:%S}"}
    back = way.back
    if back is not None and back.packet.icmp is None:
        said_ = f"the {back.packet.kind} came in at {back.device}"
        return Ruling("back", said_, Mark.ODD, values=values)
    if back is not None:
        values |= {"router": back.packet.source, "told": way.told}
        seen = f"{way.told} from {back.packet.source} came in at {back.device}"
        return Ruling("told", seen, Mark.ODD, (seen,), values)
    own = {a.address for a in way.links.addresses}
    network = way.network_of(source)
    if source not in own and network is not None:
        said_ = f"it left at {device} with the source {source}"
        line = f"the {first_packet(scene)} left at {device} with the source {source}"
        line += f", an address of network {network.name} that nobody outside knows"
        values |= {"network": network.name, "network_id": network.id}
        return Ruling("private", said_, Mark.BAD, (line,), values)
    said_ = f"it left at {device} as {source}, and nothing came back"
    return Ruling("clean", said_, Mark.ODD, (said_,), values)


def beyond(scene: Scene) -> Ruling:
    """Whether anybody out there answers this host itself."""
    if scene.place == HOST:
        return Ruling("silent", "this host asked, and nobody answered", Mark.ODD)
    link = from_host(scene)
    line = f"from this host itself {scene.focus.address} port {scene.focus.port}: "
    line += said(link)
    key = "only_host" if answered(link) else "silent"
    if key == "silent" and (proxy := needed(scene)) is not None:
        return proxy
    return Ruling(key, said(link), Mark.ODD, (line,), {"host_meets": said(link)})


_BEYOND = (
    "the {first} of {client} left this machine at {device} as {source} at {left_at}, "
    "and nothing came back"
)

NODES = (
    Node(
        "egress",
        "how far did the packet come on its way out?",
        egress,
        {
            "host": Branch("to this host, or beyond", "forwarding"),
            "within": Branch("it never left {client}", "no_route"),
            "wire": Branch("it did not come into this host", "wire"),
            "blind": Branch(
                "it was not seen",
                undetermined(
                    "{client} to {target}: {met}; the packets could not be watched",
                    "run netwiz as root on the machine of the containers",
                ),
            ),
        },
    ),
    Node(
        "forwarding",
        "does this host forward what comes in there?",
        forwarding,
        {
            "on": Branch("yes", "exit"),
            "whole": Branch("no, nothing at all", fault("ip-forward-off")),
            "device": Branch(
                "not from that device", fault("per-interface-forwarding-off")
            ),
        },
    ),
    Node(
        "passage",
        "did it leave by {device}?",
        passage,
        {
            "left": Branch("yes", "departed"),
            "asked": Branch("no: the next hop was asked for in vain", "next_hop"),
            "stuck": Branch("no, something on this host took it", "which_drop"),
            "within": Branch("no packet of this host's own left", "which_drop"),
        },
    ),
    Node(
        "departed",
        "what did it leave as, and what came back?",
        departed,
        {
            "back": Branch("an answer came back", "returned"),
            "private": Branch("with a container's own address", "masquerade"),
            "told": Branch(
                "an ICMP error came back from beyond",
                undetermined(
                    "{address}: {told}, says {router}, which is beyond this machine",
                    "ask whoever runs {router}: it has no way there, or forbids it",
                ),
            ),
            "clean": Branch("as it should, and nothing came back", "beyond"),
        },
    ),
    Node(
        "beyond",
        "does {address} answer this host itself?",
        beyond,
        {
            "only_host": Branch(
                "yes",
                undetermined(
                    f"{_BEYOND}; this host itself is answered ({{host_meets}})",
                    "capture at {address}, or at the next router: does the packet "
                    "arrive there, and what is sent back?",
                ),
            ),
            "proxy": Branch("no: only a proxy leads out", fault("proxy-env-missing")),
            "silent": Branch(
                "no",
                undetermined(
                    f"{_BEYOND}",
                    "look at {address} and at the firewalls before it: does the packet "
                    "arrive there, and does a service listen on port {port}?",
                ),
            ),
        },
    ),
)
