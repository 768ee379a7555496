"""The application was denied a system call, though the network lets it pass."""

from __future__ import annotations

import re

from netwiz.probes.facts import ProcessRights
from netwiz.probes.requests import ReadRights
from netwiz.wizard.case import Case
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Branch, Node, Ruling, fault
from netwiz.wizard.verdict import Mark

_DENIED = re.compile(
    r"\b(?:EPERM|operation not permitted|function not implemented)\b"
    r"|clock_gettime\(.{0,40}\) failed",
    re.IGNORECASE,
)
KNOWS_NEW_CALLS = (20, 10)
"""Engines before it may come with a libseccomp (before 2.4.2) that answers EPERM to
system calls it has never heard of, instead of ENOSYS (moby 40734)."""


def by_denial(case: Case) -> bool:
    """Whether the line that was given says that a call was denied."""
    return bool(_DENIED.search(case.error))


def denied(scene: Scene) -> Ruling:
    """Whether an old filter of system calls stands between image and kernel."""
    client, engine = scene.client, scene.snapshot.engine
    if client is None or engine is None:
        return Ruling("no", "the host's own calls are not filtered", quiet=True)
    version = tuple(int(n) for n in re.findall(r"\d+", engine.version)[:2])
    if not version or version >= KNOWS_NEW_CALLS:
        said = f"engine {engine.version} lets new system calls fail as they should"
        return Ruling("no", said, quiet=True)
    rights = scene.look(ReadRights(client.id), ProcessRights)
    if not rights.seccomp:
        return Ruling("no", f"{client.name}'s system calls are not filtered")
    line = scene.case.error.strip()[:160]
    return Ruling(
        "filter",
        f"an old filter of system calls: engine {engine.version}",
        Mark.BAD,
        evidence=(
            f"{client.name} was told: {line}",
            f"from its own network namespace the same connection works: "
            f"{scene.values.get('worked', 'it connects')}",
            f"its first process is under seccomp (Seccomp: 2), set up by engine "
            f"{engine.version}",
        ),
        values={
            "version": engine.version,
            "denied_line": line,
            "client_image": client.image or "its image",
        },
    )


NODES = (
    Node(
        "denied",
        "what denies {client} the call?",
        denied,
        {
            "filter": Branch(
                "an old filter of system calls", fault("seccomp-old-libseccomp")
            ),
            "no": Branch("no filter that is known to", "served"),
        },
    ),
)
