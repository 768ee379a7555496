"""Ways that lead elsewhere or nowhere: routes, masquerading, MTU."""

from __future__ import annotations

from netwiz.wizard.causes.model import Cause

CAUSES: tuple[Cause, ...] = ()
