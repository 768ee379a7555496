"""Packets that this host does not let through."""

from __future__ import annotations

from netwiz.wizard.causes.model import Cause

CAUSES: tuple[Cause, ...] = ()
