"""The ring of packets and its filter, without a screen."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netwiz.probes.capture.batch import Batch
from netwiz.probes.facts.packets import Level, PacketKind, PacketRow
from netwiz.widgets.filtering import Filter
from netwiz.widgets.packets.ends import Ends
from netwiz.widgets.packets.sieve import STRIDE, Sieve, Wanted
from netwiz.widgets.packets.store import PacketStore
from tests.screens import packet_rows
from tests.screens.packet_rows import NAMES, ORDER, PG

FOR_EVER_S = 60.0


def row(number: int, level: Level = Level.PLAIN, **more: object) -> PacketRow:
    made = PacketRow(
        number, number * 1000, 0, PacketKind.TCP, level, 60, ORDER, PG, f"say {number}"
    )
    return replace(made, **more)  # type: ignore[arg-type]


def filled(*batches: Sequence[PacketRow], limit: int = 100_000) -> PacketStore:
    store = PacketStore(limit)
    for rows in batches:
        store.add(Batch.of(rows))
    return store


def sieve(store: PacketStore, wanted: Wanted, *taps: str) -> Sieve:
    made = Sieve(store, Ends(NAMES))
    made.taps = taps
    made.set(wanted)
    assert made.work(FOR_EVER_S)
    return made


def numbers(found: Sieve, store: PacketStore) -> list[int]:
    return [store.number(found[index]) for index in range(len(found))]


# The ring


def test_rows_are_found_by_place_and_by_number() -> None:
    store = filled([row(n) for n in range(1, 301)], [row(n) for n in range(301, 900)])
    assert len(store) == 899
    assert store.row(0).number == 1
    assert store.row(898).text == "say 899"
    assert store.place_of(450) == 449
    assert store.place_of(900) == -1
    with pytest.raises(IndexError):
        store.row(899)


def test_a_quiet_wire_does_not_make_a_batch_of_each_row() -> None:
    store = filled(*([row(n)] for n in range(1, 3001)))
    assert len(store) == 3000
    assert len(store._batches) <= 3000 / 200
    assert [store.number(place) for place in (0, 255, 256, 2999)] == [1, 256, 257, 3000]


def test_the_oldest_batches_go_by_rows() -> None:
    batches = [[row(n) for n in range(k, k + 400)] for k in range(1, 4001, 400)]
    store = filled(*batches, limit=1000)
    assert 600 <= len(store) <= 1000
    assert store.evicted == store.first == 4000 - len(store)
    assert store.row(store.first).number == store.first + 1
    with pytest.raises(IndexError):
        store.row(store.first - 1)
    assert store.place_of(1) == -1
    assert store.place_of(4000) == 3999


def test_the_oldest_batches_go_by_bytes() -> None:
    store = PacketStore(100_000, size=1_000_000)
    for first in range(1, 4001, 400):
        rows = [row(n, raw=bytes(1000)) for n in range(first, first + 400)]
        store.add(Batch.of(rows))
    assert store.size <= 1_000_000
    assert store.place_of(4000) >= 0
    assert store.evicted


def test_one_batch_that_is_too_large_is_still_shown() -> None:
    store = filled([row(n) for n in range(1, 2001)], limit=10)
    assert len(store) == 2000
    store.add(Batch.of([row(n) for n in range(2001, 2300)]))
    assert len(store) == 299


@settings(max_examples=40)
@given(st.lists(st.integers(1, 700), max_size=12), st.integers(1, 900))
def test_whatever_comes_the_ring_holds_the_newest(sizes: list[int], limit: int) -> None:
    store, number = PacketStore(limit), 0
    for size in sizes:
        rows = [row(number + n + 1, Level(n % 4)) for n in range(size)]
        number += size
        store.add(Batch.of(rows))
    kept = [store.number(place) for place in range(store.first, store.end)]
    assert kept == list(range(number - len(kept) + 1, number + 1))
    assert len(kept) <= max(limit, sizes[-1] + 256 if sizes else 0)
    problems = sum(store.level(p) == Level.PROBLEM for p in range(*_range(store)))
    assert store.problems == problems


def _range(store: PacketStore) -> tuple[int, int]:
    return store.first, store.end


def test_problems_are_counted_and_found_in_both_directions() -> None:
    rows = [row(1), row(2, Level.ODD), row(3, Level.PROBLEM), row(4), row(5, Level.ODD)]
    store = filled(rows)
    assert store.problems == 1
    assert list(store.odd) == [1, 2, 4]
    assert store.next_odd(-1, 1, Level.PROBLEM) == 2
    assert store.next_odd(2, 1, Level.PROBLEM) == -1
    assert store.next_odd(2, 1) == 4
    assert store.next_odd(2, -1) == 1
    assert store.next_odd(1, -1) == -1


def test_a_cleared_ring_counts_on() -> None:
    store = filled([row(1), row(2, Level.PROBLEM)])
    store.clear()
    assert (len(store), store.problems, store.size, store.evicted) == (0, 0, 0, 0)
    store.add(Batch.of([row(1)]))
    assert store.row(2).number == 1


# The filter


def test_errors_are_known_at_once() -> None:
    store = filled([row(n, Level(n % 4)) for n in range(1, 1001)])
    found = Sieve(store, Ends())
    found.set(Wanted(errors=True))
    assert len(found) == 500
    assert found.left == 0
    store.add(Batch.of([row(1001, Level.PROBLEM), row(1002)]))
    found.work(FOR_EVER_S)
    assert numbers(found, store)[-1] == 1001


def test_words_are_looked_for_in_names_addresses_ports_text_and_taps() -> None:
    store = filled(packet_rows.rows())
    for pattern, wanted in {
        "order → pg:5432": 4,
        "pg:5432 → order:40312": 4,
        "172.18.0.2:5432": 8,
        "refused": 1,
        "no answer to \\d SYN": 1,
        "SYN": 4,
        "syn$": 3,
        "(": 8,
    }.items():
        found = sieve(store, Wanted(pattern=pattern), "order", "pg")
        assert len(found) == wanted, pattern
    assert len(sieve(store, Wanted(pattern="tap-a"), "tap-a", "tap-b")) == 14


def test_filters_are_joined_by_and() -> None:
    store = filled(packet_rows.rows())
    assert len(sieve(store, Wanted(errors=True, pattern="order"))) == 7
    assert len(sieve(store, Wanted(errors=True, tap=1))) == 4
    assert len(sieve(store, Wanted(pattern="syn", tap=1))) == 2


def test_a_stream_has_both_directions_and_what_is_said_about_it() -> None:
    store = filled(packet_rows.rows())
    found = sieve(store, Wanted(stream=("10.0.0.9:8080", "172.18.0.3:40400")))
    assert numbers(found, store) == [16, 17, 18]
    assert numbers(sieve(store, Wanted(stream=(ORDER, PG))), store) == [
        3, 4, 5, 6, 7, 8, 9, 20,
    ]  # fmt: skip


def test_a_large_filter_stops_when_its_time_is_over() -> None:
    store = filled([row(n) for n in range(1, 5001)])
    found = Sieve(store, Ends())
    found.set(Wanted(pattern="say"))
    steps = 0
    while not found.work(0):
        steps += 1
        assert len(found) == steps * STRIDE
        assert 0 < found.progress < 1
    assert len(found) == 5000
    assert found.progress == 1
    assert steps == (5000 - 1) // STRIDE


def test_rows_that_come_or_go_meanwhile_are_neither_lost_nor_kept() -> None:
    store = filled([row(n) for n in range(1, 1001)], limit=1000)
    found = Sieve(store, Ends())
    found.set(Wanted(pattern="say"))
    found.work(0)
    store.add(Batch.of([row(n) for n in range(1001, 1901)]))
    assert found.trim() == STRIDE
    assert found.work(FOR_EVER_S)
    assert numbers(found, store) == list(range(1001, 1901))


def test_an_index_stays_with_its_place() -> None:
    store = filled([row(n, Level(n % 4)) for n in range(1, 101)])
    found = sieve(store, Wanted(errors=True))
    assert found[found.index_of(41)] == 41
    assert found[found.index_of(43)] == 45
    everything = sieve(store, Wanted())
    assert everything.index_of(43) == 43
    assert everything.index_of(1000) == 100


def test_a_match_is_found_in_both_directions() -> None:
    store = filled([row(n) for n in range(1, 501)])
    found = sieve(store, Wanted())
    pattern = Filter("say 250")
    assert found.find(0, 1, pattern, FOR_EVER_S) == 249
    assert found.find(499, -1, pattern, FOR_EVER_S) == 249
    assert found.find(250, 1, pattern, FOR_EVER_S) == -1
    at, rounds = found.find(0, 1, pattern, 0), 0
    while at < -1:
        at, rounds = found.find(-2 - at, 1, pattern, 0), rounds + 1
    assert at == 249
    assert rounds == 249 // STRIDE
