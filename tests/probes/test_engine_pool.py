from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from netwiz.probes.engine.pool import DaemonPool


@pytest.fixture
def pool() -> Iterator[DaemonPool]:
    made = DaemonPool(2, "nwt-pool")
    yield made
    made.close()


def ours() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name.startswith("nwt-pool")]


async def test_results_and_errors_come_back(pool: DaemonPool) -> None:
    here = threading.get_ident()
    assert await pool.run(threading.get_ident) != here
    with pytest.raises(ZeroDivisionError):
        await pool.run(lambda: 1 // 0)
    with pytest.raises(SystemExit):
        await pool.run(sys.exit)
    assert await pool.run(lambda: 7) == 7


async def test_threads_are_few_and_end(pool: DaemonPool) -> None:
    before = set(ours())
    for _ in range(3):
        await pool.run(lambda: None)
    found = await asyncio.gather(*(pool.run(threading.get_ident) for _ in range(20)))
    assert len(found) == 20
    assert len(set(found)) <= 2
    threads = set(ours()) - before
    assert 1 <= len(threads) <= 2
    pool.close()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


async def test_a_cancelled_wait_drops_what_has_not_begun(pool: DaemonPool) -> None:
    go_on = threading.Event()
    began: list[int] = []

    def hold() -> None:
        began.append(0)
        go_on.wait(30)

    async with asyncio.TaskGroup() as group:
        for _ in range(2):
            group.create_task(pool.run(hold))
        await asyncio.sleep(0)
        late = group.create_task(pool.run(lambda: began.append(1)))
        await asyncio.sleep(0)
        late.cancel()
        await asyncio.wait([late])
        go_on.set()
    await pool.run(lambda: None)
    assert began == [0, 0]


def test_a_call_that_hangs_does_not_hold_up_the_end() -> None:
    program = (
        "import asyncio, contextlib, time\n"
        "from netwiz.probes.engine.pool import DaemonPool\n"
        "async def main():\n"
        "    with contextlib.suppress(TimeoutError):\n"
        "        async with asyncio.timeout(0.01):\n"
        "            await DaemonPool(1, 'x').run(lambda: time.sleep(300))\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
