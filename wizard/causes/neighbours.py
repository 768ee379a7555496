"""The wire itself: bridges, veths, MAC addresses."""

from __future__ import annotations

from netwiz.wizard.causes.model import Cause

CAUSES: tuple[Cause, ...] = ()
