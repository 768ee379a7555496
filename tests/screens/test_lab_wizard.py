"""From symptom to verdict by keys alone, with the installed netwiz in a terminal."""

from collections.abc import Iterator

import pytest

from tests.lab import check, leftovers
from tests.lab.engine import Lab
from tests.lab.stage import Stage
from tests.screens.on_the_lab import (
    SIZES,
    answer_questions,
    back_to_the_overview,
    leave,
    name_the_client,
    outage,
    overview,
    raise_shop,
)
from tests.screens.terminal import Terminal

pytestmark = pytest.mark.lab
ONLY_LOOPBACK = "listens on 127.0.0.1:3000 only"


@pytest.fixture
def shop(lab: Lab) -> Stage:
    return raise_shop(lab)


@pytest.fixture
def nothing_left(shop: Stage) -> Iterator[None]:
    """For a test that changes nothing itself: all must be as it was before."""
    before = leftovers.look(shop.lab)
    yield
    assert leftovers.differences(before, leftovers.look(shop.lab)) == []


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "200x60"])
def test_from_symptom_to_proof_by_keys_alone(
    shop: Stage, size: tuple[int, int]
) -> None:
    with overview(shop.lab, size) as desk:
        answer_questions(desk, "order", "pg:3000")
        desk.wait("Root cause", ONLY_LOOPBACK, "✗ RST from 172.28.0.2")
        desk.wait("Evidence  · pg listens on 127.0.0.1:3000 (httpd)")

        desk.press("e")
        desk.wait("report written to")
        (report,) = desk.folder.iterdir()
        written = report.read_text()
        assert report.name.startswith("netwiz-order-pg-3000-")
        assert written.startswith("# ")
        assert "service-bound-loopback" in written
        assert ONLY_LOOPBACK in written

        check.mend(shop, shop.play.rounds[0])
        desk.press("v")
        shown = desk.wait("was: refused, service-bound-loopback", "now: healthy")
        assert "Healthy" in shown
        assert ONLY_LOOPBACK not in shown
        leave(desk)


def test_a_suspect_in_the_log_leads_right_to_its_verdict(
    shop: Stage, nothing_left: None
) -> None:
    with overview(shop.lab, (80, 24)) as desk:
        desk.wait("⚠ Error: connect ECONNREFUSED")
        desk.press("3", "N")
        desk.wait("held", "⏎ diagnose")
        desk.press("Enter")
        desk.wait("order ──▶ 172.28.0.2:3000   refused", "Root cause", ONLY_LOOPBACK)
        # It was not asked for: one step back is the last question, already answered.
        desk.press("Escape")
        desk.wait("step 3 of 4", "172.28.0.2:3000", "connect to 172.28.0.2, port 3000")
        desk.press("Enter")
        desk.wait("Root cause")
        leave(desk)


def test_the_environment_of_the_client_is_suggested_first(
    shop: Stage, nothing_left: None
) -> None:
    with overview(shop.lab) as desk:
        name_the_client(desk, "order")
        shown = desk.wait("web:80", "127.0.0.1 only")
        offered = [" ".join(row.split()) for row in shown.splitlines()[8:14]]
        assert [row for row in offered if row] == [
            "pg:3000 DATABASE_URL of order, pg listens on 127.0.0.1 only",
            "cache:6379 REDIS_HOST of order",
            "web:80 web listens there on shop_default",
            "172.28.0.1:8080 published on this host for web:80",
        ]
        assert "secret" not in shown
        desk.press("Enter")
        desk.wait("order ──▶ pg:3000", "Root cause", ONLY_LOOPBACK)
        leave(desk)


def test_another_answer_leads_elsewhere_and_back(
    shop: Stage, nothing_left: None
) -> None:
    with overview(shop.lab, (110, 34)) as desk:
        answer_questions(desk, "order", "pg:3000")
        desk.wait("Root cause", "✗ does pg listen there?")
        desk.press("1", "Enter")
        shown = desk.wait(
            "does pg listen there?", "Answers", "▸ on a loopback address only"
        )
        assert "Evidence  · pg listens on 127.0.0.1:3000 (httpd)" in shown
        assert "$ nsenter -t" in shown
        desk.press("o")
        desk.wait("Another answer", "enter walks on from there")
        desk.press("Home", "Enter")
        shown = desk.wait("[your answer]", "What if: it rests on your own answer")
        assert ONLY_LOOPBACK not in shown
        desk.press("1", "o")
        desk.wait("Another answer", "what the probes find")
        desk.press("End", "Enter")
        shown = desk.wait("Root cause", ONLY_LOOPBACK, without=["[your answer]"])
        assert "What if" not in shown
        leave(desk)


def test_the_client_goes_in_mid_walk(shop: Stage) -> None:
    with overview(shop.lab) as desk:
        answer_questions(desk, "order", "pg:3000")
        desk.wait("Root cause")
        desk.press("s")
        desk.wait("step by step")
        desk.press("v")
        desk.wait("paused: space asks it")
        shop.lab.docker("rm", "-f", "order")
        desk.press("s")
        desk.wait("was: refused, service-bound-loopback", without=[ONLY_LOOPBACK])
        # Whatever could still be seen then: now it is gone, and that is no cause.
        desk.press("v")
        desk.wait("Undetermined", "order is gone", "Missing")
        back_to_the_overview(desk)
        desk.wait("4 containers")
        leave(desk)


def test_the_engine_goes_in_mid_walk(shop: Stage) -> None:
    with overview(shop.lab, (110, 34)) as desk:
        answer_questions(desk, "order", "pg:3000")
        desk.wait("Root cause")
        back = outage(shop.lab)
        desk.press("v")
        # An engine that does not answer is no cause of a refusal, nor a cure of it.
        desk.wait(
            "was: refused, service-bound-loopback", "now: undetermined", "Missing"
        )
        back.touch()
        # As any engine that is stopped in order, it has ended its containers.
        desk.until(lambda shown: proven(desk, shown), "the engine has told")
        back_to_the_overview(desk)
        desk.wait("0/5 containers", without=["engine gone since"])
        leave(desk)


def proven(desk: Terminal, shown: str) -> bool:
    """Whether it says that order ended; else ask once more."""
    if "Order is not running" in shown:
        return True
    if "v Prove it" in shown:
        desk.press("v")
    return False
