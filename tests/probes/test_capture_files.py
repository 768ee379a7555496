"""Files of packets: written so that others read them, read whoever wrote them."""

from __future__ import annotations

import asyncio
import os
import stat
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netwiz.probes.capture import pcapng
from netwiz.probes.capture.files import CaptureFile
from netwiz.probes.capture.keeper import Keeper
from netwiz.probes.capture.order import FileOrder
from netwiz.probes.capture.ring import Packet
from netwiz.probes.capture.stream import open_capture
from netwiz.probes.capture.wanted import CaptureWanted, FileWanted
from netwiz.probes.errors import ProbeError
from tests.probes.capturing import capturing, python, read_file, send, started, tap
from tests.probes.little_net import Namespace, needs_root

AT = 1_700_000_000_123_456_789


def frame(text: bytes = b"hello", port: int = 9) -> bytes:
    """Ethernet, IPv4, UDP from 10.0.0.1:40000 to 10.0.0.2."""
    udp = struct.pack("!HHHH", 40000, port, 8 + len(text), 0) + text
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0)
    ends = bytes([10, 0, 0, 1, 10, 0, 0, 2])
    return bytes(12) + b"\x08\0" + head + ends + udp


def pcap(
    packets: list[Packet], order: str = "<", *, nano: bool, link: int = 1
) -> bytes:
    magic, unit = (0xA1B23C4D, 1) if nano else (0xA1B2C3D4, 1000)
    out = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, link)
    for at, _, size, data in packets:
        part = at % 1_000_000_000 // unit
        out += struct.pack(order + "IIII", at // 1_000_000_000, part, len(data), size)
        out += data
    return out


def block(order: str, kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    return (
        struct.pack(order + "II", kind, len(body) + 12)
        + body
        + struct.pack(order + "I", len(body) + 12)
    )


def section(order: str) -> bytes:
    return block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))


def interface(order: str, link: int = 1, options: bytes = b"", snap: int = 0) -> bytes:
    return block(order, 1, struct.pack(order + "HHI", link, 0, snap) + options)


def option(order: str, code: int, value: bytes) -> bytes:
    padded = value + bytes(-len(value) % 4)
    return struct.pack(order + "HH", code, len(value)) + padded


def enhanced(order: str, number: int, units: int, data: bytes) -> bytes:
    ends = (number, units >> 32, units & 0xFFFFFFFF, len(data), len(data))
    return block(order, 6, struct.pack(order + "IIIII", *ends) + data)


def packets_of(path: Path, data: bytes) -> tuple[list[Packet], CaptureFile]:
    path.write_bytes(data)
    with CaptureFile(str(path)) as file:
        return [packet for some in file.packets() for packet in some], file


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nano", [False, True])
def test_pcap_of_either_order_and_unit(
    tmp_path: Path, order: str, *, nano: bool
) -> None:
    wanted: list[Packet] = [(AT, 0, 99, frame()), (AT + 5_000, 0, 60, b"x" * 60)]
    found, file = packets_of(tmp_path / "x", pcap(wanted, order, nano=nano, link=101))
    unit = 1 if nano else 1000
    assert found == [(at // unit * unit, n, s, d) for at, n, s, d in wanted]
    assert file.interfaces[0].linktype == 101
    assert not file.cut


@pytest.mark.parametrize("order", ["<", ">"])
def test_pcapng_with_sections_interfaces_names_and_units(
    tmp_path: Path, order: str
) -> None:
    other = "<" if order == ">" else ">"
    data = (
        section(order)
        + interface(
            order, 1, option(order, 2, b"pg\x1b[31m") + option(order, 1, b"why")
        )
        + interface(order, 101, option(order, 9, b"\x09"))
        + enhanced(order, 0, AT // 1000, frame())
        + enhanced(order, 1, AT, b"E" * 20)
        + block(order, 5, bytes(12))
        + block(order, 0x0BAD, b"custom")
        + block(order, 3, struct.pack(order + "I", 7) + b"simple!")
        + block(order, 4, option(order, 1, bytes([10, 0, 0, 2]) + b"pg\0"))
        + section(other)
        + interface(other, 1, option(other, 9, b"\x8a") + option(other, 14, b"\0" * 8))
        + enhanced(other, 0, 1024 * 5 + 512, frame())
        + interface(other, 1, option(other, 9, b"\x0c"))
        + enhanced(other, 1, 7_000_000_000_123, frame())
    )
    found, file = packets_of(tmp_path / "x", data)
    assert [packet[:2] for packet in found] == [
        (AT // 1000 * 1000, 0),
        (AT, 1),
        (AT, 0),
        (5_500_000_000, 2),
        (7_000_000_000, 3),
    ]
    assert found[2][3] == b"simple!"
    assert [i.linktype for i in file.interfaces] == [1, 101, 1, 1]
    assert file.interfaces[0].name == "pg\\x1b[31m"
    assert file.interfaces[0].comment == "why"
    assert file.names == {"10.0.0.2": "pg"}
    assert not file.cut


def good() -> bytes:
    return (
        section("<")
        + interface("<")
        + b"".join(enhanced("<", 0, AT // 1000 + n, frame()) for n in range(3))
    )


@pytest.mark.parametrize(
    "bad",
    [
        struct.pack("<II", 6, 0) + bytes(40),
        struct.pack("<II", 6, 13) + bytes(40),
        struct.pack("<II", 6, 0xFFFFFFFC) + bytes(40),
        block("<", 6, struct.pack("<IIIII", 7, 0, 0, 4, 4) + b"data"),
        block("<", 6, struct.pack("<IIIII", 0, 0, 0, 999, 999) + b"data"),
        block("<", 6, b""),
        block("<", 1, b"x"),
        block("<", 0x0A0D0D0A, bytes(16)),
        block("<", 6, struct.pack("<IIIII", 0, 0, 0, 4, 4) + b"data")[:-4]
        + b"\1\1\1\1",
    ],
)
def test_nonsense_ends_the_reading_and_takes_nothing_back(
    tmp_path: Path, bad: bytes
) -> None:
    found, file = packets_of(tmp_path / "x", good() + bad + good())
    assert len(found) == 3
    assert file.cut == f"the file makes no sense at byte {len(good())}"


def test_a_record_of_gigabytes_is_not_believed(tmp_path: Path) -> None:
    start = pcap([(AT, 0, 60, frame())], nano=True)
    bad = struct.pack("<IIII", 1, 1, 0xFFFFFFFF, 60)
    found, file = packets_of(tmp_path / "x", start + bad + bytes(100))
    assert len(found) == 1
    assert "makes no sense" in file.cut


@settings(max_examples=300)
@given(st.data())
def test_no_bytes_break_the_reader(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "hostile"
    seed = data.draw(st.sampled_from([
        good(), good() + good(), pcap([(AT, 0, 60, frame())] * 3, nano=True),
        section(">") + interface(">", 1, option(">", 9, b"\xff"))
        + enhanced(">", 0, 9, b""),
    ]))  # fmt: skip
    spoiled = bytearray(seed)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(4, len(spoiled) - 1))
        spoiled[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(4, len(spoiled)))
    found, file = packets_of(path, bytes(spoiled[:cut]))
    for at_ns, number, size, kept in found:
        assert 0 <= at_ns < 1 << 63
        assert 0 <= size < 1 << 32
        assert number < len(file.interfaces)
        assert len(kept) <= len(seed)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"PK\3\4 hello", "is no capture"),
        (b"\x1f\x8b\x08", "is compressed"),
        (b"\xa1\xb2", "is no capture"),
    ],
)
async def test_what_is_no_capture_is_said(
    tmp_path: Path, content: bytes, says: str
) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(ProbeError, match=says):
        await read_file(path)


async def test_what_cannot_be_opened_is_said(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for path, says in ((tmp_path / "none", "gone"), (tmp_path, "no plain file"),
                       (fifo, "no plain file")):  # fmt: skip
        with pytest.raises(ProbeError, match=says):
            await read_file(path)


async def test_a_file_is_read_with_a_filter_and_without_root(tmp_path: Path) -> None:
    path = tmp_path / "x.pcap"
    some: list[Packet] = [
        (AT + n, 0, 60, frame(b"%d" % n, port=9 + n % 2)) for n in range(10)
    ]
    path.write_bytes(pcap(some, nano=True))
    script = """
import asyncio, sys
from netwiz.probes.capture.batch import Batch
from netwiz.probes.capture.stream import open_capture
from netwiz.probes.capture.wanted import CaptureWanted
async def main():
    wanted = CaptureWanted(source=sys.argv[1], filter="port 9")
    async with open_capture(None, wanted) as stream:
        async for said in stream:
            if isinstance(said, Batch):
                print(*(row.destination for row in said), sep="\\n")
asyncio.run(main())
"""
    prefix = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")
    process = started(python(script, str(path), prefix=prefix))
    out, err = await asyncio.to_thread(process.communicate, timeout=60)
    assert out.split() == ["10.0.0.2:9"] * 5, err


async def test_a_filter_without_sense_for_a_link_type_takes_nothing_of_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "x.pcap"
    path.write_bytes(pcap([(AT, 0, 60, frame()[14:])], nano=True, link=101))
    assert len((await read_file(path, "udp port 9")).rows) == 1
    assert not (await read_file(path, "ether host 00:00:00:00:00:00")).rows


async def test_packets_of_several_interfaces_come_in_order_of_time(
    tmp_path: Path,
) -> None:
    path = tmp_path / "x.pcapng"
    data = section("<") + interface("<") + interface("<")
    for n in range(300):
        data += enhanced("<", 0, AT // 1000 + 1000 * n, frame())
        if n >= 50:
            data += enhanced("<", 1, AT // 1000 + 1000 * (n - 50) + 1, frame())
    path.write_bytes(data)
    heard = await read_file(path)
    times = [row.at_ns for row in heard.rows if row.size]
    assert len(times) == 550
    assert times == sorted(times)
    assert heard.ended is not None
    assert heard.ended.why == "end of file"


async def test_reading_a_file_can_be_stopped(tmp_path: Path) -> None:
    path = tmp_path / "x.pcap"
    one = pcap([(AT, 0, 60, frame())], nano=True)
    path.write_bytes(one + one[24:] * 300_000)
    async with open_capture(None, CaptureWanted(source=str(path))) as stream:
        heard = 0
        async for _ in stream:
            heard += 1
            if heard == 3:
                await stream.stop()
    # The context was left within the time of a test, though much was left to read.
    assert heard > 3


@pytest.mark.parametrize("writer", ["pcap", "pcapng"])
async def test_what_others_write_is_read(tmp_path: Path, writer: str) -> None:
    """tshark's editcap writes both; so does scapy."""
    from scapy.layers.inet import IP, UDP
    from scapy.layers.l2 import Ether
    from scapy.utils import PcapNgWriter, PcapWriter

    path = tmp_path / "x"
    kind = PcapWriter if writer == "pcap" else PcapNgWriter
    with kind(str(path)) as out:
        for n in range(5):
            made = Ether() / IP(dst="10.0.0.2") / UDP(dport=9) / b"x"
            made.time = 1_700_000_000 + n
            out.write(made)
    rows = (await read_file(path)).rows
    assert [row.destination for row in rows] == ["10.0.0.2:9"] * 5
    assert rows[1].at_ns - rows[0].at_ns == 1_000_000_000


# Writing.


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
