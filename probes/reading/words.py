"""Numbers, times and ends in the words of a packet line."""

from __future__ import annotations

from collections.abc import Mapping
from socket import AF_INET6, inet_ntop

from netwiz.probes.facts.packets import Level, PacketKind
from netwiz.probes.text import plain

TCP = PacketKind.TCP
PLAIN, NOTE, ODD, PROBLEM = Level.PLAIN, Level.NOTE, Level.ODD, Level.PROBLEM

MOST_TEXT = 300
"""Characters of one line."""
MOST_NAME = 80
"""Characters of a name that a packet or a container brings."""

Told = tuple[PacketKind, Level, str, int]
"""What a packet means: kind, level, words, number of the packet that it is about."""


def amount(size: int) -> str:
    """``517 B``, ``1.2 kB``, ``34 MB``; decimal units."""
    if size < 1000:
        return f"{size} B"
    value = float(size)
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if value < 999.5:
            return f"{value:.1f} {unit}" if value < 99.95 else f"{value:.0f} {unit}"
    return f"{value / 1000:.1f} TB"


def lapse(nanoseconds: int) -> str:
    """``0.4 ms``, ``12 ms``, ``3.0 s``, ``75 s``, ``12 min``; never negative."""
    ms = max(0, nanoseconds) / 1e6
    if ms < 9.95:
        return f"{ms:.1f} ms" if ms >= 0.05 else f"{ms:.2f} ms"
    if ms < 999.5:
        return f"{ms:.0f} ms"
    seconds = ms / 1000
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 119.5:
        return f"{seconds:.0f} s"
    if seconds < 7170:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def ordinal(count: int) -> str:
    """``2nd``, ``3rd``, ``4th``."""
    if 10 <= count % 100 <= 20:
        return f"{count}th"
    return f"{count}{('th', 'st', 'nd', 'rd', *('th',) * 6)[count % 10]}"


def address_text(packed: bytes) -> str:
    """An address of 4 or 16 bytes as people write it; empty for any other length."""
    if len(packed) == 4:
        return "%d.%d.%d.%d" % tuple(packed)  # noqa: UP031 - half the time of format
    if len(packed) == 16:
        return inet_ntop(AF_INET6, packed)
    return ""


def end_text(packed: bytes, port: int) -> str:
    """``172.18.0.3:40312``, ``[fd00::2]:80``."""
    if len(packed) == 4:
        return "%d.%d.%d.%d:%d" % (*packed, port)  # noqa: UP031
    return f"[{address_text(packed)}]:{port}"


def ends_of(key: bytes) -> tuple[str, str]:
    """Source and destination of a key: both addresses, then both ports."""
    half = 4 if len(key) == 12 else 16
    source, destination = key[:half], key[half : 2 * half]
    ports = int.from_bytes(key[-4:-2]), int.from_bytes(key[-2:])
    return end_text(source, ports[0]), end_text(destination, ports[1])


def mac_text(packed: bytes) -> str:
    """``02:42:ac:12:00:03``."""
    return packed.hex(":")


def called(names: Mapping[str, str], address: str) -> str:
    """The name of who has an address, else the address."""
    name = names.get(address)
    return plain(name, MOST_NAME) if name else address


def called_end(names: Mapping[str, str], packed: bytes, port: int) -> str:
    """``pg:3000``; ``172.18.0.2:3000`` when nobody is known to be there."""
    name = names.get(address_text(packed))
    return f"{plain(name, MOST_NAME)}:{port}" if name else end_text(packed, port)


def known_end(names: Mapping[str, str], packed: bytes, port: int) -> str:
    """``pg (172.18.0.2:3000)``: name and address, for who is to be found at once."""
    name = names.get(address_text(packed))
    end = end_text(packed, port)
    return f"{plain(name, MOST_NAME)} ({end})" if name else end
