"""The `lab` fixture, for every room's tests that need the real thing.

A conftest gets it by `from tests.lab.plugin import lab`. One engine serves the
whole session; `lab.restore()` at the start of a test gives it a clean one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.lab.engine import Lab, why_impossible

_running: list[Lab] = []


@pytest.fixture(scope="session")
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A running lab. Skipped loudly where impossible, but never in CI."""
    if reason := why_impossible():
        if os.environ.get("CI") == "true":
            pytest.fail(f"in CI the lab must not be skipped: {reason}")
        pytest.skip(reason)
    if _running:
        # Two rooms import the fixture, and to pytest that makes two of them.
        yield _running[0]
        return
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")

    def say(words: str) -> None:
        if reporter:
            reporter.write_line(words)

    raised = Lab.up(say=say)
    say(raised.summary())
    _running.append(raised)
    yield raised
    _running.clear()
    raised.down()
