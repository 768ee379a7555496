"""Names: why one means nothing to the client."""

from __future__ import annotations

from netwiz.probes.facts import Container, Resolution, Ruleset, owners_of_name
from netwiz.probes.requests import ReadRules, Resolve
from netwiz.wizard.scene import Focus, Scene
from netwiz.wizard.tree import Branch, Node, Ruling, Skip, fault, undetermined
from netwiz.wizard.verdict import Mark

EMBEDDED_DNS = "127.0.0.11"


def embedded_dns(scene: Scene) -> Ruling:
    """Why the embedded name server's port refuses."""
    found = scene.look(Resolve(scene.place, scene.case.target.host), Resolution)
    if EMBEDDED_DNS not in found.files.servers:
        return Ruling("other", "another name server refuses", Mark.BAD)
    rules = scene.look(ReadRules(scene.place), Ruleset)
    leading = [
        r for r in rules.rules if r.verdict == "DNAT" and EMBEDDED_DNS in r.target
    ]
    held = [
        s for s in scene.sockets(scene.place).listeners if s.address == EMBEDDED_DNS
    ]
    if leading or not held:
        return Ruling("other", "the NAT rules that lead to it are there", Mark.ODD)
    ports = ", ".join(sorted({f"{s.protocol} {s.port}" for s in held}))
    return Ruling(
        "flushed",
        "the NAT rules that lead to it are gone",
        Mark.BAD,
        evidence=(
            f"127.0.0.11 port 53 refuses, though the engine listens there on {ports}",
            f"the nat table inside {scene.case.client.name} has no DNAT to 127.0.0.11",
        ),
    )


def known_name(scene: Scene) -> Ruling:
    """Whether the engine has a container by the name that did not resolve."""
    owners = owners_of_name(scene.snapshot, scene.case.target.host)
    if not owners:
        return Ruling("unknown", "no container has that name", Mark.ODD)
    down = [c for c in owners if not c.running]
    if len(down) == len(owners):
        server = down[0]
        return Ruling(
            "stopped",
            f"{server.name}, which is {server.state}",
            Mark.BAD,
            evidence=(
                f"{scene.case.target.host} does not resolve, and the container of that "
                f"name is {server.state}",
            ),
            focus=Focus(server=server),
        )
    server = next(c for c in owners if c.running)
    networks = _networks(server)
    mine = _networks(scene.client) if scene.client else "no container network"
    return Ruling(
        "apart",
        f"{server.name} runs, on {networks}",
        Mark.ODD,
        values={"server": server.name, "networks": networks, "mine": mine},
    )


def _networks(container: Container) -> str:
    if container.on_host_network:
        return "the host's network"
    names = [n.network for n in container.attachments]
    if "bridge" in names:
        names[names.index("bridge")] = "bridge (the default, which has no names)"
    return ", ".join(names) or "no network"


NODES = (
    Node(
        "embedded_dns",
        "why does the name server refuse?",
        embedded_dns,
        {
            "flushed": Branch(
                "the way to it is gone",
                fault("embedded-dns-nat-flushed"),
                (Skip("does {host} answer?", "its address could not be learnt"),),
            ),
            "other": Branch(
                "for another reason",
                undetermined(
                    "the name server of {client} refuses the connection: "
                    "{host} could not be resolved",
                    "is a name server running at the address in its resolv.conf?",
                ),
            ),
        },
    ),
    Node(
        "known_name",
        "does the engine know {host}?",
        known_name,
        {
            "stopped": Branch("a container that does not run", "stopped"),
            "apart": Branch(
                "a running container",
                undetermined(
                    "{host} did not resolve for {client} ({name_outcome}), though "
                    "container {server} runs: it is on {networks}, {client} on {mine}",
                    "give {client} and {server} a user-defined network in common",
                ),
            ),
            "unknown": Branch(
                "no",
                undetermined(
                    "{host} did not resolve for {client}: {name_outcome}",
                    "is the name spelt as the container, alias or zone spells it?",
                ),
            ),
        },
    ),
)
