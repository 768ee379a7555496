"""A ring of packets that the kernel fills and we read: TPACKET_V3 (packet(7)).

The kernel writes packets into blocks of shared memory and hands over a whole block
when it is full or has waited for 50 ms, so there is no system call per packet. Layouts
are those of linux/if_packet.h and Documentation/networking/packet_mmap.rst.

The socket is made deaf (protocol 0), gets its filter and its ring, and is bound only
then, so nothing that the filter refuses is ever in the ring. It asks for no promiscuous
mode: netwiz listens where packets are for somebody, and changes no device. Ring and
socket are gone when the process is, however it ends.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import socket
import struct
from collections.abc import Callable

from netwiz.probes.text import plain

Packet = tuple[int, int, int, bytes]
"""Nanoseconds of CLOCK_REALTIME, its device's number, bytes on the wire, bytes kept."""

Learn = Callable[[int, int], tuple[int, bool]]
"""(ifindex, ARPHRD_*) to the number that the device's packets bear, and whether they
are told from the network header on, without whatever the link puts before it."""

BLOCK, SMALL_BLOCK = 128 * 1024, 32 * 1024
"""Bytes: a packet of 64 KiB, as virtual devices pass them on unsegmented, fits in the
usual one. A small ring is of small ones, where longer packets are cut."""
_LEAST_BLOCKS = 4
RETIRE_MS = 50
"""After so long the kernel hands a block over though it is not full."""

ARPHRD_ETHER, ARPHRD_LOOPBACK = 1, 772

_SOL_PACKET = 263
_RX_RING, _STATISTICS, _VERSION = 5, 6, 10
_TPACKET_V3 = 2
_SO_ATTACH_FILTER = 26
_ETH_P_ALL = 3
_SIOCGIFNAME = 0x8910
_FRAME_SIZE = 2048
_USER = 1
_VLAN_VALID, _TPID_VALID = 0x10, 0x40
_ETH_P_8021Q = 0x8100

_SOCKADDR_LL = struct.Struct("=HHiHBB8s")
_BLOCK_HEAD = struct.Struct("=8xIII")
"""block_status, num_pkts, offset_to_first_pkt (struct tpacket_block_desc)."""
_FRAME = struct.Struct("=IIIIIIHH4xIH14xiH")
"""next, sec, nsec, kept, length, status, mac, net, tci, tpid of struct tpacket3_hdr,
then ifindex and hatype of the struct sockaddr_ll behind it."""
_VLAN = struct.Struct(">HH")

_libc = ctypes.CDLL(None, use_errno=True)


class Ring:
    """A ring in the calling thread's network namespace."""

    def __init__(self, size: int, program: bytes, learn: Learn, index: int = 0) -> None:
        """Listen at once; `index` is one device's, 0 for all. Raises OSError."""
        self._learn = learn
        self._block = BLOCK if size >= _LEAST_BLOCKS * BLOCK else SMALL_BLOCK
        self._blocks = max(size // self._block, _LEAST_BLOCKS)
        self._next = 0
        self._known: dict[int, tuple[int, bool]] = {}
        self.fill = 0.0
        """How much of it `take` has emptied, of 1; to be set back by who looks."""
        self.dropped = 0
        """Packets that found no room, as of the last `count`."""
        self.broken = ""
        """Why nothing more will come; empty while it works."""
        self._socket = socket.socket(
            socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0
        )
        try:
            self.choose(program)
            self._map()
            self._bind(index)
        except BaseException:
            self._socket.close()
            raise

    def _map(self) -> None:
        self._socket.setsockopt(_SOL_PACKET, _VERSION, _TPACKET_V3)
        frames = self._blocks * (self._block // _FRAME_SIZE)
        request = (self._block, self._blocks, _FRAME_SIZE, frames, RETIRE_MS, 0, 0)
        self._set_ring(struct.pack("=7I", *request))
        self._memory = mmap.mmap(self._socket.fileno(), self._block * self._blocks)

    def _set_ring(self, request: bytes) -> None:
        """Not by Python's setsockopt, which keeps the interpreter's lock for 15 ms."""
        where = (self._socket.fileno(), _SOL_PACKET, _RX_RING)
        if _libc.setsockopt(*where, request, len(request)) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    def _bind(self, index: int) -> None:
        # Python's bind() insists on a device's name; index 0 stands for all of them.
        there = _SOCKADDR_LL.pack(
            socket.AF_PACKET, socket.htons(_ETH_P_ALL), index, 0, 0, 0, b""
        )
        if _libc.bind(self._socket.fileno(), there, len(there)) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    def choose(self, program: bytes) -> None:
        """Take another filter; there is no moment without one."""
        code = ctypes.create_string_buffer(program)
        attach = struct.pack("HL", len(program) // 8, ctypes.addressof(code))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, attach)

    def fileno(self) -> int:
        """For polling: readable when a block is ours, or something has happened."""
        return self._socket.fileno()

    def take(self, most: int = 8) -> list[Packet]:
        """What is in the blocks that are ours now, at most so many blocks of it."""
        packets: list[Packet] = []
        memory = self._memory
        taken = 0
        for _ in range(most):
            start = self._next * self._block
            status, count, first = _BLOCK_HEAD.unpack_from(memory, start)
            if not status & _USER:
                break
            self._walk(packets, start + first, count)
            memory[start + 8 : start + 12] = b"\0\0\0\0"
            self._next = (self._next + 1) % self._blocks
            taken += 1
        self.fill += taken / self._blocks
        return packets

    def _walk(self, packets: list[Packet], at: int, count: int) -> None:
        """Take the packets of a block: the one place where each costs time."""
        memory, unpack, known, add = (
            self._memory,
            _FRAME.unpack_from,
            self._known,
            packets.append,
        )
        last, number, flat = -1, 0, False
        for _ in range(count):
            (step, sec, nsec, kept, size, status, mac, net, tci, tpid, index, kind) = (
                unpack(memory, at)
            )
            if index != last:
                last = index
                found = known.get(index)
                if found is None:
                    found = known[index] = self._learn(index, kind)
                number, flat = found
            if flat:
                begin, cut = at + net, net - mac
                kept, size = max(kept - cut, 0), max(size - cut, 0)
            else:
                begin = at + mac
            data = memory[begin : begin + kept]
            if status & _VLAN_VALID and not flat:
                tag = tpid if status & _TPID_VALID else _ETH_P_8021Q
                data = data[:12] + _VLAN.pack(tag, tci) + data[12:]
                size += 4
            add((sec * 1_000_000_000 + nsec, number, size, data))
            at += step

    def forget(self, index: int) -> None:
        """Learn a device anew: its number now belongs to another."""
        self._known.pop(index, None)

    def count(self) -> int:
        """Packets dropped since the last call: the kernel resets its count."""
        try:
            data = self._socket.getsockopt(_SOL_PACKET, _STATISTICS, 12)
        except OSError:
            return 0
        drops = int.from_bytes(data[4:8], "little" if _LITTLE else "big")
        self.dropped += drops
        return drops

    def error(self) -> str:
        """Take the socket's error: a device that went away leaves one."""
        number = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number in {0, errno.ENETDOWN}:
            return ""
        return os.strerror(number)

    def name_of(self, index: int) -> str:
        """The name of a device in the ring's namespace; `#7` when it is gone."""
        import fcntl

        asked = struct.pack("=16si20x", b"", index)
        try:
            answer = fcntl.ioctl(self._socket, _SIOCGIFNAME, asked)
        except OSError:
            return f"#{index}"
        return plain(answer[:16].rstrip(b"\0"), 32)

    def close(self) -> None:
        """Give memory and socket back: some 13 ms, for the kernel waits for readers."""
        self._memory.close()
        self._socket.close()


_LITTLE = struct.pack("=H", 1) == b"\x01\x00"
