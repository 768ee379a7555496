"""Queueing disciplines and device counters of a namespace, by rtnetlink(7)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from netwiz.probes.errors import mapped
from netwiz.probes.facts.base import Place
from netwiz.probes.facts.load import Drops, Queue, Queues
from netwiz.probes.requests import ReadQueues
from netwiz.probes.text import plain

if TYPE_CHECKING:
    from netwiz.probes.machine import Ground

MOST = 2000
"""Of queues and of devices: more are not told of."""
_PLAIN_KINDS = ("noqueue", "mq")


async def read_queues(ground: Ground, request: ReadQueues) -> Queues:
    """What waits and what was dropped on every device of a place.

    Raises ProbeError when the namespace is gone or closed to us.
    """
    place = request.place
    enter = ground.namespaces.enter(place)
    shown = f"{enter}tc -s qdisc; {enter}tc -s class; {enter}ip -s link"
    with mapped(f"the queues of {place.label}"):
        return await ground.namespaces.call(place, queues_here, place, shown)


def queues_here(place: Place, shown: str = "") -> Queues:
    """Read the calling thread's namespace."""
    from pyroute2 import IPRoute

    # Made in this thread and without netns=, which would fork a child.
    with IPRoute() as ipr:
        links = list(islice(ipr.get_links(), MOST))
        names = {link["index"]: _name(link) for link in links}
        shaped = [m for m in islice(ipr.get_qdiscs(), MOST) if _kind(m) == "htb"]
        classes = [c for m in shaped for c in ipr.get_classes(index=m["index"])]
        # A message is read while the socket is open.
        found = tuple(_queues(islice(ipr.get_qdiscs(), MOST), names))
        found += tuple(_queues(classes, names))
    return Queues(
        command=shown, place=place, queues=found, drops=tuple(map(_drops, links))
    )


def _queues(messages: Any, names: dict[int, str]) -> Iterator[Queue]:
    for message in messages:
        kind = _kind(message)
        if kind in _PLAIN_KINDS:
            continue
        stats = message.get_attr("TCA_STATS2")
        basic = _part(stats, "TCA_STATS_BASIC")
        waiting = _part(stats, "TCA_STATS_QUEUE")
        handle = int(message.get("handle", 0))
        yield Queue(
            device=names.get(message["index"], f"index {message['index']}"),
            kind=kind,
            rate=_rate(message),
            sent=int(basic.get("bytes", 0)),
            dropped=int(waiting.get("drops", 0)),
            overlimits=int(waiting.get("overlimits", 0)),
            backlog=int(waiting.get("backlog", 0)),
            handle=f"{handle >> 16:x}:{handle & 0xFFFF:x}",
        )


def _kind(message: Any) -> str:
    return plain(str(message.get_attr("TCA_KIND") or ""), 16)


def _part(stats: Any, name: str) -> Any:
    found = stats.get_attr(name) if stats is not None else None
    return found if found is not None else {}


def _rate(message: Any) -> int:
    """Bits per second; the kernel gives bytes (struct tc_ratespec, pkt_sched.h)."""
    options = message.get_attr("TCA_OPTIONS")
    if not hasattr(options, "get_attr"):
        return 0
    for name in ("TCA_TBF_PARMS", "TCA_HTB_PARMS"):
        parms = options.get_attr(name)
        if parms is not None:
            return int(parms["ceil" if name == "TCA_HTB_PARMS" else "rate"]) * 8
    return 0


def _name(link: Any) -> str:
    return plain(str(link.get_attr("IFLA_IFNAME") or ""), 32)


def _drops(link: Any) -> Drops:
    stats = link.get_attr("IFLA_STATS64") or {}

    def count(name: str) -> int:
        return int(stats.get(name, 0))

    return Drops(
        device=_name(link),
        received=count("rx_packets"),
        sent=count("tx_packets"),
        rx_dropped=count("rx_dropped"),
        tx_dropped=count("tx_dropped"),
        rx_errors=count("rx_errors"),
        tx_errors=count("tx_errors"),
    )
