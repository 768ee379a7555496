"""UDP in words: DNS, DHCP, and the names of what else is known by its port."""

from __future__ import annotations

from netwiz.probes.facts.packets import PacketKind
from netwiz.probes.reading import headers
from netwiz.probes.reading.dns import (
    EMBEDDED,
    LLMNR_PORT,
    MULTICAST_PORT,
    PORT,
    Dns,
)
from netwiz.probes.reading.headers import Ip
from netwiz.probes.reading.packet import Packet
from netwiz.probes.reading.words import NOTE, PLAIN, PROBLEM, Told, address_text

UDP = PacketKind.UDP
_DHCP_PORTS = (67, 68)
_DHCP_MAGIC = b"\x63\x82\x53\x63"
_DHCP = {
    1: "DHCP: looks for a server",
    2: "DHCP: offers {}",
    3: "DHCP: asks for an address",
    4: "DHCP: declines an address, somebody has it",
    5: "DHCP: gives {}",
    6: "DHCP: refuses the address (NAK)",
    7: "DHCP: gives the address back",
    8: "DHCP: asks for settings",
}
_PORTS = {
    123: "NTP",
    137: "NetBIOS name",
    138: "NetBIOS",
    161: "SNMP",
    162: "SNMP trap",
    443: "QUIC",
    514: "syslog",
    546: "DHCPv6",
    547: "DHCPv6",
    1900: "SSDP",
    4789: "VXLAN",
    7946: "swarm gossip",
    8125: "StatsD",
    8472: "VXLAN",
    51820: "WireGuard",
}


class Datagrams:
    """Reads UDP of all taps."""

    def __init__(self, dns: Dns) -> None:
        self._dns = dns

    def read(self, packet: Packet, ip: Ip, ports: tuple[int, int]) -> Told:
        """A datagram. Raises struct.error for what is too short."""
        at, data, (source, destination) = ip.at, packet.data, ports
        size = headers.HALF(data, at + 4)[0] - 8
        if size < 0:
            size = max(0, ip.end - at - 8)
        multicast = MULTICAST_PORT in ports or LLMNR_PORT in ports
        if PORT in ports or multicast or EMBEDDED in (ip.source, ip.destination):
            key = ip.source + ip.destination + data[at : at + 4]
            told = self._dns.read(packet, key, at=at + 8, waits=not multicast)
            if told is not None:
                return told
        if source in _DHCP_PORTS and destination in _DHCP_PORTS:
            return _dhcp(data, at + 8, size)
        name = _PORTS.get(destination) or _PORTS.get(source)
        return UDP, PLAIN, f"{name}, {size} B" if name else f"{size} B", 0


def _dhcp(data: bytes, at: int, size: int) -> Told:
    """The message's type is an option among others (RFC 2132, 9.6)."""
    place = at + 240
    if data[place - 4 : place] == _DHCP_MAGIC:
        while place + 2 < len(data) and data[place] != 255:
            if data[place] == 0:
                place += 1
                continue
            if data[place] == 53:
                kind = data[place + 2]
                given = address_text(data[at + 16 : at + 20])
                text = _DHCP.get(kind, f"DHCP, type {kind}").format(given)
                return UDP, PROBLEM if kind in (4, 6) else NOTE, text, 0
            place += 2 + data[place + 1]
    return UDP, PLAIN, f"DHCP, {size} B", 0
