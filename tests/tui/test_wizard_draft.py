"""A case in the making: which question is open, and what an error line answers."""

import pytest

from netwiz.tui.prefill import Prefill
from netwiz.tui.screens.wizard_draft import (
    CLIENT,
    SYMPTOM,
    TARGET,
    WALK,
    Draft,
    draft_of,
    read_line,
    rebound,
    written_target,
)
from netwiz.wizard.case import Case, Client, ClientKind, Symptom, Target
from tests.screens import samples, shop

REFUSED = "dial tcp 172.18.0.2:3000: connect: connection refused"


@pytest.mark.parametrize(
    ("prefill", "step"),
    [
        (Prefill(), SYMPTOM),
        (Prefill(symptom="dns"), CLIENT),
        (Prefill(symptom="dns", client="order"), TARGET),
        (Prefill("order", "pg:3000"), SYMPTOM),
        (Prefill("order", "pg:3000", "refused"), WALK),
        (Prefill("order", error=REFUSED), WALK),
        (Prefill("order", "pg:3000", error="who knows"), SYMPTOM),
        (Prefill("nobody", "pg:3000", "refused"), CLIENT),
        (Prefill("order", "pg:0", "refused"), TARGET),
        (Prefill("order", "pg", "refused"), TARGET),
        (Prefill("order", "172.18.0.2", "timeout"), TARGET),
        (Prefill("order", "pg", "dns"), WALK),
        (Prefill("order", "pg:3000", "sad"), SYMPTOM),
    ],
)
def test_the_wizard_opens_at_the_first_open_question(
    prefill: Prefill, step: int
) -> None:
    assert draft_of(prefill, shop.snapshot())[0].next_step() == step


@pytest.mark.parametrize(
    ("target", "symptom", "begun"),
    [
        ("172.18.0.2", "refused", "172.18.0.2:"),
        ("fd00::2", "refused", "[fd00::2]:"),
        ("pg", "timeout", "pg:"),
        ("pg", "dns", "pg"),
        ("pg:3000", "refused", "pg:3000"),
        ("pg:0", "refused", "pg:0"),
        ("", "refused", ""),
    ],
)
def test_what_lacks_a_port_waits_for_it(target: str, symptom: str, begun: str) -> None:
    prefill = Prefill("order", target, symptom)
    draft, _ = draft_of(prefill, shop.snapshot())
    assert written_target(prefill, draft) == begun


@pytest.mark.parametrize(
    ("prefill", "words"),
    [
        (Prefill("ordr"), "did you mean order?"),
        (Prefill(target="pg:0"), "a port is a number"),
        (Prefill(symptom="sad"), "'sad' is no symptom"),
        (Prefill("order", "172.18.0.2", "refused"), "172.18.0.2 lacks the port"),
        (Prefill("order", "pg:3000", "refused"), ""),
    ],
)
def test_what_cannot_be_used_is_said(prefill: Prefill, words: str) -> None:
    problem = draft_of(prefill, shop.snapshot())[1]
    assert words in problem
    assert bool(words) == bool(problem)


def test_what_was_said_counts_more_than_what_the_line_says() -> None:
    prefill = Prefill("order", "pg:5432", "timeout", REFUSED)
    draft, _ = draft_of(prefill, shop.snapshot())
    assert draft.symptom is Symptom.TIMEOUT
    assert draft.target == Target("pg", 5432)
    assert draft.error == REFUSED


def test_a_line_is_read_as_far_as_it_goes() -> None:
    assert read_line(REFUSED).target == Target("172.18.0.2", 3000)
    assert read_line("").words == "no network error is recognised in it"
    assert read_line("connection refused").words == "reads as refused"


def test_there_is_no_case_without_client_and_target() -> None:
    assert Draft().case is None


def test_a_container_made_anew_stays_the_client() -> None:
    case = rebound(samples.CASE, shop.recreated("f" * 64))
    assert case.client.container_id == "f" * 64


def test_a_client_that_is_gone_stays_as_it_was() -> None:
    assert rebound(samples.CASE, shop.without_engine()) == samples.CASE
    host = Case(Client(ClientKind.HOST, "host"), Target("pg", 1))
    assert rebound(host, shop.snapshot()) == host


def test_a_line_answers_who_printed_it() -> None:
    snapshot = shop.snapshot()
    reading = read_line(f"order  | {REFUSED}", snapshot)
    assert reading.client is not None
    assert reading.client.name == "order"
    assert reading.words == (
        "reads as refused, from order, to 172.18.0.2:3000 (in the words of Go)"
    )
    draft, _ = draft_of(Prefill(error=f"order  | {REFUSED}"), snapshot)
    assert draft.next_step() == WALK
    assert draft_of(Prefill("pg", error=f"order  | {REFUSED}"), snapshot)[0].client == (
        Client(ClientKind.CONTAINER, "pg", snapshot.find("pg")[0].id)
    )
