"""Files of a container, read from the host without trusting the container.

A container may plant anything in its own file system: a link ``/etc/hosts ->
/proc/1/root/etc/shadow``, a FIFO, a terabyte. Seen from the host every absolute link
would lead to the host's own files. So each component is opened by itself with
O_NOFOLLOW, links are resolved inside the container's root as the container would see
them, ``..`` stops at that root, and only regular files are read, and only their
beginning. (openat2(2) with RESOLVE_IN_ROOT does the same since Linux 5.6; engines run
on older kernels.)
"""

from __future__ import annotations

import contextlib
import itertools
import os
import stat
from collections.abc import Iterator
from pathlib import Path

LIMIT = 64 * 1024
"""Bytes that are read of a file."""

_MOST_LINKS = 40
"""As many as the kernel follows (path_resolution(7))."""

_MOST_STEPS = 400


class RootFiles:
    """The file tree below one root directory. Blocks: use it in a worker thread."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, path: str, limit: int = LIMIT) -> bytes | None:
        """The first `limit` bytes; None when there is no such regular file.

        Raises OSError where the root itself cannot be entered (gone, no rights).
        """
        with self._opened(path) as fd:
            if fd < 0 or not stat.S_ISREG(os.fstat(fd).st_mode):
                return None
            # The O_PATH descriptor pins the inode that was checked; its /proc entry
            # opens that very inode again, whatever the path leads to by now.
            flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
            readable = os.open(f"/proc/self/fd/{fd}", flags)
            try:
                return _read_up_to(readable, limit)
            finally:
                os.close(readable)

    def has(self, path: str) -> bool:
        """Whether a regular file with something in it is there."""
        with self._opened(path) as fd:
            if fd < 0:
                return False
            found = os.fstat(fd)
            return stat.S_ISREG(found.st_mode) and found.st_size > 0

    def names(self, path: str, most: int) -> list[str] | None:
        """The first `most` names in a folder, sorted; None when there is none."""
        with self._opened(path) as fd:
            if fd < 0 or not stat.S_ISDIR(os.fstat(fd).st_mode):
                return None
            with os.scandir(f"/proc/self/fd/{fd}") as entries:
                return sorted(entry.name for entry in itertools.islice(entries, most))

    @contextlib.contextmanager
    def _opened(self, path: str) -> Iterator[int]:
        """An O_PATH descriptor of what `path` means inside the root; -1 for nothing."""
        with contextlib.ExitStack() as stack:
            root = os.open(self._root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            stack.callback(os.close, root)
            yield _walk(stack, root, path)


def _read_up_to(fd: int, limit: int) -> bytes:
    parts: list[bytes] = []
    left = limit
    while left > 0 and (part := os.read(fd, left)):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _walk(stack: contextlib.ExitStack, root: int, path: str) -> int:
    """Follow `path` from `root`; every descriptor opened on the way is on `stack`."""
    trail = [root]
    todo = list(reversed(path.split("/")))
    links = 0
    for _ in range(_MOST_STEPS):
        if not todo:
            return trail[-1]
        part = todo.pop()
        if part in ("", "."):
            continue
        if part == "..":
            # What lies above the root is the root, as for the container itself.
            if len(trail) > 1:
                trail.pop()
            continue
        try:
            flags = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
            fd = os.open(part, flags, dir_fd=trail[-1])
        except (OSError, ValueError):
            return -1
        stack.callback(os.close, fd)
        if not stat.S_ISLNK(os.fstat(fd).st_mode):
            trail.append(fd)
            continue
        links += 1
        if links > _MOST_LINKS:
            return -1
        target = os.readlink("", dir_fd=fd)
        if target.startswith("/"):
            trail = [root]
        todo.extend(reversed(target.split("/")))
    return -1
