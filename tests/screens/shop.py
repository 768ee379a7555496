"""A small shop, one container of which cannot reach another: a machine for tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from netwiz.probes.facts import (
    Attachment,
    Container,
    Engine,
    HostFacts,
    Network,
    PortMapping,
    Snapshot,
    SocketTable,
    State,
    Stream,
    Subnet,
)

NOON = datetime(2026, 11, 21, 2, 4, 33, tzinfo=UTC)
ORDER_ID = "a1b2c3d4e5f6" + "0" * 52
PG_ID = "b2c3d4e5f6a1" + "0" * 52
CACHE_ID = "c3d4e5f6a1b2" + "0" * 52
SHOP_ID = "4f1d2c3b4a59" + "0" * 52


def _attached(address: str, *aliases: str) -> tuple[Attachment, ...]:
    return (
        Attachment(
            SHOP_ID,
            "shop_default",
            ipv4=address,
            prefix4=16,
            gateway4="172.18.0.1",
            aliases=aliases,
        ),
    )


ORDER = Container(
    id=ORDER_ID,
    name="order",
    image="shop/order:7",
    state=State.RUNNING,
    pid=4012,
    network_mode="shop_default",
    attachments=_attached("172.18.0.3", "order"),
    env=(
        "PATH=/usr/local/bin:/usr/bin",
        "DATABASE_URL=postgres://shop:hunter2@pg:5432/orders",
        "CACHE_HOST=cache",
        "CACHE_PORT=6379",
    ),
    project="shop",
    service="order",
)
PG = Container(
    id=PG_ID,
    name="pg",
    image="shop/gateway:3",
    state=State.RUNNING,
    pid=4121,
    network_mode="shop_default",
    attachments=_attached("172.18.0.2", "pg", "db", "api"),
    published=(PortMapping(3000, host_ip="0.0.0.0", host_port=3000),),
    exposed=((3000, "tcp"),),
    project="shop",
    service="pg",
)
CACHE = Container(
    id=CACHE_ID,
    name="cache",
    image="redis:7",
    state=State.EXITED,
    exit_code=137,
    oom_killed=True,
    network_mode="shop_default",
    attachments=_attached("", "cache"),
    exposed=((6379, "tcp"),),
    project="shop",
    service="cache",
)
NET = Network(
    SHOP_ID,
    "shop_default",
    subnets=(Subnet("172.18.0.0/16", "172.18.0.1"),),
    device="br-4f1d2c3b4a59",
)
HOSTILE = Container(
    id="d4e5f6a1b2c3" + "0" * 52,
    name="[bold red]evil[/] \\x1b[2J [@click=app.quit]x[/]",
    state=State.RUNNING,
    pid=4999,
    attachments=_attached("172.18.0.9"),
)


def recreated(new_id: str) -> Snapshot:
    """The shop after `docker compose up` made order anew."""
    before = snapshot()
    order = replace(ORDER, id=new_id)
    return replace(before, containers=(order, *before.containers[1:]))


def without_engine() -> Snapshot:
    """The host alone."""
    missing = "no engine answers at unix:///var/run/docker.sock"
    return Snapshot(NOON, host=snapshot().host, missing=missing)


def snapshot(*more: Container) -> Snapshot:
    return Snapshot(
        taken_at=NOON,
        host=HostFacts(
            hostname="prod-01",
            addresses=(("lo", "127.0.0.1"), ("eth0", "10.99.0.1")),
            root=True,
            namespaces=("lab-outside",),
        ),
        engine=Engine("unix:///var/run/docker.sock", "28.2.1", name="prod-01"),
        containers=(ORDER, PG, CACHE, *more),
        networks=(NET,),
    )


SOCKETS = SocketTable(
    place=ORDER.place,
    streams=(
        Stream("172.18.0.3", 40112, "172.18.0.9", 9092, "SYN-SENT"),
        Stream("172.18.0.3", 40110, "172.18.0.2", 3000, "ESTAB"),
    ),
)
