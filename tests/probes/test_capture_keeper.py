"""Captures onto the disk: read by others, turned over, and never filling it."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netwiz.probes.capture import pcapng
from netwiz.probes.capture.files import CaptureFile
from netwiz.probes.capture.keeper import Keeper
from netwiz.probes.capture.order import FileOrder
from netwiz.probes.capture.ring import Packet
from netwiz.probes.capture.wanted import FileWanted
from netwiz.probes.errors import ProbeError
from tests.probes.capturing import capturing, read_file, send, tap
from tests.probes.little_net import Namespace, needs_root
from tests.probes.test_capture_files import AT, frame


@pytest.fixture
def lone() -> Iterator[Namespace]:
    namespace = Namespace("lone")
    yield namespace
    namespace.close()


@needs_root
async def test_others_read_what_we_write_with_names_and_comments(
    lone: Namespace, tmp_path: Path
) -> None:
    path = tmp_path / "x.pcapng"
    file = FileWanted(str(path), spare_bytes=0)
    names = {"127.0.0.1": "pg", "fd00::2": "order"}
    async with capturing(
        tap(lone, "pg"), filter="udp port 9", file=file, names=names
    ) as heard:
        assert heard.started is not None
        assert heard.started.path == str(path)
        send(lone, "127.0.0.1", 4)
        await heard.payloads(4)
        await heard.end()
    assert heard.counts.written == 4
    assert heard.counts.file_bytes <= path.stat().st_size
    assert stat.S_IMODE(path.stat().st_mode) == 0o600

    from scapy.utils import RawPcapNgReader

    with RawPcapNgReader(str(path)) as reader:
        found: list[tuple[bytes, Any]] = list(reader)
    assert [data for data, _ in found] == [row.raw for row in heard.rows]
    assert {meta.ifname for _, meta in found} == {b"pg/lo"}
    nanoseconds = [(m.tshigh << 32) + m.tslow for _, m in found]
    assert nanoseconds == [row.at_ns for row in heard.rows]

    told = tool("tcpdump", "-nr", str(path), "-tttt")
    assert told.count("UDP") == 4
    told = tool("tshark", "-r", str(path), "-N", "n", "-T", "fields",
                "-e", "frame.interface_name", "-e", "ip.src_host")  # fmt: skip
    assert told.splitlines() == ["pg/lo\tpg"] * 4
    told = tool("capinfos", str(path))
    assert f"Comment = {lone.name}" in told
    again = await read_file(path)
    assert again.rows == heard.rows
    assert again.started is not None
    assert [t.name for t in again.started.taps] == ["pg/lo"]
    assert again.started.names == names


def tool(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


def order(path: Path, **other: int) -> FileOrder:
    asked = {"rotate_bytes": 1 << 30, "keep": 3, "spare_bytes": 0, **other}
    return FileOrder(
        str(path), asked["rotate_bytes"], asked["keep"], asked["spare_bytes"]
    )


def keeper(path: Path, **other: int) -> Keeper:
    made = Keeper(order(path, **other), {})
    made.device(0, "pg/eth0", "container pg", 1)
    return made


def some(start: int, count: int) -> list[Packet]:
    return [(AT + n, 0, 60, frame(b"%06d" % n)) for n in range(start, start + count)]


def numbers(path: Path) -> list[int]:
    with CaptureFile(str(path)) as file:
        found = [int(p[3][-6:]) for packets in file.packets() for p in packets]
        assert not file.cut
        assert file.interfaces[0].name == "pg/eth0"
    return found


def test_files_are_turned_over_by_size_and_the_oldest_goes(tmp_path: Path) -> None:
    path = tmp_path / "x.pcapng"
    kept = keeper(path, rotate_bytes=4000, keep=3)
    for n in range(20):
        kept.write(some(n * 30, 30))
    kept.finish({})
    files = [path, tmp_path / "x.1.pcapng", tmp_path / "x.2.pcapng"]
    assert sorted(tmp_path.iterdir()) == sorted(files)
    found = [number for file in reversed(files) for number in numbers(file)]
    assert found == list(range(600 - len(found), 600))
    assert kept.written == 600
    assert all(4000 <= file.stat().st_size < 8000 for file in files[1:])
    assert kept.file_bytes == sum(file.stat().st_size for file in files)


def test_a_capture_that_is_there_is_turned_over_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "x.pcapng"
    for start in (0, 100):
        kept = keeper(path)
        kept.write(some(start, 3))
        kept.finish({})
    assert numbers(path) == [100, 101, 102]
    assert numbers(tmp_path / "x.1.pcapng") == [0, 1, 2]


def test_one_file_alone_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "x.pcapng"
    kept = keeper(path, rotate_bytes=2000, keep=1)
    for n in range(10):
        kept.write(some(n * 30, 30))
    kept.finish({})
    assert list(tmp_path.iterdir()) == [path]
    assert kept.file_bytes == path.stat().st_size < 6000


@pytest.mark.parametrize("name", ["x.pcapng", "x.2.pcapng"])
def test_what_is_no_capture_is_not_touched(tmp_path: Path, name: str) -> None:
    precious = tmp_path / name
    precious.write_text("my thesis")
    with pytest.raises(ProbeError, match="does not overwrite it"):
        keeper(tmp_path / "x.pcapng")
    assert precious.read_text() == "my thesis"
    assert list(tmp_path.iterdir()) == [precious]


def test_a_link_is_never_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    path = tmp_path / "x.pcapng"
    path.symlink_to(target)
    with pytest.raises(ProbeError, match="no plain file"):
        keeper(path)
    assert not target.exists()


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ProbeError, match="No such file"):
        keeper(tmp_path / "none" / "x.pcapng")


def test_the_disk_is_never_filled(tmp_path: Path) -> None:
    free = os.statvfs(tmp_path)
    spare = free.f_bavail * free.f_frsize + (1 << 40)
    kept = keeper(tmp_path / "x.pcapng", spare_bytes=spare)
    kept.write(some(0, 10))
    assert kept.full == f"the disk has less than {-(-spare // 2**20)} MiB left"
    assert kept.written == 0
    kept.finish({})


@needs_root
def test_a_full_disk_leaves_whole_packets(tmp_path: Path) -> None:
    tool("mount", "-t", "tmpfs", "-o", "size=64k", "nwt", str(tmp_path))
    path = tmp_path / "x.pcapng"
    kept = keeper(path)
    try:
        for n in range(100):
            kept.write(some(n * 50, 50))
        assert kept.full == "writing failed: No space left on device"
        found = numbers(path)
        assert found == list(range(len(found)))
        assert kept.written == len(found) > 100
    finally:
        kept.finish({})
        tool("umount", str(tmp_path))


@needs_root
async def test_a_capture_goes_on_when_its_disk_is_full(
    lone: Namespace, tmp_path: Path
) -> None:
    file = FileWanted(str(tmp_path / "x.pcapng"), spare_bytes=1 << 60)
    async with capturing(tap(lone), filter="udp port 9", file=file) as heard:
        await heard.until(lambda: bool(heard.counts.full))
        send(lone, "127.0.0.1", 3)
        await heard.payloads(3)
        ended = await heard.end()
    assert "the disk has less than" in heard.counts.full
    assert heard.counts.written == 0
    assert not ended.wrong


@needs_root
async def test_a_file_that_cannot_be_written_is_said_before_anything_is_heard(
    lone: Namespace, tmp_path: Path
) -> None:
    (tmp_path / "x").write_text("mine")
    for path, says in ((tmp_path / "x", "does not overwrite"),
                       (tmp_path / "y" / "z", "No such file")):  # fmt: skip
        with pytest.raises(ProbeError, match=says):
            async with capturing(tap(lone), file=FileWanted(str(path))):
                pass


def test_drops_stand_at_the_end_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x.pcapng"
    kept = keeper(path)
    kept.write(some(0, 7))
    kept.finish({0: 5})
    statistics = pcapng.statistics(0, 0, 7, 5)
    # Type, lengths and options; the time in between is now's.
    assert path.read_bytes()[-len(statistics) :][20:] == statistics[20:]


@needs_root
def test_files_belong_to_who_called_sudo(tmp_path: Path) -> None:
    wanted = order(tmp_path / "x.pcapng")
    wanted.owner = (1234, 4321)
    Keeper(wanted, {}).finish({})
    found = (tmp_path / "x.pcapng").stat()
    assert (found.st_uid, found.st_gid) == (1234, 4321)
