"""Why a container ended, by its last words."""

from __future__ import annotations

import pytest

from netwiz.probes.facts import Restarts
from tests.wizard.judge_table import down
from tests.wizard.world import PG, walk


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        ("httpd: bind: Permission denied", "cap-net-bind-service"),
        ("listen tcp :80: bind: permission denied", "cap-net-bind-service"),
        ("bind() to 0.0.0.0:80 failed (13: Permission denied)", "cap-net-bind-service"),
        ("open /data/db: Permission denied", "container-not-running"),
        ("bye", "container-not-running"),
    ],
)
async def test_the_last_words_tell_a_denied_port(words: str, cause: str) -> None:
    world = down()
    world.restarts = Restarts(container_id=PG.id, count=0, last_lines=(words,))
    found = await walk(world)
    assert found.cause is not None
    assert found.cause.id == cause
