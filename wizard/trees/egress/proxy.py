"""Egress: does this network let nobody out but through a proxy?"""

from __future__ import annotations

from urllib.parse import urlsplit

from netwiz.probes.facts import Attempted, Resolution
from netwiz.probes.requests import Attempt, Resolve
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Ruling
from netwiz.wizard.trees.egress.ways import answered, said
from netwiz.wizard.trees.words import dial
from netwiz.wizard.verdict import Mark

_PORTS = {"http": 80, "https": 443}
_WEB = (80, 443)


def needed(scene: Scene) -> Ruling | None:
    """Whether a proxy is the only way out, and the client was told of none.

    Asked where the client and this host alike get no answer. What tells is the engine:
    it fetches images through a proxy, and to that one the client has a way.
    """
    client, engine = scene.client, scene.snapshot.engine
    web = scene.focus.port in _WEB or scene.case.target.scheme in _PORTS
    if client is None or engine is None or not engine.http_proxy or not web:
        return None
    if any(e.partition("=")[0].lower() in _NAMES and e[-1:] != "=" for e in client.env):
        return None
    found = _proxy(engine.http_proxy)
    if found is None:
        return None
    host, port = found
    named = scene.look(Resolve(scene.place, host), Resolution)
    if not named.addresses:
        return None
    asked = Attempt(scene.place, named.addresses[0], port)
    link = scene.look(asked, Attempted).connection
    if not (answered(link) and link.works):
        return None
    spot = dial(host, port)
    return Ruling(
        "proxy",
        f"no, but the engine goes out by the proxy {spot}",
        Mark.BAD,
        (
            f"neither {client.name} nor this host gets an answer from "
            f"{scene.focus.address} port {scene.focus.port} directly",
            f"the engine goes out by the proxy {spot}, which answers {client.name}: "
            f"{said(link)}",
            f"{client.name} has no proxy variable in its environment",
        ),
        {"proxy": spot, "proxy_url": f"http://{spot}"},
    )


_NAMES = ("http_proxy", "https_proxy", "all_proxy")


def _proxy(url: str) -> tuple[str, int] | None:
    """Host and port of a proxy's URL; None for what is none."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, port = parts.hostname, parts.port or _PORTS.get(parts.scheme, 80)
    except ValueError:
        return None
    return (host, port) if host else None
