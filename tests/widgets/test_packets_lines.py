"""What the packet list says, as text, without a screen."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwiz.probes.capture.wanted import CaptureWanted, FileWanted
from netwiz.probes.facts.packets import (
    CaptureCounts,
    CaptureEnded,
    CaptureTapGone,
    Level,
    PacketKind,
    PacketRow,
)
from netwiz.widgets.lines import Line, cells, plain_text
from netwiz.widgets.packets.detail import broken
from netwiz.widgets.packets.ends import Ends, split_end
from netwiz.widgets.packets.nothing import nothing_lines
from netwiz.widgets.packets.row_line import columns_for, draw_row, lag_text, time_text
from netwiz.widgets.packets.sieve import Wanted
from netwiz.widgets.packets.standing import (
    Seen,
    Standing,
    counts_line,
    head_line,
    size_text,
)
from netwiz.widgets.packets.turns import readable
from tests.screens import packet_rows
from tests.screens.conftest import utc
from tests.screens.packet_rows import AT_NS, NAMES, started, wanted

__all__ = ["utc"]
WIDTHS = (30, 46, 76, 96, 116, 136, 196)
WORDS = st.text(st.characters(exclude_categories=("C", "Z")), max_size=60)


def text(line: Line) -> str:
    return plain_text([line])


# Ends


def test_ends_are_told_by_name_with_their_ports() -> None:
    ends = Ends(NAMES)
    assert ends.named("172.18.0.2:5432") == "pg:5432"
    assert ends.named("172.18.0.2") == "pg"
    assert ends.named("10.1.1.1:80") == "10.1.1.1:80"
    assert ends.named("[fd00::2]:80") == "[fd00::2]:80"
    assert Ends({"fd00::2": "pg"}).named("[fd00::2]:80") == "pg:80"
    assert ends.named("02:42:ac:12:00:03") == "02:42:ac:12:00:03"


@pytest.mark.parametrize(
    ("end", "parts"),
    [
        ("172.18.0.3:40312", ("172.18.0.3", "40312")),
        ("[fd00::2]:80", ("fd00::2", "80")),
        ("fd00::2", ("fd00::2", "")),
        ("02:42:ac:12:00:03", ("02:42:ac:12:00:03", "")),
        ("172.18.0.3", ("172.18.0.3", "")),
        ("", ("", "")),
    ],
)
def test_an_end_has_an_address_and_perhaps_a_port(
    end: str, parts: tuple[str, str]
) -> None:
    assert split_end(end) == parts


def test_where_room_is_short_only_a_clients_port_is_left_out() -> None:
    ends = Ends(NAMES)
    short = {
        ("172.18.0.3:40312", "172.18.0.2:5432"): "order → pg:5432",
        ("172.18.0.2:5432", "172.18.0.3:40312"): "pg:5432 → order",
        ("172.18.0.2:5432", "172.18.0.3:123"): "pg:5432 → order:123",
        ("172.18.0.2:50000", "172.18.0.3:60000"): "pg:50000 → order:60000",
        ("172.18.0.1", "172.18.0.3"): "host → order",
    }
    for (source, destination), wanted_text in short.items():
        assert ends.pair(source, destination, ports=False) == wanted_text


@given(WORDS, WORDS, st.integers(0, 65535), st.integers(8, 60))
def test_cut_ends_fit_and_show_both(one: str, other: str, port: int, room: int) -> None:
    ends = Ends({"10.0.0.1": one or "a", "10.0.0.2": other or "b"})
    fitted = ends.fitted("10.0.0.1:40000", f"10.0.0.2:{port}", room)
    assert cells(((fitted, ""),)) <= room
    assert " → " in fitted


def test_new_names_are_used_at_once() -> None:
    ends = Ends(NAMES)
    assert ends.named("172.18.0.2:80") == "pg:80"
    assert "pg:80" in ends.words("172.18.0.2:80", "172.18.0.3:80")
    ends.names = {"172.18.0.2": "db"}
    assert ends.named("172.18.0.2:80") == "db:80"
    assert "db:80" in ends.words("172.18.0.2:80", "172.18.0.3:80")


# Rows


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("tap", [0, 12])
def test_rows_stand_under_each_other_and_tell_level_by_a_sign(
    width: int, tap: int
) -> None:
    columns = columns_for(width, 40, tap)
    signs = {Level.PROBLEM: "✗", Level.ODD: "!", Level.NOTE: "·", Level.PLAIN: " "}
    for row in packet_rows.rows():
        drawn = text(draw_row(row, columns, Ends(NAMES), ("order", "pg")))
        assert drawn[columns.time + 1] == signs[row.level], drawn
        assert row.text[:4] in drawn


def test_eighty_columns_hold_what_matters() -> None:
    columns = columns_for(76, 40, 5)
    drawn = [
        text(draw_row(row, columns, Ends(NAMES), ("order", "pg")))
        for row in packet_rows.rows()
    ]
    assert drawn[2] == "04:33.069 · order order → pg:5432         SYN"
    assert "✗ order pg:3000 → order  refused: RST from pg" in drawn[14]
    # It needs the room: the blanks before it are taken.
    assert cells(((drawn[14], ""),)) > 76


def test_two_hundred_columns_add_number_size_ports_and_microseconds() -> None:
    columns = columns_for(196, 40, 5)
    row = packet_rows.rows(number=4711)[14]
    drawn = text(draw_row(row, columns, Ends(NAMES), ("order", "pg")))
    assert "4725" in drawn
    assert "165 B" in drawn
    assert "pg:3000 → order:40314" in drawn
    assert "02:05:54.760415" in drawn


def test_a_mark_and_a_distance() -> None:
    columns, row = columns_for(76, 20, 0), packet_rows.rows()[2]
    drawn = draw_row(row, columns, Ends(), marked=True, since_ns=row.at_ns - 1_204_000)
    assert text(drawn).startswith("  +1.2 ms◆· ")


@pytest.mark.parametrize(
    ("ns", "words"),
    [
        (0, "+0 µs"),
        (999_999, "+1000 µs"),
        (1_204_000, "+1.2 ms"),
        (210_000_000, "+210 ms"),
        (1_204_000_000, "+1.20 s"),
        (180_000_000_000, "+3 min"),
        (-5_000_000, "-5.0 ms"),
    ],
)
def test_distances(ns: int, words: str) -> None:
    assert lag_text(ns) == words


def test_times_of_any_file_can_be_told() -> None:
    assert time_text(AT_NS, 12) == "02:04:33.000"
    for strange in (0, 1 << 62, (1 << 64) - 1):
        assert len(time_text(strange, 15)) == 15


@given(WORDS, WORDS, WORDS, st.sampled_from(WIDTHS))
def test_whatever_a_packet_says_the_parts_before_the_text_keep_their_width(
    source: str, destination: str, said: str, width: int
) -> None:
    columns = columns_for(width, 30, 9)
    row = PacketRow(
        1, AT_NS, 0, PacketKind.OTHER, Level.NOTE, 60, source, destination, said
    )
    drawn = draw_row(row, columns, Ends(), ("tap",))
    head = list(drawn[:-1])
    assert cells(head) <= width


# How it stands


def seen(**more: object) -> Seen:
    return replace(Seen(limit=100_000, kept=50), **more)  # type: ignore[arg-type]


def standing(seen_: int = 0, dropped: int = 0, read: int = 0) -> Standing:
    asked = wanted()
    counts = CaptureCounts(seen=seen_, dropped=dropped, read=read)
    return Standing(asked, started(asked), counts)


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        (
            (412_000, 0, 20_000),
            "412 000 seen · 0 dropped · 20 000 read (sampled)",
        ),
        ((7, 0, 7), "7 seen · 0 dropped · 7 read"),
        (
            (7, 3, 7),
            "7 seen · 3 dropped · 7 read (sampled)",
        ),
    ],
)
def test_how_complete_it_is_is_always_told(
    counts: tuple[int, int, int], words: str
) -> None:
    assert text(counts_line(standing(*counts), seen(), 74)) == words


def test_large_numbers_do_not_push_the_drops_off_eighty_columns() -> None:
    large = standing(9_999_999_999, 999_999_999, 99_999_999)
    told = text(counts_line(large, seen(problems=99_999), 74))
    assert "999 999 999 dropped" in told
    assert "99 999 999 read (sampled)" in told
    assert cells(((told, ""),)) <= 74


@pytest.mark.parametrize("width", [40, 74, 190])
def test_the_head_fits_and_never_hides_what_is_captured(width: int) -> None:
    asked = replace(
        wanted(filter="port 3000 and not port 22 and host 172.18.0.2"),
        file=FileWanted("/var/tmp/night.pcapng"),
    )
    now = Standing(asked, started(asked), CaptureCounts(seen=1, file_bytes=1_300_000))
    now.hear(CaptureTapGone(tap=1, why="the container has stopped"))
    view = seen(wanted=Wanted(errors=True, pattern="timeout"), shown=3, missed=12)
    drawn = head_line(now, replace(view, following=False), width)
    assert cells(drawn) <= width
    told = text(drawn)
    assert told.startswith("order, pg")
    assert "held · 12 new" in told
    if width == 190:
        assert "→ night.pcapng 1.2 MiB" in told
        assert "pg gone: the container has stopped" in told
        assert "errors /timeout 3 of 50" in told
        assert "keeps 100 000" in told


def test_the_head_tells_when_rows_have_gone() -> None:
    told = text(head_line(standing(), seen(evicted=5), 100))
    assert "keeps the last 100 000" in told


def test_the_end_is_told_and_whether_it_was_wanted() -> None:
    now = standing()
    now.hear(CaptureEnded(why="stopped"))
    assert "■ stopped" in text(head_line(now, seen(following=False), 100))
    now.hear(CaptureEnded(why="killed", wrong=True))
    assert "✗ killed" in text(head_line(now, seen(), 100))


def test_a_long_reason_does_not_hide_that_there_is_more_than_what_is_in_view() -> None:
    asked = wanted(filter="pg and port 3000 or port 80")
    now = Standing(asked, started(asked))
    view = seen(wanted=Wanted(pattern="refused"), shown=3)
    assert "/refused 3 of 50" in text(head_line(now, view, 74))
    now.hear(CaptureEnded(why="the process that captures was killed", wrong=True))
    drawn = head_line(now, view, 74)
    assert cells(drawn) <= 74
    assert text(drawn).startswith("order, pg")
    assert "/refused 3 of 50" in text(drawn)
    assert "✗ the process that captures" in text(drawn)


@pytest.mark.parametrize("view", [Wanted(), Wanted(pattern="refused")])
def test_a_long_reason_is_cut_and_nothing_else(view: Wanted) -> None:
    now = standing()
    now.hear(CaptureEnded(why="the process that captures was killed " * 3, wrong=True))
    drawn = head_line(now, seen(wanted=view, shown=3), 74)
    assert cells(drawn) <= 74
    assert text(drawn).startswith("order, pg")
    assert text(drawn).endswith("…")


GONE = "the container stopped"
OVER = "nothing is left to listen to: pg: the container stopped"


def test_a_place_that_ends_is_named_and_another_capture_offered() -> None:
    asked = wanted(packet_rows.TAPS[0])
    now = Standing(asked, started(asked), CaptureCounts(seen=5))
    now.hear(CaptureTapGone(tap=0, why=f"order: {GONE}"))
    now.hear(CaptureEnded(why=OVER.replace("pg", "order"), wrong=True))
    for width in (74, 190):
        told = text(head_line(now, seen(), width))
        assert told.startswith("order · c starts another capture")
        assert told.endswith(f"✗ {GONE}")
        assert told.count("order") == 1


def test_of_several_places_the_last_end_is_that_of_all() -> None:
    now = standing(5)
    now.hear(CaptureTapGone(tap=1, why=f"pg: {GONE}"))
    assert f"! pg gone: {GONE} ·" in text(head_line(now, seen(), 190))
    assert "! pg gone ·" in text(head_line(now, seen(), 74))
    assert "starts another" not in text(head_line(now, seen(), 190))
    now.hear(CaptureTapGone(tap=0, why=f"order: {GONE}"))
    now.hear(CaptureEnded(why=OVER, wrong=True))
    told = text(head_line(now, seen(), 74))
    assert told.startswith("order, pg · c starts another capture")
    assert told.endswith("✗ all 2 places are gone")


def test_what_was_stopped_by_hand_says_so_though_a_place_was_gone() -> None:
    now = standing(5)
    now.hear(CaptureTapGone(tap=1, why=f"pg: {GONE}"))
    now.hear(CaptureEnded(why="stopped"))
    told = text(head_line(now, seen(), 74))
    assert "! pg gone" in told
    assert told.endswith("■ stopped")


def test_zero_packets_say_what_that_means() -> None:
    asked = wanted(packet_rows.TAPS[0], filter="port 3000")
    now = Standing(asked, started(asked, left_out=("your own SSH session",)))
    told = plain_text(nothing_lines(now, seen(kept=0)))
    assert 'nothing has passed yet: filter "port 3000" on order' in told
    assert "left out: your own SSH session" in told
    assert "told of as well" not in told
    refusals = replace(started(asked), left_in=("ICMP errors about it",))
    told = plain_text(nothing_lines(Standing(asked, refusals), seen(kept=0)))
    assert "told of as well: ICMP errors about it" in told
    assert "left out" not in told
    now.ended = CaptureEnded(why="stopped")
    assert "stopped" in plain_text(nothing_lines(now, seen(kept=0)))
    assert "starting" in plain_text(nothing_lines(Standing(asked), seen(kept=0)))
    assert "c" in plain_text(nothing_lines(Standing(), seen(kept=0)))
    hidden = plain_text(nothing_lines(now, seen(wanted=Wanted(errors=True))))
    assert "no packet of these matches" in hidden


def test_another_capture_is_offered_where_one_can_be_started() -> None:
    of_file = replace(wanted(), source="/tmp/night.pcapng")
    for asked, offered in ((wanted(), True), (of_file, False)):
        for now in (
            Standing(asked, wrong="broken"),
            Standing(asked, started(asked), ended=CaptureEnded(why="end of file")),
        ):
            told = plain_text(nothing_lines(now, seen(kept=0)))
            assert ("starts another capture" in told) == offered
            head = text(head_line(now, seen(kept=0), 120))
            assert ("another" in head) == (offered and not now.wrong)


def test_many_places_are_counted() -> None:
    many = tuple(replace(packet_rows.TAPS[0], name=f"c{n}") for n in range(300))
    now = Standing(CaptureWanted(many))
    assert text(head_line(now, seen(), 74)).startswith("300 places")


@pytest.mark.parametrize(
    ("size", "words"), [(0, "0 B"), (1023, "1023 B"), (1_300_000, "1.2 MiB")]
)
def test_sizes(size: int, words: str) -> None:
    assert size_text(size) == words


# Text in sections


@given(st.lists(st.tuples(WORDS, st.just("")), max_size=6), st.integers(12, 60))
def test_broken_lines_fit_and_lose_nothing(
    pieces: list[tuple[str, str]], width: int
) -> None:
    parts = list(broken(tuple(pieces), width, "  "))
    assert all(cells(part) <= width for part in parts)
    whole = "".join(t for t, _ in pieces).replace(" ", "")
    shown = "".join(t for part in parts for t, _ in part).replace(" ", "")
    assert shown == whole


def test_lines_break_between_words() -> None:
    line = (("refused by pg ", ""), ("because nobody listens", ""))
    assert [text(part) for part in broken(line, 20, "  ")] == [
        "refused by pg",
        "  because nobody",
        "  listens",
    ]


def test_only_text_is_shown_as_text() -> None:
    assert readable(b"GET / HTTP/1.1\r\n\r\n")
    assert not readable(bytes(range(256)))
    assert not readable(b"")
