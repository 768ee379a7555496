"""TLS: what a handshake brings, and what is said once it is done."""

from __future__ import annotations

from netwiz.probes.facts import TlsOutcome, TlsTalk
from netwiz.wizard.scene import Focus, Scene
from netwiz.wizard.tree import Branch, Node, Ruling, fault, undetermined
from netwiz.wizard.trees.attempts import tries
from netwiz.wizard.trees.tls import clock as tls_clock
from netwiz.wizard.trees.tls import names as tls_names
from netwiz.wizard.trees.tls import refusals as tls_refusals
from netwiz.wizard.trees.tls import trust as tls_trust
from netwiz.wizard.trees.tls.words import asking, chain_lines, values_of, where
from netwiz.wizard.verdict import Mark

MOST_ADDRESSES = 4
SOON_S = 14 * 86400.0
"""A certificate that ends within this time is worth a word."""
OWN_TRUST = (
    "{client} has no certificate bundle, but {program}, which brings its own: "
    "{server} was verified with this host's bundle instead"
)

_BRANCHES = {
    TlsOutcome.OK: "fine",
    TlsOutcome.UNVERIFIED: "unverified",
    TlsOutcome.ALERT: "alert",
    TlsOutcome.BROKEN: "alert",
    TlsOutcome.PLAIN: "plain",
    TlsOutcome.EOF: "cut",
    TlsOutcome.RESET: "cut",
    TlsOutcome.SILENT: "cut",
    TlsOutcome.UNCONNECTED: "changed",
}


def tls(scene: Scene) -> Ruling:
    """What the application's handshake brings, at each address of the name."""
    focus, found = _worst(scene)
    values = {**values_of(scene.at(focus), found), "symptom": "tls"}
    key = _BRANCHES[found.outcome]
    if found.cut and found.asks_certificate:
        key = "cut"
    if key == "plain" and scene.case.target.scheme != "https":
        key = "in_band"
    if key == "fine":
        return _fine(scene, focus, found, values)
    said = said_of(found)
    evidence = (f"TLS handshake {where(found)}: {said}", *chain_lines(found))
    return Ruling(key, said, Mark.BAD, evidence, values, focus=focus)


def _worst(scene: Scene) -> tuple[Focus, TlsTalk]:
    focuses = [t.focus for t in tries(scene)][:MOST_ADDRESSES]
    talks = scene.look_all(tuple(asking(scene, f) for f in focuses), TlsTalk)
    pairs = list(zip(focuses, talks, strict=True))
    return next((p for p in pairs if not _good(p[1])), pairs[0])


def _good(found: TlsTalk) -> bool:
    turned_down = found.cut and found.asks_certificate
    return found.outcome is TlsOutcome.OK and not turned_down


def said_of(found: TlsTalk) -> str:
    """How a handshake ended, in a line."""
    after = f" after {found.handshake_ms:.0f} ms"
    if found.outcome is TlsOutcome.UNVERIFIED:
        return f"{found.reason} (verify code {found.verify_code})"
    if found.outcome is TlsOutcome.ALERT:
        when = "once the handshake was done, " if found.handshake_done else ""
        return f"{when}the server sent the alert {found.alert_text}"
    if found.outcome is TlsOutcome.BROKEN:
        return f"broke off: {found.reason}"
    if found.outcome is TlsOutcome.PLAIN:
        return f"answered without TLS: {first_words(found.first_bytes)}"
    if found.cut:
        return f"handshake done, then hung up{after}"
    if found.outcome is TlsOutcome.UNCONNECTED:
        return f"no connection this time ({found.errno_name})"
    if found.received:
        return f"{found.received} bytes came, then {found.outcome.value}{after}"
    return f"not a byte came back, then {found.outcome.value}{after}"


def first_words(data: bytes) -> str:
    """The beginning of an answer, as harmless text."""
    line = data.split(b"\n", 1)[0][:48]
    return repr("".join(chr(b) if 32 <= b < 127 else "." for b in line.rstrip(b"\r")))


def _fine(scene: Scene, focus: Focus, found: TlsTalk, values: dict[str, str]) -> Ruling:
    leaf = found.leaf
    shown = f"{found.version}, {found.cipher}".strip(", ")
    if leaf is not None:
        shown += f"; {leaf.text(found.at)}"
    values["worked"] = f"TLS handshake in {found.handshake_ms:.0f} ms: {shown}"
    values["http_status"] = str(found.http_status or "")
    notes = [f"judged by {found.store.text}"] if found.store.text else []
    left = leaf.left_s(found.at) if leaf is not None else None
    if left is not None and left < SOON_S and leaf is not None:
        notes.append(f"{leaf.name} ends soon: {leaf.dates(found.at)}")
    if found.asks_certificate:
        notes.append("a client certificate was asked for, and done without")
    values["symptom"] = scene.values.get("symptom", "")
    return Ruling(
        "fine",
        values["worked"],
        evidence=chain_lines(found),
        values=values,
        focus=focus,
        assumptions=tuple(notes),
    )


NODES = (
    Node(
        "tls",
        "does the TLS handshake succeed?",
        tls,
        {
            "fine": Branch("yes", "http_says"),
            "unverified": Branch("no, the certificate is not accepted", "tls_verify"),
            "alert": Branch("no, it is turned down", "tls_alert"),
            "plain": Branch("no, the answer is no TLS", fault("tls-to-plaintext-port")),
            "in_band": Branch(
                "no, another protocol comes first",
                undetermined(
                    "{server} answers a TLS hello without TLS ({reason}): it may be a "
                    "port without TLS, or a protocol that asks for TLS in its own "
                    "words first (PostgreSQL, MySQL, SMTP, IMAP, LDAP)",
                    "openssl s_client -starttls postgres -connect {spot} (or mysql, "
                    "smtp, imap, ldap) says these words",
                ),
            ),
            "cut": Branch("no, it is cut short", "tls_cut"),
            "changed": Branch(
                "no connection this time",
                undetermined(
                    "{address} accepted a connection and a moment later did not",
                    "repeat the probe: a fault that comes and goes needs several",
                ),
            ),
        },
    ),
    *tls_trust.NODES,
    *tls_names.NODES,
    *tls_clock.NODES,
    *tls_refusals.NODES,
)
