"""Pictures of screens show local times, so all of them are taken in one time zone."""

import time
from collections.abc import Iterator

import pytest

from tests.lab.plugin import lab

__all__ = ["lab"]


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as changed:
        changed.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()
