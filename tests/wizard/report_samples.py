"""Diagnoses to report: one with everything in it, and any that can be thought of."""

from __future__ import annotations

import string

from hypothesis import strategies as st

from netwiz.wizard.case import Case, Client, ClientKind, Symptom, Target
from netwiz.wizard.verdict import (
    CauseFound,
    Diagnosis,
    Fix,
    Look,
    Mark,
    Matrix,
    Path,
    PathHop,
    Result,
    RuledOut,
    Step,
    Vantage,
)

SYN = "SYN 10.99.0.2:41234 > 10.99.0.1:8080"
REWRITTEN = "SYN 10.99.0.2:41234 > 172.18.0.2:3000"
CASE = Case(
    Client(ClientKind.OUTSIDE, "outside"),
    Target("10.99.0.1", 8080),
    Symptom.REFUSED,
    "connect ECONNREFUSED 10.99.0.1:8080",
)
REFUSED = Diagnosis(
    case=CASE,
    result=Result.FAULT,
    summary="the service listens on 127.0.0.1 only",
    cause=CauseFound(
        id="service-bound-loopback",
        title="the service in pg listens on 127.0.0.1:3000 only",
        explanation=(
            "pg accepts connections on 127.0.0.1:3000. Inside a container that address "
            "is the container itself, so nobody else can reach it."
        ),
        evidence=(
            "the only listener on port 3000 in pg is 127.0.0.1:3000 (node, pid 4121)",
            "the RST was born in pg: its SYN reached eth0",
        ),
        fixes=(
            Fix(
                "Let node listen on 0.0.0.0.",
                ("docker compose up -d pg",),
                interrupts="pg while it restarts",
                snippet="environment:\n  HOST: 0.0.0.0",
            ),
            Fix(
                "Until then, forward the port inside the container.",
                ("nsenter -t 4121 -n socat TCP-LISTEN:3000,fork TCP:127.0.0.1:3000 &",),
                lasting=False,
            ),
        ),
        verify=("netwiz diagnose outside 10.99.0.1:8080",),
        references=("moby#10900",),
    ),
    also=(
        CauseFound(
            id="published-on-loopback-only",
            title="cache is published on 127.0.0.1 only",
            explanation="Nobody beyond this host reaches it.",
            evidence=("docker-proxy listens on 127.0.0.1:6379",),
            fixes=(Fix("Publish it.", ("docker compose up -d cache",)),),
        ),
    ),
    ruled_out=(RuledOut("service-not-listening", "127.0.0.1:3000 is open"),),
    path=Path(
        forward=(
            PathHop("host", "host", "eth0", True, SYN, 0.0, "born here"),
            PathHop("host", "host", "br-4f1d2c3b4a59", True, REWRITTEN, 24.0, "DNAT"),
            PathHop("pg", "container pg", "eth0", True, REWRITTEN, 31.0),
            PathHop("pg", "container pg", "lo", False, note="never came so far"),
        ),
        backward=(
            PathHop("pg", "container pg", "eth0", True, "RST 172.18.0.2:3000", 40.0),
        ),
        verdict="refused by pg itself",
    ),
    vantages=Matrix(
        (
            Vantage(
                "pg, its own loopback",
                "127.0.0.1:3000",
                "answers",
                0.1,
                "the service answers inside",
                True,
            ),
            Vantage(
                "this host",
                "172.18.0.2:3000",
                "refused",
                0.2,
                "refused here, too",
                False,
            ),
        )
    ),
    steps=(
        Step(
            "alive",
            "Is pg running?",
            Mark.GOOD,
            "up 3 h",
            looks=(Look("engine", "host", "docker inspect pg", 3.25),),
        ),
        Step("", "Which firewall rule?", Mark.SKIPPED, "not asked: the RST is pg's"),
        Step(
            "listeners",
            "Who listens on port 3000 in pg?",
            Mark.BAD,
            "127.0.0.1:3000 (node), which takes connections from pg itself only",
            branch="loopback",
            evidence=("127.0.0.1:3000 node",),
            looks=(
                Look("sockets", "pg", "nsenter -t 4121 -n ss -ltnp", 1.5),
                Look("names", "pg", "cat /etc/hosts | grep -w pg", 0.5),
            ),
        ),
    ),
    assumptions=("the host stands in for the client outside",),
    unsupported=("what the router in front does",),
    elapsed_ms=212.4567,
)
UNDETERMINED = Diagnosis(
    CASE,
    Result.UNDETERMINED,
    "the SYN left this host and nothing came back",
    missing=("what the router in front of 10.99.0.1 did", "a capture there"),
    elapsed_ms=1510.0,
)
HEALTHY = Diagnosis(CASE, Result.HEALTHY, "outside reaches 10.99.0.1:8080")

NASTY = (
    "\x1b]52;c;aGk=\x07",
    "\x1b[2J[red]x[/red]",
    "<script>alert(1)</script>",
    "![x](http://192.0.2.1/a.png)",
    "[x](javascript:alert(1))",
    "```\n# owned\n```",
    "a|b\\|c | d",
    "`", "``` ~~~", "***", "---", "# h", "1. x", "> q", "    code", "&lt;b&gt;",
    "www.example.com", "https://example.com/", "a@example.com", "@everyone",
    "\u202egnp.exe", "\ud800", "\x00\x7f\x85\u2028", "\r\rline", "東京" * 60,
    "e\u0301\u0327", "x" * 300, "", " ",
)  # fmt: skip
texts = st.one_of(
    st.sampled_from(NASTY),
    st.text(max_size=40),
    st.text(alphabet=string.punctuation + " \n\t\x1b\\a1", max_size=40),
    st.lists(st.sampled_from(NASTY), max_size=3).map("".join),
)
ids = st.sampled_from(["service-bound-loopback", "duplicate-ip", "startup-race"])
many = st.lists(texts, max_size=3).map(tuple)
figures = st.floats(0, 1e6) | st.just(float("inf"))

fixes = st.builds(Fix, texts, many, st.booleans(), texts, texts)
causes = st.builds(
    CauseFound, ids, texts, texts, many, st.lists(fixes, max_size=2).map(tuple), many
)
hops = st.builds(
    PathHop, texts, texts, texts, st.booleans(), texts, st.none() | figures, texts
)
vantages = st.builds(Vantage, texts, texts, texts, figures, texts, st.booleans())
looks = st.builds(Look, texts, texts, texts, figures)
steps = st.builds(
    Step,
    texts,
    texts,
    st.sampled_from(Mark),
    texts,
    texts,
    many,
    st.lists(looks, max_size=2).map(tuple),
)
cases = st.builds(
    Case,
    st.builds(Client, st.sampled_from(ClientKind), texts),
    st.builds(Target, texts, st.integers(1, 65535)),
    st.none() | st.sampled_from(Symptom),
    texts,
)


@st.composite
def diagnoses(draw: st.DrawFn) -> Diagnosis:
    """Any diagnosis, with texts that somebody hostile chose."""
    result = draw(st.sampled_from(Result))
    fault = result is Result.FAULT
    way = st.lists(hops, max_size=3).map(tuple)
    ruled_out = st.lists(st.builds(RuledOut, ids, texts), max_size=2)
    return Diagnosis(
        case=draw(cases),
        result=result,
        summary=draw(texts),
        cause=draw(causes) if fault else None,
        also=draw(st.lists(causes, max_size=1).map(tuple)) if fault else (),
        ruled_out=draw(ruled_out.map(tuple)),
        path=draw(st.builds(Path, way, way, texts)),
        vantages=Matrix(draw(st.lists(vantages, max_size=3).map(tuple))),
        steps=draw(st.lists(steps, max_size=3).map(tuple)),
        missing=draw(many),
        assumptions=draw(many),
        unsupported=draw(many),
        elapsed_ms=draw(figures),
    )
