"""Looking at the flows ends when it is told to, whatever happens just then."""

from __future__ import annotations

import asyncio

import pytest

from netwiz.tui.flow_watch import FlowPoll, FlowsRead
from tests.screens import machines
from tests.screens.fake_feed import FakeFeed


@pytest.mark.parametrize("turns", range(5))
async def test_an_end_is_not_lost_on_whoever_comes_back_in_that_moment(
    turns: int,
) -> None:
    feed = FakeFeed(machines.BUSY, (), {})
    looked: asyncio.Queue[object] = asyncio.Queue()
    poll = FlowPoll(feed, looked.put_nowait)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(poll.run())
        poll.show(True)
        async with asyncio.timeout(30):
            assert isinstance(await looked.get(), FlowsRead)
        for _ in range(10):
            await asyncio.sleep(0)
        # Out of view and in view again: the pause ends, and so does the looking, some
        # turns of the event loop apart.
        poll.show(False)
        poll.show(True)
        for _ in range(turns):
            await asyncio.sleep(0)
        running.cancel()
        done, _ = await asyncio.wait({running}, timeout=30)
        assert done, "it goes on looking"
    assert running.cancelled()
