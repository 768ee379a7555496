from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from netwiz.probes.sockets import processes

ID = "0123456789abcdef" * 4
OTHER = "fedcba9876543210" * 4


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A /proc of our own with one process, 7."""
    monkeypatch.setattr(processes, "PROC", tmp_path)
    folder = tmp_path / "7"
    (folder / "fd").mkdir(parents=True)
    (folder / "ns").mkdir()
    (folder / "ns" / "net").write_text("")
    (folder / "comm").write_text("node\n")
    (folder / "cmdline").write_bytes(b"node\0server.js\0--x=\x1b[31m\0")
    return tmp_path


@pytest.mark.parametrize(
    ("cgroup", "found"),
    [
        (f"0::/system.slice/docker-{ID}.scope\n", ID),
        (f"12:pids:/docker/{ID}\n0::/docker/{ID}\n", ID),
        (f"0::/docker/{OTHER}/docker/{ID}\n", ID),
        (f"0::/kubepods/pod1/cri-containerd-{ID}.scope\n", ID),
        ("0::/user.slice\n", ""),
        (f"0::/docker/{ID}0\n", ""),
        (f"0::/{ID[:40]}\n", ""),
        ("\xff\x00", ""),
        ("", ""),
    ],
)
def test_the_container_is_read_from_the_cgroup(
    proc: Path, cgroup: str, found: str
) -> None:
    (proc / "7" / "cgroup").write_text(cgroup, encoding="latin-1")
    assert processes.container_id(7) == found


def test_a_process_is_described_by_harmless_text(proc: Path) -> None:
    (proc / "7" / "fd" / "3").symlink_to("socket:[42]")
    inode = processes.namespace_inode(7)
    found = processes.owners([42], {inode})[42]
    assert (found.pid, found.name) == (7, "node")
    assert found.command == "node server.js --x=\\x1b[31m"


def test_only_processes_of_the_namespace_are_searched(proc: Path) -> None:
    (proc / "7" / "fd" / "3").symlink_to("socket:[42]")
    assert processes.owners([42], {1}) == {}
    assert processes.owners([], {processes.namespace_inode(7)}) == {}
    spent = processes.owners([42], {processes.namespace_inode(7)}, budget_s=-1)
    assert spent == {}


@pytest.mark.parametrize("target", ["socket:[x]", "socket:[", "pipe:[42]", "/dev/null"])
def test_what_is_no_socket_is_passed_over(proc: Path, target: str) -> None:
    (proc / "7" / "fd" / "3").symlink_to(target)
    assert processes.owners([42], {processes.namespace_inode(7)}) == {}


def test_a_process_that_is_gone_is_passed_over(proc: Path) -> None:
    assert processes.namespace_inode(8) == 0
    assert processes.container_id(8) == ""
    assert processes.start_time(8) == 0
    assert processes.command_of(8) == ()
    assert processes.name_of(8) == ""


@pytest.mark.parametrize(
    ("stat", "ticks"),
    [
        ("7 (a) b) c) S " + " ".join("1" * 18) + " 987 0", 987),
        ("7 (a) S 1 2 3", 0),
        ("", 0),
        ("7 (a) S " + "x " * 30, 0),
    ],
)
def test_the_start_is_read_behind_whatever_name(
    proc: Path, stat: str, ticks: int
) -> None:
    (proc / "7" / "stat").write_text(stat)
    assert processes.start_time(7) == ticks


def test_our_own_socket_is_found_to_be_ours() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        inode = os.fstat(server.fileno()).st_ino
        here = processes.namespace_inode("self")
        assert processes.owners([inode], {here})[inode].pid == os.getpid()
    assert processes.start_time(os.getpid()) > 0
    assert os.getpid() in processes.pids()
