"""The counters of the kernel's own network stack: drops that no rule made.

Formats: /proc/net/netstat and snmp come in pairs of lines, names and values
(proc(5), nstat(8)); snmp6 has a name and a value per line; stat/nf_conntrack has a
line of names and a line of hexadecimal values per processor.
"""

from __future__ import annotations

import contextlib
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from netwiz.probes.errors import mapped
from netwiz.probes.facts.base import Place
from netwiz.probes.facts.kernel import KernelCounters, Rise
from netwiz.probes.requests import ReadCounters
from netwiz.probes.text import plain

if TYPE_CHECKING:
    from netwiz.probes.machine import Ground

_NET = Path("/proc/thread-self/net")
_TRACKING = Path("/proc/sys/net/netfilter")


async def read_counters(ground: Ground, request: ReadCounters) -> KernelCounters:
    """What the kernel has counted in a place so far.

    Raises ProbeError when the namespace is gone or closed to us. A file that this
    kernel does not have is passed over.
    """
    place = request.place
    with mapped(f"the counters of {place.label}"):
        return await ground.namespaces.call(
            place, counters_here, place, ground.namespaces.enter(place)
        )


def counters_here(place: Place, enter: str = "") -> KernelCounters:
    """Read the calling thread's namespace."""
    found = [
        *parse_pairs(_text(_NET / "snmp")),
        *parse_pairs(_text(_NET / "netstat")),
        *parse_rows(_text(_NET / "snmp6")),
        *parse_tracking(_text(_NET / "stat" / "nf_conntrack")),
        # One table for all namespaces; only the first namespace shows these two.
        *parse_tracking(_text(_NET / "stat" / "arp_cache"), "arp_cache"),
        *parse_tracking(_text(_NET / "stat" / "ndisc_cache"), "ndisc_cache"),
    ]
    return KernelCounters(
        command=f"{enter}nstat -az; {enter}conntrack -S",
        place=place,
        counters=tuple(found),
        tracked=_number(_TRACKING / "nf_conntrack_count"),
        tracked_max=_number(_TRACKING / "nf_conntrack_max"),
    )


def rises(before: KernelCounters, after: KernelCounters) -> tuple[Rise, ...]:
    """The counters that rose between two readings of one place."""
    old = dict(before.counters)
    return tuple(
        Rise(after.place, name, value - old[name])
        for name, value in after.counters
        if value > old.get(name, value)
    )


def parse_pairs(text: str) -> list[tuple[str, int]]:
    """``TcpExt: A B`` over ``TcpExt: 1 2`` as (``TcpExtA``, 1), (``TcpExtB``, 2)."""
    found = []
    for names, values in pairwise(text.splitlines()):
        head, _, rest = names.partition(":")
        same, _, numbers = values.partition(":")
        if head != same or not numbers.split()[:1] or not _is_int(numbers.split()[0]):
            continue
        found += [
            (plain(head + name, 64), int(number))
            for name, number in zip(rest.split(), numbers.split(), strict=False)
            if _is_int(number)
        ]
    return found


def parse_rows(text: str) -> list[tuple[str, int]]:
    """``Ip6InNoRoutes 0``, one per line."""
    rows = (line.split() for line in text.splitlines())
    return [(plain(r[0], 64), int(r[1])) for r in rows if len(r) == 2 and _is_int(r[1])]


def parse_tracking(text: str, head: str = "nf_conntrack") -> list[tuple[str, int]]:
    """Sums over all processors, each name after the table's (``nf_conntrack.``)."""
    lines = text.splitlines()
    names = lines[0].split() if lines else []
    sums = dict.fromkeys(names, 0)
    for line in lines[1:]:
        for name, number in zip(names, line.split(), strict=False):
            with contextlib.suppress(ValueError):
                sums[name] += int(number, 16)
    # The number of entries is repeated for each processor and is no counter.
    return [
        (f"{head}.{plain(name, 40)}", total)
        for name, total in sums.items()
        if name != "entries"
    ]


def _is_int(word: str) -> bool:
    return word.lstrip("-").isascii() and word.lstrip("-").isdigit()


def _number(path: Path) -> int:
    text = _text(path).strip()
    return int(text) if _is_int(text) else 0


def _text(path: Path) -> str:
    with contextlib.suppress(OSError):
        return path.read_text("utf-8", "replace")
    return ""
