"""Writing for people: what reaches a stream, and what a stream may do to us."""

import io
import sys

import pytest

from netwiz.tui.terminal import CannotWriteError, Terminal, complain, put, writing
from netwiz.wizard.report_layout import Line, Tone


class Stream(io.StringIO):
    """A stream that may be a terminal and may have another encoding."""

    def __init__(self, encoding: str = "utf-8", *, terminal: bool = False) -> None:
        super().__init__()
        self._encoding = encoding
        self._terminal = terminal

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """As it was made."""
        return self._encoding

    def isatty(self) -> bool:
        return self._terminal


class Full(Stream):
    """A stream on a full disk, or without a reader."""

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self.error = error

    def write(self, *_: object) -> int:
        raise self.error


GOOD = Line("✓ fine", Tone.GOOD)


@pytest.mark.parametrize(
    ("terminal", "environ", "written"),
    [
        (True, {"TERM": "xterm"}, "\x1b[32m✓ fine\x1b[0m\n"),
        (True, {"TERM": "xterm", "NO_COLOR": ""}, "\x1b[32m✓ fine\x1b[0m\n"),
        (True, {"TERM": "xterm", "NO_COLOR": "1"}, "✓ fine\n"),
        (True, {"TERM": "dumb"}, "✓ fine\n"),
        (False, {"TERM": "xterm"}, "✓ fine\n"),
    ],
)
def test_colour(terminal: bool, environ: dict[str, str], written: str) -> None:
    stream = Stream(terminal=terminal)
    Terminal(stream, environ).show([GOOD])
    assert stream.getvalue() == written


@pytest.mark.parametrize(
    ("encoding", "written"),
    [
        ("utf-8", "✓ a → 東\n"),
        ("ascii", "+ a -> \\u6771\n"),
        ("latin-1", "+ a -> \\u6771\n"),
    ],
)
def test_what_an_encoding_lacks_is_written_otherwise(
    encoding: str, written: str
) -> None:
    stream = Stream(encoding)
    Terminal(stream, {}).show([Line("✓ a → 東")])
    assert stream.getvalue() == written


def test_a_passing_line_gives_way() -> None:
    stream = Stream(terminal=True)
    terminal = Terminal(stream, {"NO_COLOR": "1"})
    terminal.passing("one")
    terminal.passing("tw\x1bo")
    terminal.show([GOOD])
    terminal.close()
    wipe = "\r\x1b[K"
    assert stream.getvalue() == f"one{wipe}tw\\x1bo{wipe}✓ fine\n"


def test_a_passing_line_keeps_within_the_terminal() -> None:
    stream = Stream(terminal=True)
    terminal = Terminal(stream, {})
    terminal.width = 10
    terminal.passing("0123456789")
    assert stream.getvalue() == "01234567…"


def test_nothing_passes_where_nobody_watches() -> None:
    stream = Stream()
    Terminal(stream, {}).passing("one")
    assert stream.getvalue() == ""


def test_a_full_disk_is_told_from_other_errors() -> None:
    full = Full(OSError(28, "No space left on device"))
    with pytest.raises(CannotWriteError, match="No space left"):
        Terminal(full, {}).show([GOOD])
    with pytest.raises(BrokenPipeError), writing():
        raise BrokenPipeError


def test_put_writes_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    put("x\n")
    assert capsys.readouterr().out == "x\n"


def test_a_complaint_is_one_harmless_line(capsys: pytest.CaptureFixture[str]) -> None:
    complain("bad \x1b[2J\nthing " + "x" * 5000)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("netwiz: bad \\x1b[2J\\x0athing xxx")
    assert err.endswith("…\n")
    assert len(err) < 1100


@pytest.mark.parametrize("error", [OSError(28, "full"), BrokenPipeError()])
def test_a_complaint_that_nobody_can_hear_is_no_error(
    error: OSError, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", Full(error))
    complain("bad")
    monkeypatch.setattr(sys, "stderr", None)
    complain("bad")
