"""Packets onto the disk: whole ones, in files that never fill it.

FILE is the one being written. When it is large enough it becomes FILE with a 1 before
its extension (`x.pcapng`, `x.1.pcapng`), what was 1 becomes 2 and so on, and the oldest
goes: the name that was asked for is always the newest, and each piece can be opened by
itself. A capture that is there already is turned over in the same way. (tcpdump -C
counts the other way round; there the newest has to be looked for.)

A file is made new (O_EXCL, O_NOFOLLOW, mode 0600), so a link that somebody put there is
never followed, and what is no capture is never touched.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from operator import itemgetter
from pathlib import PurePath

from netwiz.probes.capture import pcapng
from netwiz.probes.capture.order import FileOrder
from netwiz.probes.capture.ring import Packet
from netwiz.probes.capture.wanted import SNAPLEN
from netwiz.probes.errors import ProbeError, mapped
from netwiz.probes.facts.base import Failure
from netwiz.probes.text import plain

_AT_ONCE = 512
"""Packets between two looks at the size of the file."""
_MAGICS = frozenset(
    bytes.fromhex(magic)
    for magic in ("0a0d0d0a", "a1b2c3d4", "d4c3b2a1", "a1b23c4d", "4d3cb2a1")
)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Keeper:
    """Writes one capture."""

    def __init__(self, order: FileOrder, names: Mapping[str, str]) -> None:
        """Open the first file; raises ProbeError."""
        self._order = order
        self._names = dict(names)
        path = PurePath(order.path)
        self._name = path.name
        self._interfaces: dict[int, tuple[str, str, int]] = {}
        """By device number, in the order in which the file knows them."""
        self._numbers: list[int] = []
        """The file's number for each device number."""
        self._counts: Counter[int] = Counter()
        self._older: list[int] = []
        self._file = -1
        self._size = 0
        self.written = 0
        self.full = ""
        """Why writing has stopped."""
        with mapped(f"the file {order.path}"):
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
            self._folder = os.open(path.parent, flags)
            self._turn_over()

    @property
    def file_bytes(self) -> int:
        """On the disk now, over all files that are kept."""
        return self._size + sum(self._older)

    def device(self, number: int, name: str, comment: str, linktype: int) -> None:
        """Say what the packets with this number come from, before the first of them."""
        missing = number + 1 - len(self._numbers)
        self._numbers += [0] * max(missing, 0)
        self._numbers[number] = len(self._interfaces)
        self._interfaces[number] = (name, comment, linktype)
        self._put(pcapng.interface(name, comment, linktype, SNAPLEN))

    def write(self, packets: Sequence[Packet]) -> None:
        """Write these down, unless it is full."""
        for start in range(0, len(packets), _AT_ONCE):
            if self.full:
                return
            some = packets[start : start + _AT_ONCE]
            if self._put(pcapng.packets(some, self._numbers)):
                self.written += len(some)
                self._counts.update(map(_device, some))
            if self._size >= self._order.rotate_bytes and not self.full:
                self._next()

    def finish(self, dropped: Mapping[int, int]) -> None:
        """End the file in order; `dropped` is by device number."""
        if self._file < 0:
            return
        now = time.time_ns()
        blocks = [
            pcapng.statistics(there, now, self._counts[number], dropped.get(number, 0))
            for there, number in enumerate(self._interfaces)
        ]
        self._put(b"".join(blocks))
        self._close()
        os.close(self._folder)

    def _put(self, data: bytes) -> bool:
        """Append whole blocks, or none."""
        if self.full or self._file < 0:
            return False
        spare = self._order.spare_bytes
        free = os.fstatvfs(self._file)
        if spare and free.f_bavail * free.f_frsize - len(data) < spare:
            self.full = f"the disk has less than {-(-spare // 2**20)} MiB left"
            return False
        at = 0
        try:
            while at < len(data):
                at += os.write(self._file, data[at:] if at else data)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._size)
            self.full = f"writing failed: {os.strerror(error.errno or 0)}"
            return False
        self._size += len(data)
        return True

    # Files.

    def _next(self) -> None:
        """Close this file and begin the next."""
        self._close()
        try:
            self._turn_over()
        except (OSError, ProbeError) as error:
            self.full = plain(f"no new file could be begun: {error}", 200)
            return
        for name, comment, linktype in self._interfaces.values():
            self._put(pcapng.interface(name, comment, linktype, SNAPLEN))

    def _close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _turn_over(self) -> None:
        """Move what is there one number up, and begin FILE anew."""
        numbered = [self._numbered(n) for n in range(self._order.keep)]
        sizes = [self._size_of(name) for name in numbered]
        for n in range(len(numbered) - 1, 0, -1):
            if sizes[n - 1] is not None:
                os.replace(
                    numbered[n - 1],
                    numbered[n],
                    src_dir_fd=self._folder,
                    dst_dir_fd=self._folder,
                )
                sizes[n] = sizes[n - 1]
        if len(numbered) == 1 and sizes[0] is not None:
            os.unlink(self._name, dir_fd=self._folder)
        self._older = [size for size in sizes[1:] if size is not None]
        self._file = os.open(self._name, _NEW, 0o600, dir_fd=self._folder)
        self._size = 0
        user, group = self._order.owner
        if user >= 0:
            os.fchown(self._file, user, group)
        self._put(pcapng.section("written by netwiz") + pcapng.names(self._names))

    def _numbered(self, number: int) -> str:
        if not number:
            return self._name
        path = PurePath(self._name)
        return f"{path.stem}.{number}{path.suffix}"

    def _size_of(self, name: str) -> int | None:
        """Bytes of a capture, None where nothing is; refuses to touch what is none."""
        try:
            found = os.lstat(name, dir_fd=self._folder)
        except FileNotFoundError:
            return None
        what = plain(name, 200)
        if not stat.S_ISREG(found.st_mode):
            raise _refused(f"{what} is no plain file")
        if found.st_size:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            fd = os.open(name, flags, dir_fd=self._folder)
            try:
                begins = os.read(fd, 4)
            finally:
                os.close(fd)
            if begins not in _MAGICS:
                raise _refused(f"{what} is there and is no capture")
        return found.st_size


_device = itemgetter(1)


def _refused(what: str) -> ProbeError:
    return ProbeError(
        Failure.BROKEN, f"{what}: netwiz does not overwrite it", "name another file"
    )
