"""Text from outside is one printable line, whatever it holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwiz.probes.text import LIMIT, plain


@pytest.mark.parametrize(
    ("given_", "shown"),
    [
        (None, ""),
        ("plain text", "plain text"),
        ("żółć → ✓", "żółć → ✓"),
        ("[bold red]x[/]", "[bold red]x[/]"),
        ("a\x1b]0;evil\x07b", "a\\x1b]0;evil\\x07b"),
        ("a\r\nb", "a\\x0d\\x0ab"),
        ("a\tb", "a    b"),
        ("\u202egpj.exe", "\\u202egpj.exe"),
        ("\u2028", "\\u2028"),
        ("\ud800", "\\ud800"),
        ("\U000e0001", "\\U000e0001"),
        (b"\xff\x1b", "\ufffd\\x1b"),
    ],
)
def test_what_is_shown(given_: str | bytes | None, shown: str) -> None:
    assert plain(given_) == shown


def test_it_is_bounded_and_says_so() -> None:
    assert plain("x" * 10, 4) == "xxxx…"
    assert len(plain("x" * (LIMIT + 1))) == LIMIT + 1
    assert plain(b"\xf0\x9f\x98\x80" * 9, 2) == "😀😀…"


@given(st.one_of(st.text(), st.binary()))
def test_nothing_escapes(text: str | bytes) -> None:
    shown = plain(text)
    assert shown.isprintable()
    assert plain(shown) == shown or "…" in shown
