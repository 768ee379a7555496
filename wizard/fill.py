"""Texts filled from findings: harmless whatever the values hold.

Values are inserted, never interpreted: a value with braces stays as it is. ``{name!q}``
quotes a value for a shell (POSIX sh), so that a printed command means what it says.
"""

from __future__ import annotations

import shlex
import string
from collections.abc import Mapping
from typing import Any

UNFILLED = (
    "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}{}"
    "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}"
)
"""How a field shows for which no value is known."""


class _Filler(string.Formatter):
    def get_value(
        self,
        key: int | str,
        args: Any,  # noqa: ARG002 - the base class calls it with three
        kwargs: Mapping[str, Any],
    ) -> str:
        """A value by name; one that nobody found is shown as such."""
        return str(kwargs.get(str(key), UNFILLED.format(key)))

    def convert_field(self, value: Any, conversion: str | None) -> Any:
        """``!q`` quotes for a shell."""
        if conversion == "q":
            return shlex.quote(value)
        return super().convert_field(value, conversion)


_filler = _Filler()


def fill(template: str, values: Mapping[str, str]) -> str:
    """The template with its fields replaced by values."""
    return _filler.vformat(template, (), values)


def fields(template: str) -> frozenset[str]:
    """The names of a template's fields."""
    return frozenset(
        name for _, name, _, _ in string.Formatter().parse(template) if name
    )
