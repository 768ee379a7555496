"""Worker threads that never hold up the end of the program.

The threads of a ThreadPoolExecutor are waited for when the interpreter ends; one that
waits for an engine that hangs, or for a file system that does, would keep a person
waiting who has pressed quit. These are daemon threads: what they do ends with the
program.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

R = TypeVar("R")

_Waiting = tuple[Callable[[], None], Future[Any]]
"""What a thread runs, and what tells of its end."""


class DaemonPool:
    """Runs functions in a few daemon threads, started when they are first needed."""

    def __init__(self, workers: int, name: str) -> None:
        self._workers = workers
        self._name = name
        self._jobs: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._started = 0
        self._idle = 0
        self._lock = threading.Lock()

    async def run(self, do: Callable[[], R]) -> R:
        """The result of `do`, or what it raised.

        A cancelled wait drops the job if it has not begun; what has begun goes on, and
        its result is lost.
        """
        return await asyncio.wrap_future(self.submit(do))

    def submit(self, do: Callable[[], R]) -> Future[R]:
        """Begin `do` as soon as a thread is free."""
        future: Future[R] = Future()

        def job() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(do())
                except BaseException as error:  # noqa: BLE001 - handed to the waiter
                    future.set_exception(error)

        with self._lock:
            if self._idle:
                self._idle -= 1
            elif self._started < self._workers:
                self._started += 1
                name = f"{self._name}_{self._started}"
                threading.Thread(target=self._work, name=name, daemon=True).start()
        self._jobs.put((job, future))
        return future

    def close(self, *, drop: bool = False) -> None:
        """Let the threads end, each when it is done with what it does.

        With `drop` what has not begun is cancelled.
        """
        with contextlib.suppress(queue.Empty):
            while drop:
                if waiting := self._jobs.get_nowait():
                    waiting[1].cancel()
        for _ in range(self._workers):
            self._jobs.put(None)

    def _work(self) -> None:
        while (waiting := self._jobs.get()) is not None:
            waiting[0]()
            # Kept by name it would hold the last result until the next one.
            del waiting
            with self._lock:
                self._idle += 1
