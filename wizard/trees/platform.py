"""Where the engine really is: in a virtual machine, on Windows, rootless, a second one.

Asked before a failure is explained by what this machine shows: the packets of such an
engine never cross this machine's bridges, and its rules are not this machine's.
"""

from __future__ import annotations

from netwiz.probes.facts import Elsewhere, Engine, OwnerKind
from netwiz.probes.requests import FindElsewhere
from netwiz.wizard.case import ClientKind
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Branch, Node, Ruling, fault
from netwiz.wizard.verdict import Mark

DESKTOP = "Docker Desktop"
_CONTAINERS = (OwnerKind.CONTAINER, OwnerKind.NETWORK, OwnerKind.GATEWAY)


def platform(scene: Scene) -> Ruling:
    """Whether this machine can be on the way to the engine's containers at all."""
    engine = scene.snapshot.engine
    kind = scene.case.client.kind
    owner = scene.owner(scene.focus.address)
    own = kind is not ClientKind.CONTAINER and owner.kind in _CONTAINERS
    if engine is None or not own:
        return Ruling("here", "on this machine", quiet=True)
    values = {
        "system": engine.system or engine.os_type,
        "engine": engine.endpoint,
        "owner": owner.text,
        "published": _published(scene),
    }
    for key, there, words in (
        ("windows", engine.os_type == "windows", "the engine runs Windows containers"),
        ("desktop", engine.system.startswith(DESKTOP), "inside a virtual machine"),
        ("rootless", engine.rootless, "in a rootless engine's own namespace"),
    ):
        if there:
            lines = (_told(engine), f"{scene.focus.address} is {owner.text}")
            return Ruling(key, words, Mark.BAD, lines, values)
    return Ruling("here", "on this machine", quiet=True)


def _told(engine: Engine) -> str:
    security = ", rootless" if engine.rootless else ""
    told = engine.system or "no system named"
    return f"the engine says of itself: {told}, {engine.os_type or 'linux'}{security}"


def _published(scene: Scene) -> str:
    """The host's side of a mapping that leads to the container, if there is one."""
    server = scene.focus.server
    for mapping in server.published if server else ():
        if mapping.container_port == scene.focus.port and mapping.host_port:
            return f"127.0.0.1:{mapping.host_port}"
    return ""


def other_engine(scene: Scene) -> Ruling:
    """Whether another engine of this machine has what this one does not know."""
    found = scene.try_look(FindElsewhere(scene.case.target.host), Elsewhere)
    if found is None or not found.found:
        return Ruling("none", "no other engine here has it", quiet=True)
    first = found.found[0]
    engine = scene.snapshot.engine
    where = ", ".join(first.addresses) or "no address"
    return Ruling(
        "other",
        f"{first.name} is a container of {first.endpoint}",
        Mark.BAD,
        evidence=(
            f"{first.endpoint} has {first.name} ({first.state}, {where}); "
            f"{engine.endpoint if engine else 'the engine asked'} has no container of "
            "that name",
        ),
        values={
            "other_engine": first.endpoint,
            "engine": engine.endpoint if engine else "",
            "server": first.name,
            "server_state": str(first.state),
        },
    )


NODES = (
    Node(
        "platform",
        "can this machine be on the way to {address}?",
        platform,
        {
            "here": Branch("yes", "astray"),
            "desktop": Branch("no: Docker Desktop", fault("docker-desktop-vm")),
            "windows": Branch("no: Windows containers", fault("windows-container")),
            "rootless": Branch("no: a rootless engine", fault("rootless-slirp-pasta")),
        },
    ),
    Node(
        "other_engine",
        "has another engine of this machine {host}?",
        other_engine,
        {
            "other": Branch("yes", fault("wrong-engine-context")),
            "none": Branch("no", "upstreams"),
        },
    ),
)
