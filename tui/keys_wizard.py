"""The keys of the wizard."""

from __future__ import annotations

from textual.binding import Binding

WIZARD_KEYS = (Binding("escape", "back", "Back", id="wizard.back"),)
"""Everywhere in the wizard."""

WALK_KEYS = (
    Binding("v", "recheck", "Prove it", id="walk.recheck"),
    Binding("y", "copy", "Copy", id="walk.copy"),
    Binding("e", "export", "Export", id="walk.export"),
    Binding("o", "override", "Override", id="walk.override"),
    Binding("s", "step_mode", "Step", id="walk.step_mode"),
    Binding("space", "go", "Ask it", id="walk.go"),
    Binding("1", "pane('walk')", "Walk", show=False, id="walk.pane_walk"),
    Binding("2", "pane('verdict')", "Verdict", show=False, id="walk.pane_verdict"),
)
"""In its last step."""
