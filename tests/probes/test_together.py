from __future__ import annotations

import asyncio

import pytest

from netwiz.probes.errors import ProbeError
from netwiz.probes.facts import Failure
from netwiz.probes.names.together import together


async def give(value: int) -> int:
    await asyncio.sleep(0)
    return value


async def fail() -> int:
    await asyncio.sleep(0)
    raise ProbeError(Failure.GONE, "went away")


async def test_results_come_in_order() -> None:
    assert await together(give(3), give(1), give(2)) == [3, 1, 2]
    assert await together() == []


async def test_a_failure_comes_out_bare_and_ends_the_others() -> None:
    async def endless() -> int:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            ended.append(True)
            raise
        return 0

    ended: list[bool] = []
    with pytest.raises(ProbeError) as caught:
        await together(endless(), fail())
    assert caught.value.kind is Failure.GONE
    assert ended == [True]
