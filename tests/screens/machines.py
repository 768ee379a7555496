"""Machines as they are met at night: fixed, so that pictures of them are, too."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from netwiz.probes.facts import (
    Attachment,
    Container,
    Engine,
    Finding,
    HostFacts,
    Listener,
    LogLine,
    Network,
    PortMapping,
    Snapshot,
    SocketTable,
    State,
    Subnet,
)
from netwiz.probes.requests import ReadSockets, Request
from netwiz.probes.text import plain

NOW = datetime(2026, 11, 21, 2, 4, 33, tzinfo=UTC)


def ident(text: str) -> str:
    """A full container or network id that begins with these digits."""
    return (text * 64)[:64]


NET = ident("4f1d2c3b")
EDGE = ident("5a2b")
BACK = ident("6c3d")


def _at(
    network: str, name: str, address: str, *aliases: str, prefix: int = 16
) -> Attachment:
    return Attachment(network, name, address, prefix, aliases=aliases)


SHOP = "shop_default"
CONTAINERS = (
    Container(
        ident("a1"),
        "order",
        "shop/order:7",
        State.RUNNING,
        4012,
        started_at=NOW - timedelta(hours=3),
        network_mode=SHOP,
        attachments=(_at(NET, SHOP, "172.18.0.3", "order"),),
        project="shop",
    ),
    Container(
        ident("a2"),
        "pg",
        "postgres:16",
        State.RUNNING,
        4121,
        started_at=NOW - timedelta(hours=3),
        network_mode=SHOP,
        attachments=(
            _at(NET, SHOP, "172.18.0.2", "db", "api"),
            _at(BACK, "shop_back", "10.9.0.2", prefix=24),
        ),
        published=(PortMapping(3000, host_ip="0.0.0.0", host_port=3000),),
        project="shop",
    ),
    Container(
        ident("a3"),
        "cache",
        "redis:7",
        State.EXITED,
        finished_at=NOW - timedelta(minutes=9),
        exit_code=137,
        oom_killed=True,
        network_mode=SHOP,
        attachments=(_at(NET, SHOP, ""),),
        project="shop",
    ),
    Container(
        ident("a4"),
        "mailer",
        "shop/mailer:2",
        State.RESTARTING,
        exit_code=1,
        restart_count=12,
        network_mode=SHOP,
        attachments=(_at(NET, SHOP, ""),),
        project="shop",
    ),
    Container(
        ident("b1"),
        "edge-proxy",
        "nginx:1.27",
        State.RUNNING,
        4300,
        started_at=NOW - timedelta(days=12),
        network_mode=SHOP,
        attachments=(
            _at(NET, SHOP, "172.18.0.9"),
            _at(EDGE, "edge", "192.0.2.40", prefix=24),
        ),
        published=(
            PortMapping(80, host_ip="0.0.0.0", host_port=8080),
            PortMapping(80, host_ip="::", host_port=8080),
            PortMapping(443, host_ip="127.0.0.1", host_port=8443),
        ),
        health="unhealthy",
    ),
    Container(
        ident("b2"),
        "node-exporter",
        "prom/node-exporter:v1.8",
        State.RUNNING,
        4400,
        network_mode="host",
    ),
    Container(
        ident("b3"),
        "sidecar",
        "shop/trace:1",
        State.PAUSED,
        4500,
        network_mode=f"container:{ident('a1')}",
    ),
)
NETWORKS = (
    Network(
        NET,
        SHOP,
        subnets=(Subnet("172.18.0.0/16", "172.18.0.1"),),
        device="br-4f1d2c3b4f1d",
        mtu=1450,
        project="shop",
    ),
    Network(
        EDGE,
        "edge",
        "macvlan",
        subnets=(Subnet("192.0.2.0/24", "192.0.2.1"),),
        options=(("parent", "eth0"),),
    ),
    Network(
        BACK,
        "shop_back",
        internal=True,
        ipv6=True,
        subnets=(Subnet("10.9.0.0/24", "10.9.0.1"), Subnet("fd00:9::/64")),
    ),
    Network(ident("01"), "bridge", subnets=(Subnet("172.17.0.0/16", "172.17.0.1"),)),
    Network(ident("02"), "host", "host"),
    Network(ident("03"), "none", "null"),
)
HOST = HostFacts(
    "prod-01",
    (("lo", "127.0.0.1"), ("eth0", "192.0.2.10"), ("docker0", "172.17.0.1")),
    root=True,
    namespaces=("blue", "vpn"),
)
ENGINE = Engine("unix:///var/run/docker.sock", "28.2.1", "1.50", "prod-01")
BUSY = Snapshot(NOW, HOST, ENGINE, "", CONTAINERS, NETWORKS)
EMPTY = replace(BUSY, containers=(), networks=NETWORKS[3:])
NO_ENGINE = Snapshot(
    NOW,
    HOST,
    missing=(
        "no Docker Engine at unix:///var/run/docker.sock: start it"
        " (systemctl start docker), or say where it is: DOCKER_HOST=..."
    ),
)
NOT_ROOT = replace(BUSY, host=replace(HOST, root=False))

LISTENERS: dict[Request, Finding] = {
    ReadSockets(c.place): SocketTable(place=c.place, listeners=found)
    for c, found in (
        (CONTAINERS[0], (Listener("0.0.0.0", 8000),)),
        (CONTAINERS[1], (Listener("127.0.0.1", 3000), Listener("127.0.0.11", 40123))),
        (
            CONTAINERS[4],
            (Listener("0.0.0.0", 80), Listener("::", 443, family=6)),
        ),
        (CONTAINERS[6], ()),
    )
}


def said(container: str, seconds: int, text: str) -> LogLine:
    """A line of a log, so many seconds before now."""
    found = next(c for c in CONTAINERS if c.name == container)
    return LogLine(NOW - timedelta(seconds=seconds), found.id, plain(text))


LINES = (
    said("edge-proxy", 64, '172.18.0.1 - - "GET /health HTTP/1.1" 200 2 "-" "kube"'),
    said("pg", 58, "LOG:  database system is ready to accept connections"),
    said("order", 41, "listening on 0.0.0.0:8000"),
    said("order", 40, "payment gateway: http://127.0.0.1:3000"),
    said("edge-proxy", 34, '172.18.0.1 - - "GET /health HTTP/1.1" 200 2 "-" "kube"'),
    said("mailer", 21, "dial tcp: lookup smtp.shop.internal: no such host"),
    said("edge-proxy", 4, '172.18.0.1 - - "POST /orders HTTP/1.1" 502 157 "-" "app"'),
    said("order", 2, "Error: connect ECONNREFUSED 127.0.0.1:3000"),
)

NASTY = "[red]x[/]\x1b[2J\x1b]0;pwn\x07\u202eevil\u200b" + "长名" * 30
HOSTILE = replace(
    BUSY,
    containers=(
        replace(CONTAINERS[0], name=plain(NASTY), image=plain("[bold]img[/] [")),
        replace(CONTAINERS[1], name=plain("[/]" * 5)),
        *CONTAINERS[2:],
    ),
    networks=(replace(NETWORKS[0], name=plain("[link=x]net\x1b[31m")), *NETWORKS[1:]),
)
HOSTILE_LINES = (
    said("order", 3, "\x1b[2J\x1b[1;1Hconnect ECONNREFUSED [red]10.0.0.1:80[/red] [/]"),
    said(
        "pg", 2, "tab\there \x07 bell \u202e rtl [bold]b[/bold] [@click=app.quit]x[/]"
    ),
    said("cache", 1, "长" * 300),
)
