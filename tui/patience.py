"""Ctrl-C while netwiz waits for a packet ends the wait, not the walk."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable

from netwiz.probes.facts import Finding
from netwiz.probes.machine import Machine
from netwiz.probes.requests import Request, WatchUplink


def waiting(machine: Machine) -> Callable[[Request], Awaitable[Finding]]:
    """What performs requests, with a first Ctrl-C that lets a watch end by itself."""

    async def perform(request: Request) -> Finding:
        if not isinstance(request, WatchUplink):
            return await machine.perform(request)
        loop = asyncio.get_running_loop()
        before = signal.getsignal(signal.SIGINT)
        try:
            loop.add_signal_handler(signal.SIGINT, machine.enough)
        except (RuntimeError, ValueError, NotImplementedError):
            # Not the main thread: whoever runs us has a way of their own.
            return await machine.perform(request)
        try:
            return await machine.perform(request)
        finally:
            loop.remove_signal_handler(signal.SIGINT)
            signal.signal(signal.SIGINT, before)

    return perform
