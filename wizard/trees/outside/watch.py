"""The client's real packet: waited for at the uplink, and followed when it comes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from netwiz.probes.facts import HOST, Rule, UplinkWatch
from netwiz.probes.requests import WatchUplink
from netwiz.wizard.path import where
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import (
    HEALTHY,
    UNSAID,
    Branch,
    Judge,
    Node,
    Ruling,
    fault,
    undetermined,
)
from netwiz.wizard.trees.attempts import taps_for
from netwiz.wizard.trees.outside.kinds import KINDS
from netwiz.wizard.trees.outside.paper import on_uplink
from netwiz.wizard.trees.outside.rules import refusal
from netwiz.wizard.trees.words import first_packet
from netwiz.wizard.verdict import Mark

MINUTE_MS = 60_000
LONG_MS = 600_000


def shall_wait(scene: Scene) -> Ruling:
    """Whether the person wants to try it from the client while netwiz watches."""
    if scene.case.wait_s is not None:
        return Ruling("wait", "asked for with --wait", quiet=True)
    return Ruling(UNSAID, "not waited for: judged on paper", Mark.UNKNOWN)


def uplink(scene: Scene, budget_ms: int | None = None) -> Ruling:
    """What became of the first packet that a client outside sent while we waited."""
    if budget_ms is None:
        budget_ms = round((scene.case.wait_s or 0) * 1000)
    found = scene.look(asked(scene, budget_ms), UplinkWatch)
    waited = _span(found.waited_ms)
    values = {
        "waited": waited,
        "protocol": found.protocol.value,
        "host_addresses": ", ".join(
            a for dev, a in scene.snapshot.host.addresses if dev != "lo"
        ),
    }
    first = first_packet(scene)
    if not found.arrived:
        said = f"none came in {waited}"
        seen = (
            f"watched for {waited}: no {first} for {found.address} port {found.port} "
            "came in from outside"
        )
        return Ruling("nothing", said, Mark.ODD, (seen,), values)
    values |= {"peer": found.client, "uplink": found.device}
    came = f"a {first} of {found.client} came in at {found.device}"
    if found.left is not None:
        return _answered(found, came, values)
    ruling = _taken(scene, found, came, values)
    if ruling is not None:
        return ruling
    last = found.forward[-1] if found.forward else None
    values["last_seen"] = f"last seen at {where(last)}" if last else "seen nowhere else"
    said = f"yes, {found.client}'s, and it got no answer: {values['last_seen']}"
    return Ruling(
        "vanished", said, Mark.BAD, (f"{came}, {values['last_seen']}",), values
    )


def asked(scene: Scene, budget_ms: int) -> WatchUplink:
    """The request for the watch of the focus."""
    focus = scene.focus
    places = (HOST, *taps_for(scene, focus))
    return WatchUplink(
        address=focus.address,
        port=focus.port,
        protocol=scene.case.target.protocol,
        taps=tuple(dict.fromkeys(places)),
        server=focus.place,
        budget_ms=budget_ms,
    )


def _answered(found: UplinkWatch, came: str, values: Mapping[str, str]) -> Ruling:
    left = found.left
    kind = left.packet.kind if left else ""
    seen = (came, f"its answer ({kind}) left by {found.device}")
    if kind in ("RST", "ICMP"):
        born = found.replies[0]
        more = {**values, "last_seen": f"the {kind} was born at {where(born)}"}
        said = f"yes, and it is refused: {more['last_seen']}"
        return Ruling("refused", said, Mark.BAD, (*seen, more["last_seen"]), more)
    if found.repeated and kind == "SYN-ACK":
        said = f"yes, it is answered, and {found.client} asks again all the same"
        again = f"{found.client} sent the same SYN {found.repeated} more times"
        return Ruling("unheard", said, Mark.BAD, (*seen, again), values)
    worked = f"{found.client} came in by {found.device} and was answered"
    more = {**values, "worked": worked}
    return Ruling("answered", f"yes: {worked}", evidence=seen, values=more)


def _taken(
    scene: Scene, found: UplinkWatch, came: str, values: dict[str, str]
) -> Ruling | None:
    """The rule that takes this client's packet, on paper and by its counter."""
    paper = on_uplink(scene, found.client)
    rule = paper.fate.rule
    counted = _counted(found, rule) if rule is not None else 0
    if not paper.switched_off and not (paper.fate.refused and (paper.sure or counted)):
        return None
    ruling = refusal(scene, paper)
    if ruling is None:
        return None
    last = found.forward[-1] if found.forward else None
    evidence = [came, *ruling.evidence]
    if last is not None:
        evidence.append(f"it was last seen at {where(last)}")
    if counted:
        evidence.append(f"the rule counted +{counted} meanwhile")
    more = {**values, **ruling.values}
    said = ruling.answer.removeprefix("no: ")
    return Ruling(ruling.branch, f"yes, and {said}", Mark.BAD, tuple(evidence), more)


def _counted(found: UplinkWatch, rule: Rule) -> int:
    for hit in found.hits:
        one = hit.rule
        if one is None:
            continue
        mine = (one.place, one.backend, one.family, one.table, one.chain, one.number)
        same = (rule.place, rule.backend, rule.family, rule.table, rule.chain)
        if mine == (*same, rule.number) and one.text == rule.text:
            return hit.packets
    return 0


def _span(ms: float) -> str:
    seconds = ms / 1000
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} minutes"


def tried(scene: Scene) -> Ruling:
    """Whether the client did try; only the person knows."""
    if scene.case.tried:
        said = "the client tried meanwhile: your word (--tried)"
        evidence = (
            f"you said that the client tried in these {scene.values['waited']}",
        )
        return Ruling("yes", said, Mark.ODD, evidence)
    return Ruling(UNSAID, "nobody said", Mark.UNKNOWN)


_NO_PAPER = undetermined(
    "{target} answers from this host itself; whether a packet from outside is let "
    "through depends on rules that netwiz cannot judge on paper",
    "try it from the client while netwiz waits for its packet: "
    "netwiz diagnose outside {target!q} --wait 60",
)
_WAIT = {
    "wait": Branch("yes, as long as was asked for", "uplink"),
    "minute": Branch("yes, for a minute", "uplink_minute"),
    "long": Branch("yes, for ten minutes", "uplink_long"),
}
_ARRIVED = {
    **KINDS,
    "answered": Branch("yes, and it was answered", HEALTHY),
    "unheard": Branch(
        "yes, but the answer does not get there",
        undetermined(
            "{peer}'s packet for {target} came in by {uplink} and was answered there; "
            "{peer} sent it again all the same, so the answer is lost beyond this "
            "machine",
            "is there another way back (two routers, a VPN), or a firewall that did "
            "not see the first packet? look at the same answer on the client's side",
        ),
    ),
    "refused": Branch(
        "yes, and it was refused",
        undetermined(
            "{peer}'s packet for {target} was refused, though what this host itself "
            "sends is answered: {last_seen}",
            "does a filter or the service there turn {peer} away by its address?",
        ),
    ),
    "vanished": Branch(
        "yes, and it went no further",
        undetermined(
            "{peer}'s packet for {target} came in by {uplink} and got no answer: "
            "{last_seen}",
            "what stands right behind that point took it: its rules and counters",
        ),
    ),
    "nothing": Branch("no", "tried"),
}


def _watching(id_: str, judge: Judge) -> Node:
    return Node(
        id_, "does a packet of the client come in? (try it now)", judge, _ARRIVED
    )


_QUESTION = "try it now from the client, and wait for its packet here?"

NODES = (
    Node(
        "shall_wait",
        _QUESTION,
        shall_wait,
        {
            **_WAIT,
            "no": Branch("no", "cached"),
            UNSAID: Branch("nobody said", "cached"),
        },
        personal=True,
    ),
    Node(
        "shall_wait_unsure",
        _QUESTION,
        shall_wait,
        {
            **_WAIT,
            "no": Branch("no", _NO_PAPER),
            UNSAID: Branch("nobody said", _NO_PAPER),
        },
        personal=True,
    ),
    _watching("uplink", uplink),
    _watching("uplink_minute", partial(uplink, budget_ms=MINUTE_MS)),
    _watching("uplink_long", partial(uplink, budget_ms=LONG_MS)),
    Node(
        "tried",
        "did the client try to connect while netwiz waited?",
        tried,
        {
            "yes": Branch("yes", fault("upstream-firewall")),
            "no": Branch(
                "no",
                undetermined(
                    "nobody tried {target} from outside in {waited}: this host would "
                    "let it in, and that is all that can be known without a packet",
                    "try it from the client while netwiz waits",
                ),
            ),
            UNSAID: Branch(
                "nobody said",
                undetermined(
                    "no packet for {target} came in from outside in {waited}. If the "
                    "client tried meanwhile, something before this machine takes it "
                    "(upstream-firewall)",
                    "try it from the client while netwiz waits: netwiz diagnose "
                    "outside {target!q} --wait 60 --tried (--tried: your word that the "
                    "client tries meanwhile)",
                ),
            ),
        },
        personal=True,
    ),
)
