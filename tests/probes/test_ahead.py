"""What is loaded while a probe waits: in the background, once, and never in a hurry."""

from __future__ import annotations

from tests.project import python

LOAD = """
import sys, threading
from netwiz.probes import ahead
print(*{{"pyroute2", "scapy"}} & set(sys.modules))
for _ in range(3):
    ahead.{what}()
ours = [t for t in threading.enumerate() if t.name == "load ahead"]
assert len(ours) <= 1 and all(t.daemon for t in ours)
for thread in ours:
    thread.join()
print(*sorted({{"pyroute2", "scapy"}} & set(sys.modules)))
"""


def test_nothing_is_loaded_by_itself_and_each_library_when_asked_for() -> None:
    for what, expected in (
        ("load_links", "pyroute2"),
        ("load_wire", "pyroute2 scapy"),
    ):
        done = python("-c", LOAD.format(what=what))
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines() == ["", expected]
