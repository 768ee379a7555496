from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from netwiz.probes.names.rootfs import LIMIT, RootFiles


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    file = tmp_path / "secret"
    file.write_text("the host's")
    return file


@pytest.fixture
def root(tmp_path: Path, outside: Path) -> Path:
    made = tmp_path / "root"
    (made / "etc").mkdir(parents=True)
    (made / "run/resolv").mkdir(parents=True)
    (made / "run/resolv/stub").write_text("the container's")
    (made / "etc/hosts").write_text("plain")
    return made


def test_a_plain_file_is_read(root: Path) -> None:
    assert RootFiles(root).read("/etc/hosts") == b"plain"
    assert RootFiles(root).read("etc//./hosts") == b"plain"
    assert RootFiles(root).read("/etc/../etc/hosts") == b"plain"


def test_what_is_not_there_is_none(root: Path) -> None:
    assert RootFiles(root).read("/etc/nsswitch.conf") is None
    assert RootFiles(root).read("/etc/hosts/below") is None
    assert RootFiles(root).read("/etc") is None
    assert not RootFiles(root).has("/etc/none")


@pytest.mark.parametrize(
    "target",
    ["/run/resolv/stub", "../run/resolv/stub", "../../../../run/resolv/stub"],
)
def test_links_are_followed_inside_the_root(root: Path, target: str) -> None:
    (root / "etc/resolv.conf").symlink_to(target)
    assert RootFiles(root).read("/etc/resolv.conf") == b"the container's"


def test_a_linked_folder_is_followed_inside_the_root(root: Path) -> None:
    (root / "lib").symlink_to("/run/resolv")
    assert RootFiles(root).read("/lib/stub") == b"the container's"
    assert RootFiles(root).read("/lib/../resolv/stub") == b"the container's"


@pytest.mark.parametrize("way", ["absolute", "relative", "folder", "chain", "dots"])
def test_no_link_leads_to_the_hosts_files(root: Path, outside: Path, way: str) -> None:
    link = root / "etc/resolv.conf"
    if way == "absolute":
        link.symlink_to(outside)
    elif way == "relative":
        link.symlink_to("../../secret")
    elif way == "folder":
        (root / "up").symlink_to("..")
        link.symlink_to("/up/up/../secret")
    elif way == "chain":
        (root / "etc/one").symlink_to(outside.parent)
        link.symlink_to("one/secret")
    else:
        link.symlink_to("../" * 30 + str(outside).lstrip("/"))
    assert RootFiles(root).read("/etc/resolv.conf") is None


def test_the_magic_links_of_proc_are_only_text(tmp_path: Path, outside: Path) -> None:
    # /proc/self/root of a reader on the host is the host's root.
    everything = RootFiles(Path("/"))
    assert everything.read("/proc/self/root/etc/passwd") == everything.read(
        "/etc/passwd"
    )
    fd = os.open(outside, os.O_RDONLY)
    outside.unlink()
    try:
        # A real open() of the magic link would still reach the deleted file.
        assert everything.read(f"/proc/self/fd/{fd}") is None
    finally:
        os.close(fd)


def test_links_in_a_circle_end(root: Path) -> None:
    (root / "a").symlink_to("/b")
    (root / "b").symlink_to("/a")
    assert RootFiles(root).read("/a") is None
    (root / "deep").symlink_to("x/" * 2000)
    assert RootFiles(root).read("/deep") is None


def test_a_fifo_does_not_block(root: Path) -> None:
    os.mkfifo(root / "etc/resolv.conf")
    answers: list[bytes | None] = []
    thread = threading.Thread(
        target=lambda: answers.append(RootFiles(root).read("/etc/resolv.conf")),
        daemon=True,
    )
    thread.start()
    thread.join(10)
    assert answers == [None]


def test_a_device_is_not_opened(root: Path) -> None:
    (root / "etc/hosts").unlink()
    try:
        os.mknod(root / "etc/hosts", 0o666 | 0o020000, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("making devices needs root")
    assert RootFiles(root).read("/etc/hosts") is None


def test_a_huge_file_is_cut(root: Path) -> None:
    with (root / "etc/hosts").open("wb") as file:
        file.truncate(1 << 40)
    assert RootFiles(root).read("/etc/hosts") == bytes(LIMIT)


def test_names_that_are_no_names_are_none(root: Path) -> None:
    assert RootFiles(root).read("/etc/ho\0sts") is None
    assert RootFiles(root).read("/etc/" + "x" * 5000) is None


def test_a_root_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        RootFiles(tmp_path / "none").read("/etc/hosts")


def test_no_descriptor_stays_open(root: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for path in ("/etc/hosts", "/etc/none", "/etc", "/a/b/c"):
        RootFiles(root).read(path)
        RootFiles(root).has(path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
