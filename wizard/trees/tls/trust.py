"""Why a certificate is not accepted: whose trust is missing, the client's or what?"""

from __future__ import annotations

from dataclasses import replace

from netwiz.probes.facts import (
    HOST,
    Certificate,
    IssuerFetched,
    OwnerKind,
    TlsOutcome,
    TlsTalk,
    Trust,
)
from netwiz.probes.requests import FetchIssuer
from netwiz.wizard.case import Symptom
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import (
    Also,
    Branch,
    Node,
    Ruling,
    fault,
    undetermined,
)
from netwiz.wizard.trees.tls.words import asking, values_of
from netwiz.wizard.verdict import Mark

NOT_YET, EXPIRED = 9, 10
SELF_SIGNED, ROOT_UNKNOWN = 18, 19
UNTRUSTED = (2, SELF_SIGNED, ROOT_UNKNOWN, 20, 21, 27)
WRONG_NAME, WRONG_ADDRESS = 62, 64
"""OpenSSL's X509_V_ERR numbers (openssl-verification-options(1))."""


def verify(scene: Scene) -> Ruling:
    """Which kind of objection it is."""
    found = scene.look(asking(scene), TlsTalk)
    key = "other"
    if found.verify_code in UNTRUSTED:
        key = "trust"
    elif found.verify_code in (NOT_YET, EXPIRED):
        key = "dates"
    elif found.verify_code in (WRONG_NAME, WRONG_ADDRESS):
        key = "name"
    return Ruling(key, found.reason, Mark.BAD, quiet=key != "other")


def trust(scene: Scene) -> Ruling:
    """Whether the client lacks a certificate, the server, or something is between."""
    mine = scene.look(asking(scene), TlsTalk)
    values = dict(values_of(scene, mine))
    also = _dated(mine, values)
    complained = scene.case.symptom is Symptom.TLS or scene.case.error
    if mine.store.count and mine.store.own_roots and not complained:
        # What such a program trusts is its own affair, and cannot be read here.
        values["program"] = mine.store.own_roots
        said = f"{mine.store.own_roots} there trusts by a list of its own"
        return Ruling("theirs", said, Mark.ODD, values=values)
    if scene.place != HOST:
        ruling = _beside(scene, mine, values)
        if ruling is not None:
            return replace(ruling, also=also)
    return replace(_chain(scene, mine, values), also=also)


def _beside(scene: Scene, mine: TlsTalk, values: dict[str, str]) -> Ruling | None:
    """The same with the host's bundle, and from the host's own place."""
    by_host = replace(asking(scene), trust=Trust.HOST)
    elsewhere = scene.owner(scene.focus.address).kind is OwnerKind.ELSEWHERE
    asked = [by_host]
    if elsewhere:
        asked.append(replace(by_host, place=HOST))
    theirs, *straight = scene.look_all(tuple(asked), TlsTalk)
    if straight and (ruling := _intercepted(mine, straight[0], values)):
        return ruling
    if theirs.outcome is not TlsOutcome.OK:
        return None
    bundle = next((f.path for f in theirs.store.files if f.count), "")
    values["bundle_below"] = bundle.lstrip("/") if scene.client is not None else ""
    judged = f"with this host's {theirs.store.text} the same handshake succeeds"
    if mine.store.count:
        line = f"{mine.place.label} trusts {mine.store.text}; {judged}"
        return Ruling("unknown", "the client lacks it", Mark.BAD, (line,), values)
    complained = scene.case.symptom is Symptom.TLS or scene.case.error
    if mine.store.own_roots and not complained:
        note = (
            f"{mine.place.label} has no certificate bundle, but has "
            f"{mine.store.own_roots}, which brings its own: it was judged by this "
            "host's bundle instead"
        )
        shown = theirs.leaf.text(theirs.at) if theirs.leaf else ""
        values["worked"] = f"TLS handshake in {theirs.handshake_ms:.0f} ms: {shown}"
        values["http_status"] = str(theirs.http_status or "")
        said = "its programs bring their own"
        return Ruling("own", said, values=values, assumptions=(note,))
    vain = [f"{f.why} names {f.path}, which is not there" for f in mine.store.in_vain]
    values["in_vain"] = vain[0] if vain else ""
    line = f"{mine.place.label} has no certificate bundle at all; {judged}"
    return Ruling("none", "the client trusts nobody", Mark.BAD, (line, *vain), values)


def _intercepted(
    mine: TlsTalk, straight: TlsTalk, values: dict[str, str]
) -> Ruling | None:
    """Whether another certificate comes to the container than to the host itself."""
    here, there = mine.leaf, straight.leaf
    if straight.outcome is not TlsOutcome.OK or here is None or there is None:
        return None
    if here.fingerprint == there.fingerprint or here.issuer == there.issuer:
        return None
    lines = (
        f"from {mine.place.label}: {here.text(mine.at)}",
        f"from the host, the same address: {there.text(straight.at)}, accepted",
    )
    values |= {"interceptor": here.issued_by, "true_issuer": there.issued_by}
    return Ruling("between", "another certificate comes", Mark.BAD, lines, values)


def _chain(scene: Scene, mine: TlsTalk, values: dict[str, str]) -> Ruling:
    """Nobody here trusts it: is the chain whole?"""
    top = mine.certificates[-1] if mine.certificates else Certificate()
    trusts = f"{mine.place.label} trusts {mine.store.text or 'nobody'}"
    if top.self_signed:
        what = "signed by itself" if len(mine.certificates) == 1 else "up to its root"
        line = f"the chain is whole ({what}); {trusts}, not {top.name}"
        return Ruling("unknown", "its root is not trusted", Mark.BAD, (line,), values)
    if top.fetch_issuer:
        asked = FetchIssuer(scene.place, top.fetch_issuer, asking(scene))
        got = scene.try_look(asked, IssuerFetched)
        if got is not None and got.certificate is not None:
            return _with_issuer(mine, got, values)
        why = got.why_not if got is not None else "it could not be asked for"
        values["not_had"] = f"{top.fetch_issuer}: {why}"
        return Ruling("open", why, Mark.ODD, (trusts,), values)
    if mine.kin and len(mine.certificates) == 1:
        values["not_had"] = f"{trusts}, among it {mine.kin[0]} of the same organisation"
        return Ruling("open", "it may be on either side", Mark.ODD, (trusts,), values)
    line = f"{trusts}; {top.issued_by}, which signed {top.name}, is not among it"
    return Ruling("unknown", "its issuer is not trusted", Mark.BAD, (line,), values)


def _with_issuer(mine: TlsTalk, got: IssuerFetched, values: dict[str, str]) -> Ruling:
    between = got.certificate or Certificate()
    shown = between.text(mine.at)
    if got.completes:
        values |= {"missing": between.name, "url": got.url}
        lines = (
            f"{len(mine.certificates)} certificate sent; its issuer is not",
            f"had from {got.url}: {shown}; with it the chain is accepted",
        )
        return Ruling("gap", f"{between.name} is not sent", Mark.BAD, lines, values)
    line = f"had from {got.url}: {shown}; still not accepted ({got.why_not})"
    return Ruling("unknown", "its issuer is not trusted", Mark.BAD, (line,), values)


def _dated(mine: TlsTalk, values: dict[str, str]) -> tuple[Also, ...]:
    """A certificate that nobody trusts may be out of date besides."""
    leaf = mine.leaf
    left = leaf.left_s(mine.at) if leaf is not None else None
    if leaf is None or left is None or left >= 0:
        return ()
    return (Also("tls-expired", (leaf.text(mine.at),), {**values, "which": leaf.name}),)


NODES = (
    Node(
        "tls_verify",
        "what is wrong with the certificate?",
        verify,
        {
            "trust": Branch("nobody trusted vouches for it", "tls_trust"),
            "dates": Branch("its dates", "tls_dates"),
            "name": Branch("its name", "tls_names"),
            "other": Branch(
                "something else",
                undetermined(
                    "{client} does not accept the certificate of {server}: {reason}",
                    "openssl-verification-options(1) explains the reason",
                ),
            ),
        },
    ),
    Node(
        "tls_trust",
        "whose trust is missing?",
        trust,
        {
            "unknown": Branch(
                "the client does not know the authority", fault("tls-unknown-ca")
            ),
            "none": Branch("the client has no bundle", fault("tls-no-ca-bundle")),
            "gap": Branch(
                "the server leaves a certificate out", fault("tls-missing-intermediate")
            ),
            "between": Branch(
                "somebody between signs anew", fault("tls-intercepting-proxy")
            ),
            "own": Branch("none: its programs bring their own", "http_says"),
            "theirs": Branch(
                "not told: a program there keeps its own list",
                undetermined(
                    "{server}'s certificate, issued by {issued_by}, is not trusted by "
                    "the system's bundle of {client}; {program} there goes by a list "
                    "of its own, which netwiz does not read",
                    "give the error that the application printed: --error, or "
                    "--symptom tls",
                ),
            ),
            "open": Branch(
                "not told apart",
                undetermined(
                    "{server} sends a certificate issued by {issued_by}, whom {client} "
                    "does not trust: either {server} leaves out a certificate between, "
                    "or {client} lacks the authority ({not_had})",
                    "ask who runs {server} whether {issued_by} is a root; "
                    "openssl s_client -connect {spot} -showcerts shows what is sent",
                ),
            ),
        },
    ),
)
