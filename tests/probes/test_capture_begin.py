"""What a capture cannot begin with is said in words."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from netwiz.probes.capture.stream import open_capture
from netwiz.probes.capture.wanted import CaptureWanted, TapWanted
from netwiz.probes.errors import ProbeError
from netwiz.probes.facts.base import Failure, Place
from tests.probes.capturing import capturing, python, send, started, tap
from tests.probes.little_net import Namespace, ground, needs_root

pytestmark = needs_root


@pytest.fixture
def lone() -> Iterator[Namespace]:
    namespace = Namespace("lone")
    yield namespace
    namespace.close()


async def refused(wanted: CaptureWanted) -> ProbeError:
    with pytest.raises(ProbeError) as caught:
        async with open_capture(ground(), wanted):
            pass
    return caught.value


async def test_a_namespace_that_is_not_there() -> None:
    error = await refused(CaptureWanted((TapWanted(Place.netns("nwt-none"), "x"),)))
    assert error.kind is Failure.GONE


async def test_a_container_that_is_not_there() -> None:
    gone = Place.container("f" * 64, "pg")
    error = await refused(CaptureWanted((TapWanted(gone, "pg"),)))
    assert error.kind is Failure.GONE


async def test_a_device_that_is_not_there(lone: Namespace) -> None:
    error = await refused(CaptureWanted((tap(lone, "pg", "eth7"),)))
    assert error.kind is Failure.GONE
    assert error.what == "pg: there is no device eth7"


async def test_nothing_to_listen_to() -> None:
    assert "nothing to listen to" in (await refused(CaptureWanted())).what


async def test_without_rights_the_remedy_is_named(lone: Namespace) -> None:
    script = """
import asyncio, sys
from netwiz.probes.capture.stream import open_capture
from netwiz.probes.capture.wanted import CaptureWanted, TapWanted
from netwiz.probes.errors import ProbeError
from netwiz.probes.facts.base import HOST, Place
from tests.probes.little_net import ground
async def main():
    for place in (Place.netns(sys.argv[1]), HOST):
        try:
            async with open_capture(ground(), CaptureWanted((TapWanted(place, "x"),))):
                print("it could")
        except ProbeError as error:
            print(error.kind, "|", error.remedy)
asyncio.run(main())
"""
    prefix = ("setpriv", "--bounding-set=-net_raw,-sys_admin,-net_admin",
              "--inh-caps=-all")  # fmt: skip
    process = started(python(script, lone.name, prefix=prefix))
    out, err = await asyncio.to_thread(process.communicate, timeout=60)
    assert out.splitlines() == ["rights | run it as root: sudo netwiz"] * 2, err


async def test_a_process_that_cannot_start_is_said(
    lone: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/nonexistent/python")
    error = await refused(CaptureWanted((tap(lone),)))
    assert error.what.startswith("the process that captures: ")


async def test_a_process_that_dies_at_once_is_said(
    lone: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    error = await refused(CaptureWanted((tap(lone),)))
    assert "the process that captures" in error.what


async def test_no_more_than_asked_for_is_told_of_a_packet(lone: Namespace) -> None:
    async with capturing(tap(lone), filter="udp port 9", snaplen=40) as heard:
        send(lone, "127.0.0.1", 1)
        await heard.until(lambda: bool(heard.rows))
        await heard.end()
    assert len(heard.rows[0].raw) == 40
    assert heard.rows[0].size == 14 + 20 + 8 + 13
