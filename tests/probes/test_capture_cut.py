"""A capture cut short by anything: nothing remains, and its file can be read."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from netwiz.probes.capture.stream import open_capture
from netwiz.probes.capture.wanted import CaptureWanted, FileWanted
from netwiz.probes.facts.packets import CaptureStarted
from tests.probes.capturing import (
    RIGHT_IP,
    WITHIN_S,
    capturing,
    no_packet_sockets,
    packet_sockets,
    pair,
    promiscuity,
    python,
    read_file,
    send,
    started,
    tap,
    vanished,
)
from tests.probes.little_net import Namespace, ground, needs_root, sh

pytestmark = needs_root

PARENT = """
import asyncio, sys
from netwiz.probes.capture.stream import open_capture
from netwiz.probes.capture.wanted import CaptureWanted, FileWanted, TapWanted
from netwiz.probes.facts.base import Place
from netwiz.probes.facts.packets import CaptureCounts
from tests.probes.little_net import ground
async def main():
    taps = (TapWanted(Place.netns(sys.argv[1]), "pg"),)
    file = FileWanted(sys.argv[2], spare_bytes=0)
    wanted = CaptureWanted(taps, "udp port 9", file)
    async with open_capture(ground(), wanted) as stream:
        print("listens", stream.pid, flush=True)
        async for said in stream:
            if isinstance(said, CaptureCounts):
                print("written", said.written, flush=True)
asyncio.run(main())
"""
"""A screen, as far as a capture is concerned."""


@pytest.fixture
def lone() -> Iterator[Namespace]:
    namespace = Namespace("lone")
    yield namespace
    namespace.close()


@pytest.fixture
def two() -> Iterator[tuple[Namespace, Namespace]]:
    with pair() as both:
        yield both


def packets_by_tcpdump(path: Path) -> int:
    told = subprocess.run(
        ["tcpdump", "-nr", str(path)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return told.stdout.count("UDP")


def packets_by_scapy(path: Path) -> list[bytes]:
    from scapy.utils import RawPcapNgReader

    with RawPcapNgReader(str(path)) as reader:
        return [data for data, _ in reader]


class Screen:
    """The process that asked for a capture, and the pid of the one that captures."""

    def __init__(self, namespace: Namespace, path: Path) -> None:
        self.process = started(python(PARENT, namespace.name, str(path)))
        self.child = int(self._line("listens"))

    def _line(self, word: str) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith(word):
                return line.split()[1]
        raise AssertionError(self.process.communicate()[1])

    def wait_written(self, count: int) -> None:
        while int(self._line("written")) < count:
            pass

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def screens() -> Iterator[list[Screen]]:
    made: list[Screen] = []
    yield made
    for screen in made:
        screen.end()


async def nothing_remains(namespace: Namespace, child: int) -> None:
    await vanished(child)
    await no_packet_sockets(namespace)


@pytest.mark.parametrize("stopped", [False, True], ids=["running", "stopped"])
async def test_the_screen_is_killed(
    lone: Namespace, tmp_path: Path, screens: list[Screen], *, stopped: bool
) -> None:
    path = tmp_path / "x.pcapng"
    before = promiscuity(lone)
    screen = await asyncio.to_thread(Screen, lone, path)
    screens.append(screen)
    send(lone, "127.0.0.1", 20)
    await asyncio.to_thread(screen.wait_written, 20)
    assert packet_sockets(lone) == 1
    assert promiscuity(lone) == before
    if stopped:
        os.kill(screen.child, signal.SIGSTOP)
    screen.process.kill()
    screen.process.wait(WITHIN_S)
    await nothing_remains(lone, screen.child)
    assert promiscuity(lone) == before
    assert packets_by_tcpdump(path) == 20
    assert len(packets_by_scapy(path)) == 20
    assert len((await read_file(path)).rows) == 20


async def test_the_child_is_killed(lone: Namespace, tmp_path: Path) -> None:
    path = tmp_path / "x.pcapng"
    file = FileWanted(str(path), spare_bytes=0)
    async with capturing(tap(lone), filter="udp port 9", file=file) as heard:
        send(lone, "127.0.0.1", 20)
        await heard.until(lambda: heard.counts.written == 20)
        os.kill(heard.stream.pid, signal.SIGKILL)
        ended = await heard.ends()
        assert ended.wrong
        assert ended.why == "the process that captures was killed (SIGKILL)"
        await nothing_remains(lone, heard.stream.pid)
    assert len((await read_file(path)).rows) == 20


async def test_the_child_is_killed_in_the_middle_of_writing(
    two: tuple[Namespace, Namespace], tmp_path: Path
) -> None:
    left, right = two
    path = tmp_path / "x.pcapng"
    file = FileWanted(str(path), spare_bytes=0)
    for round_ in range(3):
        async with capturing(tap(right, "pg"), filter="udp port 9", file=file) as heard:
            sending = asyncio.to_thread(send, left, RIGHT_IP, 20_000)
            task = asyncio.ensure_future(sending)
            await heard.until(lambda: heard.counts.written > 500 * round_)  # noqa: B023
            os.kill(heard.stream.pid, signal.SIGKILL)
            await heard.ends()
            await task
        again = await read_file(path)
        numbers = [int(row.raw[-6:]) for row in again.numbered()]
        assert numbers == list(range(len(numbers)))
        assert numbers
        assert packets_by_tcpdump(path) == len(numbers)


async def test_a_file_cut_anywhere_is_read_up_to_the_cut(
    lone: Namespace, tmp_path: Path
) -> None:
    path, cut = tmp_path / "x.pcapng", tmp_path / "cut.pcapng"
    file = FileWanted(str(path), spare_bytes=0)
    async with capturing(tap(lone), filter="udp port 9", file=file) as heard:
        send(lone, "127.0.0.1", 3)
        await heard.payloads(3)
        await heard.end()
    whole = path.read_bytes()
    last = whole.rindex(b"number 000002")
    for size in (last - 30, last - 1, last + 5, last + 16):
        cut.write_bytes(whole[:size])
        heard = await read_file(cut)
        assert len(heard.rows) == 2, size
        assert heard.ended is not None
        assert "breaks off" in heard.ended.why
        assert packets_by_tcpdump(cut) == 2


async def test_the_terminals_interrupt_is_not_for_the_child(lone: Namespace) -> None:
    async with capturing(tap(lone), filter="udp port 9") as heard:
        child = heard.stream.pid
        assert os.getpgid(child) != os.getpgid(0)
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
            os.kill(child, number)
        send(lone, "127.0.0.1", 3)
        await heard.payloads(3)
        ended = await heard.end()
    assert not ended.wrong


async def test_packets_that_found_no_room_are_counted(
    two: tuple[Namespace, Namespace],
) -> None:
    left, right = two
    wanted = [tap(right, "pg"), *(tap(left, f"x{n}", "lo") for n in range(1))]
    async with capturing(*wanted, filter="udp port 9") as heard:
        os.kill(heard.stream.pid, signal.SIGSTOP)
        # Each takes some 150 bytes of a ring of 4 MiB.
        await asyncio.to_thread(send, left, RIGHT_IP, 60_000)
        os.kill(heard.stream.pid, signal.SIGCONT)
        await heard.until(lambda: heard.counts.dropped > 0)
        await heard.end()
    counts = heard.counts
    assert counts.seen + counts.dropped == 60_000
    assert counts.sampled


async def test_who_does_not_listen_costs_rows_never_the_file(
    two: tuple[Namespace, Namespace], tmp_path: Path
) -> None:
    left, right = two
    path = tmp_path / "x.pcapng"
    file = FileWanted(str(path), rotate_bytes=1 << 40, spare_bytes=0)
    async with capturing(tap(right, "pg"), filter="udp port 9", file=file) as heard:
        # The whole process is deaf: nothing takes what the child says.
        deaf = time.monotonic() + WITHIN_S
        send(left, RIGHT_IP, 60_000)
        while path.stat().st_size < 60_000 * (32 + 56):
            assert time.monotonic() < deaf
            time.sleep(0.05)  # noqa: ASYNC251 - that is the point
        await heard.until(lambda: heard.counts.written == 60_000)
        await heard.end()
    counts = heard.counts
    assert counts.seen == counts.written == 60_000
    assert counts.dropped == 0
    assert counts.read < counts.seen
    assert counts.sampled
    assert len(heard.numbered()) == counts.read
    assert packets_by_tcpdump(path) == 60_000


async def test_a_device_that_goes_ends_its_tap_and_not_the_others(
    two: tuple[Namespace, Namespace],
) -> None:
    left, right = two
    taps = (tap(right, "pg", "wire0"), tap(left, "order"))
    async with capturing(*taps, filter="udp port 9") as heard:
        send(left, RIGHT_IP, 2)
        await heard.payloads(4)
        right.run("ip link del wire0")
        await heard.until(lambda: bool(heard.gone))
        assert heard.gone[0].tap == 0
        assert heard.gone[0].why == "pg: the device wire0 is gone"
        send(left, "127.0.0.1", 3)
        await heard.payloads(7)
        await heard.end()
    assert [gone.tap for gone in heard.gone] == [0]


async def test_the_last_tap_that_goes_ends_the_capture(
    two: tuple[Namespace, Namespace],
) -> None:
    _, right = two
    async with capturing(tap(right, "pg", "wire0")) as heard:
        right.run("ip link del wire0")
        ended = await heard.ends()
    assert ended.wrong
    assert ended.why == (
        "nothing is left to listen to: pg: the device wire0 is gone"
    )  # fmt: skip


async def test_a_device_that_goes_down_and_up_is_heard_again(
    two: tuple[Namespace, Namespace],
) -> None:
    left, right = two
    async with capturing(tap(right, "pg", "wire0"), filter="udp port 9") as heard:
        right.run("ip link set wire0 down; ip link set wire0 up")
        end = time.monotonic() + WITHIN_S
        while not heard.rows:
            assert time.monotonic() < end
            send(left, RIGHT_IP, 1)
            await asyncio.sleep(0.1)
        ended = await heard.end()
    assert not heard.gone
    assert not ended.wrong


async def test_a_namespace_that_goes_ends_the_capture_and_is_not_held(
    lone: Namespace,
) -> None:
    other = Namespace("other")
    async with capturing(tap(other, "x"), tap(lone, "y")) as heard:
        sh(f"ip netns del {other.name}")
        await heard.until(lambda: bool(heard.gone))
        assert heard.gone[0].why == "x: its namespace is gone"
        await heard.end()


async def test_leaving_without_a_word_leaves_nothing(lone: Namespace) -> None:
    async with capturing(tap(lone)) as heard:
        pid = heard.stream.pid
        assert packet_sockets(lone) == 1
    await nothing_remains(lone, pid)


async def test_leaving_while_somebody_still_listens(lone: Namespace) -> None:
    wanted = CaptureWanted((tap(lone),))
    async with asyncio.timeout(WITHIN_S):
        async with open_capture(ground(), wanted) as stream:
            heard: list[object] = []

            async def listen() -> None:
                heard.extend([said async for said in stream])

            listening = asyncio.ensure_future(listen())
            await asyncio.sleep(0)
        await listening
    assert isinstance(heard[0], CaptureStarted)
    await nothing_remains(lone, stream.pid)


async def test_cancelled_while_it_begins_it_leaves_nothing(lone: Namespace) -> None:
    async def capture() -> None:
        async with capturing(tap(lone)) as heard:
            await heard.ends()

    for delay in (0.0, 0.002, 0.01, 0.05, 0.1):
        task = asyncio.ensure_future(capture())
        await asyncio.sleep(delay)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await no_packet_sockets(lone)
