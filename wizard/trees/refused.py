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
    RuleHit,
)
from netwiz.probes.facts.firewall_commands import deletion
from netwiz.probes.requests import AskArp, FindAddress, ReadLinks
from netwiz.wizard.scene import Scene, Unseen
from netwiz.wizard.tree import Branch, Node, Ruling, Skip, fault, undetermined
from netwiz.wizard.trees.attempts import counted
from netwiz.wizard.trees.words import in_container, sockets_of
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
    return Ruling("elsewhere", f"{focus.address} is {said}", Mark.ODD, values=values)


def who_answered(scene: Scene) -> Ruling:
    """Where the refusal was born, by the packets themselves."""
    focus, found = scene.focus, scene.attempted
    values = {"address": focus.address}
    server = focus.server.name if focus.server else focus.address
    if focus.place == scene.place:
        return Ruling("server", "it is the client's own namespace", values=values)
    if not found.tapped:
        return Ruling("server", "not witnessed", Mark.UNKNOWN, values=values)
    if found.connection.hung_up:
        return Ruling("server", f"{server} hung up", values=values)
    arrived = [
        s for s in found.forward if s.place == focus.place and s.place != scene.place
    ]
    answer = found.answer
    if arrived:
        reply = answer.packet.kind if answer else "refusal"
        return Ruling(
            "server",
            f"{server} itself ({reply})",
            evidence=(
                f"the SYN reached {arrived[0].device} of {server}, and the {reply} "
                "was born there",
            ),
            values=values,
        )
    left = [s for s in found.forward if s.device != "lo"]
    if not left:
        return Ruling(
            "within",
            "nobody outside: no packet left its namespace",
            Mark.BAD,
            evidence=(f"no SYN left {scene.place.label}, yet it was refused",),
            values=values,
        )
    said = "an ICMP error" if found.connection.icmp else "a RST"
    by = f" from {found.connection.icmp.source}" if found.connection.icmp else ""
    return Ruling(
        "between",
        f"not {server}: {said}{by} born on the way",
        Mark.BAD,
        evidence=(
            f"the SYN was last seen at {left[-1].place.label} {left[-1].device} and "
            f"never reached {server}; {said}{by} came back",
        ),
        values=values,
    )


def which_rule(scene: Scene) -> Ruling:
    """The rule whose counter rose by our probe and which refuses such a packet."""
    focus = scene.focus
    found = scene.look(counted(scene, focus), Attempted)
    hits = [h for h in found.hits if _refused_ours(h, scene)]
    if not hits:
        return Ruling("none", "none counted the probe", Mark.ODD)
    hit = _nearest(hits, scene, focus.place)
    rule = hit.rule
    if rule is None:
        return Ruling("none", "none counted the probe", Mark.ODD)
    inside = _container_at(scene, rule.place)
    where = f"{rule.backend}, table {rule.table}, chain {rule.chain}"
    values = {
        "rule": rule.text,
        "rule_where": where + (f" inside {inside.name}" if inside else ""),
        "rule_container": inside.name if inside else "this host",
        "remove_rule": deletion(rule),
    }
    values |= _behind(scene)
    return Ruling(
        _kind(hit, inside),
        f"`{rule.text}` counted +{hit.packets}",
        Mark.BAD,
        evidence=(
            f"the rule `{rule.text}` ({values['rule_where']}) counted "
            f"+{hit.packets} around the probe",
        ),
        values=values,
        unsupported=tuple(f"match not understood: {m}" for m in rule.unknown),
    )


def _behind(scene: Scene) -> dict[str, str]:
    """What would have taken the connection, had no rule been in the way."""
    focus = scene.focus
    if focus.place is None:
        return {"listeners": "a port that could not be looked at"}
    try:
        table = scene.sockets(focus.place)
    except Unseen:
        return {"listeners": "a port that could not be looked at"}
    port = focus.inner_port or focus.port
    return {"listeners": sockets_of(table.on(port, scene.case.target.protocol.value))}


def _refused_ours(hit: RuleHit, scene: Scene) -> bool:
    rule, focus = hit.rule, scene.focus
    if rule is None or rule.verdict != "REJECT":
        return False
    source = scene.attempted.connection.source or ""
    protocol = scene.case.target.protocol.value
    return any(
        rule.concerns(source, address, port, protocol)
        for address, port in (
            (focus.address, focus.port),
            (focus.inner_address or focus.address, focus.inner_port or focus.port),
        )
    )


def _nearest(hits: list[RuleHit], scene: Scene, server: Place | None) -> RuleHit:
    def order(hit: RuleHit) -> int:
        place = hit.rule.place if hit.rule else HOST
        return 0 if place == scene.place else 2 if place == server else 1

    return min(hits, key=order)


def _kind(hit: RuleHit, inside: Container | None) -> str:
    rule = hit.rule
    if inside is not None or rule is None:
        return "inside"
    if rule.hook == "input" or rule.chain == "INPUT":
        return "input"
    return "reset" if rule.reject_with in ("tcp-reset", "tcp reset") else "icmp"


def _container_at(scene: Scene, place: Place) -> Container | None:
    return None if place == HOST else scene.snapshot.by_id.get(place.key)


def two_owners(scene: Scene) -> Ruling:
    """Whether another namespace has the same address."""
    focus = scene.focus
    if focus.place is None or focus.server is None or focus.place == HOST:
        return Ruling("one", "no container's address is in question")
    found = scene.look(
        FindAddress(focus.inner_address or focus.address), AddressHolders
    )
    others = [
        h
        for h in found.holders
        if h.place not in (focus.place, HOST) and _same_wire(h.place, scene)
    ]
    if not others:
        return Ruling("one", f"only {focus.server.name} has it")
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
    """What is known of a refusal from beyond this machine."""
    found = scene.attempted
    values = {"fate": found.connection.outcome.value}
    answer = found.answer
    born = (
        f"{answer.place.label} {answer.device}" if answer else "nowhere that we tapped"
    )
    values["born"] = born
    return Ruling("far", f"the answer came in at {born}", Mark.ODD, values=values)


NODES = (
    Node(
        "whom",
        "whose address is it?",
        whom,
        {
            "container": Branch("a container's", "who_answered"),
            "itself": Branch("the client's own loopback", "inside"),
            "host": Branch("this host's", "publisher"),
            "elsewhere": Branch("nobody's on this machine", "far"),
        },
    ),
    Node(
        "who_answered",
        "who refused?",
        who_answered,
        {
            "server": Branch(
                "the server itself",
                "listening",
                (Skip("which firewall rule?", "the answer is {server}'s own"),),
            ),
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
            "far": Branch(
                "from beyond this machine, or from nobody known",
                undetermined(
                    "{address} is {owner}; a connection is {fate}, and the answer was "
                    "first seen at {born}",
                    "look at that machine: does a service listen on port {port} there, "
                    "and is {address} the one that was meant?",
                ),
            ),
        },
    ),
)
