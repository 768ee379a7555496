"""`netwiz causes`: the whole catalogue, readable by people and programs."""

import json

import pytest

from netwiz.tui.cli import main
from netwiz.wizard.causes import CAUSES


def test_the_list_has_every_cause(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["causes"]) == 0
    out = capsys.readouterr().out
    listed = [row.split()[0] for row in out.splitlines() if row[2:3].strip()]
    assert [word for word in listed if word in CAUSES] == list(CAUSES)
    assert {cause.group for cause in CAUSES.values()} <= set(out.splitlines())
    assert max(map(len, out.splitlines())) <= 80


def test_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["causes", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["schema"] == "netwiz.causes/1"
    assert [cause["id"] for cause in told["causes"]] == list(CAUSES)
    assert set(told["causes"][0]) == {
        "id",
        "title",
        "group",
        "explanation",
        "decisive",
        "fix",
        "look_alikes",
        "references",
        "asked",
        "proof",
    }


@pytest.mark.parametrize("cause", CAUSES.values(), ids=list(CAUSES))
def test_one_cause_on_a_page(cause: object, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = next(known for known in CAUSES.values() if known is cause)
    assert main(["causes", wanted.id]) == 0
    out = capsys.readouterr().out
    assert f"{wanted.id} · {wanted.group}\n" in out
    assert "What decides" in out
    prose = [row for row in out.splitlines() if not row.startswith("    $ ")]
    assert max(map(len, prose)) <= 80
    # The gaps of the templates are shown as <server>, not as they are written.
    assert not set("{}\u2039\u203a") & set("".join(prose))


def test_one_cause_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["causes", "service-bound-loopback", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [cause["id"] for cause in told["causes"]] == ["service-bound-loopback"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("service-bound-lopback", "did you mean service-bound-loopback"),
        ("\x1b[2J", "'\\x1b[2J': see netwiz causes"),
        ("", "'': see netwiz causes"),
        ("x" * 100_000, "see netwiz causes"),
    ],
)
def test_no_such_cause(
    given: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["causes", given, "--json"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.count("\n") == 1
