"""Flows as a small shop has them, in trouble and not."""

from __future__ import annotations

from dataclasses import replace

from netwiz.probes.facts import HOST, Place
from netwiz.probes.facts.flows import (
    Captured,
    Flow,
    FlowEnd,
    FlowTable,
    Trouble,
    TroubleKind,
)
from netwiz.probes.facts.sockets import Process

AT = 1_790_000_000.0


def end(name: str, address: str, port: int, process: str = "") -> FlowEnd:
    """An end in a container of this name."""
    who = Process(77, process, f"{name}-id") if process else None
    place = Place.container(f"{name}-id", name)
    return FlowEnd(name, address, port, place, True, who, state="ESTAB")


def on_host(address: str, port: int, process: str) -> FlowEnd:
    """An end of a process of the host."""
    return FlowEnd("host", address, port, HOST, True, Process(9, process))


def flow(key: str, client: FlowEnd, server: FlowEnd, **more: object) -> Flow:
    """An established one at rest."""
    usual = Flow(
        key, client, server, state="ESTAB", rtt_ms=0.12, min_rtt_ms=0.03, age_s=95.0
    )
    return replace(usual, **more)  # type: ignore[arg-type]


ORDER = end("order", "172.18.0.3", 40312, "java")
PG = end("pg", "172.18.0.2", 5432, "postgres")
WEB = end("web", "172.18.0.4", 80, "nginx")
REDIS = FlowEnd("redis", "172.18.0.9", 6379, here=True)
STRANGER = FlowEnd("203.0.113.9", "203.0.113.9", 51820)

UNANSWERED = Trouble(
    TroubleKind.UNANSWERED,
    "redis:6379 does not answer, SYN repeated 3×",
    "SYN-SENT ×4",
    grave=True,
)
LOSSY = Trouble(TroubleKind.LOSSY, "31 segments sent again lately (7 %)", "lossy 7 %")
CLOSED_WINDOW = Trouble(
    TroubleKind.ZERO_WINDOW,
    "pg takes no more data (zero window), 262144 bytes wait",
    "zero window",
    grave=True,
)
RATES = tuple(float(n * n * 40) for n in range(30))
POOL = tuple(
    flow(f"p{n}", replace(ORDER, port=41000 + n), PG, rates=RATES, sent=1_200_000)
    for n in range(47)
)
BUSY = flow(
    "busy",
    replace(ORDER, port=40999),
    PG,
    sent=92_000_000,
    received=1_834_000_000,
    sent_rate=1_200.0,
    received_rate=3_400_000.0,
    rates=RATES,
    retransmits=2,
    began=True,
)
FLOWS = (
    *POOL,
    BUSY,
    flow(
        "syn",
        ORDER,
        REDIS,
        state="SYN-SENT",
        rtt_ms=0.0,
        troubles=(UNANSWERED,),
        age_s=14.0,
        began=True,
    ),
    flow(
        "out",
        STRANGER,
        WEB,
        published=8080,
        rtt_ms=48.0,
        retransmits=40,
        recent=31,
        sent_rate=88_000.0,
        rates=(0.0, 90_000.0, 50_000.0, 88_000.0),
        troubles=(LOSSY,),
        captured=Captured(120, 130_000, 9),
    ),
    flow(
        "stuck",
        end("batch", "172.18.0.12", 33444, "python3"),
        PG,
        troubles=(CLOSED_WINDOW,),
        sent=9_000_000,
    ),
    flow(
        "proxy",
        end("cron", "172.19.0.7", 55012, "curl"),
        on_host("172.19.0.1", 8080, "docker-proxy"),
        behind="web:80",
    ),
    flow("leg", on_host("172.18.0.1", 44100, "docker-proxy"), WEB, published=8080),
    flow("over", replace(ORDER, port=40001), WEB, state="closed", closed_s=3.0),
    flow(
        "six",
        end("a-rather-long-name-of-a-container", "fd00:18::7", 50000, "envoy"),
        end("another-long-name-of-one", "fd00:18::8", 9901, "envoy"),
        sent_rate=12.0,
    ),
)
TABLE = FlowTable(at=AT, number=9, flows=FLOWS, total=len(FLOWS) - 1, namespaces=9)
