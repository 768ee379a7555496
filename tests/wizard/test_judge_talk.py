"""What is no fault of the way, though it looks like one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netwiz.probes.facts import HOST, Ending, FarEnd, Finding, Segment, TcpInfo
from netwiz.probes.requests import Converse, ReadSockets, Request
from netwiz.wizard.case import Symptom
from netwiz.wizard.verdict import Result
from tests.wizard.table_talk import (
    BEYOND,
    HTTP,
    NODE,
    WAITING,
    complaint,
    held,
    queue,
    said,
    stream,
    watched,
    world,
)
from tests.wizard.world import BRIDGE, walk


def streams(request: Request) -> Finding:
    """An answer of no announced length, which goes on."""
    return said(
        request,
        received=60,
        first_bytes=b"HTTP/1.1 200 OK\r\n\r\n",
        first_ms=2,
        far=FarEnd("ESTAB", accepted=True),
    )


def thinks(request: Request) -> Finding:
    """The words were read, and nothing is said to them."""
    return said(request, far=FarEnd("ESTAB", accepted=True, process="node"))


def answers_others(request: Request) -> Finding:
    """Confirmed and silent; turns down at once what it does not understand."""
    assert isinstance(request, Converse)
    ending = Ending.COMPLETE if request.other else Ending.SILENCE
    return said(request, ending=ending, received=200 if request.other else 0)


def quick_by_now(request: Request) -> Finding:
    """Slow twice, and quick from the third time on, whatever the segments' size."""
    assert isinstance(request, Converse)
    done = request.nth >= 3
    ending = Ending.COMPLETE if done else Ending.SILENCE
    return said(request, ending=ending, received=200 if done else 0)


def proxy_resets(request: Request) -> Finding:
    """A reset born on the host, of a connection that the server never saw."""
    assert isinstance(request, Converse)
    if request.other:
        return said(request, ending=Ending.COMPLETE, received=200)
    born = Segment(HOST, BRIDGE, False, "RST", False, 0, 64, 9.0)
    shown = (born,) if request.taps else ()
    return said(request, ending=Ending.RESET, errno_name="ECONNRESET", segments=shown)


def lost_whatever(request: Request) -> Finding:
    """Nothing is ever confirmed: neither size nor words make a difference."""
    return said(request, info=TcpInfo(unacked=1, total_retransmits=3))


async def test_a_stream_of_events_is_an_answer() -> None:
    found = await walk(world(answers={Converse: streams}), HTTP)
    assert found.result is Result.HEALTHY, found.summary


@pytest.mark.parametrize("talk", [thinks, answers_others, quick_by_now, lost_whatever])
async def test_a_service_that_is_slow_is_no_fault_of_the_way(talk: object) -> None:
    for about in (HTTP, BEYOND):
        made = world(sightings=(), answers={Converse: talk})
        found = await walk(made, about)
        assert found.result is Result.UNDETERMINED, found.summary
        assert found.missing


async def test_a_proxy_that_resets_is_nobody_who_reads_along() -> None:
    found = await walk(world(answers={Converse: proxy_resets}), HTTP)
    assert found.result is Result.UNDETERMINED, found.summary


async def test_a_queue_that_moves_is_healthy() -> None:
    moves = watched(queue(NODE, queued=(2, 1)))
    found = await walk(world(sockets=WAITING, answers=moves))
    assert found.result is Result.HEALTHY, found.summary


async def test_an_empty_queue_is_not_watched() -> None:
    made = world()
    found = await walk(made)
    assert found.result is Result.HEALTHY
    assert "WatchQueue" not in {type(r).__name__ for r in made.asked}
    assert "Converse" not in {type(r).__name__ for r in made.asked}


async def test_a_kept_connection_in_order_is_healthy() -> None:
    own = replace(stream(), info=TcpInfo(sent_ago_ms=3_600_000))
    ends = {"local": own.remote, "local_port": 3000}
    ends |= {"remote": own.local, "remote_port": own.local_port}
    other = replace(own, **ends)  # type: ignore[arg-type]
    made = world(answers={ReadSockets: held(own, (other,))})
    found = await walk(made, complaint(Symptom.TIMEOUT))
    assert found.result is Result.HEALTHY, found.summary


async def test_a_connection_that_was_closed_this_moment_is_not_stale() -> None:
    closing = replace(stream(state="CLOSE-WAIT"), info=TcpInfo(heard_ago_ms=3))
    made = world(answers={ReadSockets: held(closing)})
    found = await walk(made, complaint(Symptom.RESET))
    assert found.result is Result.HEALTHY, found.summary
