"""The server turns the handshake down, or it is cut short: why?"""

from __future__ import annotations

from dataclasses import replace

from netwiz.probes.facts import Conversation, Ending, TlsOutcome, TlsTalk
from netwiz.probes.requests import Converse
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Branch, Node, Ruling, fault, undetermined
from netwiz.wizard.trees.attempts import taps_for
from netwiz.wizard.trees.tls.words import asking, other_names, taking_all, values_of
from netwiz.wizard.verdict import Mark

HANDSHAKE_FAILURE, UNRECOGNIZED_NAME, CERTIFICATE_REQUIRED = 40, 112, 116
ABOUT_CLIENT = (HANDSHAKE_FAILURE, 42, 43, 46, 48, 49, CERTIFICATE_REQUIRED)
"""Alerts by which a server turns down a client that shows no certificate."""
ABOUT_NAME = (HANDSHAKE_FAILURE, 49, 80, UNRECOGNIZED_NAME)
"""Alerts of servers that know no such name, or were told none."""
CURRENT = ("TLSv1.2", "TLSv1.3")


def alert(scene: Scene) -> Ruling:
    """What the server's alert is about."""
    mine = scene.look(asking(scene), TlsTalk)
    values = dict(values_of(scene, mine))
    if mine.alert == CERTIFICATE_REQUIRED or (
        mine.asks_certificate and mine.alert in ABOUT_CLIENT
    ):
        return _wants_certificate(mine, values)
    if mine.alert in ABOUT_NAME:
        ruling = _by_name(scene, mine, values)
        if ruling is not None:
            return ruling
    loose = replace(taking_all(scene), lenient=True, http=False)
    other = scene.look(loose, TlsTalk)
    if other.asks_certificate and other.outcome is TlsOutcome.ALERT:
        return _wants_certificate(other, values)
    if other.outcome is TlsOutcome.OK:
        return _old(other, values)
    return Ruling("other", values["reason"], Mark.ODD, values=values)


def _wants_certificate(found: TlsTalk, values: dict[str, str]) -> Ruling:
    issuers = ", ".join(found.takes_issuers[:3]) or "no authority in particular"
    values["takes"] = issuers
    ends = f"sends the alert {found.alert_text}" if found.alert_text else "hangs up"
    lines = (
        f"the server asks for a client certificate (of {issuers}) and, without one, "
        f"{ends} ({found.version})",
    )
    return Ruling("client", "it wants a client certificate", Mark.BAD, lines, values)


def _by_name(scene: Scene, mine: TlsTalk, values: dict[str, str]) -> Ruling | None:
    """Whether the same server takes another name."""
    tried = other_names(scene)
    base = replace(taking_all(scene), http=False)
    asked = [replace(base, server_name=name) for name in tried]
    if not scene.case.target.address:
        asked.append(replace(base, sni=False))
    found = scene.look_all(tuple(asked), TlsTalk)
    labels = (*tried, "no name at all")
    pairs = zip(labels, found, strict=False)
    good = next((p for p in pairs if p[1].outcome is TlsOutcome.OK), None)
    host = scene.case.target.host
    sent = f"no name (it is an address: {host})" if scene.case.target.address else host
    lines = [f"asked for {sent}: alert {mine.alert_text}"]
    values["meets_default"] = f"the alert {mine.alert_text}"
    if good is not None:
        name, talk = good
        values |= {
            "known_name": name,
            "known_subject": talk.leaf.name if talk.leaf else "",
        }
        lines.append(f"asked for {name}: the handshake is done")
    elif mine.alert != UNRECOGNIZED_NAME:
        return None
    else:
        values["known_name"] = ""
    return Ruling("name", "it does not know the name", Mark.BAD, tuple(lines), values)


def _old(other: TlsTalk, values: dict[str, str]) -> Ruling:
    values |= {"version": other.version, "cipher": other.cipher}
    old = other.version not in CURRENT
    values["what"] = (
        f"speaks {other.version} at most"
        if old
        else f"takes only old cipher suites or keys ({other.cipher})"
    )
    values["old_version"] = "yes" if old else ""
    line = (
        f"offered TLS 1.2 and 1.3 with current ciphers: {values['reason']}; offered "
        f"everything from TLS 1.0 on: {other.version} with {other.cipher}"
    )
    return Ruling("old", values["what"], Mark.BAD, (line,), values)


def cut(scene: Scene) -> Ruling:
    """Who cut it short: the service, somebody on the way, or is it no TLS at all?"""
    mine = scene.look(asking(scene), TlsTalk)
    values = dict(values_of(scene, mine))
    if mine.asks_certificate and mine.outcome is not TlsOutcome.SILENT:
        return _wants_certificate(mine, values)
    if not mine.received:
        plain = scene.look(_saying(scene, "http"), Conversation)
        if _answers(plain.first_bytes):
            line = f"said GET /, the same port answers {plain.first_line!r}"
            return Ruling("plain", "it speaks plain HTTP", Mark.BAD, (line,), values)
    said = _saying(scene, "tls")
    again = scene.look(replace(said, taps=taps_for(scene, scene.focus)), Conversation)
    if mine.outcome is TlsOutcome.SILENT:
        return _silent(again, values)
    if mine.outcome is TlsOutcome.RESET and again.ending is Ending.RESET:
        return _reset(scene, again, values)
    return Ruling("other", mine.outcome.value, Mark.ODD, values=values)


def _answers(data: bytes) -> bool:
    """Whether an answer is plain HTTP's own: a TLS port may answer 400 in plain."""
    return data.startswith(b"HTTP/") and data[9:12] != b"400"


def _saying(scene: Scene, words: str) -> Converse:
    focus = scene.focus
    return Converse(
        scene.place,
        focus.address,
        focus.port,
        words,
        scene.case.target.host,
        server=focus.place,
        server_port=focus.inner_port or focus.port,
    )


def _silent(again: Conversation, values: dict[str, str]) -> Ruling:
    far = again.far
    if far is not None and far.unread and not far.unacked:
        held = f", held by {far.process}" if far.process else ""
        held = held if far.accepted else ", which it has not accepted yet"
        values["unread"] = str(far.unread)
        lines = (
            f"{far.unread} bytes of the ClientHello lie unread in the socket of "
            f"{values['server']}{held}; not a byte came back",
        )
        return Ruling("hung", "it does not read the hello", Mark.BAD, lines, values)
    return Ruling("silent", "silence", Mark.ODD, values=values, quiet=True)


def _reset(scene: Scene, again: Conversation, values: dict[str, str]) -> Ruling:
    """Whose reset it was: one that the server's own namespace sent was seen there."""
    place = scene.focus.place
    resets = [s for s in again.resets if not s.from_client]
    if place is None or place not in again.tapped or place == scene.place or not resets:
        return Ruling("silent", "a reset", Mark.ODD, values=values, quiet=True)
    if any(s.place == place for s in resets):
        return Ruling(
            "other", "the server itself sends the reset", Mark.ODD, values=values
        )
    first = resets[0]
    values["born"] = f"{first.device} of {first.place.label}"
    lines = (
        f"a reset in the name of {values['address']} was first seen at "
        f"{values['born']}; {values['server']} sent none",
    )
    return Ruling("forged", "somebody on the way resets", Mark.BAD, lines, values)


NODES = (
    Node(
        "tls_alert",
        "what is the server's alert about?",
        alert,
        {
            "client": Branch("a client certificate", fault("tls-client-cert-required")),
            "name": Branch("the name", fault("tls-sni-unrecognized")),
            "old": Branch(
                "versions and ciphers", fault("tls-protocol-cipher-mismatch")
            ),
            "other": Branch(
                "something else",
                undetermined(
                    "{server} turns the TLS handshake down: {reason}",
                    "the log of {server} says why it sent that alert",
                ),
            ),
        },
    ),
    Node(
        "tls_cut",
        "who cuts the handshake short?",
        cut,
        {
            "client": Branch(
                "the service, without a client certificate",
                fault("tls-client-cert-required"),
            ),
            "plain": Branch(
                "nobody: it is no TLS port", fault("tls-to-plaintext-port")
            ),
            "hung": Branch("the service does not read", fault("tls-stall")),
            "forged": Branch("somebody on the way", fault("tls-dpi-reset")),
            "silent": Branch("not told yet", "exchange"),
            "other": Branch(
                "the service itself",
                undetermined(
                    "{server} accepts the connection and ends the TLS handshake "
                    "without a word: {reason}",
                    "the log of {server} says why; is it a TLS port at all?",
                ),
            ),
        },
    ),
)
