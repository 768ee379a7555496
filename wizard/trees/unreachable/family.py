"""A name with addresses of both families, of which only IPv4 leads anywhere."""

from __future__ import annotations

import ipaddress
from dataclasses import replace

from netwiz.probes.facts import HOST, Attempted, Outcome, OwnerKind
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Ruling
from netwiz.wizard.trees.attempts import Try, plain_try, said_of
from netwiz.wizard.trees.wire.ends import inside
from netwiz.wizard.verdict import Mark

_LOST = (Outcome.TIMEOUT, Outcome.NET_UNREACHABLE, Outcome.HOST_UNREACHABLE)
_LOCAL = ipaddress.ip_network("fc00::/7")
"""Unique local addresses: nobody on the Internet has a way back to them (RFC 4193)."""


def only_ipv4(scene: Scene, made: list[Try]) -> Ruling | None:
    """The ruling where IPv6 is tried first and lost, and IPv4 works; else None.

    Only for what is beyond this machine, and only if every IPv6 address is lost: a
    refusal came from somebody, so there was a way.
    """
    six = [t for t in made if ":" in t.link.address]
    four = [t for t in made if ":" not in t.link.address]
    if not six or not four or made[0] not in six:
        return None
    if any(t.link.outcome not in _LOST for t in six):
        return None
    if not all(t.link.works for t in four):
        return None
    if any(scene.owner(t.link.address).kind is not OwnerKind.ELSEWHERE for t in six):
        return None
    first = six[0]
    by_host = ""
    if scene.place != HOST:
        request = replace(plain_try(scene, first.focus), place=HOST)
        tried = scene.try_look(request, Attempted)
        by_host = f"; this host itself: {said_of(tried.connection)}" if tried else ""
    source = first.link.source
    local = bool(source) and ipaddress.ip_address(source.partition("%")[0]) in _LOCAL
    why = (
        f"It sends from {source}, a local address to which nobody beyond has a way back"
        if local
        else f"It sends from {source or 'an IPv6 address of its own'}, and no answer "
        "comes back"
    )
    seen = (
        f"{first.link.address}: {said_of(first.link)}"
        + (f", sent from {source}" if source else "")
        + by_host,
        *(f"{t.link.address}: {said_of(t.link)}" for t in four[:3]),
    )
    return Ruling(
        "aaaa",
        f"IPv6 comes first and is lost; {four[0].link.address} answers",
        Mark.BAD,
        seen,
        {
            "address": first.link.address,
            "working": four[0].link.address,
            "why_lost": why,
            "mend": f"{inside(scene.place)}sysctl -w net.ipv6.conf.all.disable_ipv6=1"
            if scene.client is not None and scene.place != HOST
            else "",
        },
        focus=first.focus,
    )
