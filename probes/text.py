"""Text from outside, made harmless before anything else sees it."""

from __future__ import annotations

import unicodedata

LIMIT = 4096
"""Characters of one text that are kept unless a caller says otherwise."""


def plain(text: str | bytes | None, limit: int = LIMIT) -> str:
    r"""One line of printable text: no escapes, no controls, no bidi tricks, bounded.

    What is not printable becomes ``\x1b``-like notation, so that nothing is hidden;
    what is cut off is marked with an ellipsis.
    """
    if text is None:
        return ""
    cut = False
    if isinstance(text, bytes):
        # A character takes at most four bytes (RFC 3629).
        cut = len(text) > 4 * limit
        text = text[: 4 * limit].decode("utf-8", "replace")
    cut = cut or len(text) > limit
    text = text[:limit]
    if not (text.isascii() and text.isprintable()):
        text = "".join(map(_shown, text))
    return text + "…" if cut else text


def _shown(char: str) -> str:
    if char == "\t":
        return "    "
    if char != " " and unicodedata.category(char)[0] in "CZ":
        code = ord(char)
        if code < 0x100:
            return f"\\x{code:02x}"
        return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    return char
