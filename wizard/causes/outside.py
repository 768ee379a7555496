"""Clients beyond this machine."""

from __future__ import annotations

from netwiz.wizard.causes.model import Cause

CAUSES: tuple[Cause, ...] = ()
