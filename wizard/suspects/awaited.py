"""What would heal a suspect: successes that the patrol is asked to look out for. Pure.

The patrol forgets soon what failed, and never knew what only a log told of. Whoever
tries again later, and succeeds, should not stay a suspect for that.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from netwiz.probes.facts import HOST, Place
from netwiz.probes.facts.signs import Awaited
from netwiz.wizard.suspects.suspect import Standing
from netwiz.wizard.suspects.who import HOST_KEY

if TYPE_CHECKING:
    from netwiz.wizard.suspects.trouble import Trouble
    from netwiz.wizard.suspects.who import Directory, End

MOST = 16
"""That are awaited at once, of those that failed last."""
LOOPBACKS = ("127.0.0.1", "::1")


def awaited(
    troubles: Iterable[Trouble], directory: Directory, now: datetime
) -> tuple[Awaited, ...]:
    """Of suspects that are active: what each of them dials, where that is known."""
    active = [
        one
        for one in troubles
        if one.raised and one.standing(now)[0] is Standing.ACTIVE
    ]
    active.sort(key=lambda one: one.last, reverse=True)
    found = [wanted for one in active for wanted in _of(one, directory)]
    return tuple(dict.fromkeys(found))[:MOST]


def _of(trouble: Trouble, directory: Directory) -> Iterator[Awaited]:
    about = trouble.about
    place = _place(about.client)
    if place is None:
        return
    if about.layer == "dns":
        yield Awaited(place)
    elif about.layer == "connect" and trouble.dialled_port:
        for address in _addresses(trouble, directory):
            yield Awaited(place, address, trouble.dialled_port)


def _place(client: End) -> Place | None:
    if client.container_id:
        return Place.container(client.container_id, client.label)
    if client.key == HOST_KEY:
        return HOST
    kind, _, name = client.key.partition(":")
    return Place.netns(name) if kind == "netns" else None


def _addresses(trouble: Trouble, directory: Directory) -> tuple[str, ...]:
    """Where a name leads that the client dials; nothing where only it could tell."""
    dialled = trouble.dialled
    try:
        return (str(ipaddress.ip_address(dialled)),)
    except ValueError:
        pass
    if dialled.lower() == "localhost":
        return LOOPBACKS
    server = trouble.about.server
    return directory.addresses(server) if server is not None else ()
