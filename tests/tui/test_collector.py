"""What the collector may look at while somebody presses keys."""

from tests.project import python

HELD = """
import gc
from netwiz.tui import collector

collector.hold()
assert not gc.isenabled()
kept = [[number] for number in range(1000)]
collector.settle()
assert gc.isenabled()
assert gc.get_freeze_count() >= len(kept)
known = {id(one) for one in gc.get_objects()}
assert not known & {id(one) for one in kept}
later = [kept]
assert any(one is later for one in gc.get_objects())
"""


def test_what_was_there_at_the_start_is_looked_at_no_more() -> None:
    done = python("-c", HELD)
    assert done.returncode == 0, done.stderr
