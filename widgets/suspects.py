"""A failing connection that netwiz found: the type that panes are given."""

from __future__ import annotations

from netwiz.wizard.suspects.suspect import Standing, Suspect

__all__ = ["Standing", "Suspect"]
