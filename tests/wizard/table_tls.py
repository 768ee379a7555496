"""Small worlds and the causes they lead to: TLS, and what is said over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from netwiz.probes import requests as ask
from netwiz.probes.facts import (
    HOST,
    After,
    Certificate,
    Connection,
    Conversation,
    Ending,
    FarEnd,
    Finding,
    IssuerFetched,
    Outcome,
    ProxyAnswer,
    Segment,
    TlsOutcome,
    TlsTalk,
    Trust,
    TrustFile,
    TrustStore,
)
from netwiz.wizard.case import Case, Symptom
from tests.wizard.judge_table import Told
from tests.wizard.world import BRIDGE, NOW, ORDER, PG, World, case, container, listener

BUNDLE = TrustStore((TrustFile("/etc/ssl/certs/ca-certificates.crt", "system", 9),), 9)
LEAF = Certificate(
    subject="CN=pg",
    issuer="CN=Lab CA, O=Lab",
    name="pg",
    issued_by="Lab CA",
    names=("pg",),
    not_before=NOW - timedelta(days=30),
    not_after=NOW + timedelta(days=60),
    fingerprint="aa",
    size=500,
)
ROOT = replace(LEAF, subject=LEAF.issuer, name="Lab CA", self_signed=True, names=())
OLD = replace(LEAF, not_after=NOW - timedelta(days=2))
EARLY = replace(
    LEAF, not_before=NOW + timedelta(days=9), not_after=NOW + timedelta(days=99)
)
SHIP = container("ship", 4)

Answer = Callable[[ask.TalkTls], TlsTalk]


def told(request: ask.TalkTls, outcome: TlsOutcome, **more: object) -> TlsTalk:
    base = TlsTalk(
        place=request.place,
        address=request.address,
        port=request.port,
        server_name=request.server_name,
        trust=request.trust,
        outcome=outcome,
        certificates=(LEAF,),
        version="TLSv1.3",
        cipher="TLS_AES_256_GCM_SHA384",
        handshake_done=outcome is TlsOutcome.OK,
        store=BUNDLE,
        at=NOW,
        received=900,
    )
    return replace(base, **more)  # type: ignore[arg-type]


def ok(request: ask.TalkTls, **more: object) -> TlsTalk:
    return told(request, TlsOutcome.OK, **more)


def unverified(code: int, reason: str, **more: object) -> Answer:
    """Not accepted where certificates are judged, taken where they are not."""

    def answer(request: ask.TalkTls) -> TlsTalk:
        if request.trust is Trust.ANYONE:
            return ok(request, **more)
        more_still = {"verify_code": code, "reason": reason, **more}
        return told(request, TlsOutcome.UNVERIFIED, **more_still)

    return answer


def only_here(bad: Answer, there: Answer = ok) -> Answer:
    """Not accepted by the client's own bundle, accepted by the host's."""

    def answer(request: ask.TalkTls) -> TlsTalk:
        return there(request) if request.trust is Trust.HOST else bad(request)

    return answer


def alerted(number: int, **more: object) -> Answer:
    def answer(request: ask.TalkTls) -> TlsTalk:
        return told(request, TlsOutcome.ALERT, alert=number, **more)

    return answer


def stays(link: Connection) -> Connection:
    return replace(link, after=After.OPEN)


def answering(
    kind: type, answer: Callable[..., Finding]
) -> dict[type, Callable[[ask.Request], Finding]]:
    """What a world answers requests of that type with."""
    return {kind: answer}


def world(answer: Answer, **more: object) -> World:
    """Pg accepts connections, and answers TLS like that."""
    base = World(
        outcomes={"172.18.0.2": Outcome.CONNECTED, "172.18.0.4": Outcome.CONNECTED},
        connection=stays,
        sockets={"pg": (listener("0.0.0.0:443"),), "ship": (listener("0.0.0.0:443"),)},
        answers=answering(ask.TalkTls, answer),
    )
    return replace(base, **more)  # type: ignore[arg-type]


def said(line: bytes, ending: Ending = Ending.COMPLETE, **more: object) -> Finding:
    base = Conversation(
        place=ORDER.place,
        address="172.18.0.2",
        port=443,
        words="http",
        outcome=Outcome.CONNECTED,
        ending=ending,
        sent=80,
        received=len(line),
        first_bytes=line,
    )
    return replace(base, **more)  # type: ignore[arg-type]


def talking(
    answer: Answer, conversation: Callable[[ask.Converse], Finding], **more: object
) -> World:
    made = world(answer, **more)
    made.answers = {**made.answers, **answering(ask.Converse, conversation)}
    return made


def https(to: str = "pg", symptom: Symptom | None = None) -> Case:
    return case(to, 443, scheme="https", symptom=symptom)


def http(to: str = "pg", symptom: Symptom | None = None) -> Case:
    return case(to, 443, scheme="http", symptom=symptom)


def fetched(**more: object) -> Callable[[ask.FetchIssuer], Finding]:
    between = replace(LEAF, subject="CN=Issuing", name="Issuing", authority=True)

    def answer(request: ask.FetchIssuer) -> Finding:
        found = IssuerFetched(url=request.url, certificate=between, completes=True)
        return replace(found, **more)  # type: ignore[arg-type]

    return answer


def clocks(theirs: timedelta, others: timedelta, leaf: Certificate = EARLY) -> Answer:
    """Pg's clock, and that of another server, against ours."""

    def answer(request: ask.TalkTls) -> TlsTalk:
        ahead = others if request.address == "172.18.0.4" else theirs
        date: datetime = NOW + ahead
        early = leaf is EARLY
        bad = unverified(
            9 if early else 10,
            "not now",
            certificates=(leaf,),
            http_date=date,
        )
        return bad(request)

    return answer


def by_name(request: ask.TalkTls) -> TlsTalk:
    """A server with a certificate for shop.example and a default one."""
    if request.server_name == "shop.example":
        return ok(request, certificates=(replace(LEAF, fingerprint="bb", name="shop"),))
    return unverified(62, "hostname mismatch")(request)


def strict(request: ask.TalkTls) -> TlsTalk:
    """The same, which knows no default."""
    if request.server_name == "shop.example":
        return ok(request)
    return alerted(112, certificates=())(request)


def old(request: ask.TalkTls) -> TlsTalk:
    if request.lenient:
        return ok(request, version="TLSv1", cipher="AES128-SHA")
    return alerted(70, certificates=())(request)


def intercepted(request: ask.TalkTls) -> TlsTalk:
    if request.place == HOST:
        return ok(request)
    proxy = replace(LEAF, issuer="CN=Zwischen", issued_by="Zwischen", fingerprint="cc")
    return unverified(20, "no issuer", certificates=(proxy,))(request)


def silent(request: ask.TalkTls) -> TlsTalk:
    return told(request, TlsOutcome.SILENT, certificates=(), received=0)


def closes(request: ask.TalkTls) -> TlsTalk:
    return told(request, TlsOutcome.EOF, asks_certificate=True)


def reset(request: ask.TalkTls) -> TlsTalk:
    return told(request, TlsOutcome.RESET, certificates=(), received=0)


def plain(request: ask.TalkTls) -> TlsTalk:
    words = b"HTTP/1.1 400 Bad Request\r\n"
    return told(request, TlsOutcome.PLAIN, certificates=(), first_bytes=words)


def unread(request: ask.Converse) -> Finding:
    far = FarEnd("ESTAB", unread=517)
    return said(b"", Ending.SILENCE, words=request.words, far=far)


def forged(request: ask.Converse) -> Finding:
    born = Segment(
        HOST, BRIDGE, False, "RST", from_client=False, size=0, ttl=64, at_us=9
    )
    ending = Ending.RESET if request.words == "tls" else Ending.EOF
    return said(b"", ending, words=request.words, tapped=request.taps, segments=(born,))


def answers(line: bytes) -> Callable[[ask.Converse], Finding]:
    return lambda _: said(b"HTTP/1.1 " + line + b"\r\n\r\n")


def underscored(request: ask.Converse) -> Finding:
    line = b"400 Bad Request" if "_" in request.host else b"200 OK"
    return said(b"HTTP/1.1 " + line + b"\r\n\r\n")


def hangs_up(_: ask.Converse) -> Finding:
    return said(b"", Ending.EOF)


ALIASED = replace(
    PG, attachments=(replace(PG.attachments[0], aliases=("pg", "shop.example")),)
)
NAMED = {"containers": (ORDER, ALIASED)}
OUTER = {
    "names": {"pay.example": ("203.0.113.7",)},
    "outcomes": {"203.0.113.7": Outcome.CONNECTED},
}
PROXIED = replace(ORDER, env=("http_proxy=http://proxy.corp:3128",))
NO_BUNDLE = only_here(unverified(20, "no issuer", store=TrustStore()))
GAP = replace(LEAF, fetch_issuer="http://ca.example/issuing.crt")
ENVOY = {"pg": (listener("0.0.0.0:443", "envoy"),)}


def gap() -> World:
    made = world(unverified(20, "no issuer", certificates=(GAP,)))
    made.answers = {**made.answers, **answering(ask.FetchIssuer, fetched())}
    return made


def captured() -> World:
    made = talking(ok, answers(b"200 OK"), containers=(PROXIED, PG))
    answer = ProxyAnswer(proxy="proxy.corp:3128", status=403, first_line="403 No")
    made.answers = {**made.answers, ask.AskProxy: lambda _: answer}
    return made


THREE = {"containers": (ORDER, PG, SHIP)}
DAYS = timedelta(days=12)
TABLE = {
    "tls, self-signed": Told(
        "tls-unknown-ca",
        world(unverified(18, "self-signed", certificates=(ROOT,))),
        https(),
    ),
    "tls, private authority": Told(
        "tls-unknown-ca", world(unverified(20, "no issuer")), https()
    ),
    "tls, whole chain": Told(
        "tls-unknown-ca",
        world(unverified(19, "self-signed in chain", certificates=(LEAF, ROOT))),
        https(),
    ),
    "tls, the host knows it": Told(
        "tls-unknown-ca", world(only_here(unverified(20, "no issuer"))), https()
    ),
    "tls, unknown and over": Told(
        "tls-unknown-ca",
        world(unverified(20, "no issuer", certificates=(OLD,))),
        https(),
        ("tls-expired",),
    ),
    "tls, no bundle": Told("tls-no-ca-bundle", world(NO_BUNDLE), https()),
    "tls, a gap": Told("tls-missing-intermediate", gap(), https()),
    "tls, signed anew": Told(
        "tls-intercepting-proxy",
        world(intercepted, **OUTER),
        https("pay.example"),
    ),
    "tls, over": Told(
        "tls-expired", world(unverified(10, "expired", certificates=(OLD,))), https()
    ),
    "tls, over, by its own clock too": Told(
        "tls-expired", world(clocks(timedelta(0), DAYS, OLD), **THREE), https()
    ),
    "tls, over, and its clock is behind": Told(
        "tls-expired", world(clocks(-DAYS, timedelta(0), OLD), **THREE), https()
    ),
    "tls, early": Told(
        "tls-not-yet-valid",
        world(unverified(9, "not yet", certificates=(EARLY,))),
        https(),
    ),
    "tls, two clocks agree": Told(
        "clock-skew", world(clocks(DAYS, DAYS), **THREE), https()
    ),
    "tls, another name": Told(
        "tls-hostname-mismatch", world(unverified(62, "mismatch")), https()
    ),
    "tls, an address": Told(
        "tls-ip-mismatch", world(unverified(64, "mismatch")), https("172.18.0.2")
    ),
    "tls, the default": Told("tls-sni-unrecognized", world(by_name, **NAMED), https()),
    "tls, no such name": Told("tls-sni-unrecognized", world(strict, **NAMED), https()),
    "tls, old": Told("tls-protocol-cipher-mismatch", world(old), https()),
    "tls, wants one": Told(
        "tls-client-cert-required",
        world(alerted(116, asks_certificate=True, handshake_done=True)),
        https(),
    ),
    "tls, wants one, 1.2": Told(
        "tls-client-cert-required",
        world(alerted(40, asks_certificate=True)),
        https(),
    ),
    "tls, wants one, and says nothing": Told(
        "tls-client-cert-required",
        world(lambda r: ok(r, asks_certificate=True, cut=True)),
        https(),
    ),
    "tls, wants one, and hangs up": Told(
        "tls-client-cert-required", world(closes), https()
    ),
    "tls, unread": Told("tls-stall", talking(silent, unread), https()),
    "tls, reset on the way": Told("tls-dpi-reset", talking(reset, forged), https()),
    "tls, to plain": Told("tls-to-plaintext-port", world(plain), https()),
    "plain, to tls": Told("plaintext-to-tls-port", talking(ok, hangs_up), http()),
    "plain, to a mesh": Told(
        "mesh-mtls-strict",
        talking(alerted(116, asks_certificate=True), hangs_up, sockets=ENVOY),
        http(),
    ),
    "http, no": Told(
        "app-level-rejection",
        talking(ok, answers(b"403 Forbidden")),
        replace(http(), error="403 Client Error: Forbidden for url: http://pg:443/"),
    ),
    "http, a proxy's upstream is silent": Told(
        "app-level-rejection",
        talking(ok, answers(b"504 Gateway Timeout")),
        http(symptom=Symptom.TIMEOUT),
    ),
    "http, underscore": Told(
        "hostname-with-underscore",
        talking(ok, underscored, names={"my_pg": ("172.18.0.2",)}),
        http("my_pg"),
    ),
    "http, by proxy": Told("proxy-env-captures-internal", captured(), http()),
}
