"""The flows that a namespace tracks, as far as a diagnosis asks for them."""

from __future__ import annotations

import errno
import ipaddress
import shlex
import socket
from collections.abc import Iterable
from pathlib import Path

from netwiz.probes.conntrack import wire
from netwiz.probes.errors import ProbeError, mapped
from netwiz.probes.facts.base import Failure, Place
from netwiz.probes.facts.connection import Protocol
from netwiz.probes.facts.conntrack import ConntrackView, Flow
from netwiz.probes.machine import Ground
from netwiz.probes.netlink.dump import Dumper
from netwiz.probes.requests import ReadConntrack

MOST_FLOWS = 256
BUDGET_S = 4.0
LOOKED_AT = 1_000_000
"""Messages after which a table is given up on."""
_SYSCTL = Path("/proc/sys/net/netfilter")


async def read_conntrack(ground: Ground, request: ReadConntrack) -> ConntrackView:
    """The flows that fit, newest last as the kernel gives them, and the table's state.

    A table of any size is read within 2 s or told of as unfinished (`more`). Raises
    ProbeError where nothing is tracked at all (no conntrack in this kernel), without
    CAP_NET_ADMIN, and for what is no address.
    """
    wanted = _wanted(request)
    command = _command(ground, request)
    with mapped(f"the tracked flows of {request.place.label}"):
        return await ground.namespaces.call(
            request.place, _read, request.place, wanted, command
        )


def _wanted(request: ReadConntrack) -> wire.Wanted:
    packed = []
    for text in (request.address, request.source):
        try:
            packed.append(ipaddress.ip_address(text).packed if text else b"")
        except ValueError:
            raise ProbeError(Failure.BROKEN, "that is no IP address") from None
    v6 = any(len(p) == 16 for p in packed)
    return wire.Wanted(
        protocol=6 if request.protocol is Protocol.TCP else 17,
        destination=packed[0],
        port=request.port,
        source=packed[1],
        family=socket.AF_INET6 if v6 else socket.AF_INET,
    )


def _read(place: Place, wanted: wire.Wanted, command: str) -> ConntrackView:
    try:
        flows, scanned, whole = _dump(wanted, wire.dump_payload(wanted))
    except OSError as error:
        # A kernel before 5.8 knows no CTA_FILTER; all of it is looked through then.
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):
            raise
        flows, scanned, whole = _dump(wanted, wire.plain_payload(wanted.family))
    return ConntrackView(
        command=command,
        place=place,
        flows=tuple(flows),
        more=not whole,
        scanned=scanned,
        count=_number("nf_conntrack_count"),
        limit=_number("nf_conntrack_max"),
        stats=_statistics(),
        established_s=_number("nf_conntrack_tcp_timeout_established"),
        liberal=bool(_number("nf_conntrack_tcp_be_liberal")),
        loose=_number("nf_conntrack_tcp_loose") != 0,
    )


def _dump(wanted: wire.Wanted, payload: bytes) -> tuple[list[Flow], int, bool]:
    """The flows, how many messages were seen, and whether that was all of them."""
    with Dumper(wire.NETLINK_NETFILTER, budget_s=BUDGET_S, limit=LOOKED_AT) as dumper:
        return chosen(dumper.dump(wire.IPCTNL_MSG_CT_GET, payload), wanted)


def chosen(
    messages: Iterable[tuple[int, bytes]], wanted: wire.Wanted
) -> tuple[list[Flow], int, bool]:
    """Those of a dump's messages that fit; no more than MOST_FLOWS of them are kept."""
    flows: list[Flow] = []
    scanned = 0
    try:
        for kind, body in messages:
            scanned += 1
            if kind != wire.IPCTNL_MSG_CT_NEW or not wire.may_fit(body, wanted):
                continue
            flow = wire.parse(body)
            if flow is None or not wire.fits(flow, wanted):
                continue
            if len(flows) >= MOST_FLOWS:
                return flows, scanned, False
            flows.append(flow)
    except TimeoutError:
        return flows, scanned, False
    return flows, scanned, scanned < LOOKED_AT


def _statistics() -> dict[str, int]:
    """Sums over all processors; empty where the kernel does not tell."""
    sums: dict[str, int] = {}
    try:
        with Dumper(wire.NETLINK_NETFILTER, budget_s=0.5, limit=4096) as dumper:
            kind = wire.IPCTNL_MSG_CT_GET_STATS_CPU
            for _, body in dumper.dump(kind, wire.plain_payload()):
                for name, value in wire.statistics(body):
                    sums[name] = sums.get(name, 0) + value
    except OSError:
        return {}
    return sums


def _number(name: str) -> int:
    """A setting of the thread's namespace (/proc/sys/net follows it); 0 if unknown."""
    try:
        return int((_SYSCTL / name).read_text())
    except (OSError, ValueError):
        return 0


def _command(ground: Ground, request: ReadConntrack) -> str:
    words = [f"{ground.namespaces.enter(request.place)}conntrack -L"]
    words.append(f"-p {request.protocol}")
    for flag, value in (
        ("--orig-src", request.source),
        ("--orig-dst", request.address),
        ("--orig-port-dst", str(request.port or "")),
    ):
        words += [f"{flag} {shlex.quote(value)}"] if value else []
    return " ".join(words)
