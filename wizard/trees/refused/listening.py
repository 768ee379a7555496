"""Does the server listen, at that address and port."""

from __future__ import annotations

from netwiz.probes.facts import Listener
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Branch, Node, Ruling, Skip, fault, undetermined
from netwiz.wizard.trees.words import (
    as_flag,
    family,
    listed,
    process_of,
    server_name,
    sockets_of,
    uptime,
)
from netwiz.wizard.verdict import Mark


def listening(scene: Scene) -> Ruling:
    """The listeners on the port, held against the address that was dialled."""
    focus = scene.focus
    table = scene.sockets(focus.place)
    protocol = scene.case.target.protocol.value
    port = focus.inner_port or focus.port
    address = focus.inner_address or focus.address
    name = server_name(scene)
    on_port = table.on(port, protocol)
    values = {
        "server": name,
        "inner_port": str(port),
        "listeners": sockets_of(on_port),
        "process": process_of(on_port),
        "family": family(address),
        "uptime": uptime(focus.server, scene),
        "others": listed(s for s in table.listeners if _foreign(s, port, protocol)),
        "within": f"in {name}" if focus.server else f"on {name}",
        "for_long": f" ({uptime(focus.server, scene)})" if focus.server else "",
        "own_service": "" if scene.values.get("publisher") else "yes",
        "is_container": "yes" if focus.server else "",
        "is_host": "" if focus.server else "yes",
        "server_image": focus.server.image if focus.server else "",
        "mapping": as_flag(focus.mapping) if focus.mapping else "",
    }
    key, said = _judge_listeners(on_port, address)
    seen = (
        f"{name} listens on {listed(on_port)}"
        if on_port
        else (
            f"no socket {values['within']} listens on {protocol} port {port}; "
            f"what listens there: {values['others']}"
        )
    )
    good = key == "accepts"
    evidence = () if good else (seen,)
    if focus.mapping and not good:
        evidence = (*evidence, f"published as {values['mapping']}")
    answer = listed(on_port) if on_port else f"nothing on port {port}"
    return Ruling(
        key, f"{answer}{said}", Mark.GOOD if good else Mark.BAD, evidence, values
    )


def _foreign(s: Listener, port: int, protocol: str) -> bool:
    return (
        s.port != port
        and s.protocol == protocol
        and not s.address.startswith("127.0.0.11")
    )


def _judge_listeners(on_port: tuple[Listener, ...], address: str) -> tuple[str, str]:
    if not on_port:
        return "nothing", ""
    if not address or any(s.accepts(address) for s in on_port):
        return "accepts", ""
    version = 6 if ":" in address else 4
    same = [s for s in on_port if s.family == version]
    if all(s.loopback for s in on_port):
        return "loopback", " only"
    if not [s for s in same if not s.loopback]:
        return "family", f": no {family(address)}"
    return "address", f", not on {address}"


NODES = (
    Node(
        "listening",
        "does {server} listen there?",
        listening,
        {
            "accepts": Branch("yes, for this address", "which_rule"),
            "loopback": Branch(
                "on a loopback address only",
                fault("service-bound-loopback"),
                (Skip("which rule refused?", "the listener decides it"),),
            ),
            "family": Branch(
                "for the other address family only", fault("listens-on-other-family")
            ),
            "address": Branch(
                "on another address only",
                undetermined(
                    "{server} listens on {listeners}, not on the address that {client} "
                    "dialled ({address})",
                    "bind the service to 0.0.0.0, or dial the address it listens on",
                ),
            ),
            "nothing": Branch(
                "no",
                "left_behind",
                (Skip("which rule refused?", "nothing listens that one could hide"),),
            ),
        },
    ),
    Node(
        "listening_host",
        "does this host listen there?",
        listening,
        {
            "accepts": Branch("yes", "which_rule"),
            "loopback": Branch(
                "on loopback only", fault("host-service-bound-loopback")
            ),
            "family": Branch("for the other family", fault("listens-on-other-family")),
            "address": Branch(
                "on another address only",
                undetermined(
                    "this host listens on {listeners}, not on {address}",
                    "dial the address it listens on, or bind it to 0.0.0.0",
                ),
            ),
            "nothing": Branch("no", fault("service-not-listening")),
        },
    ),
)
