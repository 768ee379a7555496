"""What the patrol is asked to look out for, so that a suspect may heal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netwiz.probes.facts import HOST
from netwiz.probes.facts.signs import Awaited, Sign
from netwiz.wizard.suspects import rules
from netwiz.wizard.suspects.awaited import MOST
from netwiz.wizard.suspects.book import Book
from netwiz.wizard.suspects.suspect import Standing
from tests.wizard.suspects_world import (
    IN_ORDER,
    MACHINE,
    at,
    refused,
    reported,
    worked,
)


def book(*signs: Sign) -> Book:
    made = Book()
    made.know(MACHINE)
    made.note(signs)
    made.suspects(at(5))
    return made


@pytest.mark.parametrize(
    ("sign", "expected"),
    [
        (
            reported(1, "refused", "172.18.0.2", 3000),
            [Awaited(IN_ORDER, "172.18.0.2", 3000)],
        ),
        (reported(1, "refused", "db", 3000), [Awaited(IN_ORDER, "172.18.0.2", 3000)]),
        (
            reported(1, "refused", "localhost", 80),
            [Awaited(IN_ORDER, "127.0.0.1", 80), Awaited(IN_ORDER, "::1", 80)],
        ),
        # Whatever that name leads to, only the client could ask.
        (reported(1, "refused", "api.example.test", 443), []),
        (reported(1, "refused", "172.18.0.2"), []),
        (reported(1, "dns", "api.example.test"), [Awaited(IN_ORDER)]),
        (
            replace(reported(1, "refused", "172.18.0.2", 3000), place=HOST),
            [Awaited(HOST, "172.18.0.2", 3000)],
        ),
    ],
)
def test_what_a_log_tells_of_is_awaited(sign: Sign, expected: list[Awaited]) -> None:
    assert list(book(sign).awaited(at(5))) == expected


def test_a_refusal_that_was_only_seen_is_awaited_once_it_is_a_suspect() -> None:
    once = book(refused(1))
    assert once.awaited(at(5)) == ()
    several = book(refused(1), refused(2), refused(3))
    assert [one.target for one in several.awaited(at(5))] == ["172.18.0.2"]


def test_it_heals_by_what_was_awaited() -> None:
    made = book(reported(1, "refused", "db", 3000))
    (wanted,) = made.awaited(at(5))
    sign = worked(20, wanted.port, wanted.target)
    made.note([replace(sign, place=wanted.place, client="")])
    (one,) = made.suspects(at(21))
    assert one.standing is Standing.HEALED
    assert made.awaited(at(21)) == ()


def test_what_is_quiet_for_long_is_not_awaited() -> None:
    made = book(reported(1, "refused", "db", 3000))
    late = at(2) + rules.LATELY
    made.suspects(late)
    assert made.awaited(late) == ()


def test_of_many_the_last_ones_are_awaited() -> None:
    many = [
        reported(1 + n / 100, "refused", "172.18.0.2", 3000 + n)
        for n in range(2 * MOST)
    ]
    ports = [one.port for one in book(*many).awaited(at(5))]
    assert ports == [3000 + n for n in reversed(range(MOST, 2 * MOST))]
