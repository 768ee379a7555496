"""Some of these tests run on the lab."""

from tests.lab.plugin import lab

__all__ = ["lab"]
