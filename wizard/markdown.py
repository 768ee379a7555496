"""Pieces of Markdown that text from outside cannot break out of (CommonMark, GFM)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from netwiz.wizard.report_clean import line, lines

# An underscore inside a word is no emphasis, so that shop_default stays readable.
_ACTIVE = re.compile(r"([\\`*\[\]|~$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))")
_AT_START = re.compile(r"^([-+#=]|\d{1,9}(?=[.)](?:\s|$)))")
_LINKS = re.compile(r"(?i)\b(https?|ftp|mailto|xmpp)(?=:)|\bwww(?=\.)")
_PUNCTUATION = re.compile(r"[^\w\s]|_", re.ASCII)
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;"}


def prose(text: str) -> str:
    """Text that shows as itself: no markup, no HTML, no link, no mention."""
    shown = line(text).strip()
    shown = _ACTIVE.sub(r"\\\1", shown)
    shown = _LINKS.sub(r"\g<0>\\", shown)
    shown = _AT_START.sub(_start, shown)
    return re.sub(r"[&<>@]", lambda found: _ENTITIES[found[0]], shown)


def _start(found: re.Match[str]) -> str:
    """A list marker or heading mark at the beginning of a text, made literal."""
    return found[0] + "\\" if found[0].isdigit() else "\\" + found[0]


def span(text: str) -> str:
    """Inline code; nothing inside is markup, whatever its back-ticks."""
    shown = line(text)
    if not shown.strip():
        return ""
    fence = _fence(shown, 1)
    gap = " " if shown[0] in "` " or shown[-1] in "` " else ""
    return f"{fence}{gap}{shown}{gap}{fence}"


def cell(text: str) -> str:
    """Inline code in a table, where a bar would end the cell even inside code."""
    shown = line(text)
    if "|" in shown and "\\" in shown:
        # Parsers differ in whether the bar of `\|` is escaped; this form asks none.
        return f"<code>{_PUNCTUATION.sub(_entity, shown)}</code>"
    return span(shown.replace("|", "\\|"))


def _entity(found: re.Match[str]) -> str:
    return f"&#{ord(found[0])};"


def code(rows: Iterable[str], language: str = "", indent: str = "") -> list[str]:
    """A code block that nothing inside can close."""
    shown = [part for row in rows for part in lines(row) or [""]]
    fence = _fence("\n".join(shown), 3)
    return [f"{indent}{part}".rstrip() for part in (fence + language, *shown, fence)]


def _fence(text: str, least: int) -> str:
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    return "`" * max(least, longest + 1)
