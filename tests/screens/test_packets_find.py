"""Finding among packets: errors, problems, marks, filters, matches, connections."""

from netwiz.probes.facts.packets import Level
from tests.screens import packet_rows
from tests.screens.packets_app import opened, running


async def test_errors_only_and_back() -> None:
    async with running(rows=100) as on:
        await on.press("e")
        assert on.numbers == [108, 109, 111, 113, 115, 117, 118, 120]
        assert "errors 8 of 120" in on.head
        await on.rows(packet_rows.rows(121))
        await on.until(lambda: len(on.numbers) == 16)
        await on.press("escape")
        assert len(on.numbers) == 140


async def test_problems_are_jumped_to() -> None:
    async with running(rows=100) as on:
        await on.press("N")
        assert on.at == 118
        await on.press("N", "N")
        assert on.at == 115
        await on.press("n")
        assert on.at == 117
        assert not on.view.following


async def test_marks_survive_a_filter() -> None:
    async with running(rows=30) as on:
        await on.press("g", "j", "m", "j", "j", "m")
        assert on.view.marks == {2, 4}
        assert "◆" in on.painted()[2]
        await on.press("e", "e", "g", "apostrophe")
        assert on.at == 2
        await on.press("apostrophe")
        assert on.at == 4
        await on.press("apostrophe")
        assert on.at == 2
        await on.press("m")
        assert on.view.marks == {4}


async def test_a_filter_is_typed_and_the_cursor_stays_on_its_packet() -> None:
    async with running(rows=100) as on:
        await on.press("N", "N", "N")
        assert on.at == 115
        await on.press("slash", *"pg:3000")
        assert on.numbers == [114, 115]
        assert on.at == 115
        await on.press("enter")
        assert "/pg:3000 2 of 120" in on.head
        await on.press("escape")
        assert on.at == 115
        assert len(on.numbers) == 120


async def test_matches_of_the_last_filter_are_jumped_to_without_it() -> None:
    async with running(rows=100) as on:
        await on.press("slash", *"SYN", "enter", "escape", "g", "greater_than_sign")
        await on.until(lambda: on.at == 103)
        await on.press("greater_than_sign")
        await on.until(lambda: on.at == 114)
        await on.press("less_than_sign")
        await on.until(lambda: on.at == 103)
        assert len(on.numbers) == 120


async def test_one_connection_and_one_place() -> None:
    async with running() as on:
        await on.press("g", *("j",) * 13, "F")
        assert on.numbers == [14, 15]
        await on.press("F")
        assert len(on.numbers) == 20
        await on.press("o")
        assert len(on.numbers) == 14
        await on.press("escape")
        assert len(on.numbers) == 20


async def test_a_filter_over_a_full_ring_lets_keys_through() -> None:
    async with opened() as on:
        await on.start()
        await on.say(*packet_rows.batches(60_000, 5000))
        await on.press("k")
        on.view.set_filter("no such words")
        assert on.view.sieve.left
        assert "looking through" in on.nothing
        assert "%" in on.head
        # A key is answered before the filter is through.
        await on.pilot.press("escape")
        assert not on.view.sieve.wanted
        assert len(on.numbers) == 60_000
        on.view.set_filter("refused")
        await on.until(lambda: not on.view.sieve.left)
        assert len(on.numbers) == 3000
        assert {on.view.store.level(p) for p in on.view.sieve._found} == {Level.PROBLEM}


async def test_times_become_distances_and_long_lines_move() -> None:
    async with running() as on:
        await on.press("k")
        before = on.painted()
        await on.press("T")
        assert "+17.3 ms" in on.painted()[-1]
        await on.press("T", "l")
        assert on.painted() != before
        await on.press("h")
        assert on.painted() == before
