"""What a key changes is painted within a frame, and frames are short."""

import pytest

from tests.project import python

SCREEN = """
import os, sys, types
from netwiz.tui import cli

def run():
    from textual.screen import UPDATE_PERIOD
    assert os.environ.get("TEXTUAL_FPS", "") == sys.argv[1], os.environ["TEXTUAL_FPS"]
    return round(1 / UPDATE_PERIOD)

os.environ.pop("TEXTUAL_FPS", None)
if sys.argv[1]:
    os.environ["TEXTUAL_FPS"] = sys.argv[1]
sys.modules["netwiz.tui.app"] = types.SimpleNamespace(run=run)
sys.stdin.isatty = sys.stdout.isatty = lambda: True
print(cli.main([]))
"""


@pytest.mark.parametrize(("wish", "frames"), [("", "120"), ("30", "30")])
def test_the_screen_has_short_frames_unless_somebody_wants_others(
    wish: str, frames: str
) -> None:
    done = python("-c", SCREEN, wish)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == frames
