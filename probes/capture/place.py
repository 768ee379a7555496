"""Where a filter goes wrong: the first word after which no filter can go on.

libpcap says "syntax error" and no place. So what stands before each word is compiled
with every kind of ending that a filter could have; the word after which none helps is
the wrong one. A fault that libpcap does name (an unknown port, a network with host
bits) is where the shortest beginning shows the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from netwiz.probes.capture.filters import BadFilterError, compiled
from netwiz.probes.text import plain

_SYNTAX = "syntax error"
_ENDINGS = (
    "",
    "80",
    "1.2.3.4",
    "tcp",
    "host 1.2.3.4",
    "port 80",
    "6",
    "2-3",
    "00:11:22:33:44:55",
    "= 0",
    "0 = 0",
    "[0] = 0",
    "] = 0",
    "0] = 0",
    "1] = 0",
    ") = 0",
    "0) = 0",
    ")",
)


@dataclass(frozen=True, slots=True)
class Piece:
    """A word for the compiler, and the place of what it was made from."""

    out: str
    at: int
    length: int


def check(text: str, pieces: Sequence[Piece]) -> None:
    """Compile; raises BadFilterError with the place where it went wrong."""
    try:
        compiled(_joined(pieces))
    except ValueError as error:
        reason = str(error)
    else:
        return
    if _SYNTAX not in reason:
        at = _first_that_says(pieces, reason)
        raise BadFilterError(f"libpcap: {reason}", at.at, text, at.length)
    for count in range(1, len(pieces) + 1):
        if not _can_go_on(pieces[:count]):
            wrong = pieces[count - 1]
            word = plain(text[wrong.at : wrong.at + wrong.length], 80)
            after = _before(text, pieces, count - 1)
            raise BadFilterError(
                f"{_SYNTAX}: `{word}` cannot stand {after}",
                wrong.at,
                text,
                wrong.length,
            )
    end = len(text.rstrip())
    last = pieces[-1]
    word = plain(text[last.at : last.at + last.length], 80)
    raise BadFilterError(f"{_SYNTAX}: the filter breaks off after `{word}`", end, text)


def _joined(pieces: Sequence[Piece]) -> str:
    return " ".join(piece.out for piece in pieces)


def _before(text: str, pieces: Sequence[Piece], index: int) -> str:
    wrong = pieces[index]
    earlier = [piece for piece in pieces[:index] if piece.at < wrong.at]
    if not earlier:
        return "at the beginning"
    last = earlier[-1]
    return f"after `{plain(text[last.at : last.at + last.length], 80)}`"


def _closing(pieces: Sequence[Piece]) -> str:
    depth = sum((p.out == "(") - (p.out == ")") for p in pieces)
    return " )" * max(depth, 0)


def _can_go_on(pieces: Sequence[Piece]) -> bool:
    start, closing = _joined(pieces), _closing(pieces)
    return any(_is_grammar(f"{start} {ending}{closing}") for ending in _ENDINGS)


def _is_grammar(source: str) -> bool:
    try:
        compiled(source)
    except ValueError as error:
        return _SYNTAX not in str(error)
    return True


def _first_that_says(pieces: Sequence[Piece], reason: str) -> Piece:
    for count in range(1, len(pieces) + 1):
        start, closing = _joined(pieces[:count]), _closing(pieces[:count])
        inner = sum((p.out == "[") - (p.out == "]") for p in pieces[:count]) > 0
        if _says(f"{start}{' ] = 0' if inner else ''}{closing}", reason):
            return pieces[count - 1]
    return pieces[-1]


def _says(source: str, reason: str) -> bool:
    try:
        compiled(source)
    except ValueError as error:
        return str(error) == reason
    return False
