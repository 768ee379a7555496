"""A reset after connecting: the server's own, or somebody's on the way?

Every RST is watched for where it was born. One that the server's namespace never sent
is not the server's, and if other words of the same length are spared, it was for what
was said.
"""

from __future__ import annotations

from netwiz.probes.facts import (
    HOST,
    ConntrackView,
    Conversation,
    Ending,
    Protocol,
    Segment,
)
from netwiz.probes.requests import ReadConntrack
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Branch, Node, Ruling, fault, undetermined
from netwiz.wizard.trees.stalls.rule import common_rule, rule_values
from netwiz.wizard.trees.stalls.stuck import NOT_AGAIN, otherwise, restarting, watched
from netwiz.wizard.trees.words import server_name
from netwiz.wizard.verdict import Mark


def cut_off(scene: Scene) -> Ruling:
    """Whose reset it was, and whether the words brought it about."""
    restarts = restarting(scene)
    if restarts is not None:
        return restarts
    focus, name = scene.focus, server_name(scene)
    again = scene.look(watched(scene), Conversation)
    if again.ending is not Ending.RESET:
        return Ruling("changes", "not this time", Mark.ODD)
    if focus.place is not None and focus.place not in again.tapped:
        return Ruling("blind", "the packets could not be watched", Mark.UNKNOWN)
    stray = [s for s in again.resets if s.from_client]
    if stray and stray[0].place == HOST and all(s.place == HOST for s in stray):
        return _disowned(scene, stray[0])
    ours = [s for s in again.resets if not s.from_client]
    born = next(iter(ours), None)
    if born is None:
        return Ruling("blind", "no reset was seen on a wire", Mark.UNKNOWN)
    if focus.place is not None and any(s.place == focus.place for s in ours):
        line = f"the reset left {name} itself ({born.place.label} {born.device})"
        return Ruling("server", line, Mark.ODD, (line,), {"server": name})
    if focus.place is not None and not _arrives(scene, again):
        line = "a proxy of this host speaks for the server, and resets in its own name"
        return Ruling("blind", line, Mark.ODD, (line,))
    return _on_the_way(scene, again, born)


def _arrives(scene: Scene, found: Conversation) -> bool:
    """Whether the server's namespace saw this very connection."""
    return any(s.place == scene.focus.place for s in found.segments)


def _on_the_way(scene: Scene, again: Conversation, born: Segment) -> Ruling:
    """A reset that the server's namespace never sent."""
    focus, name = scene.focus, server_name(scene)
    other = otherwise(scene)
    spared = other.ending is not Ending.RESET
    here = born.place == HOST and not born.inbound
    where = f"{born.place.label} {born.device}"
    if not here or focus.place is None:
        line = f"a reset came in at {where} (TTL {born.ttl})"
        line += "; other words are not reset" if spared else ""
        return Ruling("beyond", line, Mark.ODD, (line,), {"resets": line})
    rule = common_rule(scene, (again,), (other,) if spared else ())
    if rule is None and not spared:
        return Ruling("blind", f"born at {where}, by no rule that fits", Mark.ODD)
    line = f"a reset was born at {where}, and none in {name}"
    more = f"{other.sent} other bytes on the same way are not reset"
    evidence = [line, *([more] if spared else [])]
    if rule is not None:
        evidence.append(f"the rule `{rule.text}` counted it, and not other words")
    return Ruling("between", line, Mark.BAD, tuple(evidence), rule_values(rule))


def _disowned(scene: Scene, stray: Segment) -> Ruling:
    """This host reset, in the client's name, a packet that it did not translate."""
    line = (
        f"a reset to {server_name(scene)} was born at {stray.place.label} "
        f"{stray.device}, and none in {scene.place.label}"
    )
    view = scene.look(
        ReadConntrack(HOST, Protocol.TCP, scene.focus.address, scene.focus.port),
        ConntrackView,
    )
    if view.liberal or not view.stats.get("invalid"):
        return Ruling("blind", line, Mark.ODD, (line,))
    more = (
        f"connection tracking here has called {view.stats['invalid']} packets invalid, "
        "and nf_conntrack_tcp_be_liberal is 0"
    )
    return Ruling("disowned", line, Mark.BAD, (line, more))


NODES = (
    Node(
        "cut_off",
        "who sent the reset?",
        cut_off,
        {
            "between": Branch(
                "somebody on the way, for what was said", fault("dpi-midstream-rst")
            ),
            "disowned": Branch(
                "this host, in the client's name", fault("conntrack-invalid-rst")
            ),
            "restarts": Branch(
                "the server, which keeps ending", fault("container-restart-loop")
            ),
            "server": Branch(
                "the server itself",
                undetermined(
                    "{server} itself resets the connection: {said}",
                    "its log would tell why: it may have been told to, or ended",
                ),
            ),
            "beyond": Branch(
                "somebody beyond this machine",
                undetermined(
                    "{said} at {address}; {resets}: the service there, or something "
                    "before it that reads along",
                    "watch at that machine: did the service's own host send the reset?",
                ),
            ),
            "blind": Branch(
                "not seen",
                undetermined(
                    "{said} at {address}; who reset it was not seen",
                    "run netwiz where packets can be watched: as root, on the machine "
                    "of the containers",
                ),
            ),
            "changes": Branch("not again", NOT_AGAIN),
        },
    ),
)
