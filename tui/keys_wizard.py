"""The keys of the wizard; `netwiz.tui.keys` puts them with all others."""

from __future__ import annotations

from textual.binding import Binding

WIZARD_KEYS = (
    Binding(
        "escape",
        "back",
        "Back",
        id="wizard.back",
        tooltip="back a step",
    ),
)
"""Everywhere in the wizard."""

WALK_KEYS = (
    Binding(
        "v",
        "recheck",
        "Prove it",
        id="walk.recheck",
        tooltip="probe again, and compare",
    ),
    Binding("y", "copy", "Copy", id="walk.copy", tooltip="copy the fix, or the report"),
    Binding("e", "export", "Export", id="walk.export", tooltip="report into a file"),
    Binding("o", "override", "Override", id="walk.override", tooltip="another answer"),
    Binding(
        "s",
        "step_mode",
        "Step",
        id="walk.step_mode",
        tooltip="pause before questions",
    ),
    Binding("space", "go", "Ask it", id="walk.go", tooltip="ask the one that waits"),
    Binding("1", "pane('walk')", "Walk", show=False, id="walk.pane_walk"),
    Binding("2", "pane('verdict')", "Verdict", show=False, id="walk.pane_verdict"),
)
"""In its last step."""
