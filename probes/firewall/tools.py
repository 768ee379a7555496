"""Tools of the system, run in the namespace of the calling thread, within bounds.

A child process inherits the network namespace of the thread that starts it
(network_namespaces(7)), so a tool runs inside a container's namespace with the host's
own binary: nothing needs to be in the image.
"""

from __future__ import annotations

import functools
import os
import selectors
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

from netwiz.probes.text import plain

OUTPUT_LIMIT = 8 * 1024 * 1024
"""Bytes kept of one stream; a tool that says more is stopped."""

TIME_S = 5.0
"""A tool takes 5 ms, and half a second for thousands of rules; a busy machine ten times
as long."""
_CHUNK = 256 * 1024
_SEARCH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True, slots=True)
class Said:
    """What a tool printed, and why it is not the whole truth (empty: it is)."""

    out: str = ""
    problem: str = ""


@functools.cache
def find(name: str) -> str:
    """Absolute path of a tool; empty when it is not installed.

    The directories of the superuser are searched even when PATH lacks them.
    """
    path = os.pathsep.join((os.environ.get("PATH", ""), _SEARCH))
    found = shutil.which(name, path=path)
    return str(found) if found and os.path.isabs(found) else ""  # noqa: PTH117


class _Run:
    """One running tool."""

    def __init__(self, argv: Sequence[str]) -> None:
        self.name = argv[0].rpartition("/")[2]
        self.child: subprocess.Popen[bytes] | None = None
        self.kept: dict[IO[bytes], bytearray] = {}
        self.problem = ""
        try:
            self.child = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                # Messages are recognised by their English words.
                env={"LC_ALL": "C", "PATH": _SEARCH},
                cwd="/",
            )
        except OSError as error:
            self.problem = plain(error.strerror, 100)

    def streams(self) -> list[IO[bytes]]:
        if self.child is None:
            return []
        return [s for s in (self.child.stdout, self.child.stderr) if s is not None]

    def take(self, stream: IO[bytes]) -> bool:
        """Read once; False when the stream has ended or has said too much."""
        kept = self.kept.setdefault(stream, bytearray())
        data = os.read(stream.fileno(), _CHUNK)
        kept += data
        if len(kept) > OUTPUT_LIMIT:
            self.stop("said more than we keep")
            return False
        return bool(data)

    def stop(self, why: str) -> None:
        self.problem = self.problem or why
        if self.child is not None:
            self.child.kill()

    def end(self) -> Said:
        if self.child is None:
            return Said(problem=f"{self.name}: {self.problem}")
        try:
            code = self.child.wait(1)
        except subprocess.TimeoutExpired:
            self.stop("closed its output but did not end")
            code = self.child.wait()
        for stream in self.streams():
            stream.close()
        out, err = (bytes(self.kept.get(s, b"")) for s in self.streams())
        problem = self.problem
        if code and not problem:
            lines = err.decode("utf-8", "replace").strip().splitlines()
            problem = lines[0] if lines else f"exit {code}"
        return Said(
            out[:OUTPUT_LIMIT].decode("utf-8", "replace"),
            plain(f"{self.name}: {problem}", 200) if problem else "",
        )


def run(*commands: Sequence[str], seconds: float = TIME_S) -> list[Said]:
    """Run commands side by side and wait for all; `argv[0]` is an absolute path.

    Blocks the calling thread `seconds` at most, then stops what still runs. Never
    raises for what a tool does.
    """
    deadline = time.monotonic() + seconds
    runs = [_Run(argv) for argv in commands]
    try:
        with selectors.DefaultSelector() as waiting:
            for one in runs:
                for stream in one.streams():
                    waiting.register(stream, selectors.EVENT_READ, (one, stream))
            while waiting.get_map() and (left := deadline - time.monotonic()) > 0:
                for key, _ in waiting.select(left):
                    one, stream = key.data
                    if not one.take(stream):
                        waiting.unregister(stream)
            late = {key.data[0] for key in waiting.get_map().values()}
        for one in late:
            one.stop("no answer in time")
    except BaseException:
        for one in runs:
            one.stop("interrupted")
        raise
    finally:
        said = [one.end() for one in runs]
    return said
