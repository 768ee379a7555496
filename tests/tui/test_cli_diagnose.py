"""`netwiz diagnose` around the walk: who asks, what is printed, which status."""

import json
import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from netwiz.probes.facts import Engine, Failed, Failure
from netwiz.tui import case_input, diagnose_command
from netwiz.tui.cli import main
from netwiz.wizard.case import Case, ClientKind, Symptom
from netwiz.wizard.report import to_json, to_text
from netwiz.wizard.verdict import Diagnosis, Mark, Progress, Step
from tests.tui.cli_helpers import NO_ENGINE, NO_RIGHTS, SNAPSHOT, World
from tests.wizard.report_samples import HEALTHY, REFUSED, UNDETERMINED

Tell = Callable[[Progress], None]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    monkeypatch.setattr(diagnose_command, "_machine", made.machine)
    monkeypatch.setattr("netwiz.wizard.walk.diagnose", made.diagnose)
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "NETWIZ_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    return made


def telling(diagnosis: Diagnosis) -> Callable[[Case, Tell], Diagnosis]:
    """A walk that tells of each step of a diagnosis, then hands it over."""

    def walk(case: Case, tell: Tell) -> Diagnosis:
        for count in range(len(diagnosis.steps) + 1):
            tell(Progress(diagnosis.case, diagnosis.steps[:count], "what next?"))
        return diagnosis

    return walk


@pytest.mark.parametrize(
    ("diagnosis", "status"),
    [
        (HEALTHY, 0),
        (REFUSED, 1),
        (UNDETERMINED, 3),
        (replace(UNDETERMINED, cannot_look=True), 4),
    ],
)
def test_the_outcome_is_the_status(
    diagnosis: Diagnosis,
    status: int,
    world: World,
    capsys: pytest.CaptureFixture[str],
) -> None:
    world.walk = telling(diagnosis)
    assert main(["diagnose", "order", "pg:3000", "--json"]) == status
    out, err = capsys.readouterr()
    assert json.loads(out) == to_json(diagnosis)
    assert bool(err) is diagnosis.cannot_look
    assert main(["diagnose", "order", "pg:3000"]) == status
    assert world.closed == 2


def test_what_is_printed_in_pieces_is_the_whole_report(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.walk = telling(REFUSED)
    main(["diagnose", "order", "pg:3000"])
    out, err = capsys.readouterr()
    head, rest = out.split("\n", 1)
    assert head == "order -> pg:3000   symptom to be found out"
    # The second line of the sample's case is its error line.
    assert rest == to_text(REFUSED).split("\n", 2)[2]
    assert err == ""


@pytest.mark.parametrize(
    ("given", "kind", "name"),
    [
        ("order", ClientKind.CONTAINER, "order"),
        ("aaaaaa", ClientKind.CONTAINER, "order"),
        (" order ", ClientKind.CONTAINER, "order"),
        ("host", ClientKind.HOST, "host"),
        ("outside", ClientKind.OUTSIDE, "outside"),
        ("blue", ClientKind.NETNS, "blue"),
    ],
)
def test_who_asks(given: str, kind: ClientKind, name: str, world: World) -> None:
    assert main(["diagnose", given, "pg:3000"]) == 0
    client = world.cases[0].client
    assert (client.kind, client.name) == (kind, name)


def test_symptom_and_target_are_read_from_the_error(world: World) -> None:
    line = "Error: connect ECONNREFUSED 172.18.0.2:3000"
    assert main(["diagnose", "order", "--error", line]) == 0
    case = world.cases[0]
    assert case.target.text == "172.18.0.2:3000"
    assert case.symptom is Symptom.REFUSED
    assert case.error == line


def test_what_is_given_goes_before_what_is_read(world: World) -> None:
    line = "connect ECONNREFUSED 172.18.0.2:3000"
    main(["diagnose", "order", "pg:80", "--symptom", "slow", "--error", line])
    case = world.cases[0]
    assert case.target.text == "pg:80"
    assert case.symptom is Symptom.SLOW


def test_an_error_that_says_nothing_is_no_hindrance(world: World) -> None:
    assert main(["diagnose", "order", "pg:80", "--error", "it hurts"]) == 0
    assert world.cases[0].symptom is None


@pytest.mark.parametrize("line", ["it hurts", "\x1b[31mit hurts\x1b[0m", "x" * 100_000])
def test_an_error_without_a_target_needs_one(
    line: str, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diagnose", "order", "--error", line]) == 2
    assert "names no target" in capsys.readouterr().err


@pytest.mark.parametrize("client", ["order", "blue"])
def test_without_rights_the_command_with_them_is_said(
    client: str,
    world: World,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world.snapshot = NO_RIGHTS
    called = ["/usr/bin/netwiz", "diagnose", client, "pg:80", "--error", "it's red"]
    monkeypatch.setattr("sys.argv", called)
    monkeypatch.setattr(case_input, "_SUDO_PATH", "")
    assert main([*called[1:], "--json"]) == 4
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert told["cannot_look"] is True
    assert told["outcome"] == "undetermined"
    again = f"sudo /usr/bin/netwiz diagnose {client} pg:80 --error 'it'\"'\"'s red'"
    assert again in err
    assert again in told["missing"][1]
    assert err.count("\n") == 1
    assert world.cases == []


@pytest.mark.parametrize("client", ["host", "outside", "edge"])
def test_without_rights_our_own_namespace_still_works(
    client: str, world: World
) -> None:
    world.snapshot = NO_RIGHTS
    assert main(["diagnose", client, "pg:80"]) == 0


def test_the_command_with_rights_finds_engine_and_program(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environ = {"DOCKER_HOST": "tcp://192.0.2.1:2375", "HOME": "/x"}
    monkeypatch.setattr(case_input, "_SUDO_PATH", "")
    said = case_input.with_rights(["/srv/my venv/bin/netwiz", "diagnose"], environ)
    keep = "sudo --preserve-env=DOCKER_HOST "
    assert said == f"run it as root: {keep}'/srv/my venv/bin/netwiz' diagnose"
    said = case_input.with_rights(["/lib/netwiz/__main__.py", "--help"], {})
    assert re.fullmatch(r"run it as root: sudo \S*python\S* -m netwiz --help", said)
    said = case_input.with_rights(["pytest", "causes"], {})
    assert said == "run it as root: sudo netwiz causes"


def test_no_engine_and_a_container_as_client(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.snapshot = NO_ENGINE
    assert main(["diagnose", "order", "pg:80"]) == 4
    out, err = capsys.readouterr()
    assert out == ""
    assert "no engine listens: start it" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("client", ["host", "outside", "blue"])
def test_no_engine_and_no_need_for_one(client: str, world: World) -> None:
    world.snapshot = NO_ENGINE
    assert main(["diagnose", client, "pg:80"]) == 0


def test_a_container_of_another_machine_is_not_looked_for_on_this_one(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    far = Engine(endpoint="tcp://192.0.2.1:2376", local=False)
    world.snapshot = replace(SNAPSHOT, engine=far)
    assert main(["diagnose", "order", "pg:80"]) == 4
    assert capsys.readouterr().err == (
        "netwiz: order does not run on this machine but on that of "
        "tcp://192.0.2.1:2376; log in there and run netwiz on it\n"
    )
    assert main(["diagnose", "host", "pg:80"]) == 0


def test_a_snapshot_that_fails_is_told(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.failed = Failed(kind=Failure.ENGINE, what="it broke", remedy="start it")
    assert main(["diagnose", "order", "pg:80"]) == 4
    assert capsys.readouterr().err == "netwiz: it broke; start it\n"


STEP = Step("alive", "Is pg running?", Mark.GOOD, "up 3 h")


def failing(error: BaseException) -> Callable[[Case, Tell], Diagnosis]:
    def walk(case: Case, tell: Tell) -> Diagnosis:
        running = Step("next", "Who listens?", Mark.RUNNING, "")
        tell(Progress(case, (STEP, running), "Who listens?"))
        raise error

    return walk


def test_a_defect_loses_nothing_and_shows_no_traceback(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.walk = failing(ZeroDivisionError("by \x1bzero"))
    assert main(["diagnose", "order", "pg:80", "--json"]) == 3
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert told["outcome"] == "undetermined"
    assert [step["question"] for step in told["steps"]] == ["Is pg running?"]
    assert err == (
        "netwiz: a defect of netwiz: ZeroDivisionError: by \\x1bzero"
        " (NETWIZ_DEBUG=1 shows where)\n"
    )
    assert world.closed == 1


def test_debugging_shows_where(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NETWIZ_DEBUG", "1")
    world.walk = failing(ZeroDivisionError("by zero"))
    assert main(["diagnose", "order", "pg:80"]) == 3
    assert "Traceback" in capsys.readouterr().err


def test_an_interrupt_prints_what_is_gathered(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[int] = []
    told: list[tuple[str, str]] = []

    def leave_soon(status: int) -> None:
        left.append(status)
        # Whatever is not out by now may never be.
        told.append(capsys.readouterr())

    monkeypatch.setattr(diagnose_command, "_leave_soon", leave_soon)
    world.walk = failing(KeyboardInterrupt())
    assert main(["diagnose", "order", "pg:80"]) == 130
    ((out, err),) = told
    assert " ✓ Is pg running?  up 3 h\n" in out
    assert "Undetermined: no verdict: interrupted" in out
    assert err == ""
    assert left == [130]


def test_a_reader_that_left_ends_the_walk(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netwiz.tui.cli._forget_output", lambda: None)
    world.walk = failing(BrokenPipeError())
    assert main(["diagnose", "order", "pg:80"]) == 141
    assert capsys.readouterr().err == ""
