"""A client beyond this machine: what the rules would do with its packet."""

from __future__ import annotations

from netwiz.probes.facts import HOST, Ruleset
from netwiz.probes.facts.firewall_commands import deletion
from netwiz.probes.requests import ReadRules
from netwiz.wizard.forwarding import Fate, PaperPacket, forwarded
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import HEALTHY, Branch, Node, Ruling, fault, undetermined
from netwiz.wizard.trees.words import server_name, sockets_of
from netwiz.wizard.verdict import Mark


def on_paper(scene: Scene) -> Ruling:
    """The forward hook's verdict on a packet from the uplink to the container."""
    focus = scene.focus
    if focus.mapping is None or focus.server is None or focus.place == HOST:
        return Ruling("passed", "it ends at the host itself, nothing is forwarded")
    rules = scene.look(ReadRules(HOST), Ruleset)
    packet = PaperPacket(
        destination=focus.inner_address,
        port=focus.inner_port,
        protocol=scene.case.target.protocol.value,
        in_device=scene.snapshot.host.device_of(focus.address),
        out_device=_bridge(scene),
    )
    fate = forwarded(rules, packet)
    unsupported = tuple(f"cannot tell if `{r.text}` applies" for r in fate.undecided)
    values = {"server": server_name(scene), "verdict": fate.verdict}
    if fate.verdict not in ("DROP", "REJECT"):
        said = "the rules of the forward hook let it pass"
        key = "unsure" if fate.undecided else "passed"
        return Ruling(key, said, values=values, unsupported=unsupported)
    return _refusal(scene, fate, values, unsupported)


def _refusal(
    scene: Scene, fate: Fate, values: dict[str, str], unsupported: tuple[str, ...]
) -> Ruling:
    focus, rule = scene.focus, fate.rule
    if rule is None:
        chain = fate.policy.chain if fate.policy else "FORWARD"
        text = f"policy {fate.verdict} of {chain}"
        where = "no rule accepts it"
    else:
        text = rule.text
        where = f"{rule.backend}, table {rule.table}, chain {rule.chain}"
        values["remove_rule"] = deletion(rule)
    table = scene.sockets(focus.place)
    values |= {
        "rule": text,
        "rule_where": where,
        "listeners": sockets_of(table.accepting(focus.inner_address, focus.inner_port)),
    }
    evidence = (
        f"from the host itself {focus.address}:{focus.port} answers, so the service "
        "and its mapping are sound",
        f"the rule `{text}` ({where}) takes a packet from outside to "
        f"{focus.inner_address} port {focus.inner_port}",
    )
    key = "dropped"
    if rule is not None and rule.verdict == "REJECT":
        key = "reset" if rule.reject_with.replace(" ", "-") == "tcp-reset" else "icmp"
    return Ruling(key, f"`{text}`", Mark.BAD, evidence, values, unsupported=unsupported)


def _bridge(scene: Scene) -> str:
    """The host's device towards the container's network."""
    focus = scene.focus
    attachments = focus.server.attachments if focus.server else ()
    for net in attachments:
        known = scene.snapshot.networks_by_id.get(net.network_id)
        if known is not None and focus.inner_address in net.addresses:
            return known.device
    return ""


NODES = (
    Node(
        "forwarded",
        "would the host forward a packet from outside to {server}?",
        on_paper,
        {
            "passed": Branch("yes", HEALTHY),
            "reset": Branch("no, a rule resets it", fault("forward-reject-tcp-reset")),
            "icmp": Branch(
                "no, a rule rejects it", fault("forward-reject-port-unreachable")
            ),
            "dropped": Branch(
                "no, it is dropped",
                undetermined(
                    "{target} answers from this host itself, but what comes from "
                    "outside is dropped on the way to {server}: `{rule}` "
                    "({rule_where})",
                    "the tree of timeouts is not complete yet: look at that rule",
                ),
            ),
            "unsure": Branch(
                "cannot be told",
                undetermined(
                    "{target} answers from this host itself; whether a packet from "
                    "outside is let through depends on rules that netwiz cannot judge",
                    "try it from the client and watch the uplink: "
                    "tcpdump -ni any tcp port {port}",
                ),
            ),
        },
    ),
)
