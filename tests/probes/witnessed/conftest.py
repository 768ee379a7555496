"""One miniature Docker host for all the tests of a module."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from netwiz.probes.machine import Ground
from tests.probes.little_docker import (
    HOST_APP,
    SERVER,
    LittleDocker,
)
from tests.probes.little_net import ground


@pytest.fixture(scope="module")
def docker() -> Iterator[LittleDocker]:
    made = LittleDocker()
    try:
        made.serve(
            made.server, "tcp,0.0.0.0,3000", "tcp,::,3006", "udp,0.0.0.0,53", "mute,,54"
        )
        made.serve(made.outside, "tcp,0.0.0.0,9000")
        # Nobody's first attempt waits for a neighbour's answer.
        for address in (SERVER, HOST_APP):
            made.client.run(f"ping -c1 -W2 {address} >/dev/null || true")
        yield made
    finally:
        made.close()


@pytest.fixture
async def base() -> AsyncIterator[Ground]:
    made = ground()
    yield made
    made.namespaces.close()
