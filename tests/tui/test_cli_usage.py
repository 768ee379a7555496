"""What cannot be understood: one clear line, status 2, nothing on stdout."""

import pytest

from netwiz.tui import diagnose_command
from netwiz.tui.cli import SYMPTOMS, main
from netwiz.wizard.case import Symptom
from tests.tui.cli_helpers import World

BAD = {
    "no TO": (["order"], "TO is missing"),
    "no FROM": ([], "FROM is missing"),
    "an empty FROM": (["", "pg:1"], "FROM is empty"),
    "a blank FROM": (["  ", "pg:1"], "FROM is empty"),
    "an empty TO": (["order", ""], "names no host"),
    "an empty error": (["order", "--error", ""], "--error is empty"),
    "a port of words": (["order", "pg:http"], "a port is a number"),
    "port 0": (["order", "pg:0"], "a port is a number"),
    "a port too high": (["order", "pg:65536"], "a port is a number"),
    "a negative port": (["order", "pg:-1"], "a port is a number"),
    "a port of other digits": (["order", "pg:٣"], "a port is a number"),
    "no port after the colon": (["order", "pg:"], "the port is missing"),
    "a bad address": (["order", "300.1.2.3:80"], "is no IPv4 address"),
    "half a bracket": (["order", "[fd00::1:80"], "an IPv6 address is written"),
    "no such scheme": (["order", "gopher://pg:70"], "unknown scheme"),
    "dns with a port": (["order", "dns://pg:53"], "without a port"),
    "a scheme without a port": (["order", "tcp://pg"], "lacks a port"),
    "a bad name": (["order", "p g:80"], "is no host name"),
    "an address alone": (["order", "10.0.0.1"], "10.0.0.1 lacks the port"),
    "a name that refuses": (["order", "pg", "--symptom", "refused"], "as in pg:3000"),
    "an unknown symptom": (["order", "pg:1", "--symptom", "sad"], "'sad' is none of"),
    "an empty symptom": (["order", "pg:1", "--symptom", ""], "'' is none of"),
    "nobody said it": (["--error", "connect ECONNREFUSED 1.2.3.4:5"], "give FROM"),
    "a stranger said it": (
        ["--error", "nobody-1  | connect ECONNREFUSED 1.2.3.4:5"],
        "printed by 'nobody-1', and that is no container here",
    ),
    "an unknown option": (["order", "pg:1", "--jsn"], "unrecognized arguments"),
    "a short form": (["order", "pg:1", "--sym", "dns"], "unrecognized arguments"),
    "too much": (["order", "pg:1", "pg:2"], "unrecognized arguments"),
    "an unknown container": (["oder", "pg:1"], "did you mean order?"),
    "an ambiguous prefix": (["bbbb", "pg:1"], "pg, pgbouncer"),
    "one digit": (["a", "pg:1"], "no container is named 'a'"),
    "an option as FROM": (["--", "--help", "pg:1"], "no container is named '--help'"),
    "escapes": (["\x1b]0;owned\x07", "pg:1"], r"\x1b]0;owned\x07"),
    "escapes in TO": (["order", "\x1b[2Jpg:1"], r"\x1b[2Jpg"),
    "escapes in an option": (["order", "pg:1", "--\x1b[2J"], r"--\x1b[2J"),
    "escapes in a symptom": (["order", "pg:1", "--symptom", "\x1b"], r"'\x1b'"),
    "markup": (["[red]order[/red]", "pg:1"], "'[red]order[/red]'"),
    "line breaks": (["or\nder", "pg:1"], r"or\x0ader"),
    "surrogates": (["or\udcffder", "pg:1"], r"or\udcffder"),
    "a very long FROM": (["x" * 100_000, "pg:1"], "no container is named"),
    "a very long TO": (["order", "x" * 100_000 + ":1"], "is no host name"),
    "a very long port": (["order", "pg:" + "9" * 100_000], "a port is a number"),
    "a very long option": (["order", "pg:1", "--" + "x" * 100_000], "unrecognized"),
}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    monkeypatch.setattr(diagnose_command, "_machine", made.machine)
    monkeypatch.setattr("netwiz.wizard.walk.diagnose", made.diagnose)
    return made


@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
@pytest.mark.parametrize("what", BAD)
def test_bad_input(
    what: str, as_json: bool, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, said = BAD[what]
    assert main(["diagnose", *(["--json"] if as_json else []), *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("netwiz: ")
    assert said in err
    assert err.count("\n") == 1
    assert err.rstrip("\n").isprintable()
    assert len(err) < 1200
    assert world.cases == []


@pytest.mark.parametrize("arguments", [["fly"], ["--fly"], ["fly\x1b[2J"], [""]])
def test_no_such_command(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("netwiz: ")
    assert err.count("\n") == 1
    assert err.rstrip("\n").isprintable()


def test_the_screen_needs_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "netwiz: the screen needs a terminal" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--help"], ["diagnose", "--help"]])
def test_help_tells_the_exit_codes(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 0
    out, err = capsys.readouterr()
    assert "4 cannot look" in out
    assert err == ""
    assert max(map(len, out.splitlines())) <= 88


def test_the_parser_knows_every_symptom() -> None:
    assert set(SYMPTOMS) == set(Symptom)
