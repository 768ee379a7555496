"""One suspect of many signs, and how it stands: active, quiet, healed, gone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from netwiz.probes.facts import State
from netwiz.wizard.suspects import rules
from netwiz.wizard.suspects.book import Book
from netwiz.wizard.suspects.suspect import Standing
from tests.wizard.suspects_world import (
    MACHINE,
    ORDER,
    PG,
    WEB,
    active,
    answered,
    at,
    counted,
    half_open,
    name_failed,
    refused,
    reported,
    seen,
    worked,
)


def test_log_packets_and_counters_of_one_fault_are_one_suspect() -> None:
    signs = [
        refused(0),
        reported(0.1, "refused", "172.18.0.2", 3000),
        refused(1),
        counted(1.5),
        reported(1.6, "refused", "db", 3000),
        half_open(1.8, 0.5, 9),
    ]
    (one,) = seen(signs, 3)
    assert (one.client, one.server, one.symptom) == ("order", "pg", "refused")
    assert [e.seen for e in one.evidence] == ["packets", "log", "counters", "sockets"]
    assert one.count == 5
    assert one.error == "Error: refused db"
    assert (one.first, one.at) == (at(0), at(1.8))


def test_what_a_log_calls_it_is_how_it_is_called() -> None:
    signs = [refused(0), refused(1), refused(2), reported(3, "refused", "db", 3000)]
    (one,) = seen(signs, 4)
    assert one.target == "db:3000"


@pytest.mark.parametrize("host", ["db", "172.18.0.2"])
@pytest.mark.parametrize("first", [True, False])
def test_packets_know_the_port_that_a_log_leaves_out(host: str, *, first: bool) -> None:
    said = reported(0 if first else 5, "refused", host)
    signs = sorted([said, *map(refused, (1, 2, 3))], key=lambda sign: sign.at)
    (one,) = seen(signs, 6)
    assert one.target == f"{host}:3000"
    assert one.count == 4


@pytest.mark.parametrize(
    ("host", "port", "server"),
    [
        ("pg", 3000, "pg"),
        ("db", 3000, "pg"),
        ("172.18.0.2", 3000, "pg"),
        ("192.0.2.10", 8080, "web"),
        ("localhost", 5432, ""),
        ("pay.example", 443, ""),
    ],
)
def test_who_is_behind_a_target(host: str, port: int, server: str) -> None:
    (one,) = seen([reported(0, "refused", host, port)], 1)
    assert one.server == (server or ("order" if host == "localhost" else ""))


def test_it_heals_when_the_same_works_again() -> None:
    signs = [refused(0), refused(1), refused(2), refused(3), worked(4)]
    (one,) = seen(signs, 10)
    assert one.standing is Standing.HEALED
    assert one.since == at(4)
    assert one.why == f"connected again at {rules.clock(at(4))}"
    assert one.evidence[-1].text == "the handshake was answered"


def test_it_does_not_heal_by_another_target() -> None:
    signs = [refused(0), refused(1), refused(2), worked(10, 3001), worked(11, 80)]
    assert active(signs, 12)


def test_it_comes_back() -> None:
    signs = [*(refused(n) for n in range(3)), worked(3), *map(refused, (20, 21, 22))]
    (one,) = seen(signs, 23)
    assert one.active


def test_silence_is_called_silence_and_not_healing() -> None:
    signs = [refused(0), refused(1), refused(2)]
    assert seen(signs, 50)[0].active
    (one,) = seen(signs, 70)
    assert one.standing is Standing.QUIET
    assert one.why.startswith("quiet since")
    assert seen(signs, 70 + 60 * 11) == ()


def test_a_client_that_tries_every_minute_is_not_quiet_in_between() -> None:
    signs = [refused(60 * n) for n in range(5)]
    assert active(signs, 60 * 4 + 100)


def test_its_client_goes_away() -> None:
    book = Book()
    book.know(MACHINE)
    book.note([refused(0), refused(1), refused(2)])
    assert book.suspects(at(2))[0].active
    book.know(replace(MACHINE, taken_at=at(9), containers=(PG, WEB)))
    (one,) = book.suspects(at(10))
    assert one.standing is Standing.GONE


@pytest.mark.parametrize("age", [1.0, 4.0])
def test_a_server_that_has_just_started_may_refuse(age: float) -> None:
    fresh = replace(PG, started_at=at(-age))
    machine = replace(MACHINE, containers=(ORDER, fresh, WEB))
    book = Book()
    book.know(machine)
    book.note(refused(n / 2) for n in range(6))
    assert not book.suspects(at(4.9 - age))
    book.note(refused(5 - age + n / 2) for n in range(4))
    (one,) = book.suspects(at(6.6))
    assert one.active
    assert (one.first, one.count) == (at(5 - age), 4)


def test_a_name_that_is_gone_while_its_container_restarts() -> None:
    book = Book()
    book.know(MACHINE)
    book.lives.happened(PG.id, "die", "pg", {"exitCode": "0"}, at(0))
    bare = replace(PG, attachments=())
    book.know(replace(MACHINE, taken_at=at(0.5), containers=(ORDER, bare, WEB)))
    book.note(name_failed(n, "pg") for n in (1, 2, 3))
    assert not book.suspects(at(3))
    book.lives.happened(PG.id, "start", "pg", {}, at(4))
    book.note([answered(5, "pg")])
    assert not book.suspects(at(60))


def test_a_server_that_restarts_and_comes_back_is_none() -> None:
    book = Book()
    book.know(MACHINE)
    book.lives.happened(PG.id, "die", "pg", {"exitCode": "143"}, at(0))
    book.note([half_open(1, 0.9, 1), half_open(2, 0.9, 2)])
    assert not book.suspects(at(2))
    book.lives.happened(PG.id, "start", "pg", {}, at(2.5))
    book.note([refused(3), refused(3.5), refused(4.6)])
    assert not book.suspects(at(5))
    book.note([worked(5.5)])
    assert not book.suspects(at(60))


def test_a_server_that_is_made_anew_has_no_address_for_a_moment() -> None:
    book = Book()
    book.know(MACHINE)
    book.lives.happened(PG.id, "die", "pg", {"exitCode": "0"}, at(0))
    bare = replace(PG, attachments=(), state=State.EXITED)
    book.know(replace(MACHINE, taken_at=at(0.5), containers=(ORDER, bare, WEB)))
    book.note([half_open(1, 0.9, 1), half_open(2, 1.9, 1), half_open(3, 0.9, 2)])
    assert not book.suspects(at(9))
    assert book.suspects(at(11))[0].server == "pg"


def known() -> Book:
    book = Book()
    book.know(MACHINE)
    return book


def test_it_is_told_to_end_before_it_is_missed() -> None:
    """A loaded engine takes the network away seconds before it says that it died."""
    book = known()
    book.lives.happened(PG.id, "kill", "pg", {"signal": "15"}, at(0))
    book.note([half_open(2.5, 1.9, 1), half_open(3.5, 1.9, 2)])
    assert not book.suspects(at(4))
    book.lives.happened(PG.id, "die", "pg", {"exitCode": "0"}, at(5))
    book.lives.moved(PG.id, at(13))
    book.lives.happened(PG.id, "start", "pg", {}, at(16))
    # The last SYN before it was back is repeated after all others, at 1, 3, 7, 15 s.
    book.note(
        [half_open(18, 3, 3), half_open(21.5, 6.5, 3), reported(12, "timeout", "pg")]
    )
    assert not book.suspects(at(22))
    assert not book.suspects(at(60))


def test_it_is_told_to_end_and_does_not_come_back() -> None:
    book = known()
    book.lives.happened(PG.id, "kill", "pg", {"signal": "15"}, at(0))
    book.lives.happened(PG.id, "die", "pg", {"exitCode": "0"}, at(1))
    book.note([half_open(2.5, 1.9, 1), half_open(10.5, 1.9, 2)])
    assert not book.suspects(at(10.9))
    (one,) = book.suspects(at(11.1))
    assert one.active
    assert one.first == at(2.5)


def test_one_that_does_not_come_to_itself_after_a_restart() -> None:
    book = known()
    book.lives.happened(PG.id, "die", "pg", {"exitCode": "0"}, at(0))
    book.lives.happened(PG.id, "start", "pg", {}, at(1))
    book.note([half_open(3, 1.9, 1), half_open(6.5, 1.9, 2)])
    assert not book.suspects(at(7))
    # Begun when it had been up for long, or repeated to it in vain.
    book.note([half_open(9, 1.9, 4)])
    assert book.suspects(at(9))[0].active


def test_a_syn_that_is_repeated_in_vain_to_one_that_is_back() -> None:
    book = known()
    book.lives.happened(PG.id, "die", "pg", {"exitCode": "0"}, at(0))
    book.lives.happened(PG.id, "start", "pg", {}, at(1))
    book.note([half_open(8, 6, 1)])
    assert not book.suspects(at(8))
    book.note([half_open(12, 10, 1)])
    assert book.suspects(at(12))[0].active


def test_a_signal_that_ends_nothing_excuses_nothing() -> None:
    book = known()
    book.lives.happened(PG.id, "kill", "pg", {"signal": "1"}, at(0))
    book.note([refused(1), refused(2), refused(3)])
    assert book.suspects(at(3))[0].active


def test_what_a_log_says_of_a_restart_is_over_with_it() -> None:
    book = known()
    book.lives.happened(PG.id, "die", "pg", {"exitCode": "0"}, at(0))
    book.note([reported(1, "refused", "db", 3000)])
    book.lives.happened(PG.id, "start", "pg", {}, at(2))
    assert not book.suspects(at(30))
    book.note([reported(31, "refused", "db", 3000)])
    assert book.suspects(at(31))[0].active


@pytest.mark.parametrize("ran_before", [False, True])
def test_what_a_log_says_of_a_first_start_counts(*, ran_before: bool) -> None:
    """Nobody else may ever say it: an application that gives up does not try again."""
    fresh = replace(PG, started_at=at(0), finished_at=at(-1) if ran_before else None)
    book = Book()
    book.know(replace(MACHINE, containers=(ORDER, fresh, WEB)))
    book.note([refused(1), reported(1, "refused", "db", 3000)])
    told = [(one.active, one.count, one.first) for one in book.suspects(at(30))]
    assert told == ([] if ran_before else [(True, 1, at(1))])


def test_an_old_picture_does_not_undo_what_was_heard_since() -> None:
    book = known()
    book.lives.happened("f" * 64, "die", "new", {"exitCode": "1"}, at(1))
    book.lives.happened(PG.id, "die", "pg", {"exitCode": "0"}, at(1))
    book.know(replace(MACHINE, taken_at=at(0.5)))
    assert [s.symptom for s in book.suspects(at(2))] == ["crashed"]
    assert book.lives.in_transition(PG.id, at(8))


LIVES: dict[str, tuple[list[tuple[float, str, str]], str]] = {
    "a crash": ([(0, "die", "1")], "crashed"),
    "a loop": (
        [
            (n + d, act, "1")
            for n in (0, 1, 3)
            for d, act in ((0, "start"), (0.5, "die"))
        ],
        "restarts",
    ),
    "out of memory": ([(0, "oom", ""), (0.1, "die", "137")], "out of memory"),
    "ill": ([(0, "health_status: unhealthy", "")], "unhealthy"),
    "stopped by hand": ([(0, "die", "137")], ""),
    "stopped politely": ([(0, "die", "143"), (1, "start", "")], ""),
    "ended well": ([(0, "die", "0")], ""),
    "restarted by hand, three times": (
        [
            (n + d, act, "143")
            for n in (0, 9, 18)
            for d, act in ((0, "die"), (1, "start"))
        ],
        "",
    ),
    "a check that takes its time": (
        [(0, "start", ""), (9, "health_status: healthy", "")],
        "",
    ),
}


@pytest.mark.parametrize("name", LIVES)
def test_what_the_engine_tells(name: str) -> None:
    events, wanted = LIVES[name]
    book = Book()
    book.know(MACHINE)
    for seconds, action, code in events:
        book.lives.happened(PG.id, action, "pg", {"exitCode": code}, at(seconds))
    found = [(s.symptom, s.server) for s in book.suspects(at(30)) if s.active]
    assert found == ([(wanted, "pg")] if wanted else [])


def test_a_container_that_stays_up_has_recovered() -> None:
    book = Book()
    book.know(MACHINE)
    book.lives.happened(PG.id, "die", "pg", {"exitCode": "1"}, at(0))
    book.lives.happened(PG.id, "start", "pg", {}, at(1))
    assert book.suspects(at(5))[0].active
    (one,) = book.suspects(at(30))
    assert one.standing is Standing.HEALED


def test_the_gravest_comes_first_and_what_is_over_last() -> None:
    signs = [
        *(refused(n / 2, 81) for n in range(4)),
        worked(2.5, 81),
        *(refused(n, 82) for n in range(30)),
        reported(28, "reset", "pg", 83),
        refused(22, 84),
        refused(27, 84),
    ]
    found = [(s.target.rpartition(":")[2], s.standing) for s in seen(signs, 30)]
    assert [port for port, _ in found] == ["82", "84", "83", "81"]
    assert found[-1][1] is Standing.HEALED


def test_a_flood_is_bounded() -> None:
    book = Book()
    book.know(MACHINE)
    book.note(refused(n / 100, 1 + n % 60000) for n in range(3000))
    book.suspects(at(30))
    assert len(book._troubles) <= 500


def test_age_and_count_rank() -> None:
    fresh = rules.score("refused", 3, timedelta())
    assert fresh == 2 * rules.score("refused", 3, rules.HALF_LIFE)
    assert rules.score("refused", 300, timedelta()) > fresh
    assert rules.score("reset", 3, timedelta()) < fresh
