"""These tests run on the lab; one of them makes wires of its own."""

from tests.lab.plugin import lab

__all__ = ["lab"]
