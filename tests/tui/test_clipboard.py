"""What is copied reaches the terminal, or a file that only its owner can read."""

import base64
import re
import stat
from datetime import UTC, datetime
from pathlib import Path

from netwiz.tui.clipboard import LIMIT, save, sequence

BARE = re.compile(r"\x1b\]52;c;([A-Za-z0-9+/=]*)\x07")


def test_bare() -> None:
    found = BARE.fullmatch(sequence("order → pg:3000", {}))
    assert found
    assert base64.b64decode(found[1]).decode() == "order → pg:3000"


def test_tmux_gets_it_bare_and_wrapped() -> None:
    osc = sequence("x", {})
    told = sequence("x", {"TMUX": "/tmp/tmux"})
    doubled = osc.replace("\x1b", "\x1b\x1b")
    assert told == f"{osc}\x1bPtmux;{doubled}\x1b\\"


def test_screen_gets_it_in_pieces() -> None:
    told = sequence("x" * 3000, {"STY": "1.pts"})
    pieces = re.findall(r"\x1bP(.*?)\x1b\\", told, re.DOTALL)
    assert all(len(piece) <= 512 for piece in pieces)
    assert "".join(pieces) == sequence("x" * 3000, {})


def test_nothing_in_the_text_can_end_the_sequence() -> None:
    told = sequence("\x1b\\\x07\x1b]0;x\x07", {})
    assert BARE.fullmatch(told)


def test_too_long_for_a_terminal() -> None:
    assert sequence("x" * LIMIT, {})
    assert sequence("x" * (LIMIT + 1), {}) == ""
    assert sequence("ü" * (LIMIT // 2 + 1), {}) == ""


def test_saved_for_its_owner_alone(tmp_path: Path) -> None:
    now = datetime(2026, 11, 21, 2, 4, 33, tzinfo=UTC)
    path = save("a\ud800b", now, {"XDG_STATE_HOME": str(tmp_path)})
    assert path.read_text() == "a?b"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.parent == tmp_path / "netwiz"


def test_saved_below_home_when_the_folder_is_relative(tmp_path: Path) -> None:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    path = save("x", now, {"XDG_STATE_HOME": "here", "HOME": str(tmp_path)})
    assert path.is_relative_to(tmp_path / ".local" / "state" / "netwiz")
