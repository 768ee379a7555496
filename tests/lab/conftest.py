"""The lab's own tests use the fixture that the other rooms import."""

from tests.lab.plugin import lab

__all__ = ["lab"]
