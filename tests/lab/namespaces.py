"""Network namespaces: made, removed, and entered by Python functions."""

from __future__ import annotations

import ctypes
import os
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from tests.lab.state import LabError

T = TypeVar("T")

CLONE_NEWNET = 0x40000000
NETNS = Path("/run/netns")

_libc = ctypes.CDLL(None, use_errno=True)


def run(argv: list[str], text: str | None = None) -> str:
    """Run a command that must succeed; its words are in the error if not."""
    done = subprocess.run(
        argv, input=text, capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode:
        words = (done.stderr or done.stdout).strip()
        raise LabError(f"{' '.join(argv)}: exit {done.returncode}: {words}")
    return done.stdout


def _setns(fd: int, path: str | Path) -> None:
    if _libc.setns(fd, CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(path))


def call_in(path: str | Path, function: Callable[[], T]) -> T:
    """Call `function` inside the network namespace at `path`.

    A namespace belongs to a thread, so a fresh thread goes in and is thrown
    away: no way back that could fail. (Python 3.11 has no os.setns.)
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    answers: list[T] = []
    errors: list[BaseException] = []

    def enter() -> None:
        try:
            _setns(fd, path)
            answers.append(function())
        except BaseException as error:  # noqa: BLE001 - for the caller's thread
            errors.append(error)

    thread = threading.Thread(target=enter, name=f"in {path}")
    thread.start()
    thread.join()
    os.close(fd)
    if errors:
        raise errors[0]
    return answers[0]


def path_of(name: str) -> Path:
    return NETNS / name


def add(name: str) -> None:
    run(["ip", "netns", "add", name])
    run(["ip", "-n", name, "link", "set", "lo", "up"])


def delete(name: str) -> None:
    """Remove a namespace, also the half of one that a killed run left."""
    if not path_of(name).exists():
        return
    done = subprocess.run(
        ["ip", "netns", "del", name], capture_output=True, text=True, check=False
    )
    if done.returncode and path_of(name).exists():
        path_of(name).unlink()


def set_sysctl(name: str, key: str, value: str) -> None:
    """Write a sysctl of the named namespace: /proc/sys/net follows the thread."""
    file = Path("/proc/sys") / key.replace(".", "/")
    call_in(path_of(name), lambda: file.write_text(value))
