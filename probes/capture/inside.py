"""Into a namespace and back, for a process with one thread and nothing else to load.

`netwiz.probes.namespaces` does the same for many threads, and brings the event loop
along, which the capturing child has no use for.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator

_CLONE_NEWNET = 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def inside(fd: int) -> Iterator[None]:
    """Stand in the network namespace behind `fd` for that long (setns(2)).

    Raises OSError. A process that stayed there would keep the namespace from ending.
    """
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _enter(fd)
        try:
            yield
        finally:
            _enter(home)
    finally:
        os.close(home)


def _enter(fd: int) -> None:
    if _libc.setns(fd, _CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
