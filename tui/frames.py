"""How soon the screen may be painted again after a paint."""

from __future__ import annotations

import os

KNOB = "TEXTUAL_FPS"
"""Read once, when the framework is loaded (textual/constants.py)."""
FRAMES = 120


def quicken() -> None:
    """Before the framework is loaded: 120 frames a second, or what the person set.

    After a paint the framework waits for the next frame, and for the one after it when
    the paint was late. What a key changes waits as well: at the usual 60 frames up to
    33 ms, so that on a busy wire a tenth of all keys took over 20 ms, and over 10 with
    120 (measured). More is not painted for it: panes that follow a stream have beats of
    their own.
    """
    if os.environ.get(KNOB):
        return
    os.environ[KNOB] = str(FRAMES)
    try:
        import textual.constants  # noqa: F401 - it reads the knob
    finally:
        # For this process only, not for those that it starts.
        del os.environ[KNOB]
