"""Lines of keys and values, JSON or logfmt, as a person reads them. Pure, bounded.

Which fields hold the words and the level is what the common loggers call them: pino,
bunyan, winston, zap, zerolog, logrus, slog, structlog, logback's and Elastic's encoders
(``log.level``, ``error.message``), Serilog's compact form (``@m``), MongoDB (``s``,
``attr``), Google Cloud (``severity``), GELF.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from netwiz.probes.facts.logs import LogLevel
from netwiz.probes.logs.levels import named_level
from netwiz.probes.text import plain

MAX_FIELDS = 24
"""Fields that are shown; the rest is counted."""
MAX_VALUE = 160
"""Characters of a value that are shown."""
MAX_TEXT = 2000
"""Characters of the whole."""

_WORDS = ("msg", "message", "@message", "@m", "@mt", "short_message", "event", "log")
_LEVELS = (
    *("level", "lvl", "severity", "log.level", "loglevel", "log_level", "levelname"),
    *("level_name", "@l", "Level", "Severity", "LEVEL"),
)
_ERRORS = (
    *("err", "error", "exception", "error.message", "@x", "cause", "exc_info"),
    "error_message",
)
_NOISE = frozenset(
    {
        *("time", "ts", "timestamp", "@timestamp", "@t", "t", "date", "datetime"),
        *("@version", "v", "pid", "hostname", "level_value", "levelno", "tz"),
    }
)
"""Fields that are left out where the line is short of room: they are in the whole."""
_STACKS = frozenset({"stack", "stack_trace", "stacktrace", "error.stack_trace"})

_PAIR = re.compile(r"([A-Za-z_@][\w.@/-]{0,60})=(\"(?:[^\"\\]|\\.){0,4000}\"|[^\s\"]*)")
_LOGFMT = re.compile(
    r"(?:time|ts|t|at|level|lvl|msg|severity|logger|caller)=\S.{0,4000}?"
    r"(?:\b(?:msg|level|lvl)=)"
)
_LOGFMT_HEAD = re.compile(r"(?:msg|level|lvl)=\S")


@dataclass(frozen=True, slots=True)
class Reading:
    """A line of fields, read."""

    text: str
    level: LogLevel


def read_fields(text: str) -> Reading | None:
    """The line as words, or None where it holds no fields that we can tell."""
    if text[:1] == "{":
        fields = _json(text)
    elif "=" in text[:40] and (_LOGFMT_HEAD.match(text) or _LOGFMT.match(text)):
        fields = {key: _unquoted(value) for key, value in _PAIR.findall(text)}
    else:
        return None
    if not fields:
        return None
    return _reading(fields)


def pretty(text: str) -> str:
    """JSON over several lines, as far as it is JSON; stacks in lines of their own."""
    found = _json(text)
    if found is None:
        return text
    laid = json.dumps(found, indent=2, ensure_ascii=False)
    # A stack trace is read, not copied into a program: its lines may be lines.
    return laid.replace("\\n", "\n      ").replace("\\t", "    ")


def _json(text: str) -> dict[str, Any] | None:
    text = text.rstrip()
    if not (text.startswith("{") and text.endswith("}")):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _reading(fields: Mapping[str, Any]) -> Reading | None:
    words_key = next((k for k in _WORDS if isinstance(fields.get(k), str)), "")
    level_key, level = _level(fields)
    if not words_key and not level_key and not _error_in(fields):
        # Data, not a log line: it stays as it is.
        return None
    parts = [str(fields[words_key])] if words_key else []
    errors = [key for key in _ERRORS if fields.get(key)]
    rest = [k for k in fields if k not in (words_key, level_key) and k not in errors]
    # What a logger adds by itself comes last, for it is cut off first.
    rest = [k for k in rest if k not in _NOISE and k not in _STACKS]
    shown = (errors + rest)[:MAX_FIELDS]
    for key in shown:
        parts += _pairs(key, fields[key])
    left = len(errors) + len(rest) - len(shown)
    if left:
        parts.append(f"… {left} more fields")
    return Reading(plain("  ".join(filter(None, parts)), MAX_TEXT), level)


def _level(fields: Mapping[str, Any]) -> tuple[str, LogLevel]:
    for key in _LEVELS:
        if key in fields and (level := named_level(fields[key])):
            return key, level
    nested = fields.get("log")
    if isinstance(nested, dict) and (level := named_level(nested.get("level"))):
        return "log", level
    # MongoDB: one letter in "s", beside the component and the context.
    if isinstance(fields.get("s"), str) and "c" in fields and "ctx" in fields:
        return "s", named_level(fields["s"][:1])
    return "", LogLevel.UNKNOWN


def _error_in(fields: Mapping[str, Any]) -> bool:
    return any(fields.get(key) for key in _ERRORS)


def _pairs(key: str, value: object) -> list[str]:
    """``key=value``; the members of a nested object by their own names, once."""
    if isinstance(value, dict) and value:
        found = [
            f"{key}.{name}={_value(inner)}"
            for name, inner in list(value.items())[:MAX_FIELDS]
            if name not in _STACKS
        ]
        said = value.get("message") or value.get("msg")
        if key in _ERRORS and isinstance(said, str):
            named = (f"{key}.message=", f"{key}.msg=", f"{key}.name=", f"{key}.type=")
            rest = [pair for pair in found if not pair.startswith(named)]
            return [f"{key}={_value(said)}", *rest]
        return found
    return [f"{key}={_value(value)}"]


def _value(value: object) -> str:
    if isinstance(value, str):
        # Two blanks stand between two fields: one within a value confuses nobody.
        quoted = not value or "  " in value
        text = json.dumps(value[:MAX_VALUE], ensure_ascii=False) if quoted else value
    else:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text if len(text) <= MAX_VALUE else text[:MAX_VALUE] + "…"


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value
    try:
        found = json.loads(value)
    except ValueError:
        return value[1:-1]
    return found if isinstance(found, str) else value
