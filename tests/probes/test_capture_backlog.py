"""What is read when not everything can be: connections' stories, and honest counts."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from netwiz.probes.capture import backlog
from netwiz.probes.capture.backlog import DATA, HIDDEN, TELLS, Backlog, kind
from netwiz.probes.capture.batch import Batch
from netwiz.probes.capture.ring import Packet
from netwiz.probes.facts.packets import Level, PacketKind, PacketRow

NOW = 1_700_000_000_000_000_000


class Told:
    """A reader that notes what it is given."""

    def __init__(self) -> None:
        self.names: Mapping[str, str] = {}
        self.story: list[str] = []

    def read(
        self, at_ns: int, tap: int, linktype: int, size: int, data: bytes
    ) -> PacketRow:
        del linktype
        if data == b"bomb":
            raise ZeroDivisionError
        self.story.append(data.decode("latin-1"))
        return PacketRow(
            1, at_ns, tap, PacketKind.UDP, Level.PLAIN, size, "a", "b", "c", 0, data
        )

    def gap(self, *, plain: bool = False) -> None:
        self.story.append("gap of data" if plain else "gap")

    def overdue(self, now_ns: int) -> list[PacketRow]:
        self.story.append(f"overdue {now_ns - NOW}")
        return []


def made(*, several: bool = False) -> tuple[Backlog, Told, list[bytes]]:
    told, rows = Told(), list[bytes]()
    one = Backlog(told, rows.append, 2048, several=several)
    one.devices = [(0, 1, 1), (1, 1, 1)]
    return one, told, rows


def plain(n: int, tap: int = 0) -> Packet:
    return (NOW + n, tap, 60, b"%08d" % n + bytes(60))


def syn(n: int) -> Packet:
    head = bytearray(60)
    head[12:15] = b"\x08\x00\x45"
    head[23], head[47] = 6, 2
    return (NOW + n, 0, 60, bytes(head))


def packet(kind: bytes, at: int, protocol: int, then: dict[int, int]) -> bytes:
    data = bytearray(90)
    data[12:14] = kind
    data[14] = 0x45 if kind == b"\x08\0" else 0x60
    data[at] = protocol
    for place, value in then.items():
        data[place] = value
    return bytes(data)


V4, V6 = b"\x08\0", b"\x86\xdd"


def segment(n: int) -> Packet:
    return (NOW + n, 0, 90, packet(V4, 23, 6, {47: 0x10}))


def numbers(told: Told) -> list[int | str]:
    return [int(x[:8]) if x[:1].isdigit() else x for x in told.story]


def test_all_are_read_while_there_is_room() -> None:
    one, told, rows = made()
    one.add([plain(n) for n in range(100)])
    one.read(60.0, NOW, free=True)
    assert numbers(told) == list(range(100))
    assert one.skipped == 0
    assert len(one) == 0
    assert len(rows) == 100


def test_without_room_the_stories_are_kept_and_the_rest_is_counted() -> None:
    one, told, _ = made()
    burst = [plain(n) for n in range(backlog.ROOM + 1000)]
    burst[backlog.ROOM + 500] = syn(backlog.ROOM + 500)
    one.add(burst)
    assert one.skipped == 999
    one.read(60.0, NOW, free=True)
    read = told.story
    assert len(read) == backlog.ROOM + 2
    assert read[backlog.ROOM] == "gap"
    assert read[-1] == syn(0)[3].decode("latin-1")


@pytest.mark.parametrize(
    ("other", "gap"), [(segment(0), "gap of data"), (plain(0), "gap")]
)
def test_what_a_gap_hides_is_known(other: Packet, gap: str) -> None:
    """A packet that is not looked into might hide an answer."""
    one, told, _ = made()
    one.add([segment(n) for n in range(backlog.ROOM + 400)] + [other])
    one.read(60.0, NOW, free=True)
    assert one.skipped == 401
    assert told.story[-1] == gap


def test_room_is_counted_in_bytes_too() -> None:
    one, _, _ = made()
    large = [(NOW, 0, 65_000, bytes(65_000))] * 400
    one.add(large)
    one.add(large)
    assert one.skipped == 400
    one.read(60.0, NOW, free=True)
    one.add(large[:10])
    assert one.skipped == 400


def test_a_flood_of_stories_has_an_end_as_well() -> None:
    one, told, _ = made()
    for _ in range(6):
        one.add([syn(0)] * backlog.ROOM)
    assert len(one) <= 4 * backlog.ROOM + 6
    assert one.skipped == 2 * backlog.ROOM
    one.read(60.0, NOW, free=True)
    assert "gap" in told.story


def test_drops_of_the_kernel_are_a_gap() -> None:
    one, told, _ = made()
    one.add([plain(0)])
    one.lost()
    one.add([plain(1)])
    one.read(60.0, NOW, free=True)
    assert numbers(told) == [0, "gap", 1]


def test_several_taps_wait_for_each_other() -> None:
    one, told, _ = made(several=True)
    one.add([plain(5_000_000), plain(90_000_000)])
    one.read(60.0, NOW + 10_000_000)
    assert told.story == []
    one.add([plain(4_000_000, tap=1)])
    one.read(60.0, NOW + 80_000_000)
    assert numbers(told) == [4_000_000, 5_000_000]
    assert len(one) == 1
    one.read(60.0, NOW, free=True)
    assert numbers(told)[-1] == 90_000_000


def test_nobody_is_called_silent_beyond_what_was_read() -> None:
    one, told, _ = made()
    one.add([plain(n) for n in range(40)])
    one.share = 0.0
    one.read(0.0, NOW)
    one.overdue(NOW + 9_000_000_000)
    assert told.story[-1] == "overdue -1700000000000000000"
    one.read(60.0, NOW, free=True)
    one.overdue(NOW + 9_000_000_000)
    assert told.story[-1] == "overdue 9000000000"


def test_a_packet_that_breaks_the_reader_is_a_row_all_the_same() -> None:
    one, told, rows = made()
    one.add([plain(0), (NOW, 0, 4, b"bomb"), plain(1)])
    one.read(60.0, NOW, free=True)
    assert numbers(told) == [0, 1]
    (row,) = Batch(rows[1])
    assert row.text == "netwiz could not read this packet: ZeroDivisionError"
    assert row.raw == b"bomb"


def test_a_second_device_of_a_tap_is_told_as_the_taps() -> None:
    one, _, rows = made()
    one.devices.append((1, 101, 1))
    one.add([(NOW, 2, 20, b"\x45" + bytes(19)), (NOW, 2, 40, b"\x60" + bytes(39))])
    one.read(60.0, NOW, free=True)
    four, six = (row for data in rows for row in Batch(data))
    assert four.tap == six.tap == 1
    assert four.raw == bytes(12) + b"\x08\0\x45" + bytes(19)
    assert six.raw[12:15] == b"\x86\xdd\x60"


def test_what_was_not_read_at_the_end_is_counted() -> None:
    one, _, _ = made()
    one.add([plain(n) for n in range(30)])
    one.lost()
    one.abandon()
    assert one.skipped == 30


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (packet(V4, 23, 6, {47: 0x10}), DATA),
        (packet(V4, 23, 6, {47: 0x18}), DATA),
        (packet(V4, 23, 6, {47: 0x02}), TELLS),
        (packet(V4, 23, 6, {47: 0x12}), TELLS),
        (packet(V4, 23, 6, {47: 0x11}), TELLS),
        (packet(V4, 23, 6, {47: 0x14}), TELLS),
        (packet(V4, 23, 6, {14: 0x46, 47: 0x10}), TELLS),
        (packet(V4, 23, 1, {}), TELLS),
        (packet(V4, 23, 17, {35: 9, 37: 10}), DATA),
        (packet(V4, 23, 17, {35: 53}), TELLS),
        (packet(V4, 23, 17, {37: 53}), TELLS),
        (packet(V4, 23, 17, {34: 1, 35: 53}), DATA),
        (packet(V6, 20, 6, {67: 0x10}), DATA),
        (packet(V6, 20, 6, {67: 0x02}), TELLS),
        (packet(V6, 20, 58, {}), TELLS),
        (packet(V6, 20, 17, {57: 53}), TELLS),
        (packet(V6, 20, 17, {57: 54}), DATA),
        (packet(b"\x08\x06", 23, 0, {}), TELLS),
        (packet(V4, 23, 17, {36: 0x12, 37: 0xB5}), HIDDEN),
        (packet(V4, 23, 47, {}), HIDDEN),
        (packet(V6, 20, 60, {}), HIDDEN),
        (packet(b"\x81\0", 27, 6, {51: 0x12}), HIDDEN),
        (packet(b"\x88\xcc", 23, 0, {}), HIDDEN),
        (b"", TELLS),
        (b"short", TELLS),
    ],
)
def test_which_packets_tell_of_connections(data: bytes, found: int) -> None:
    assert kind(data) == found
