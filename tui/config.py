"""The configuration file: read once, before the screen opens, and judged strictly."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from netwiz.probes.text import plain

MAX_BYTES = 1 << 20
TABLES = ("keys", "screen")


class BadConfigError(Exception):
    """The file cannot be used; the message is one line that says where and why."""


@dataclass(frozen=True, slots=True)
class Config:
    """What a person wants to be different."""

    keys: Mapping[str, str] = field(default_factory=dict)
    """Action id to the keys that do it, separated by commas."""
    theme: str = ""


def config_path(environ: Mapping[str, str]) -> Path:
    """``$XDG_CONFIG_HOME/netwiz/config.toml``, by default below ``~/.config``."""
    base = Path(environ.get("XDG_CONFIG_HOME", ""))
    # XDG: a relative path is invalid and to be ignored.
    if not base.is_absolute():
        base = Path(environ.get("HOME", "") or "~").expanduser() / ".config"
    return base / "netwiz" / "config.toml"


def read_config(environ: Mapping[str, str] = os.environ) -> Config:
    """The configuration; the defaults where there is no file.

    Raises:
        BadConfigError: the file cannot be read or understood.
    """
    path = config_path(environ)
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return Config()
    except OSError as error:
        raise BadConfigError(f"{path}: {error.strerror or error}") from error
    if len(raw) > MAX_BYTES:
        raise BadConfigError(f"{path}: larger than {MAX_BYTES} bytes")
    try:
        table = tomllib.loads(raw.decode())
        return _read(table)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = plain(str(error) or "too deeply nested", 200)
        raise BadConfigError(f"{path}: {reason}") from error
    except BadConfigError as error:
        raise BadConfigError(f"{path}: {error}") from error


def _read(table: Mapping[str, Any]) -> Config:
    for name, value in table.items():
        if name not in TABLES:
            raise BadConfigError(f"unknown table [{plain(name, 40)}]")
        if not isinstance(value, dict):
            raise BadConfigError(f"{name} is a table: write [{name}]")
    return Config(_keys(table.get("keys", {})), _theme(table.get("screen", {})))


def _theme(table: Mapping[str, Any]) -> str:
    for name in table:
        if name != "theme":
            raise BadConfigError(f"[screen] has no '{plain(name, 40)}'")
    theme = str(table.get("theme", ""))
    if not theme:
        return ""
    from textual.theme import BUILTIN_THEMES

    if theme not in BUILTIN_THEMES:
        known = ", ".join(sorted(BUILTIN_THEMES))
        raise BadConfigError(f"[screen] theme is one of {known}")
    return theme


def _keys(table: Mapping[str, Any]) -> dict[str, str]:
    if not table:
        return {}
    from netwiz.tui.keys import actions

    known = actions()
    found: dict[str, str] = {}
    for name, value in table.items():
        if name not in known:
            raise BadConfigError(
                f"[keys] has no action '{plain(name, 40)}'; quote it, as in"
                ' "overview.wizard" = "W"'
            )
        found[name] = ",".join(_key(name, key) for key in _listed(name, value))
    _check_clashes(found)
    return found


def _listed(name: str, value: object) -> list[str]:
    keys = [value] if isinstance(value, str) else value
    if isinstance(keys, list) and keys and all(isinstance(k, str) for k in keys):
        return keys
    raise BadConfigError(f'[keys] "{name}" takes a key or a list of keys')


def _key(name: str, text: str) -> str:
    from textual.keys import Keys, _character_to_key

    known = {key.value for key in Keys}
    *modifiers, last = [text] if len(text) == 1 else text.split("+")
    good = len(last) == 1 or last in known or (not modifiers and text in known)
    if good and all(m in ("ctrl", "shift", "alt") for m in modifiers) and text != ",":
        return _character_to_key(text) if len(text) == 1 else text
    raise BadConfigError(f"[keys] \"{name}\": '{plain(text, 40)}' is no key")


def _check_clashes(changed: Mapping[str, str]) -> None:
    from netwiz.tui.keys import sections

    for section in sections():
        taken: dict[str, str] = {}
        for binding in section.bindings:
            name = binding.id or ""
            for key in changed.get(name, binding.key).split(","):
                other = taken.setdefault(key, name)
                if other != name and (other in changed or name in changed):
                    raise BadConfigError(
                        f"[keys] '{key}' is wanted by {other} and by {name}"
                    )
