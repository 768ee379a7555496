"""The wizard's three questions, by keys alone."""

import pytest
from textual import events
from textual.widgets import Input

from netwiz.tui.prefill import Prefill
from netwiz.widgets.client_choice import ClientChoice
from netwiz.widgets.symptom_choice import ErrorBox, SymptomChoice
from netwiz.widgets.target_input import TargetInput
from netwiz.wizard.case import Case, ClientKind, Symptom
from tests.screens import samples, shop
from tests.screens.wizard_app import Script, WizardApp, notice, settle, text_of

ERROR = "dial tcp 172.18.0.2:3000: connect: connection refused"


async def test_from_nothing_to_the_verdict_by_keys_alone() -> None:
    app = WizardApp(prefill=Prefill())
    async with app.run_test(size=(80, 24)) as pilot:
        assert "What does the application report?" in text_of(app)
        await pilot.press("enter")
        assert "Who cannot connect?" in text_of(app)
        await pilot.press(*"ord", "enter")
        await settle(pilot)
        assert "Where does it want to go?" in text_of(app)
        await pilot.press(*"pg:3000", "enter")
        await settle(pilot)
        assert app.script.cases == [samples.CASE]
        assert "Root cause" in text_of(app)


async def test_every_symptom_is_offered_with_what_clients_print() -> None:
    app = WizardApp(prefill=Prefill())
    async with app.run_test(size=(80, 24)):
        shown = text_of(app)
        for symptom in Symptom:
            assert symptom.value in shown
        for words in (
            "connection refused",
            "i/o timeout",
            "no such host",
            "certificate verify failed",
            "ECONNRESET",
            "no route to host",
        ):
            assert words in shown


@pytest.mark.parametrize(("key", "symptom"), [("end", None), ("down", "timeout")])
async def test_a_symptom_may_be_left_to_probing(key: str, symptom: str | None) -> None:
    app = WizardApp(prefill=Prefill(client="order", target="pg:3000"))
    async with app.run_test() as pilot:
        await pilot.press(key, "enter")
        await settle(pilot)
        assert [case.symptom for case in app.script.cases] == [symptom]


async def test_a_pasted_error_answers_symptom_and_target() -> None:
    app = WizardApp(prefill=Prefill(client="order"))
    async with app.run_test(size=(80, 24)) as pilot:
        app.wizard.query_one(SymptomChoice).post_message(
            events.Paste(f"2026/11/21 02:04:31\n {ERROR}\n")
        )
        await settle(pilot)
        assert app.wizard.query_one(ErrorBox).has_focus
        assert "reads as refused, to 172.18.0.2:3000" in text_of(app)
        await pilot.press("enter")
        await settle(pilot)
        [case] = app.script.cases
        assert case.symptom is Symptom.REFUSED
        assert case.target.text == "172.18.0.2:3000"
        assert ERROR in case.error


async def test_a_line_that_tells_nothing_is_said_to_tell_nothing() -> None:
    app = WizardApp(prefill=Prefill(client="order"))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("tab", *"all well", "enter")
        assert "this line does not tell" in notice(app)
        assert "no network error is recognised" in text_of(app)
        assert "step 1 of 4" in text_of(app)


async def test_a_bad_target_is_one_line_and_the_focus_stays() -> None:
    app = WizardApp(prefill=Prefill(client="order", symptom="refused"))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press(*"pg:99999", "enter")
        assert "✗ 'pg:99999': a port is a number from 1 to 65535" in text_of(app)
        assert app.wizard.query_one(TargetInput).input.has_focus
        assert app.script.cases == []
        await pilot.press(*["backspace"] * 5, *"3000", "enter")
        await settle(pilot)
        assert app.script.cases[0].target.text == "pg:3000"


async def test_of_an_address_without_a_port_only_the_port_is_typed() -> None:
    app = WizardApp(prefill=Prefill("order", "172.18.0.2", "refused"))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "172.18.0.2 lacks the port that was dialled" in notice(app)
        await pilot.press(*"3000", "enter")
        await settle(pilot)
        assert app.script.cases[0].target.text == "172.18.0.2:3000"


async def test_a_name_alone_does_not_refuse() -> None:
    app = WizardApp(prefill=Prefill(client="order", symptom="refused"))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press(*"172.18.0.2")
        assert "add the port that was dialled, as in 172.18.0.2:3000" in text_of(app)
        await pilot.press("ctrl+u", *"pg", "enter")
        await settle(pilot)
        assert "✗ pg lacks the port that was dialled: as in pg:3000" in text_of(app)
        assert app.script.cases == []
        await pilot.press(*":3000", "enter")
        await settle(pilot)
        assert app.script.cases[0].target.text == "pg:3000"


async def test_targets_are_suggested_with_their_reason_but_never_a_password() -> None:
    app = WizardApp(prefill=Prefill(client="order", symptom="refused"))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        shown = text_of(app)
        assert "172.18.0.9:9092             its socket: tries right now" in shown
        assert "DATABASE_URL of order" in shown
        assert "hunter2" not in shown
        await pilot.press("down", "enter")
        await settle(pilot)
        assert app.script.cases[0].target.text == "pg:5432"


async def test_what_is_typed_counts_unless_the_arrows_chose_a_line() -> None:
    app = WizardApp(prefill=Prefill(client="order", symptom="refused"))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press(*"pg")
        assert "look up the name pg only" in text_of(app)
        await pilot.press("down", "enter")
        await settle(pilot)
        assert app.script.cases[0].target.text == "pg:5432"


async def test_typing_narrows_the_clients() -> None:
    app = WizardApp(prefill=Prefill(symptom="refused"))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(*"host")
        shown = text_of(app)
        assert "this machine, prod-01" in shown
        assert "shop_default" not in shown
        await pilot.press("enter")
        await settle(pilot)
        await pilot.press(*"127.0.0.1:3000", "enter")
        await settle(pilot)
        assert app.script.cases[0].client.kind is ClientKind.HOST


async def test_escape_goes_back_and_finds_the_answers_where_they_were() -> None:
    app = WizardApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("escape")
        await settle(pilot)
        assert app.wizard.query_one(TargetInput).input.value == "pg:3000"
        await pilot.press("escape")
        await settle(pilot)
        assert app.wizard.query_one(ClientChoice).choices.chosen.endswith(shop.ORDER_ID)
        await pilot.press("escape", "escape")
        assert app.screen is not app.wizard


async def test_one_answer_may_be_changed_without_giving_the_others_again() -> None:
    app = WizardApp(Script(samples.REFUSED, samples.REFUSED))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("escape")
        await settle(pilot)
        app.wizard.query_one(Input)
        await pilot.press("ctrl+u", *"pg:3001", "enter")
        await settle(pilot)
        first, second = app.script.cases
        assert first.target.text == "pg:3000"
        assert second == Case(first.client, second.target, first.symptom)
        assert second.target.text == "pg:3001"


async def test_a_prefill_that_cannot_be_used_is_said_and_asked_for() -> None:
    app = WizardApp(prefill=Prefill("ordr", "pg:3000", "refused"))
    async with app.run_test(size=(80, 24)):
        assert "no container is named 'ordr': did you mean order?" in notice(app)
        assert "Who cannot connect?" in text_of(app)


async def test_names_with_markup_are_only_text() -> None:
    snapshot = shop.snapshot(shop.HOSTILE)
    app = WizardApp(prefill=Prefill(symptom="refused"), snapshot=snapshot)
    async with app.run_test(size=(120, 30)) as pilot:
        assert "[bold red]evil[/]" in text_of(app)
        await pilot.press(*"evil", "enter")
        await settle(pilot)
        assert "[bold red]evil[/]" in text_of(app)


async def test_without_an_engine_the_host_is_still_there() -> None:
    snapshot = shop.without_engine()
    app = WizardApp(prefill=Prefill(symptom="refused"), snapshot=snapshot)
    async with app.run_test(size=(80, 24)):
        shown = text_of(app)
        assert "no engine answers" in shown
        assert "this machine, prod-01" in shown
        assert "lab-outside" in shown
