"""What is sent again, what is missing, who reads no more, who closes."""

from __future__ import annotations

import pytest

from netwiz.probes.facts.packets import Level
from tests.probes.lines import A6, B6, MS, A, B, Lines, S, Talk, told


@pytest.fixture
def lines() -> Lines:
    return Lines()


@pytest.fixture
def talk(lines: Lines) -> Talk:
    made = Talk(lines)
    made.open()
    return made


def test_data_and_acknowledgements_are_plain(lines: Lines, talk: Talk) -> None:
    assert told(talk.say(0, b"x" * 1000)) == ("TCP", "PLAIN", "1000 B")
    assert told(talk.ack(1)) == ("TCP", "PLAIN", "ack")
    # Over the end of the sequence numbers.
    for _ in range(3):
        assert told(talk.say(1, b"y" * 200))[1] == "PLAIN"
        assert told(talk.ack(0))[1] == "PLAIN"
    assert not lines.alarms


def test_closing_says_how_much_was_said(lines: Lines, talk: Talk) -> None:
    talk.say(0, b"x" * 1234)
    talk.say(1, b"y" * 300)
    first = talk.say(0, flags="FA")
    assert told(first) == ("TCP", "NOTE", "closes (sent 1.2 kB, got 300 B)")
    second = talk.say(1, flags="FA")
    assert second.text == "closes, too (sent 300 B, got 1.2 kB)"
    assert told(talk.ack(0)) == ("TCP", "PLAIN", "ack")


def test_the_last_data_may_close(talk: Talk) -> None:
    row = talk.say(1, b"bye" * 100, flags="FPA")
    assert told(row) == ("TCP", "NOTE", "300 B; closes (sent 300 B, got 0 B)")


def test_data_without_an_ack_is_sent_again(lines: Lines, talk: Talk) -> None:
    first = talk.say(0, b"x" * 517)
    back = talk.seq[0] - 517
    again = talk.raw(0, "PA", b"x" * 517, seq=back, after=220 * MS)
    assert told(again) == (
        "TCP",
        "ODD",
        "sends 517 B again (2nd time, 220 ms after the first)",
    )
    assert again.about == first.number
    third = talk.raw(0, "PA", b"x" * 517, seq=back, after=440 * MS)
    assert third.text == "sends 517 B again (3rd time, 660 ms after the first)"
    levels = [talk.raw(0, "PA", b"x" * 517, seq=back, after=S).level for _ in range(3)]
    assert levels == [Level.ODD, Level.PROBLEM, Level.PROBLEM]


def test_a_probe_for_a_late_ack_is_nothing_odd(talk: Talk) -> None:
    talk.say(0, b"x" * 1000)
    row = talk.raw(0, "PA", b"x" * 400, seq=talk.seq[0] - 400, after=9 * MS)
    assert told(row) == ("TCP", "NOTE", "sends 400 B again: its ack is late")


def test_what_was_acknowledged_is_sent_again_in_vain(talk: Talk) -> None:
    talk.say(0, b"x" * 100)
    talk.ack(1)
    row = talk.raw(0, "PA", b"x" * 100, seq=talk.seq[0] - 100, after=300 * MS)
    assert told(row)[1] == "NOTE"
    assert "though acknowledged" in row.text


def test_a_loss_is_seen_by_its_duplicate_acks(lines: Lines, talk: Talk) -> None:
    talk.say(0, b"a" * 100)
    lost = talk.seq[0]
    talk.seq[0] += 100  # gets lost beyond the tap, which has seen it
    lines.read(talk.packet(0, "PA", b"b" * 100, seq=lost))
    for _ in range(3):
        talk.say(0, b"c" * 100)
    talk.ack(1, ack=lost)
    rows = [talk.ack(1, ack=lost) for _ in range(4)]
    assert [row.level for row in rows] == [
        Level.PLAIN,
        Level.PLAIN,
        Level.ODD,
        Level.PLAIN,
    ]
    assert rows[2].text == "misses data: the same ack for the 3rd time"
    again = talk.raw(0, "PA", b"b" * 100, seq=lost)
    assert again.level is Level.ODD
    assert again.text.startswith("sends 100 B again: the other side misses it")


def test_a_loss_before_the_tap_is_seen_as_a_hole(talk: Talk) -> None:
    talk.say(0, b"a" * 100)
    lost = talk.seq[0]
    talk.seq[0] += 100
    after = talk.say(0, b"c" * 100)
    assert told(after) == ("TCP", "NOTE", "100 B; 100 B before it not seen")
    talk.say(0, b"d" * 100)
    filled = talk.raw(0, "PA", b"b" * 100, seq=lost, after=20 * MS)
    assert filled.level is Level.ODD
    assert "got lost before" in filled.text


def test_a_packet_that_was_overtaken_is_not_sent_again(talk: Talk) -> None:
    talk.say(0, b"a" * 100)
    late = talk.packet(0, "PA", b"b" * 100)
    talk.seq[0] += 100
    talk.say(0, b"c" * 100)
    row = talk.lines.read(late, after=MS)
    assert told(row) == ("TCP", "NOTE", "100 B out of order (1.0 ms late)")
    assert told(talk.say(0, b"d" * 100)) == ("TCP", "PLAIN", "100 B")


def test_overtaken_without_identification() -> None:
    lines = Lines()
    talk = Talk(lines, client=(A6, 1), server=(B6, 2))
    talk.open()
    late = talk.packet(0, "PA", b"b" * 100)
    talk.seq[0] += 100
    talk.say(0, b"c" * 100)
    assert "out of order" in lines.read(late, after=MS).text


def test_a_keep_alive_is_not_sent_again(lines: Lines, talk: Talk) -> None:
    talk.say(0, b"x")
    talk.ack(1)
    for data in (b"", b"\0"):
        probe = talk.raw(0, "A", data, seq=talk.seq[0] - 1, after=15 * S)
        assert told(probe) == ("TCP", "PLAIN", "keep-alive")
        assert told(talk.ack(1)) == ("TCP", "PLAIN", "ack")
    assert not lines.alarms


def test_a_keep_alive_without_an_answer(talk: Talk) -> None:
    talk.say(0, b"x")
    talk.ack(1)
    talk.raw(0, "A", seq=talk.seq[0] - 1, after=15 * S)
    row = talk.raw(0, "A", seq=talk.seq[0] - 1, after=15 * S)
    assert told(row) == (
        "TCP",
        "ODD",
        "keep-alive, the 2nd without an answer (15 s)",
    )


def test_a_window_that_is_full_for_a_moment_is_no_trouble(
    lines: Lines, talk: Talk
) -> None:
    talk.say(0, b"x" * 1000)
    full = talk.ack(1, window=0)
    assert told(full) == ("TCP", "NOTE", "window full: reads no more for now")
    assert not lines.wait(100 * MS)
    opened = talk.ack(1, window=400)
    assert told(opened) == ("TCP", "NOTE", "window open again after 101 ms")
    assert not lines.wait(60 * S)
    assert not lines.alarms


def test_a_window_that_stays_full_is_told_of(lines: Lines, talk: Talk) -> None:
    talk.say(0, b"x" * 1000)
    talk.ack(1, window=0)
    (row,) = lines.wait(1100 * MS)
    assert row.text == "does not read: its window is full for 1.1 s"
    assert (row.level, row.source) == (Level.ODD, "172.18.0.2:3000")
    probe = talk.raw(0, "A", seq=talk.seq[0] - 1)
    assert probe.text == "asks whether there is room by now"
    still = talk.ack(1, window=0)
    assert told(still)[1] == "ODD"
    assert still.text.startswith("window still full (1.1 s)")
    assert talk.ack(1, window=10).text == "window open again after 1.1 s"


def test_a_capture_that_begins_in_the_middle_raises_no_alarm() -> None:
    lines = Lines()
    talk = Talk(lines)
    talk.seq = [123_456_789, 4_000_000_000]
    for _ in range(3):
        assert told(talk.say(0, b"x" * 100))[1:] == ("PLAIN", "100 B")
        assert told(talk.ack(1)) == ("TCP", "PLAIN", "ack")
        talk.say(1, b"y" * 1448)
        talk.ack(0)
    assert talk.say(0, flags="FA").text == "closes"
    assert not lines.wait(60 * S)
    assert not lines.alarms


@pytest.mark.parametrize("copies", [2, 3])
@pytest.mark.parametrize("ipv6", [False, True])
def test_a_packet_that_passes_several_devices_is_no_repeat(
    copies: int, *, ipv6: bool
) -> None:
    """One tap for all devices: container's veth, bridge, another veth."""
    lines = Lines()
    talk = Talk(lines, client=(A6 if ipv6 else A, 1), server=(B6 if ipv6 else B, 2))

    def passes(side: int, flags: str, data: bytes = b"", *, size: int = 0) -> None:
        packet = bytes(talk.packet(side, flags, data))
        first = lines.read(packet, after=5 * MS)
        for _ in range(copies - 1):
            row = lines.read(packet, after=20_000)
            assert row.level is Level.PLAIN, row.text
        assert first.number
        talk.seq[side] += len(data) + ("S" in flags) + ("F" in flags)

    passes(0, "S")
    passes(1, "SA")
    passes(0, "A")
    for _ in range(3):
        passes(0, "PA", b"question")
        passes(1, "A")
        passes(1, "PA", b"answer" * 300)
        passes(1, "PA", b"answer" * 300)
        passes(0, "A")
    passes(0, "FA")
    passes(1, "FA")
    passes(0, "A")
    assert not lines.wait(60 * S)
    assert not lines.alarms


def test_copies_that_come_in_turns_are_no_repeats() -> None:
    """Two packets at one device, then both at the next."""
    lines = Lines()
    talk = Talk(lines)
    talk.open()
    packets = []
    for _ in range(4):
        packets.append(bytes(talk.packet(0, "PA", b"x" * 100)))
        talk.seq[0] += 100
    for _ in range(3):
        for packet in packets:
            lines.read(packet, after=10_000)
    acks = [bytes(talk.packet(1, "A", ack=talk.seq[0] - 100 * n)) for n in (3, 2, 1)]
    for _ in range(3):
        for packet in acks:
            lines.read(packet, after=10_000)
    assert not lines.alarms


def test_a_large_packet_that_is_cut_further_on_is_no_repeat() -> None:
    """Segmentation (GSO): one of 4000 bytes here, three of its pieces there."""
    lines = Lines()
    talk = Talk(lines)
    talk.say(0, flags="S")
    talk.say(1, flags="SA")
    talk.say(0, flags="A")
    large = talk.packet(0, "PA", b"x" * 4000, ident=500)
    pieces = [
        talk.packet(0, "A", b"x" * size, seq=talk.seq[0] + at, ident=500 + n)
        for n, (at, size) in enumerate(((0, 1400), (1400, 1400), (2800, 1200)))
    ]
    lines.read(large, after=MS)
    for piece in pieces:
        row = lines.read(piece, after=10_000)
        assert row.level is Level.PLAIN, row.text
    talk.seq[0] += 4000
    row = lines.read(talk.packet(0, "PA", b"y", ident=503), after=MS)
    assert row.text == "1 B"


def test_the_same_packet_on_two_taps_is_read_twice() -> None:
    lines = Lines()
    talk = Talk(lines)
    for packet in (
        talk.packet(0, "S"),
        talk.packet(0, "S", seq=1000, ident=9),
    ):
        first = lines.read(packet, tap=0)
        second = lines.read(packet, tap=1, after=1000)
        assert (first.tap, second.tap) == (0, 1)
    assert lines.rows[1].text == "asks for a connection"


def test_after_a_gap_nothing_is_said_to_be_sent_again(lines: Lines, talk: Talk) -> None:
    talk.say(0, b"x" * 100)
    lines.reader.gap()
    talk.seq[0] += 50_000
    assert told(talk.say(0, b"y" * 100)) == ("TCP", "PLAIN", "100 B")
    lines.reader.gap()
    back = talk.seq[0] - 100
    row = talk.raw(0, "PA", b"y" * 100, seq=back, after=300 * MS)
    assert told(row) == ("TCP", "PLAIN", "100 B")
    # From there on it is seen again.
    row = talk.raw(0, "PA", b"y" * 100, seq=back, after=300 * MS)
    assert row.level is Level.ODD


def test_how_much_was_said_is_known_beyond_what_was_seen(
    lines: Lines, talk: Talk
) -> None:
    talk.seq[0] += 5000
    talk.say(0, b"x" * 100)
    lines.reader.gap()
    talk.seq[0] += 900
    talk.say(0, b"x" * 100)
    assert talk.say(0, flags="FA").text == "closes (sent 6.1 kB, got 0 B)"


def test_what_is_remembered_is_bounded() -> None:
    lines = Lines()
    for number in range(3000):
        talk = Talk(lines, client=(A, 1024 + number % 60_000))
        talk.seq[0] = number * 7
        talk.raw(0, "PA", b"x", after=0)
    flows = lines.reader._flows
    assert 0 < len(flows) <= 20_000
    many = 0
    for tap in range(8):
        for number in range(3000):
            lines.reader.read(lines.now_ns, tap, 1, 60, lines.rows[number].raw)
            many += 1
    assert many == 24_000
    assert len(flows) <= 20_100


def test_a_header_that_lies_about_its_length(talk: Talk) -> None:
    data = bytearray(bytes(talk.packet(0, "PA", b"")))
    data[46] = 0xF0
    row = talk.lines.read(bytes(data))
    assert told(row)[1:] == ("ODD", "a TCP header longer than its packet")
