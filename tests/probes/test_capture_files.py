"""Files of packets: written so that others read them, read whoever wrote them."""

from __future__ import annotations

import asyncio
import os
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netwiz.probes.capture.files import CaptureFile
from netwiz.probes.capture.ring import Packet
from netwiz.probes.capture.stream import open_capture
from netwiz.probes.capture.wanted import CaptureWanted
from netwiz.probes.errors import ProbeError
from tests.probes.capturing import python, read_file, started

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
