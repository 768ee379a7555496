"""What the TLS questions share: requests, names and certificates in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from netwiz.probes.facts import Certificate, TlsTalk, Trust
from netwiz.probes.requests import TalkTls
from netwiz.wizard.scene import Focus, Scene
from netwiz.wizard.trees.words import dial, server_name

MOST_NAMES = 3
"""Other names that a server is asked for."""


def asking(scene: Scene, focus: Focus | None = None) -> TalkTls:
    """The handshake that the application would make."""
    focus = focus or scene.focus
    return TalkTls(
        scene.place,
        focus.address,
        focus.port,
        scene.case.target.host,
        http=scene.case.target.scheme == "https",
    )


def taking_all(scene: Scene) -> TalkTls:
    """The same, but whatever certificate comes is taken."""
    return replace(asking(scene), trust=Trust.ANYONE)


def chain_lines(found: TlsTalk) -> tuple[str, ...]:
    """Each certificate as sent, as a person reads it; four at most."""
    sent = found.certificates[:4]
    lines = [f"sent: {c.text(found.at)}" for c in sent]
    if len(found.certificates) > len(sent):
        lines.append(f"and {len(found.certificates) - len(sent)} more certificates")
    return tuple(lines)


def where(found: TlsTalk) -> str:
    """``from order to 172.18.0.2 port 443 as pg``."""
    shown = f"from {found.place.label} to {found.address} port {found.port}"
    name = found.server_name
    return shown if name in ("", found.address) else f"{shown} as {name}"


def values_of(scene: Scene, found: TlsTalk) -> Mapping[str, str]:
    """What the texts of causes need of a handshake."""
    leaf = found.leaf or Certificate()
    top = found.certificates[-1] if found.certificates else leaf
    return {
        "address": found.address,
        "spot": dial(found.address, found.port),
        "server": server_name(scene),
        "reason": found.reason or found.alert_text or found.outcome.value,
        "subject": leaf.name or leaf.subject or "(nameless)",
        "issued_by": top.issued_by or top.issuer or "(nameless)",
        "whom": leaf.whom or "no host name at all",
        "dates": leaf.dates(found.at),
        "trusts": found.store.text or "no certificate at all",
        "version": found.version,
        "cipher": found.cipher,
        "server_is_container": "yes" if scene.focus.server is not None else "",
        "which": leaf.name or leaf.subject or "(nameless)",
    }


def other_names(scene: Scene) -> tuple[str, ...]:
    """Other names by which the engine knows the server, likeliest first."""
    server = scene.focus.server
    if server is None:
        return ()
    told = [
        value.split(",")[0].strip()
        for key, _, value in (entry.partition("=") for entry in server.env)
        if key in ("VIRTUAL_HOST", "SERVER_NAME", "DOMAIN", "HOSTNAME_EXTERNAL")
    ]
    known = [a for net in server.attachments for a in net.aliases]
    names = (*told, *known, server.name, server.service, server.hostname)
    asked = scene.case.target.host
    fit = (
        name.lower()
        for name in names
        if name and name.lower() != asked and not server.id.startswith(name)
    )
    return tuple(dict.fromkeys(fit))[:MOST_NAMES]
