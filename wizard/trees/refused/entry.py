"""Refused: whose address is it, who answered, and which rule or lack of listener."""

from __future__ import annotations

from netwiz.probes.facts import (
    HOST,
    AddressHolders,
    ArpAnswers,
    Attempted,
    Container,
    LinkTable,
    OwnerKind,
    Place,
    Rule,
)
from netwiz.probes.facts.firewall_commands import deletion
from netwiz.probes.requests import AskArp, FindAddress, ReadLinks
from netwiz.wizard.path import where
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Branch, Node, Ruling, fault, undetermined
from netwiz.wizard.trees.overlay.entry import on_overlay
from netwiz.wizard.trees.refused.rules import Birth, Named, birth, search
from netwiz.wizard.trees.second import what_waits
from netwiz.wizard.trees.words import either, first_packet, in_container, server_name
from netwiz.wizard.verdict import Mark


def whom(scene: Scene) -> Ruling:
    """Whose address it is that refuses."""
    focus = scene.focus
    owner = scene.owner(focus.address)
    said = owner.text
    values = {"address": focus.address, "owner": said}
    if focus.server is not None:
        values["server"] = focus.server.name
    if owner.kind is OwnerKind.CONTAINER:
        return Ruling("container", f"{focus.address} is {said}", values=values)
    if owner.kind is OwnerKind.LOOPBACK and scene.place != HOST:
        return Ruling(
            "itself",
            f"{focus.address} is {scene.case.client.name} itself",
            Mark.ODD,
            evidence=(
                f"{scene.case.target.host} is {focus.address}: a loopback address, "
                f"which is {scene.case.client.name} itself",
            ),
            values=values,
        )
    if owner.kind in (OwnerKind.HOST, OwnerKind.GATEWAY, OwnerKind.LOOPBACK):
        return Ruling("host", f"{focus.address} is this host", values=values)
    if on_overlay(scene):
        return Ruling("overlay", "an address of an overlay network", values=values)
    return Ruling("elsewhere", f"{focus.address} is {said}", Mark.ODD, values=values)


def who_answered(scene: Scene) -> Ruling:
    """Where the refusal was born, by the packets themselves."""
    focus, found = scene.focus, scene.attempted
    values = {"address": focus.address, "server": server_name(scene)}
    server = values["server"]
    if focus.place == scene.place:
        return Ruling("server", f"{server} itself: it dials itself", values=values)
    if found.connection.hung_up:
        return Ruling("server", f"{server} hung up", values=values)
    born = birth(scene, found)
    first = first_packet(scene)
    if born is Birth.UNKNOWN:
        return Ruling(
            "server",
            "not seen: the packets could not be watched",
            Mark.UNKNOWN,
            values=values,
            unsupported=found.blind,
        )
    answer = found.answer
    if born is Birth.SERVER:
        arrived = next(s for s in found.forward if s.place == focus.place)
        reply = answer.packet.kind if answer else "refusal"
        return Ruling(
            "server",
            f"{server} itself ({reply})",
            evidence=(
                f"the {first} reached {arrived.device} of {server}, and the {reply} "
                "was born there",
            ),
            values=values,
        )
    return _on_the_way(scene, born, values)


def _on_the_way(scene: Scene, born: Birth, values: dict[str, str]) -> Ruling:
    """Refused before it came to whom it was meant for."""
    found, first = scene.attempted, first_packet(scene)
    name = scene.place.label
    if born is Birth.WITHIN:
        return Ruling(
            "within",
            f"{'this host' if scene.place == HOST else name} itself: no packet left it",
            Mark.BAD,
            evidence=(f"no {first} left {name}, yet it was refused",),
            values=values,
        )
    icmp = found.connection.icmp
    said = f"an ICMP error from {icmp.source}" if icmp else "a RST"
    last = [s for s in found.forward if s.device != "lo"] or list(found.forward)
    seen = f"was last seen at {where(last[-1])}" if last else "was seen nowhere"
    never = f" and never reached {values['server']}" if scene.focus.place else ""
    return Ruling(
        "between",
        f"not {values['server']}: {said} born on the way",
        Mark.BAD,
        evidence=(f"the {first} {seen}{never}; {said} came back",),
        values=values,
    )


def which_rule(scene: Scene) -> Ruling:
    """The rule that refused the probe, by its counter and by what it matches."""
    found = search(scene)
    unsupported = tuple(
        f"cannot tell if `{r.text}` (chain {r.chain}) refused the probe"
        for r in found.unsure
    ) + tuple(f"the counters of {label} could not be read" for label in found.blind)
    if found.named is None:
        said = "none that is known to fit" if found.unsure else "none counted the probe"
        if found.blind:
            said = f"unknown: the rules of {either(found.blind)} could not be read"
        mark = Mark.UNKNOWN if found.blind else Mark.ODD
        return Ruling("none", said, mark, unsupported=unsupported)
    rule = found.named.rule
    inside = scene.snapshot.by_id.get(rule.place.key) if rule.place != HOST else None
    where = f"{rule.backend}, table {rule.table}, chain {rule.chain}"
    where += f" inside {inside.name}" if inside else ""
    behind, also = what_waits(scene)
    values = {
        "rule": rule.text,
        "rule_where": where,
        "rule_container": inside.name if inside else "this host",
        "remove_rule": deletion(rule),
        "by_hand": "" if deletion(rule) else "yes",
        "server": server_name(scene),
        "behind": behind,
    }
    said, evidence = _proof(found.named, where)
    if found.blind and not found.named.packets:
        said += "; not every counter could be read"
    return Ruling(
        _kind(scene, rule, inside),
        said,
        Mark.BAD,
        evidence=(evidence,),
        values=values,
        unsupported=unsupported,
        also=also,
    )


def _proof(named: Named, where: str) -> tuple[str, str]:
    """The answer, and the evidence for it."""
    rule = f"`{named.rule.text}`"
    if not named.packets:
        return (
            f"{rule}, the only one that can have",
            f"the rule {rule} ({where}) has no counter; of all rules where the refusal "
            "was born it alone refuses such a packet, in just this way",
        )
    rose = f"counted +{named.packets}"
    if named.confirmed:
        return (
            f"{rule} {rose}, and each of {named.confirmed} more probes",
            f"the rule {rule} ({where}) {rose} around the probe, and again with each "
            f"of {named.confirmed} more",
        )
    return (
        f"{rule} {rose}",
        f"the rule {rule} ({where}) {rose} around the probe",
    )


def _kind(scene: Scene, rule: Rule, inside: Container | None) -> str:
    if inside is not None:
        return "inside"
    if rule.hook == "input" or rule.chain == "INPUT":
        return "input"
    focus = scene.focus
    to_host = focus.place == HOST and focus.server is None and scene.place != HOST
    if to_host and not rule.hook and rule.chain not in ("FORWARD", "OUTPUT"):
        # A chain of a person's own: what is meant for the host itself is led there
        # by its input, as fail2ban and ufw do it.
        return "input"
    return "reset" if rule.reject_with in ("tcp-reset", "tcp reset") else "icmp"


def two_owners(scene: Scene) -> Ruling:
    """Whether another namespace has the same address."""
    focus = scene.focus
    if focus.place is None or focus.server is None or focus.place == HOST:
        return Ruling("one", "no container's address is in question", quiet=True)
    found = scene.look(
        FindAddress(focus.inner_address or focus.address), AddressHolders
    )
    others = [
        h
        for h in found.holders
        if h.place not in (focus.place, HOST) and _same_wire(h.place, scene)
    ]
    if not others:
        lan = _on_the_lan(scene, found, focus.server)
        return lan or Ruling("one", f"only {focus.server.name} has it")
    intruder = others[0]
    own = next((h for h in found.holders if h.place == focus.place), None)
    links = scene.try_look(ReadLinks(scene.place), LinkTable)
    asked = scene.try_look(AskArp(scene.place, focus.address), ArpAnswers)
    known = links.neighbour(focus.address) if links else None
    prefix = _prefix(focus.server, focus.address)
    device = intruder.device
    evidence = [
        f"{focus.address} is configured in {focus.server.name} "
        f"({own.mac if own else 'not seen'}) and in {intruder.place.label} "
        f"({intruder.mac}, {device})",
    ]
    if asked and len(asked.macs) > 1:
        evidence.append(f"who has {focus.address}? answered by {', '.join(asked.macs)}")
    if known and known.mac:
        evidence.append(f"{scene.place.label} holds {known.mac} for {focus.address}")
    remove = f"ip addr del {focus.address}/{prefix} dev {device}"
    forget = f"ip neigh flush to {focus.address}"
    return Ruling(
        "two",
        f"{intruder.place.label} has it too",
        Mark.BAD,
        evidence=tuple(evidence),
        values={
            "intruder": intruder.place.label,
            "intruder_device": device,
            "remove_command": in_container(intruder.place.label) + remove,
            "forget_command": (in_container(scene.place.label) if scene.client else "")
            + forget,
        },
    )


def _on_the_lan(
    scene: Scene, found: AddressHolders, server: Container
) -> Ruling | None:
    """A second owner beyond this machine, on the wire that a macvlan shares with it."""
    address = scene.focus.inner_address or scene.focus.address
    network = scene.owner(address).network
    if network is None or network.driver not in ("macvlan", "ipvlan"):
        return None
    own = {h.mac for h in found.holders}
    asked = scene.try_look(AskArp(scene.place, address), ArpAnswers)
    strange = [m for m in asked.macs if m not in own] if asked else []
    if not own or not strange:
        return None
    intruder = f"a machine on the LAN with the MAC address {strange[0]}"
    return Ruling(
        "two",
        f"{intruder} has it too",
        Mark.BAD,
        evidence=(
            f"{server.name} has {address} at {', '.join(sorted(own))}",
            f"who has {address}? answered by {', '.join(asked.macs if asked else ())}",
        ),
        values={
            "intruder": intruder,
            "intruder_device": "its own card",
            "remove_command": "",
            "lan_intruder": "yes",
        },
    )


def _same_wire(place: Place, scene: Scene) -> bool:
    """Whether two containers share a wire: same numbers elsewhere do no harm."""
    other = scene.snapshot.by_id.get(place.key)
    server = scene.focus.server
    return bool(other and server and scene.shares_network(other, server))


def _prefix(server: Container, address: str) -> int:
    for net in server.attachments:
        if net.ipv4 == address:
            return net.prefix4 or 32
        if net.ipv6 == address:
            return net.prefix6 or 128
    return 128 if ":" in address else 32


def far_end(scene: Scene) -> Ruling:
    """A refusal in the name of nobody known: from beyond, or from this machine?"""
    found = scene.attempted
    values = {"outcome": _outcome(found), "server": scene.focus.address}
    answer = found.answer
    if not found.tapped:
        values["born"] = "the packets could not be watched"
        return Ruling("far", values["born"], Mark.UNKNOWN, values=values)
    if answer is None:
        beyond = any(s.device != "lo" for s in found.forward)
    else:
        beyond = answer.inbound and any(
            (s.place, s.device) == (answer.place, answer.device) and not s.inbound
            for s in found.forward
        )
    if beyond or found.connection.hung_up:
        at = f"came in at {where(answer)}" if answer else "was not seen"
        values["born"] = f"the answer {at}"
        return Ruling("far", values["born"], Mark.ODD, values=values)
    return _on_the_way(scene, birth(scene, found), values)


def _outcome(found: Attempted) -> str:
    link = found.connection
    return link.after.value if link.hung_up else link.outcome.value


NODES = (
    Node(
        "whom",
        "whose address is it?",
        whom,
        {
            "container": Branch("a container's", "who_answered"),
            "itself": Branch("the client's own loopback", "inside"),
            "host": Branch("this host's", "publisher"),
            "overlay": Branch("somebody's on another node", "overlay_refused"),
            "elsewhere": Branch("nobody's on this machine", "far"),
        },
    ),
    Node(
        "who_answered",
        "who refused?",
        who_answered,
        {
            "server": Branch("the server itself", "listening"),
            "within": Branch("the client's own namespace", "which_rule"),
            "between": Branch("somebody on the way", "which_rule"),
        },
    ),
    Node(
        "which_rule",
        "which rule refused the probe?",
        which_rule,
        {
            "reset": Branch(
                "a REJECT with tcp-reset on this host",
                fault("forward-reject-tcp-reset"),
            ),
            "icmp": Branch(
                "a REJECT with an ICMP error on this host",
                fault("forward-reject-port-unreachable"),
            ),
            "input": Branch(
                "a REJECT on the host's input", fault("host-input-firewall-reject")
            ),
            "inside": Branch(
                "a rule inside a container", fault("container-own-iptables")
            ),
            "none": Branch("none", "two_owners"),
        },
    ),
    Node(
        "two_owners",
        "does another container have {address} too?",
        two_owners,
        {
            "two": Branch("yes", fault("duplicate-ip")),
            "one": Branch("no", "again"),
        },
    ),
    Node(
        "far",
        "where did the refusal come from?",
        far_end,
        {
            "within": Branch("the client's own namespace", "which_rule"),
            "between": Branch("this machine, on the way out", "which_rule"),
            "far": Branch(
                "from beyond this machine, or from nobody known",
                undetermined(
                    "{address} is {owner}: {outcome}; {born}",
                    "look at that machine: does a service listen on port {port} there, "
                    "and is {address} the one that was meant?",
                ),
            ),
        },
    ),
)
