"""What a packet already answers of the wizard's questions."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from netwiz.probes.facts.packets import Level, PacketKind, PacketRow
from netwiz.probes.reading.glance import NOTHING, Glance, glance
from netwiz.tui.prefill import Prefill
from netwiz.widgets.packets.ends import is_ephemeral, split_end

if TYPE_CHECKING:
    from netwiz.widgets.packets.view import PacketsView

_NAME_ASKED = re.compile(r"(?:asks for|to:|answer to) [A-Z0-9]+ ([^\s()]+)")
"""How DNS over TCP, and a question that is not kept any more, are told."""
_QUOTED = re.compile(r" -> (\S+)$")
"""How an ICMP line ends: the packet that it speaks of."""


def prefill_of_row(row: PacketRow, view: PacketsView) -> Prefill:
    """Client, target and symptom, as far as a packet tells.

    The packet that this one is about was sent by the client, if it is still kept; else
    the end with a client's port is the client.
    """
    place = view.store.place_of(row.about) if row.about else -1
    asked = view.store.row(place) if place >= 0 else None
    linktype = view.standing.linktype(row.tap)
    own = glance(row, linktype)
    symptom = _symptom(row, asked, own)
    if asked is not None:
        client, server = asked.source, asked.destination
    else:
        client, server = _sides(row, own)
    if symptom == "dns":
        target = _name(row, asked, own, linktype)
    else:
        target = _target(row, asked, server)
    taps = view.standing.tap_names
    return Prefill(
        client=view.ends.name_of(client) or _of_tap(row, client, taps),
        target=target,
        symptom=symptom,
        error=row.text if symptom else "",
    )


def _symptom(row: PacketRow, asked: PacketRow | None, own: Glance) -> str:
    """What the application would report of it; empty when it would not notice."""
    kind, text = row.kind, row.text
    if row.level < Level.ODD:
        return ""
    if kind is PacketKind.ABSENCE:
        about_dns = asked.kind is PacketKind.DNS if asked else " to: " in text
        return "dns" if about_dns else "timeout"
    if kind is PacketKind.DNS:
        return "dns"
    if kind is PacketKind.TLS:
        return "tls"
    if kind is PacketKind.ICMP:
        if "refused" in text:
            return "refused"
        return "timeout" if "too large" in text else "unreachable"
    if own.reset:
        # About a packet is only the RST that answers a SYN, or that takes one back.
        taken_back = asked is not None and asked.source == row.source
        return "refused" if row.about and not taken_back else "reset"
    if kind is PacketKind.TCP:
        return "timeout" if own.syn else "slow"
    return ""


def _sides(row: PacketRow, own: Glance) -> tuple[str, str]:
    """Client and server by what is said, or by their ports."""
    if own.answers:
        return row.destination, row.source
    if own.name:
        return row.source, row.destination
    source, destination = split_end(row.source)[1], split_end(row.destination)[1]
    answers = is_ephemeral(destination) and not is_ephemeral(source)
    if answers or (row.kind is PacketKind.ICMP and row.level >= Level.ODD):
        return row.destination, row.source
    return row.source, row.destination


def _of_tap(row: PacketRow, end: str, taps: tuple[str, ...]) -> str:
    """A loopback address is that of whose namespace it was seen in."""
    address = split_end(end)[0]
    try:
        local = ipaddress.ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return ""
    return taps[row.tap] if local and row.tap < len(taps) else ""


def _name(row: PacketRow, asked: PacketRow | None, own: Glance, linktype: int) -> str:
    """What was asked for: as the packets have it, else as it was told."""
    question = glance(asked, linktype) if asked else NOTHING
    if name := question.name or own.name:
        return name
    for text in (asked.text if asked else "", row.text):
        if found := _NAME_ASKED.search(text):
            return found[1]
    return ""


def _target(row: PacketRow, asked: PacketRow | None, server: str) -> str:
    if row.kind is PacketKind.ICMP and asked is None:
        # Who says that it cannot be reached is not where the client wanted to go.
        found = _QUOTED.search(row.text)
        return found[1] if found else ""
    address, port = split_end(server)
    if not port or row.kind is PacketKind.ARP:
        return ""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
