"""Second faults: what would still be wrong when the first one is mended."""

from __future__ import annotations

from netwiz.probes.facts import HOST, Place, Rule
from netwiz.probes.facts.firewall_commands import deletion
from netwiz.wizard.scene import Scene, Unseen
from netwiz.wizard.tree import Also, Ruling
from netwiz.wizard.trees.refused.listening import listening
from netwiz.wizard.trees.refused.not_listening import mapped_astray, other_port
from netwiz.wizard.trees.refused.rules import search
from netwiz.wizard.trees.words import first_packet, server_name

BY_LISTENER = {
    "loopback": "service-bound-loopback",
    "family": "listens-on-other-family",
}


def what_waits(scene: Scene) -> tuple[str, tuple[Also, ...]]:
    """What a rule kept the probe from, and what is wrong there as well."""
    name, first = server_name(scene), first_packet(scene)
    if scene.focus.place is None:
        return f"What serves {name} was never asked.", ()
    try:
        found = listening(scene)
        also = behind(scene, found)
    except Unseen:
        return f"The {first} never got to {name}.", ()
    if found.branch == "nothing":
        return f"The {first} never got to {name}, where nothing listens either.", also
    who = "This host" if name == "this host" else name
    on = found.values["listeners"]
    return f"{who} listens on {on}, but the {first} never got that far.", also


def behind(scene: Scene, found: Ruling) -> tuple[Also, ...]:
    """The fault of the listener that a refused packet did not even reach."""
    on_host = scene.focus.place == HOST and scene.focus.server is None
    key = found.branch
    if key == "nothing":
        for judge, cause in (
            (other_port, "host-port-used-inside-network"),
            (mapped_astray, "published-wrong-container-port"),
        ):
            more = judge(scene)
            if more.branch == "yes":
                values = {**found.values, **more.values}
                return (Also(cause, more.evidence, values),)
        return (Also("service-not-listening", found.evidence, found.values),)
    if key == "loopback" and on_host:
        values = {**found.values, "dials": f"dials {scene.focus.address}"}
        return (Also("host-service-bound-loopback", found.evidence, values),)
    cause = BY_LISTENER.get(key, "")
    return (Also(cause, found.evidence, found.values),) if cause else ()


def rule_besides(scene: Scene) -> tuple[Also, ...]:
    """A rule of the host's input that refused the probe, though nobody listens."""
    try:
        named = search(scene.at_host()).named
    except Unseen:
        return ()
    if named is None or not named.packets or not _input(named.rule):
        return ()
    rule = named.rule
    where = f"{rule.backend}, table {rule.table}, chain {rule.chain}"
    text = f"the rule `{rule.text}` ({where}) counted +{named.packets} around the probe"
    values = {
        "rule": rule.text,
        "rule_where": where,
        "remove_rule": deletion(rule),
        "by_hand": "" if deletion(rule) else "yes",
        "behind": "It would refuse, too, if the port were open.",
    }
    return (Also("host-input-firewall-reject", (text,), values),)


def _input(rule: Rule) -> bool:
    here: Place = rule.place
    return here == HOST and (rule.hook == "input" or rule.chain == "INPUT")
