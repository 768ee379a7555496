"""How grave a line is by its own words: pure, and nothing for which it does not say.

That a line came by stderr says nothing: half of all programs log there. Words in the
middle of a sentence say nothing either ("no error found"): they count where programs
put a level, in capitals, in brackets, before a colon, or as the value of a key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from netwiz.probes.facts.logs import LogLevel

LOOKED_AT = 160
"""Characters at the beginning of a line among which a level stands."""

_NAMES: Mapping[LogLevel, tuple[str, ...]] = {
    LogLevel.DEBUG: (
        *("trace", "trc", "debug", "dbug", "dbg", "verbose", "silly"),
        *("fine", "finer", "finest", "d", "v", "t"),
    ),
    LogLevel.INFO: (
        *("info", "information", "informational", "inf", "notice", "note", "log"),
        *("default", "statement", "i", "n", "config"),
    ),
    LogLevel.WARN: ("warn", "warning", "wrn", "w"),
    LogLevel.ERROR: ("error", "err", "eror", "fail", "failed", "failure", "e"),
    LogLevel.FATAL: (
        *("fatal", "ftl", "crit", "critical", "alert", "emerg", "emergency", "panic"),
        *("severe", "dpanic", "f", "c"),
    ),
}
_BY_NAME = {name: level for level, names in _NAMES.items() for name in names}
_SYSLOG = (
    *(LogLevel.FATAL, LogLevel.FATAL, LogLevel.FATAL, LogLevel.ERROR),
    *(LogLevel.WARN, LogLevel.INFO, LogLevel.INFO, LogLevel.DEBUG),
)
"""RFC 5424, section 6.2.1: 0 emergency ... 7 debug; GELF takes the same numbers."""

# klog: "E0102 15:04:05.678901       1 file.go:12] words" (its header, in klog.go).
_KLOG = re.compile(r"([IWEF])\d{4} \d\d:\d\d:\d\d")
# redis: "1:M 01 Jan 2024 10:00:00.000 # words": . debug, - verbose, * notice, # warn.
_REDIS = re.compile(r"\d{1,7}:[XCSM] \d\d \w{3} \d{4} [\d:.]{8,15} ([.\-*#]) ")
_REDIS_LEVELS = {
    ".": LogLevel.DEBUG,
    "-": LogLevel.DEBUG,
    "*": LogLevel.INFO,
    "#": LogLevel.WARN,
}
# "[error]", "<warn>", "[core:error]" (Apache), "[Warning]" (MySQL).
_BRACKETS = re.compile(
    r"[\[<|(] ?(?:\w{1,30}:)?"
    r"(emerg|alert|crit|critical|fatal|error|err|warning|warn|notice|note|info|debug"
    r"|trace)\d? {0,3}[\]>|)]",
    re.IGNORECASE,
)
_CAPITALS = re.compile(
    r"(?<![\w$/-])(TRACE|DEBUG|DBG|INFO|INF|NOTICE|WARNING|WARN|WRN|ERROR|ERR|FATAL|FTL"
    r"|CRITICAL|CRIT|SEVERE|PANIC|EMERGENCY|EMERG|ALERT)\d?(?![\w$/-])"
)
# "LOG:  " is what PostgreSQL calls its ordinary lines.
_POSTGRES = re.compile(r"\b(LOG|STATEMENT|DETAIL|HINT|CONTEXT):  ")
_KEY = re.compile(
    r"\b(?:level|lvl|severity|loglevel)[=:] {0,2}[\"']?(\w{1,12})", re.IGNORECASE
)
# ".NET: "fail: Name[0]"; many: "error: words", "Warning: words".
_FIRST_WORD = re.compile(
    r"(?:\S{1,60}: )?(trce|dbug|info|warn|fail|crit|error|warning|fatal|panic|emerg"
    r"|debug|note|notice|fatal error)(?: \w{1,20})?: ",
    re.IGNORECASE,
)
_THROWN = re.compile(
    r"Traceback \(most recent|Exception in thread|Unhandled |Uncaught |panic: "
    r"|thread '[^']{0,80}'[^']{0,20} panicked|npm ERR!|goroutine \d+ \["
    r"|(?:[A-Za-z_][\w$]{0,80}\.){0,12}[A-Z]\w{0,80}(?:Error|Exception)\b(?:: |$| \[)"
    r"|Error: |Caused by: "
)
_QUICK = re.compile(
    r"[\[<|=:!]|[IWEF]\d{4} |TRACE|DE?BU?G|INFO?|NOTICE|WA?RN|ERR|FATAL|FTL|CRIT|SEVERE"
    r"|PANIC|EMERG|ALERT|panic|Exception|Error"
)


def named_level(value: object) -> LogLevel:
    """The level that the value of a field means: ``error``, ``"WARN"``, pino's 50."""
    if isinstance(value, bool) or value is None:
        return LogLevel.UNKNOWN
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:6])
    if isinstance(value, int | float):
        return _numbered(value)
    if isinstance(value, str):
        return _BY_NAME.get(value.strip().lower()[:16], LogLevel.UNKNOWN)
    return LogLevel.UNKNOWN


def _numbered(value: float) -> LogLevel:
    """Pino's and bunyan's 10 ... 60, Python's 10 ... 50, or syslog's 0 ... 7."""
    if 0 <= value < 8:
        return _SYSLOG[int(value)]
    if 0 <= value < 30:
        # Python's 20 is info and pino's is debug: who writes 10 and 20 debugs anyway.
        return LogLevel.DEBUG if value < 20 else LogLevel.INFO
    if 30 <= value < 70:
        return {
            3: LogLevel.INFO,
            4: LogLevel.WARN,
            5: LogLevel.ERROR,
            6: LogLevel.FATAL,
        }[int(value // 10)]
    return LogLevel.UNKNOWN


def level_of(text: str) -> LogLevel:
    """The level of a line that is no JSON."""
    text = text[:LOOKED_AT]
    if _QUICK.search(text) is None:
        return LogLevel.UNKNOWN
    if found := _KLOG.match(text):
        return _BY_NAME[found[1].lower()]
    if found := _REDIS.match(text):
        return _REDIS_LEVELS[found[1]]
    if _THROWN.match(text):
        return LogLevel.ERROR
    for pattern in (_BRACKETS, _KEY, _CAPITALS):
        if found := pattern.search(text):
            level = named_level(found[1])
            if level:
                return level
    if found := _FIRST_WORD.match(text):
        return named_level(found[1].removesuffix(" error").replace("trce", "trace"))
    return LogLevel.INFO if _POSTGRES.search(text) else LogLevel.UNKNOWN
