"""Some of these tests run on the lab, others on a capture made up for them."""

import time
from collections.abc import Iterator

import pytest

from netwiz.tui import capture_command
from tests.lab.plugin import lab
from tests.tui.capture_world import CaptureWorld

__all__ = ["lab"]


@pytest.fixture
def capture_world(monkeypatch: pytest.MonkeyPatch) -> Iterator[CaptureWorld]:
    """In place of the machine and of the engine that captures, for `netwiz capture`."""
    made = CaptureWorld()
    monkeypatch.setattr(capture_command, "opened_machine", made.machine)
    monkeypatch.setattr("netwiz.probes.capture.stream.open_capture", made.open_capture)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield made
    monkeypatch.undo()
    time.tzset()
