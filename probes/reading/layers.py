"""A packet opened: its layers by scapy, and its bytes.

scapy is loaded when the first packet is opened (0.4 s: in a worker thread, please), and
only the layers that are spoken between containers. What it makes of a packet becomes a
neutral tree of plain texts: whoever draws it needs to know neither scapy nor escapes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from netwiz.probes.links.scapy_loader import load_scapy
from netwiz.probes.reading import headers
from netwiz.probes.reading.http import METHODS
from netwiz.probes.reading.tls import CONTENTS, is_record
from netwiz.probes.reading.tls_hello import message_fields, version_name
from netwiz.probes.text import plain

if TYPE_CHECKING:
    from scapy.packet import Packet

_MOST_LAYERS = 24
_MOST_FIELDS = 400
_MOST_DEPTH = 4
_MOST_LIST = 64
_MOST_VALUE = 200
_MOST_BYTES = 65_536
"""Bytes that are dissected and shown."""
_WIDTH = 16
_SHOWN_HEX = 32
_MOST_RECORDS = 16


@dataclass(frozen=True, slots=True)
class LayerField:
    """One field; `parts` are the fields of what it consists of."""

    name: str
    value: str
    parts: tuple[LayerField, ...] = ()


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer, and which bytes of the packet are its header's."""

    name: str
    fields: tuple[LayerField, ...]
    at: int
    size: int


@dataclass(frozen=True, slots=True)
class Layers:
    """A packet's layers, outermost first."""

    layers: tuple[Layer, ...]
    trouble: str = ""
    """Why the rest could not be read; empty when all was."""


@dataclass(frozen=True, slots=True)
class HexLine:
    """Sixteen bytes."""

    at: int
    hex: str
    """``45 00 00 3c 1c 46 40 00  40 06 ...``."""
    text: str
    """Printable ASCII; a full stop for anything else."""


def dissect(data: bytes, linktype: int) -> Layers:
    """The layers of a packet. Never raises; loads scapy the first time."""
    try:
        load_scapy()
        packet = _first(data[:_MOST_BYTES], linktype)
    except Exception as error:  # noqa: BLE001 - hostile bytes, and a library's bugs
        return Layers((), f"could not be read: {plain(str(error), 120)}")
    layers: list[Layer] = []
    at = 0
    trouble = ""
    try:
        for layer in _chain(packet):
            size = _header_size(layer)
            name = _name(layer)
            if name == "Raw" and (records := _records(data, at)):
                layers += records
            elif fields := _fields(layer):
                layers.append(Layer(name, fields, at, size))
            at += size
    except Exception as error:  # noqa: BLE001 - as above
        trouble = f"the rest could not be read: {plain(str(error), 120)}"
    return Layers(tuple(layers), trouble)


def _first(data: bytes, linktype: int) -> Packet:
    """Dissected by its link type; what is unknown stays raw."""
    from scapy.config import conf
    from scapy.layers import dhcp, dns, http, inet, inet6, l2, vxlan  # noqa: F401
    from scapy.packet import Raw

    # A few bytes of gzip may be gigabytes of zeros.
    conf.contribs["http"] = {"auto_compression": False, "auto_chunk": False}

    if linktype == headers.ETHERNET:
        return l2.Ether(data)
    if linktype == headers.SLL:
        return l2.CookedLinux(data)
    if linktype == headers.SLL2:
        return l2.CookedLinuxV2(data)
    ethertype, at = headers.link(linktype, data)
    if ethertype == headers.IPV4 and not at:
        return inet.IP(data)
    if ethertype == headers.IPV6 and not at:
        return inet6.IPv6(data)
    if at == 4:
        return l2.Loopback(data)
    return Raw(data)


def _chain(packet: Packet) -> Iterator[Packet]:
    layer: Any = packet
    for _ in range(_MOST_LAYERS):
        if not layer or type(layer).__name__ == "NoPayload":
            return
        if _is_http(layer):
            # The library goes by the port, which is 80 or 8080 outside containers.
            from scapy.layers.http import HTTP

            layer = HTTP(layer.load)
        yield layer
        layer = layer.payload


def _is_http(layer: Any) -> bool:
    load = getattr(layer, "load", b"") if layer.name == "Raw" else b""
    return load.startswith((*METHODS, b"HTTP/1."))


def _header_size(layer: Any) -> int:
    """Bytes of a layer without what it carries, as far as they are known."""
    original = getattr(layer, "original", b"") or b""
    inner = getattr(layer.payload, "original", b"") or b""
    return max(0, len(original) - len(inner))


def _name(layer: Any) -> str:
    return plain(str(layer.name), 60)


def _fields(packet: Any, depth: int = 0) -> tuple[LayerField, ...]:
    found: list[LayerField] = []
    for described in packet.fields_desc[:_MOST_FIELDS]:
        value = packet.fields.get(described.name, packet.getfieldval(described.name))
        if value is None:
            continue
        parts = _parts(value, depth)
        shown = "" if parts else _shown(packet, described, value)
        found.append(LayerField(plain(described.name, 40), shown, parts))
    return tuple(found)


def _parts(value: Any, depth: int) -> tuple[LayerField, ...]:
    """What a field consists of: packets, or a list of some."""
    if depth >= _MOST_DEPTH:
        return ()
    listed = value if isinstance(value, list) else [value]
    if not listed or not all(hasattr(item, "fields_desc") for item in listed):
        return ()
    return tuple(
        LayerField(_name(item), "", _fields(item, depth + 1))
        for item in listed[:_MOST_LIST]
    )


def _shown(packet: Any, described: Any, value: Any) -> str:
    """A value as scapy writes it; bytes as text, or as hex when they are none."""
    if isinstance(value, bytes):
        return _text_or_hex(value)
    try:
        return plain(str(described.i2repr(packet, value)), _MOST_VALUE)
    except Exception:  # noqa: BLE001 - a value that the library cannot write
        return plain(repr(value), _MOST_VALUE)


def _text_or_hex(value: bytes) -> str:
    head = value[:_MOST_VALUE]
    strange = sum(not 32 <= byte < 127 and byte not in (9, 10, 13) for byte in head)
    if strange * 8 <= len(head):
        return plain(value, _MOST_VALUE)
    more = "…" if len(value) > _SHOWN_HEX else ""
    return f"{value[:_SHOWN_HEX].hex(' ')}{more} ({len(value)} B)"


def _records(data: bytes, at: int) -> list[Layer]:
    """TLS records, without scapy: its reader of them takes as long to load again."""
    found: list[Layer] = []
    while len(found) < _MOST_RECORDS and len(data) >= at + 5 and is_record(data, at):
        size = int.from_bytes(data[at + 3 : at + 5])
        body = data[at + 5 : at + 5 + size]
        said = [
            ("content", CONTENTS.get(data[at], str(data[at]))),
            ("version", version_name(int.from_bytes(data[at + 1 : at + 3]))),
            ("length", str(size)),
            *message_fields(data[at], body),
        ]
        fields = tuple(LayerField(name, value) for name, value in said if value)
        found.append(Layer("TLS record", fields, at, 5 + size))
        at += 5 + size
    return found


def hexdump(data: bytes, at: int = 0, size: int = _MOST_BYTES) -> tuple[HexLine, ...]:
    """The bytes from `at` on, sixteen a line; at most `size` of them."""
    end = min(len(data), at + min(size, _MOST_BYTES))
    return tuple(
        _hex_line(place, data[place : min(place + _WIDTH, end)])
        for place in range(at, end, _WIDTH)
    )


def _hex_line(at: int, data: bytes) -> HexLine:
    half = _WIDTH // 2
    text = data[:half].hex(" ")
    if len(data) > half:
        text = f"{text}  {data[half:].hex(' ')}"
    shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in data)
    return HexLine(at, text, shown)
