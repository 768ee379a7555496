"""What diagnosing the shop would bring: fixtures for the wizard."""

from __future__ import annotations

from dataclasses import replace

from netwiz.wizard.case import Case, Client, ClientKind, Symptom, Target
from netwiz.wizard.verdict import (
    CauseFound,
    Diagnosis,
    Fix,
    Look,
    Mark,
    Option,
    Path,
    PathHop,
    Result,
    RuledOut,
    Step,
)
from tests.screens.shop import ORDER_ID

CASE = Case(
    Client(ClientKind.CONTAINER, "order", ORDER_ID),
    Target("pg", 3000),
    Symptom.REFUSED,
)

YES_NO = (Option("yes", "it runs"), Option("no", "it does not run"))
LISTEN_OPTIONS = (
    Option("all", "a process listens on every address"),
    Option("loopback", "a process listens on 127.0.0.1 only"),
    Option("none", "nothing listens on that port"),
)
SYN = "SYN 172.18.0.3:41234 > 172.18.0.2:3000"
RST = "RST 172.18.0.2:3000 > 172.18.0.3:41234"
SYN_ACK = "SYN-ACK 172.18.0.2:3000 > 172.18.0.3:41234"

_WAY = (
    ("order", "eth0"),
    ("host", "veth1a2b3c4"),
    ("host", "br-4f1d2c3b"),
    ("host", "veth9f0e1d2"),
    ("pg", "eth0"),
)


def way(
    reached: int, answer: str = "", answered_from: int = 0, verdict: str = ""
) -> Path:
    """The way from order to pg: seen up to a node, answered from another."""
    forward = tuple(
        PathHop(
            where, where, device, n < reached, SYN, n * 9.0 if n < reached else None
        )
        for n, (where, device) in enumerate(_WAY)
    )
    backward = tuple(
        PathHop(where, where, device, True, answer, 60.0 + n * 9.0)
        for n, (where, device) in enumerate(reversed(_WAY[: answered_from + 1]))
    )
    return Path(forward, backward if answer else (), verdict)


NAME_STEP = Step(
    "name",
    "what does the name pg mean?",
    Mark.GOOD,
    "172.18.0.2, container pg on shop_default",
    "container",
    evidence=("127.0.0.11 answered A pg. with 172.18.0.2", "pg has that address"),
    looks=(
        Look("Resolve", "order", "nsenter -t 4012 -n dig +search pg @127.0.0.11", 2.4),
    ),
    options=(
        Option("container", "a container of this machine"),
        Option("elsewhere", "something beyond this machine"),
    ),
)
RUNS_STEP = Step(
    "runs",
    "does pg run?",
    Mark.GOOD,
    "yes, for 3 h 12 min",
    "yes",
    evidence=("State.Status is running, pid 4121, RestartCount 0",),
    looks=(Look("TakeSnapshot", "engine", "docker inspect pg", 6.1),),
    options=YES_NO,
)
WHO_STEP = Step(
    "who",
    "who refused?",
    Mark.GOOD,
    "pg itself, with a RST",
    "server",
    evidence=(
        "SYN seen at pg eth0 after 36 µs",
        "RST seen first at pg eth0, so no firewall on the way sent it",
    ),
    looks=(
        Look(
            "Attempt",
            "order",
            "nsenter -t 4121 -n tcpdump -ni eth0 'tcp port 3000' &"
            " nsenter -t 4012 -n nc -zv 172.18.0.2 3000",
            41.0,
        ),
    ),
    options=(
        Option("server", "the server itself"),
        Option("host", "this host, on the way"),
    ),
)
LISTENS_STEP = Step(
    "listens",
    "who listens on port 3000 there?",
    Mark.BAD,
    "node (pid 4121), on 127.0.0.1:3000 only",
    "loopback",
    evidence=("in pg: LISTEN 127.0.0.1:3000, node, pid 4121",),
    looks=(Look("ReadSockets", "pg", "nsenter -t 4121 -n ss -ltnp", 3.8),),
    options=LISTEN_OPTIONS,
)
FIREWALL_SKIPPED = Step(
    "firewall", "did a firewall reject it?", Mark.SKIPPED, "not asked: the RST is pg's"
)

LOOPBACK = CauseFound(
    "service-bound-loopback",
    "the service listens on 127.0.0.1 only",
    "node in pg accepts connections on 127.0.0.1:3000. Inside a container that"
    " address is pg itself, so nobody else can reach it: the kernel of pg answers"
    " every other connection with RST.",
    evidence=(
        "in pg: LISTEN 127.0.0.1:3000, node, pid 4121",
        "the RST was born at pg eth0, 36 µs after the SYN left order",
        "from inside pg, 127.0.0.1:3000 accepts and 172.18.0.2:3000 refuses",
    ),
    fixes=(
        Fix(
            "Let node listen on every address: set HOST for the service and start it"
            " anew.",
            commands=("docker compose -p shop up -d --force-recreate pg",),
            interrupts="pg while it restarts",
            snippet="services:\n  pg:\n    environment:\n      HOST: 0.0.0.0",
        ),
        Fix(
            "Until then, a relay inside pg's namespace.",
            commands=(
                "nsenter -t 4121 -n socat TCP-LISTEN:3000,bind=172.18.0.2,fork"
                " TCP:127.0.0.1:3000",
            ),
            lasting=False,
        ),
    ),
    verify=(
        "nsenter -t 4121 -n ss -ltn shows 0.0.0.0:3000 or *:3000",
        "from order, a connection to pg:3000 stays open",
    ),
    references=("https://docs.docker.com/engine/network/",),
)

REFUSED = Diagnosis(
    CASE,
    Result.FAULT,
    "pg refuses order because its service listens on 127.0.0.1 only.",
    cause=LOOPBACK,
    ruled_out=(
        RuledOut("service-not-listening", "node does listen on port 3000"),
        RuledOut("forward-reject-tcp-reset", "the RST was born at pg eth0"),
    ),
    path=way(5, RST, 4, "refused by pg: nothing there listens on 172.18.0.2:3000"),
    steps=(NAME_STEP, RUNS_STEP, WHO_STEP, LISTENS_STEP, FIREWALL_SKIPPED),
    assumptions=("the application in order uses the resolver of its libc",),
    elapsed_ms=212.0,
)

REJECTED_STEP = Step(
    "firewall",
    "did a firewall reject it?",
    Mark.BAD,
    "yes: rule 1 of DOCKER-USER, REJECT with tcp-reset",
    "yes",
    evidence=(
        "iptables-nft filter DOCKER-USER rule 1: 4 packets before the probe, 5 after",
        "-i br-4f1d2c3b -p tcp --dport 3000 -j REJECT --reject-with tcp-reset",
    ),
    looks=(
        Look("ReadRules", "host", "iptables -nvL DOCKER-USER --line-numbers", 18.0),
    ),
)
FORWARD_REJECT = Diagnosis(
    CASE,
    Result.FAULT,
    "A rule of this host answers with RST in the place of pg.",
    cause=CauseFound(
        "forward-reject-tcp-reset",
        "a firewall rule on this host answers with RST",
        "Rule 1 of DOCKER-USER rejects connections to port 3000 with tcp-reset. The"
        " packet never reached pg, which does listen on 0.0.0.0:3000.",
        evidence=(
            "its counter rose from 4 to 5 with the probe",
            "the SYN was last seen on br-4f1d2c3b, the RST was born on this host",
            "in pg: LISTEN 0.0.0.0:3000, node, pid 4121",
        ),
        fixes=(
            Fix(
                "Take the rule away.",
                commands=(
                    "iptables -D DOCKER-USER -i br-4f1d2c3b -p tcp --dport 3000"
                    " -j REJECT --reject-with tcp-reset",
                ),
                lasting=False,
            ),
        ),
        verify=("the counter of the rule no longer rises",),
    ),
    also=(
        CauseFound(
            "host-port-used-inside-network",
            "another client dials the published port inside the network",
            "",
            (),
        ),
    ),
    path=way(3, RST, 2, "rejected on this host: DOCKER-USER rule 1"),
    steps=(NAME_STEP, RUNS_STEP, REJECTED_STEP),
    elapsed_ms=287.0,
)

HEALTHY = Diagnosis(
    CASE,
    Result.HEALTHY,
    "order reaches pg:3000: the connection was accepted and stays open.",
    path=way(5, SYN_ACK, 4, "accepted by pg after 0.1 ms"),
    steps=(NAME_STEP, RUNS_STEP),
    elapsed_ms=94.0,
)

UNDETERMINED = Diagnosis(
    CASE,
    Result.UNDETERMINED,
    "The packet left order and was lost on this host; which rule ate it is unknown.",
    ruled_out=(RuledOut("container-not-running", "pg runs"),),
    path=way(3, verdict="lost on this host, after br-4f1d2c3b"),
    steps=(
        NAME_STEP,
        RUNS_STEP,
        Step(
            "firewall",
            "did a firewall reject it?",
            Mark.UNKNOWN,
            "the rules could not be read: Operation not permitted",
            "unseen",
        ),
    ),
    missing=(
        "the rules of this host could not be read; run it as root: sudo netwiz",
        "whether pg listens: its namespace could not be entered",
    ),
    unsupported=("nftables sets with timeouts",),
    elapsed_ms=1310.0,
)

_FRONT = "SYN 203.0.113.7:51000 > 10.99.0.1:3000"
_BEHIND = "SYN 203.0.113.7:51000 > 172.18.0.2:3000"
NAT_PATH = Path(
    (
        PathHop("host", "host", "eth0", True, _FRONT, 0.0, "born outside"),
        PathHop("host", "host", "br-4f1d2c3b", True, _BEHIND, 11.0),
        PathHop("host", "host", "veth9f0e1d2", True, _BEHIND, 15.0),
        PathHop("pg", "pg", "eth0", True, _BEHIND, 21.0),
    ),
    (
        PathHop(
            "pg", "pg", "eth0", True, "SYN-ACK 172.18.0.2:3000 > 203.0.113.7:1", 30.0
        ),
        PathHop("host", "host", "veth9f0e1d2", True, "SYN-ACK a > b", 33.0),
        PathHop("host", "host", "br-4f1d2c3b", True, "SYN-ACK a > b", 35.0),
        PathHop("host", "host", "eth0", False),
    ),
    "the answer was lost on this host",
)
PROXY_PATH = Path(
    (
        PathHop("host", "host", "lo", True, "SYN 127.0.0.1:51000 > 127.0.0.1:3000"),
        PathHop(
            "host",
            "host",
            "br-4f1d2c3b",
            True,
            "SYN 172.18.0.1:39912 > 172.18.0.2:3000",
            note="second connection, made by docker-proxy",
        ),
        PathHop("pg", "pg", "eth0", True, "SYN 172.18.0.1:39912 > 172.18.0.2:3000"),
    ),
    (PathHop("pg", "pg", "eth0", True, "RST 172.18.0.2:3000 > 172.18.0.1:39912"),),
    "accepted by docker-proxy, then hung up on",
)


def overridden(diagnosis: Diagnosis) -> Diagnosis:
    """The same, resting on the person's answer to who refused."""
    answer = "this host, on the way (your word; seen: pg itself, with a RST)"
    step = replace(
        WHO_STEP, answer=answer, branch="host", mark=Mark.ODD, overridden=True
    )
    return replace(diagnosis, steps=(step, *diagnosis.steps[2:]))


def hostile(name: str) -> Diagnosis:
    """A diagnosis full of what a container's name may contain."""
    hop = PathHop(name, name, "eth0", True, SYN)
    step = replace(LISTENS_STEP, question=f"does {name} run?", answer=name)
    cause = replace(LOOPBACK, title=name, explanation=name, evidence=(name,))
    return replace(
        REFUSED, path=Path((hop,), (), name), steps=(step,), cause=cause, summary=name
    )
