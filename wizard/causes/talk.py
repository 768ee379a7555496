"""Connected, and then silence, a reset or an end."""

from __future__ import annotations

from netwiz.wizard.causes.model import Cause

CAUSES: tuple[Cause, ...] = ()
