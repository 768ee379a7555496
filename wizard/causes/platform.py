"""Platforms whose insides netwiz cannot see from here."""

from __future__ import annotations

from netwiz.wizard.causes.model import Cause

CAUSES: tuple[Cause, ...] = ()
