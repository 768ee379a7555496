"""A client beyond this machine: what the rules would do with its packet."""

from __future__ import annotations

from netwiz.probes.facts import HOST, Ruleset
from netwiz.probes.facts.firewall_commands import deletion
from netwiz.probes.requests import ReadRules
from netwiz.wizard.forwarding import Fate, PaperPacket, fate_at
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import HEALTHY, Branch, Node, Ruling, fault, undetermined
from netwiz.wizard.trees.words import dial, server_name
from netwiz.wizard.verdict import Mark


def on_paper(scene: Scene) -> Ruling:
    """The rules' verdict on a packet from the uplink: forwarded, or for the host."""
    focus = scene.focus
    to_host = focus.mapping is None or focus.server is None or focus.place == HOST
    rules = scene.look(ReadRules(HOST), Ruleset)
    packet = PaperPacket(
        destination=focus.address if to_host else focus.inner_address,
        port=focus.port if to_host else focus.inner_port,
        protocol=scene.case.target.protocol.value,
        in_device=scene.snapshot.host.device_of(focus.address),
        out_device="" if to_host else _bridge(scene),
    )
    hook = "input" if to_host else "forward"
    fate = fate_at(hook, rules, packet)
    unsupported = tuple(f"cannot tell if `{r.text}` applies" for r in fate.undecided)
    values = {"server": server_name(scene), "verdict": fate.verdict, "hook": hook}
    if fate.verdict not in ("DROP", "REJECT"):
        said = f"yes, the rules of the {hook} hook let it pass"
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
        values["by_hand"] = "" if values["remove_rule"] else "yes"
    name = values["server"]
    values |= {
        "rule": text,
        "rule_where": where,
        "behind": f"What this host itself sends to port {focus.port} is answered.",
    }
    evidence = (
        f"from the host itself {dial(focus.address, focus.port)} answers, so {name} "
        "serves it",
        f"the rule `{text}` ({where}) takes a packet from outside to "
        f"{focus.inner_address or focus.address} port {focus.inner_port or focus.port}",
    )
    key = "dropped"
    if rule is not None and rule.verdict == "REJECT" and values["hook"] == "input":
        key = "input"
    elif rule is not None and rule.verdict == "REJECT":
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
        "would the rules of this host let it in from outside?",
        on_paper,
        {
            "passed": Branch("yes", HEALTHY),
            "reset": Branch("no, a rule resets it", fault("forward-reject-tcp-reset")),
            "icmp": Branch(
                "no, a rule rejects it", fault("forward-reject-port-unreachable")
            ),
            "input": Branch(
                "no, a rule of the input rejects it",
                fault("host-input-firewall-reject"),
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
