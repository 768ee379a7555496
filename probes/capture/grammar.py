"""What words filters are made of: tcpdump's, after pcap-filter(7), and our own."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


LOGIC = frozenset({"and", "or", "not"})

ALONE = _words(
    "tcp udp sctp icmp icmp6 igmp igrp pim ah esp vrrp carp ip ip6 arp rarp atalk aarp"
    " decnet iso stp ipx netbeui lat moprc mopdl broadcast multicast inbound outbound"
    " vlan mpls pppoed pppoes geneve esis isis clnp llc"
)
"""Words that are a filter by themselves."""

TAKES_HOST = frozenset({"host", "src", "dst", "gateway"})
TAKES_PORT = frozenset({"port", "portrange"})
TAKES_VALUE = frozenset(
    {
        *TAKES_HOST,
        *TAKES_PORT,
        *_words("net mask proto protochain less greater vlan mpls pppoes geneve ether"),
        *_words("ra ta addr1 addr2 addr3 addr4 type subtype dir link ip ip6 tcp udp"),
    }
)
"""Words after which a value belongs to them."""

_CONSTANTS = (
    "tcpflags tcp-fin tcp-syn tcp-rst tcp-push tcp-ack tcp-urg tcp-ece tcp-cwr"
    " icmptype icmpcode icmp-echoreply icmp-unreach icmp-sourcequench icmp-redirect"
    " icmp-echo icmp-routeradvert icmp-routersolicit icmp-timxceed icmp-paramprob"
    " icmp-tstamp icmp-tstampreply icmp-ireq icmp-ireqreply icmp-maskreq"
    " icmp-maskreply icmp6type icmp6code icmp6-destinationrunreach"
    " icmp6-packettoobig icmp6-timeexceeded icmp6-parameterproblem icmp6-echo"
    " icmp6-echoreply icmp6-multicastlistenerquery icmp6-multicastlistenerreportv1"
    " icmp6-multicastlistenerdone icmp6-routersolicit icmp6-routeradvert"
    " icmp6-neighborsolicit icmp6-neighboradvert icmp6-redirect"
    " icmp6-multicastlistenerreportv2"
)

KEYWORDS = frozenset(
    {
        *ALONE,
        *TAKES_HOST,
        *TAKES_PORT,
        *_words("net mask proto protochain less greater ether link fddi tr wlan"),
        *_words("ppp slip"),
        *_words("len tcp udp radio"),
        *_words(_CONSTANTS),
        *(f"\\{name}" for name in ALONE),
    }
)

_TEXTS = ("GET ", "POST", "PUT ", "HEAD", "DELE", "PATC", "OPTI", "CONN", "HTTP")
_PAYLOAD = "((tcp[12:1] & 0xf0) >> 2)"
_SPOKEN = " or ".join(f"tcp[{_PAYLOAD}:4] = 0x{text.encode().hex()}" for text in _TEXTS)


def _flag(mask: int) -> str:
    """A flag of TCP; libpcap looks into TCP over IPv4 only, so IPv6 by offset."""
    return (
        f"tcp[tcpflags] & {mask} != 0 or (ip6 and ip6[6] = 6 and ip6[53] & {mask} != 0)"
    )


SHORTHANDS = {
    "dns": "port 53",
    "http": f"tcp port 80 or tcp port 8080 or {_SPOKEN}",
    "tls": (
        "tcp port 443 or tcp port 8443 or (tcp[" + _PAYLOAD + ":1] >= 20"
        " and tcp[" + _PAYLOAD + ":1] <= 23 and tcp[" + _PAYLOAD + "+1:1] = 3)"
    ),
    "ping": (
        "icmp[icmptype] = icmp-echo or icmp[icmptype] = icmp-echoreply"
        " or icmp6[icmp6type] = icmp6-echo or icmp6[icmp6type] = icmp6-echoreply"
    ),
    "syn": _flag(2),
    "fin": _flag(1),
    "rst": _flag(4),
}
"""What people call things, in tcpdump's words. What HTTP and TLS speak is known by its
first bytes on any port (IPv4); their usual ports are taken whole, handshake and all."""
