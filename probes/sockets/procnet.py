"""The sockets of a namespace by /proc/net, for kernels without sock_diag (proc(5)).

Some small kernels are built without INET_DIAG. To take "cannot tell" for "nobody
listens" would put the blame on a healthy server, so the slower way is gone then. It
knows neither accept queues nor IPV6_V6ONLY; both are left at their defaults.
"""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from netwiz.probes.sockets.sockraw import RawSocket

FOLDER = Path("/proc/thread-self/net")
"""Follows the calling thread's namespace; /proc/net would not."""
MAX_LINES = 65_536


def read_proc(protocol: str, states: int) -> Iterator[RawSocket]:
    """Every socket of a protocol in one of the states, IPv4 first.

    Raises:
        OSError: the kernel has not even that; only IPv6 may be missing.
    """
    yield from _read(FOLDER / protocol, protocol, 4, states)
    try:
        yield from _read(FOLDER / f"{protocol}6", protocol, 6, states)
    except FileNotFoundError:
        return


def _read(path: Path, protocol: str, family: int, states: int) -> Iterator[RawSocket]:
    with path.open(encoding="ascii", errors="replace") as lines:
        for line in islice(lines, 1, MAX_LINES):
            found = parse_line(line, protocol, family)
            if found is not None and states & 1 << found.state:
                yield found


def parse_line(line: str, protocol: str, family: int) -> RawSocket | None:
    """One line of the table; None when it is not a whole one."""
    fields = line.split()
    try:
        local, local_port = _end(fields[1], family)
        remote, remote_port = _end(fields[2], family)
        state, inode = int(fields[3], 16), int(fields[9])
    except (IndexError, ValueError, OSError, struct.error):
        return None
    if not 0 < state < 32 or inode < 0:
        return None
    return RawSocket(
        protocol=protocol,
        family=family,
        state=state,
        local=local,
        local_port=local_port,
        remote=remote,
        remote_port=remote_port,
        inode=inode,
    )


def _end(text: str, family: int) -> tuple[str, int]:
    """``0100007F:0BB8``: words in the machine's own order, the port as a number."""
    digits, _, port = text.partition(":")
    packed = bytes.fromhex(digits)
    if sys.byteorder == "little":
        count = len(packed) // 4
        packed = struct.pack(f"<{count}I", *struct.unpack(f">{count}I", packed))
    number = int(port, 16)
    if not 0 <= number < 65_536:
        raise ValueError(text)
    kind = socket.AF_INET if family == 4 else socket.AF_INET6
    return socket.inet_ntop(kind, packed), number
