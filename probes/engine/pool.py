"""Worker threads that never hold up the end of the program.

The threads of a ThreadPoolExecutor are waited for when the interpreter ends; one that
waits for an engine that hangs would keep a person waiting who has pressed quit. These
are daemon threads: what they do ends with the program.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

R = TypeVar("R")

_Job = Callable[[], None]


class DaemonPool:
    """Runs functions in a few daemon threads, started when they are first needed."""

    def __init__(self, workers: int, name: str) -> None:
        self._workers = workers
        self._name = name
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._started = 0
        self._idle = 0
        self._lock = threading.Lock()

    async def run(self, do: Callable[[], R]) -> R:
        """The result of `do`, or what it raised.

        A cancelled wait drops the job if it has not begun; what has begun goes on, and
        its result is lost.
        """
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
        self._jobs.put(job)
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Let the threads end, each when it is done with what it does."""
        for _ in range(self._workers):
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            # Kept by name it would hold the last result until the next one.
            del job
            with self._lock:
                self._idle += 1
