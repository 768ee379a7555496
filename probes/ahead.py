"""Libraries loaded while there is nothing to do but to wait.

A probe that meets silence is followed by looks at links and routes, and at the wire
where neighbours are concerned. The libraries for these take 0.1 and 0.3 s to load;
waiting for an answer that does not come leaves just that time.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from functools import cache


@cache
def load_links() -> None:
    """Begin to load what reads links and routes (pyroute2); returns at once."""
    _begin(_links)


@cache
def load_wire() -> None:
    """Begin to load what asks the wire (scapy) as well; returns at once."""
    _begin(_wire)


def _begin(load: Callable[[], None]) -> None:
    # A daemon: nobody shall wait at the end for what turned out not to be needed.
    threading.Thread(target=load, name="load ahead", daemon=True).start()


def _links() -> None:
    # Whoever needs it imports it again, and hears what is wrong with it.
    with contextlib.suppress(Exception):
        import pyroute2  # noqa: F401


def _wire() -> None:
    _links()
    with contextlib.suppress(Exception):
        from netwiz.probes.links.scapy_loader import load_scapy

        load_scapy()
