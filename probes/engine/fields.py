"""Reading the engine's JSON, which may lack anything or hold it as a wrong type.

Each accessor gives a value of the promised type and size, whatever it was given.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice

from netwiz.probes.text import plain

Mapping = dict[str, object]

SHORT = 256
LONG = 2048
MANY = 2000

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,254}")
_NUMBER = re.compile(r"[0-9]{1,10}")


def mapping(value: object, *path: str) -> Mapping:
    """The object at a path below `value`; an empty one if it is not there."""
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def items(value: object, limit: int = MANY) -> Iterator[object]:
    """The members of a list, at most `limit`."""
    return islice(value, limit) if isinstance(value, list) else iter(())


def pairs(value: object, limit: int = MANY) -> Iterator[tuple[str, object]]:
    """The members of an object, at most `limit`, with harmless names."""
    found = islice(value.items(), limit) if isinstance(value, dict) else iter(())
    return ((plain(str(name), SHORT), member) for name, member in found)


def text(value: object, limit: int = SHORT) -> str:
    """A harmless text; empty if it is none."""
    return plain(value, limit) if isinstance(value, str) else ""


def texts(value: object, count: int = MANY, limit: int = SHORT) -> tuple[str, ...]:
    """The texts of a list; what is no text is left out."""
    found = (text(member, limit) for member in items(value, count))
    return tuple(member for member in found if member)


def number(value: object, low: int = 0, high: int = 2**31) -> int:
    """A whole number within bounds, also from its digits; 0 otherwise."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
        return value
    return 0


def flag(value: object) -> bool:
    """True only for ``true``."""
    return value is True


def identity(value: object) -> str:
    """An id that may stand in a URL; empty if it may not."""
    return value if isinstance(value, str) and _ID.fullmatch(value) else ""


def name(value: object) -> str:
    """A container's name by the engine's own grammar; empty if it is none.

    It ends up in commands that people copy into a shell.
    """
    given = value.removeprefix("/") if isinstance(value, str) else ""
    return given if _NAME.fullmatch(given) else ""


def address(value: object) -> str:
    """A normalised IP address, a prefix behind it cut off; empty if it is none."""
    if not isinstance(value, str) or len(value) > 64:
        return ""
    try:
        return str(ipaddress.ip_address(value.partition("/")[0]))
    except ValueError:
        return ""


def subnet(value: object) -> str:
    """A normalised address range; empty if it is none."""
    if not isinstance(value, str) or len(value) > 64:
        return ""
    try:
        return str(ipaddress.ip_network(value, strict=False))
    except ValueError:
        return ""


def moment(value: object) -> datetime | None:
    """An RFC 3339 time; None if it is none, or Go's zero time of the year 1."""
    if not isinstance(value, str) or len(value) > 64:
        return None
    try:
        found = datetime.fromisoformat(value)
        found = found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if found.year > 1 else None
