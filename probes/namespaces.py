"""The way into network namespaces: no subprocess, nothing installed in any image.

A worker thread enters the namespace with setns(2), makes what is wanted there (a
socket stays in the namespace it was made in) and comes back. Network namespaces are
per thread, so the event loop's thread never leaves home. Python 3.11 has no os.setns;
ctypes stands in for it.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from netwiz.probes.engine.pool import DaemonPool
from netwiz.probes.errors import ProbeError, mapped
from netwiz.probes.facts.base import Failure, Place, PlaceKind

CLONE_NEWNET = 0x40000000
NETNS_DIR = Path("/run/netns")

P = ParamSpec("P")
R = TypeVar("R")

_libc = ctypes.CDLL(None, use_errno=True)

PidOf = Callable[[str], int]
"""Container id to the pid of its first process; raises ProbeError when it has none."""


class PoisonedError(Exception):
    """A thread could not come home; it must never be used again."""


def setns(fd: int) -> None:
    """Move the calling thread into the network namespace behind `fd` (setns(2))."""
    if _libc.setns(fd, CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _close_orphans(work: Future[Any]) -> None:
    """Close sockets that were made for somebody who has gone."""
    if work.cancelled() or work.exception() is not None:
        return
    made = work.result()
    for one in made if isinstance(made, tuple) else (made,):
        if isinstance(one, socket.socket):
            one.close()


class Namespaces:
    """Runs functions inside namespaces and says how a person would get there."""

    def __init__(self, pid_of: PidOf, workers: int = 8) -> None:
        self._pid_of = pid_of
        # /proc/self would be the main thread's; each worker must return to this one.
        self._home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self._workers = workers
        self._pool = self._new_pool()
        self._thread = threading.local()

    def close(self) -> None:
        """Let the workers finish what they do and end."""
        self._pool.close(drop=True)
        if self._home >= 0:
            os.close(self._home)
            self._home = -1

    def _new_pool(self) -> DaemonPool:
        return DaemonPool(self._workers, "netns")

    def pid(self, place: Place) -> int:
        """The pid by which a place is reached; 0 for the host and named namespaces."""
        return self._pid_of(place.key) if place.kind is PlaceKind.CONTAINER else 0

    def path(self, place: Place) -> Path:
        """The namespace as a file."""
        if place.kind is PlaceKind.HOST:
            return Path("/proc/thread-self/ns/net")
        if place.kind is PlaceKind.NETNS:
            if "/" in place.key:
                raise ProbeError(Failure.GONE, f"no namespace named {place.key}")
            return NETNS_DIR / place.key
        if place.kind is PlaceKind.OVERLAY:
            from netwiz.probes.overlay.hidden import namespace_of

            return namespace_of(place.key)
        return Path(f"/proc/{self.pid(place)}/ns/net")

    def root(self, place: Place) -> Path:
        """The root directory that the place's processes see."""
        pid = self.pid(place)
        return Path(f"/proc/{pid}/root") if pid else Path("/")

    def enter(self, place: Place) -> str:
        """How a person enters the place: a shell prefix, empty for the host."""
        if place.kind is PlaceKind.HOST:
            return ""
        if place.kind is PlaceKind.NETNS:
            return f"ip netns exec {place.key} "
        if place.kind is PlaceKind.OVERLAY:
            try:
                return f"nsenter --net={self.path(place)} "
            except ProbeError:
                hidden = f"/var/run/docker/netns/1-{place.key[:10]}"
                return f"nsenter --net={hidden} "
        try:
            return f"nsenter -t {self.pid(place)} -n "
        except ProbeError:
            inspect = f"docker inspect -f '{{{{.State.Pid}}}}' {place.label}"
            return f"nsenter -t $({inspect}) -n "

    def inode(self, place: Place) -> int:
        """The number that tells namespaces apart (namespaces(7))."""
        with mapped(f"the namespace of {place.label}"):
            return self.path(place).stat().st_ino

    async def call(
        self, place: Place, do: Callable[P, R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Run `do` in a worker thread that stands in the place's namespace.

        A socket that comes too late, because the caller was cancelled, is closed.
        """

        def there() -> R:
            return self.call_here(place, do, *args, **kwargs)

        work = self._pool.submit(there)
        try:
            return await asyncio.wrap_future(work)
        except asyncio.CancelledError:
            work.add_done_callback(_close_orphans)
            raise
        except PoisonedError as error:
            # One of the pool's threads is astray: leave all of them behind.
            self._pool.close(drop=True)
            self._pool = self._new_pool()
            what = f"{place.label}: a thread was lost in its namespace; ask again"
            raise ProbeError(Failure.BROKEN, what) from error

    def call_here(
        self, place: Place, do: Callable[P, R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Run `do` in the calling thread, moved into the place for that long."""
        if getattr(self._thread, "astray", False):
            raise PoisonedError
        if place.kind is PlaceKind.HOST:
            return do(*args, **kwargs)
        with mapped(f"the namespace of {place.label}"):
            fd = os.open(self.path(place), os.O_RDONLY | os.O_CLOEXEC)
        try:
            with mapped(f"the namespace of {place.label}"):
                setns(fd)
            try:
                return do(*args, **kwargs)
            finally:
                self._return_home()
        finally:
            os.close(fd)

    async def socket(self, place: Place, family: int, kind: int) -> socket.socket:
        """A non-blocking socket that lives in the place's namespace."""

        def make() -> socket.socket:
            made = socket.socket(family, kind)
            made.setblocking(False)
            return made

        return await self.call(place, make)

    def _return_home(self) -> None:
        try:
            setns(self._home)
        except OSError as error:
            self._thread.astray = True
            raise PoisonedError from error
