"""What an HTTP server says: whatever it is, the network is then fine."""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import urlsplit

from netwiz.probes.facts import (
    Conversation,
    Ending,
    OwnerKind,
    ProxyAnswer,
    TlsOutcome,
    TlsTalk,
)
from netwiz.probes.requests import AskProxy
from netwiz.wizard.case import Symptom
from netwiz.wizard.scene import Scene, Unseen
from netwiz.wizard.tree import HEALTHY, Branch, Node, Ruling, fault
from netwiz.wizard.trees.stalls.entry import opening
from netwiz.wizard.trees.tls.words import taking_all, values_of
from netwiz.wizard.trees.words import dial, server_name
from netwiz.wizard.verdict import Mark

BAD_REQUEST, FORBIDDEN = 400, 403
_TLS_ALERT = b"\x15\x03"
_WANTS_TLS = (b"to HTTPS port", b"SSL-enabled server port", b"to an HTTPS server")
"""What nginx, Apache and Go say in plain words on a TLS port."""
_SIDECARS = ("envoy", "pilot-agent", "linkerd2-proxy")


def tongue(scene: Scene) -> Ruling:
    """Whether plain HTTP is what is spoken there, and what it says."""
    asked = opening(scene)
    found = scene.look(asked, Conversation)
    values = {"server": server_name(scene), "address": scene.focus.address}
    values["spot"] = dial(scene.focus.address, scene.focus.port)
    values["plain_name"] = scene.case.target.host.replace("_", "-")
    values["server_is_container"] = "yes" if scene.focus.server else ""
    if _may_want_tls(found):
        ruling = _tls_there(scene, found, values)
        if ruling is not None:
            return ruling
    if found.ending is not Ending.COMPLETE:
        return Ruling("fine", "no whole answer", quiet=True)
    status = status_of(found.first_bytes)
    underscore = "_" in scene.case.target.host
    if status == BAD_REQUEST and underscore:
        other = replace(asked, host=scene.focus.address, nth=2)
        again = scene.look(other, Conversation)
        if status_of(again.first_bytes) not in (0, BAD_REQUEST):
            lines = (
                f"asked as {scene.case.target.host}: {found.first_line}",
                f"asked as {scene.focus.address}: {again.first_line}",
            )
            said = "the name is what it refuses"
            return Ruling("underscore", said, Mark.BAD, lines, values)
    return answered(scene, status, found.first_line, values)


def status_of(data: bytes) -> int:
    """The status of an HTTP answer; 0 when it is none."""
    found = re.match(rb"HTTP/1\.[01] (\d{3})", data)
    return int(found[1]) if found else 0


def _may_want_tls(found: Conversation) -> bool:
    if found.first_bytes.startswith(_TLS_ALERT):
        return True
    if found.ending in (Ending.EOF, Ending.RESET) and not found.received:
        return True
    return any(words in found.first_bytes for words in _WANTS_TLS)


def _tls_there(
    scene: Scene, found: Conversation, values: dict[str, str]
) -> Ruling | None:
    """Whether the port that turns down plain HTTP answers a TLS hello."""
    try:
        other = scene.look(replace(taking_all(scene), http=False), TlsTalk)
    except Unseen:
        return None
    spoke = other.handshake_done or other.outcome is TlsOutcome.ALERT
    if not spoke and not other.certificates:
        return None
    values |= values_of(scene, other)
    said = found.first_line if found.first_bytes.startswith(b"HTTP/") else ""
    said = said or f"{found.received} bytes, then {found.ending.value}"
    shown = f"TLS: {other.version or other.alert_text}"
    if other.leaf is not None:
        shown += f", {other.leaf.text(other.at)}"
    lines: tuple[str, ...] = (
        f"said GET / in plain: {said}",
        f"said a TLS hello: {shown}",
    )
    sidecar = _sidecar(scene) if other.asks_certificate else ""
    if sidecar:
        values["proxy"] = sidecar
        lines = (*lines, f"{sidecar} runs there, and asks for a client certificate")
        return Ruling("mesh", "a mesh's proxy stands there", Mark.BAD, lines, values)
    return Ruling("tls", "it speaks TLS", Mark.BAD, lines, values)


def _sidecar(scene: Scene) -> str:
    place = scene.focus.place
    if place is None:
        return ""
    held = scene.sockets(place).listeners
    names = (s.process.name for s in held if s.process is not None)
    return next((name for name in names if name in _SIDECARS), "")


def says(scene: Scene) -> Ruling:
    """The same question behind TLS, where the answer is there already."""
    status = int(scene.values.get("http_status") or 0)
    return answered(scene, status, f"HTTP {status}", {})


def answered(scene: Scene, status: int, line: str, values: dict[str, str]) -> Ruling:
    """Whether an answer is a refusal, of the application or of a proxy before it."""
    ruling = _captured(scene, status, values)
    if ruling is not None:
        return ruling
    if status < BAD_REQUEST or not _complained(scene, status):
        return Ruling("fine", f"HTTP {status}" if status else "nothing", quiet=True)
    values |= {"status_line": line, "status": str(status)}
    if status == FORBIDDEN and (ruling := _masked(scene, line, values)):
        return ruling
    seen = f"{values.get('server', scene.values['server'])} answered: {line}"
    return Ruling("app", line, Mark.BAD, (seen,), values)


def _complained(scene: Scene, status: int) -> bool:
    """Whether this status can be what was complained of.

    No symptom means one, and ours asks for ``/``, which an interface may well not have:
    the error line must name it. But what a proxy says when it cannot reach, or waits in
    vain for, what is behind it, is how its clients see a refusal or a timeout.
    """
    case = scene.case
    if re.search(rf"(?<![\d:.]){status}(?!\d)", case.error):
        return True
    said = {
        502: (Symptom.REFUSED, Symptom.RESET, Symptom.UNREACHABLE, Symptom.DNS),
        503: (Symptom.REFUSED, Symptom.RESET, Symptom.UNREACHABLE),
        504: (Symptom.TIMEOUT, Symptom.SLOW),
    }
    return case.symptom in said.get(status, ())


def _masked(scene: Scene, line: str, values: dict[str, str]) -> Ruling | None:
    """Whether the server saw this machine's address instead of the client's."""
    focus, client = scene.focus, scene.client
    if focus.server is None or focus.mapping is None or client is None:
        return None
    try:
        streams = scene.sockets(focus.place).streams
    except Unseen:
        return None
    peers = {s.remote for s in streams if s.local_port == focus.inner_port}
    gateways = {
        subnet.gateway
        for net in focus.server.attachments
        if (known := scene.snapshot.networks_by_id.get(net.network_id)) is not None
        for subnet in known.subnets
    }
    seen = sorted(peers & gateways)
    if not seen or peers & set(client.addresses):
        return None
    inside = replace(
        opening(scene),
        place=focus.place or scene.place,
        address=focus.inner_address,
        port=focus.inner_port,
        nth=3,
    )
    other = scene.try_look(inside, Conversation)
    if other is None or status_of(other.first_bytes) in (0, FORBIDDEN):
        return None
    name = focus.server.name
    values |= {"masked": seen[0], "inner_port": str(focus.inner_port)}
    values["network"] = next(
        (
            n.network
            for n in focus.server.attachments
            if focus.inner_address in n.addresses
        ),
        "",
    )
    lines = (
        f"{name} answered: {line}; asked from {focus.inner_address}: "
        f"{other.first_line}",
        f"connections to port {focus.inner_port} of {name} come from {seen[0]}, the "
        f"gateway; none from {client.name} ({', '.join(client.addresses)})",
    )
    said = "it sees the gateway, not the client"
    return Ruling("masked", said, Mark.BAD, lines, values)


def _captured(scene: Scene, status: int, values: dict[str, str]) -> Ruling | None:
    """Whether a proxy that the client is told to use cannot do what it can itself."""
    named = proxy_of(scene)
    if named is None or not status or status >= BAD_REQUEST:
        return None
    if scene.owner(scene.focus.address).kind is OwnerKind.ELSEWHERE:
        return None
    variable, host, port = named
    target = scene.case.target
    asked = AskProxy(
        scene.place, host, port, dial(target.host, target.port or 0), target.scheme
    )
    try:
        found = scene.look(asked, ProxyAnswer)
    except Unseen:
        return None
    if not found.problem and found.status < BAD_REQUEST:
        return None
    said = found.problem or found.first_line
    values |= {"variable": variable, "proxy": found.proxy, "proxy_said": said}
    lines = (
        f"{variable} in {scene.case.client.name}'s environment names {found.proxy}, "
        f"and no NO_PROXY there covers {target.host}",
        f"asked directly, {target.host} answers HTTP {status}; asked for it, the proxy "
        f"{found.proxy} says {said}",
    )
    return Ruling("proxy", "a proxy is asked instead", Mark.BAD, lines, values)


def proxy_of(scene: Scene) -> tuple[str, str, int] | None:
    """(variable, host, port) of the proxy that the client's environment prescribes."""
    client, target = scene.client, scene.case.target
    if client is None:
        return None
    env = dict(entry.partition("=")[::2] for entry in client.env)
    exempt = ",".join(env.get(key, "") for key in ("no_proxy", "NO_PROXY"))
    if _exempt(exempt, target.host, scene.focus.address):
        return None
    scheme = target.scheme.upper()
    for key in (f"{scheme.lower()}_proxy", f"{scheme}_PROXY", "all_proxy", "ALL_PROXY"):
        value = env.get(key, "")
        try:
            parts = urlsplit(value if "://" in value else f"http://{value}")
            host, port = parts.hostname, parts.port or 80
        except ValueError:
            continue
        if host and parts.scheme == "http":
            return key, host, port
    return None


def _exempt(listed: str, host: str, address: str) -> bool:
    """As most clients read NO_PROXY: names, suffixes, addresses, `*`; leniently."""
    for word in re.split(r"[,\s]+", listed.lower()):
        bare = word.split(":")[0].lstrip("*").lstrip(".")
        if word == "*" or (bare and (host == bare or host.endswith(f".{bare}"))):
            return True
        if word and ("/" in word or word == address):
            return True  # a network: whether it covers the address differs by client
    return False


NODES = (
    Node(
        "tongue",
        "is plain HTTP spoken there?",
        tongue,
        {
            "fine": Branch("yes", "exchange"),
            "tls": Branch("no, TLS", fault("plaintext-to-tls-port")),
            "mesh": Branch("no, the TLS of a mesh", fault("mesh-mtls-strict")),
            "underscore": Branch(
                "yes, but not under that name", fault("hostname-with-underscore")
            ),
            "proxy": Branch(
                "yes, but a proxy is asked", fault("proxy-env-captures-internal")
            ),
            "masked": Branch(
                "yes, but it does not see who asks", fault("source-ip-masked")
            ),
            "app": Branch("yes, and it says no", fault("app-level-rejection")),
        },
    ),
    Node(
        "http_says",
        "what does the application say?",
        says,
        {
            "fine": Branch("an answer", HEALTHY),
            "proxy": Branch(
                "a proxy is asked instead", fault("proxy-env-captures-internal")
            ),
            "masked": Branch("no, not seeing who asks", fault("source-ip-masked")),
            "app": Branch("no", fault("app-level-rejection")),
        },
    ),
)
