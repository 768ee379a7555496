"""Small worlds and the causes they lead to: unreachable."""

from __future__ import annotations

from tests.wizard.judge_table import Told

TABLE: dict[str, Told] = {}
