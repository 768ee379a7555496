"""Copying over SSH: the terminal is asked to take the text (OSC 52).

Inside tmux and screen the sequence has to be wrapped to reach the terminal. Whether it
took the text cannot be known, so what is too long for it goes into a file at once.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

LIMIT = 74_000
"""Bytes of a text; xterm takes 100 000 of base64, others somewhat less."""
SCREEN_PIECE = 500
"""GNU screen drops a device control string of more than 768 bytes."""


def sequence(text: str, environ: Mapping[str, str] = os.environ) -> str:
    """What to write to the terminal; empty when the text is too long for it."""
    raw = text.encode("utf-8", "replace")
    if len(raw) > LIMIT:
        return ""
    osc = f"\x1b]52;c;{base64.b64encode(raw).decode()}\x07"
    if environ.get("TMUX"):
        # Bare for `set-clipboard on`, wrapped for `allow-passthrough on`: one of the
        # two is ignored, depending on how tmux was told to behave.
        inner = osc.replace("\x1b", "\x1b\x1b")
        return f"{osc}\x1bPtmux;{inner}\x1b\\"
    if environ.get("STY"):
        pieces = (osc[i : i + SCREEN_PIECE] for i in range(0, len(osc), SCREEN_PIECE))
        return "".join(f"\x1bP{piece}\x1b\\" for piece in pieces)
    return osc


def save(
    text: str,
    now: datetime,
    environ: Mapping[str, str] = os.environ,
    *,
    name: str = "copy",
    suffix: str = ".txt",
) -> Path:
    """Write a text where only its owner can read it.

    Raises:
        OSError: it could not be written.
    """
    base = Path(environ.get("XDG_STATE_HOME", ""))
    if not base.is_absolute():
        base = Path(environ.get("HOME", "") or "~").expanduser() / ".local" / "state"
    folder = base / "netwiz"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{name}-{now:%Y%m%d-%H%M%S-%f}{suffix}"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
        file.write(text)
    return path
