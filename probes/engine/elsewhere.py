"""Other container engines of this machine, and whether one of them has what is missed.

A machine may run several: the distribution's and a snap's, one per user (rootless), and
Podman, which speaks the same API. `docker ps` shows one engine's containers only.
"""

from __future__ import annotations

import asyncio
import http.client
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from netwiz.probes.engine import fields as js
from netwiz.probes.engine.endpoint import parse_endpoint
from netwiz.probes.engine.errors import EngineAnswerError, NotAnEngineError
from netwiz.probes.engine.parse import listed_container
from netwiz.probes.engine.read import Reader
from netwiz.probes.facts.elsewhere import Elsewhere, Stranger
from netwiz.probes.requests import FindElsewhere
from netwiz.probes.text import plain

if TYPE_CHECKING:
    from netwiz.probes.machine import Ground

RUN = Path("/run")
USUAL = (
    "docker.sock",
    "podman/podman.sock",
    "snap.docker/docker.sock",
)
PER_USER = ("docker.sock", "podman/podman.sock")
MANY_SOCKETS = 20
ANSWER_S = 2.0


async def find_elsewhere(ground: Ground, request: FindElsewhere) -> Elsewhere:
    """Containers of a name or address in every other engine that listens here.

    An engine that does not answer, or not to us, is named in `unseen`.
    """
    own = parse_endpoint(ground.engine.endpoint, "the engine").path
    sockets = await asyncio.to_thread(sockets_here, own, RUN)
    asked = await asyncio.gather(
        *(asyncio.to_thread(_ask, path, request.wanted) for path in sockets)
    )
    return Elsewhere(
        command="; ".join(f"docker -H unix://{path} ps -a" for path in sockets),
        wanted=request.wanted,
        engines=tuple(f"unix://{plain(str(path), 200)}" for path in sockets),
        found=tuple(s for found, _ in asked for s in found),
        unseen=tuple(why for _, why in asked if why),
    )


def sockets_here(own: str, run: Path) -> tuple[Path, ...]:
    """The sockets of engines other than `own`, each once however it is linked."""
    known = {_identity(Path(own))} if own else set()
    users = sorted((run / "user").glob("[0-9]*"))
    candidates = [run / name for name in USUAL]
    candidates += [user / name for user in users for name in PER_USER]
    found = []
    for path in candidates:
        identity = _identity(path)
        if identity is not None and identity not in known:
            known.add(identity)
            found.append(path)
    return tuple(found[:MANY_SOCKETS])


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        told = path.stat()
    except OSError:
        return None
    return (told.st_dev, told.st_ino) if stat.S_ISSOCK(told.st_mode) else None


def _ask(path: Path, wanted: str) -> tuple[tuple[Stranger, ...], str]:
    """Its containers that fit; or why it could not be asked."""
    where = parse_endpoint(f"unix://{path}", "a socket of this machine")
    shown = where.url
    try:
        with Reader(None, where, ANSWER_S) as reader:
            entries = reader.json("/containers/json", all=1)
    except (OSError, http.client.HTTPException, EngineAnswerError) as error:
        return (), f"{shown}: {plain(str(error), 120)}"
    except NotAnEngineError as error:
        return (), f"{shown} is no engine: {plain(str(error), 120)}"
    found = []
    for entry in js.items(entries):
        container = listed_container(entry)
        if container is None:
            continue
        if wanted in (container.name, container.service, *container.addresses):
            found.append(
                Stranger(shown, container.name, container.state, container.addresses)
            )
    return tuple(found), ""
