"""ctnetlink messages by hand: a dump that the kernel filters (linux/nfnetlink*.h).

A busy host tracks hundreds of thousands of flows; to read them all takes seconds and
hundreds of megabytes in a library. So the kernel is asked for what is wanted only
(CTA_FILTER, since 5.8), and of an older one, which ignores the wish, the messages are
passed over by their bytes before anything is made of them.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from netwiz.probes.facts.conntrack import Flow, FlowEnds
from netwiz.probes.netlink.dump import attributes
from netwiz.probes.netlink.rtnetlink import attribute

NETLINK_NETFILTER = 12
_SUBSYSTEM = 1 << 8
IPCTNL_MSG_CT_NEW = _SUBSYSTEM | 0
IPCTNL_MSG_CT_GET = _SUBSYSTEM | 1
IPCTNL_MSG_CT_GET_STATS_CPU = _SUBSYSTEM | 4
IPCTNL_MSG_CT_GET_STATS = _SUBSYSTEM | 5

# struct nfgenmsg: family, version, resource id.
_NFGENMSG = struct.Struct("!BBH")
_NESTED = 0x8000

CTA_TUPLE_ORIG, CTA_TUPLE_REPLY, CTA_STATUS, CTA_PROTOINFO = 1, 2, 3, 4
CTA_TIMEOUT = 7
CTA_FILTER = 25
_CTA_TUPLE_IP, _CTA_TUPLE_PROTO = 1, 2
_CTA_IP_V4_SRC, _CTA_IP_V4_DST, _CTA_IP_V6_SRC, _CTA_IP_V6_DST = 1, 2, 3, 4
_CTA_PROTO_NUM, _CTA_PROTO_SRC_PORT, _CTA_PROTO_DST_PORT = 1, 2, 3
_CTA_PROTOINFO_TCP, _CTA_PROTOINFO_TCP_STATE = 1, 1
_CTA_FILTER_ORIG_FLAGS, _CTA_FILTER_REPLY_FLAGS = 1, 2
# include/uapi/linux/netfilter: CTA_FILTER_FLAG_* as the kernel counts them
# (net/netfilter/nf_conntrack_netlink.c).
_FILTER_IP_SRC, _FILTER_IP_DST = 1 << 0, 1 << 1
_FILTER_PROTO_NUM = 1 << 3
_FILTER_PROTO_DST_PORT = 1 << 5
_IPS_SEEN_REPLY, _IPS_ASSURED = 1 << 1, 1 << 2

TCP_STATES = (
    "NONE",
    "SYN_SENT",
    "SYN_RECV",
    "ESTABLISHED",
    "FIN_WAIT",
    "CLOSE_WAIT",
    "LAST_ACK",
    "TIME_WAIT",
    "CLOSE",
    "SYN_SENT2",
)
STATISTICS = {
    2: "found",
    4: "invalid",
    8: "insert",
    9: "insert_failed",
    10: "drop",
    11: "early_drop",
    12: "error",
    13: "search_restart",
    14: "clash_resolve",
    15: "chain_toolong",
}
"""CTA_STATS_* of linux/netfilter/nfnetlink_conntrack.h."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which flows: whatever is empty fits anything. Addresses are of the original."""

    protocol: int
    destination: bytes = b""
    port: int = 0
    source: bytes = b""
    family: int = socket.AF_INET


def _nested(kind: int, *parts: bytes) -> bytes:
    return attribute(kind | _NESTED, b"".join(parts))


def dump_payload(wanted: Wanted) -> bytes:
    """The body of IPCTNL_MSG_CT_GET, with what the kernel shall filter by."""
    v6 = wanted.family == socket.AF_INET6
    flags = _FILTER_PROTO_NUM
    ends, ports = [], [attribute(_CTA_PROTO_NUM, bytes([wanted.protocol]))]
    if wanted.source:
        flags |= _FILTER_IP_SRC
        kind = _CTA_IP_V6_SRC if v6 else _CTA_IP_V4_SRC
        ends.append(attribute(kind, wanted.source))
    if wanted.destination:
        flags |= _FILTER_IP_DST
        kind = _CTA_IP_V6_DST if v6 else _CTA_IP_V4_DST
        ends.append(attribute(kind, wanted.destination))
    if wanted.port:
        flags |= _FILTER_PROTO_DST_PORT
        ports.append(attribute(_CTA_PROTO_DST_PORT, wanted.port.to_bytes(2, "big")))
    return b"".join(
        (
            _NFGENMSG.pack(wanted.family, 0, 0),
            _nested(
                CTA_TUPLE_ORIG,
                _nested(_CTA_TUPLE_IP, *ends),
                _nested(_CTA_TUPLE_PROTO, *ports),
            ),
            _nested(
                CTA_FILTER,
                attribute(_CTA_FILTER_ORIG_FLAGS, struct.pack("=I", flags)),
                attribute(_CTA_FILTER_REPLY_FLAGS, struct.pack("=I", 0)),
            ),
        )
    )


def plain_payload(family: int = socket.AF_UNSPEC) -> bytes:
    """The body of a request without any wish."""
    return _NFGENMSG.pack(family, 0, 0)


def may_fit(body: bytes, wanted: Wanted) -> bool:
    """A glance: whether every wanted number stands in the message somewhere."""
    port = wanted.port.to_bytes(2, "big") if wanted.port else b""
    return all(part in body for part in (wanted.destination, wanted.source, port))


def parse(body: bytes) -> Flow | None:
    """A message as a flow; None when it is not a whole one."""
    if len(body) < _NFGENMSG.size:
        return None
    found = dict(attributes(body[_NFGENMSG.size :]))
    original, number = _tuple(found.get(CTA_TUPLE_ORIG, b""))
    reply, _ = _tuple(found.get(CTA_TUPLE_REPLY, b""))
    if original is None or reply is None:
        return None
    status = int.from_bytes(found.get(CTA_STATUS, b"")[:4], "big")
    return Flow(
        protocol={6: "tcp", 17: "udp"}.get(number, str(number)),
        original=original,
        reply=reply,
        state=_tcp_state(found.get(CTA_PROTOINFO, b"")),
        timeout_s=int.from_bytes(found.get(CTA_TIMEOUT, b"")[:4], "big"),
        assured=bool(status & _IPS_ASSURED),
        replied=bool(status & _IPS_SEEN_REPLY),
    )


def fits(flow: Flow, wanted: Wanted) -> bool:
    """Whether a flow is one of those that were asked for."""
    number = {"tcp": 6, "udp": 17}.get(flow.protocol, -1)
    ends = flow.original
    return (
        number == wanted.protocol
        and (not wanted.port or ends.destination_port == wanted.port)
        and (not wanted.destination or _packed(ends.destination) == wanted.destination)
        and (not wanted.source or _packed(ends.source) == wanted.source)
    )


def statistics(body: bytes) -> Iterator[tuple[str, int]]:
    """The counters of one processor."""
    for kind, value in attributes(body[_NFGENMSG.size :]):
        if kind in STATISTICS:
            yield STATISTICS[kind], int.from_bytes(value[:4], "big")


def _tuple(data: bytes) -> tuple[FlowEnds | None, int]:
    parts = dict(attributes(data))
    ip = dict(attributes(parts.get(_CTA_TUPLE_IP, b"")))
    proto = dict(attributes(parts.get(_CTA_TUPLE_PROTO, b"")))
    source = _address(ip.get(_CTA_IP_V4_SRC) or ip.get(_CTA_IP_V6_SRC, b""))
    target = _address(ip.get(_CTA_IP_V4_DST) or ip.get(_CTA_IP_V6_DST, b""))
    number = int.from_bytes(proto.get(_CTA_PROTO_NUM, b"")[:1], "big")
    if not source or not target:
        return None, number
    sport = int.from_bytes(proto.get(_CTA_PROTO_SRC_PORT, b"")[:2], "big")
    dport = int.from_bytes(proto.get(_CTA_PROTO_DST_PORT, b"")[:2], "big")
    return FlowEnds(source, target, sport, dport), number


def _tcp_state(data: bytes) -> str:
    tcp = dict(attributes(data)).get(_CTA_PROTOINFO_TCP, b"")
    state = dict(attributes(tcp)).get(_CTA_PROTOINFO_TCP_STATE, b"")
    if not state:
        return ""
    return TCP_STATES[state[0]] if state[0] < len(TCP_STATES) else str(state[0])


def _address(packed: bytes) -> str:
    if len(packed) == 4:
        return socket.inet_ntop(socket.AF_INET, packed)
    return socket.inet_ntop(socket.AF_INET6, packed) if len(packed) == 16 else ""


def _packed(address: str) -> bytes:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.inet_pton(family, address)
