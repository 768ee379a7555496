"""The counters of a namespace that tell of failing connects, read as cheaply as can be.

/proc/PID/net/snmp comes in pairs of lines, names and values (proc(5)). The names of one
kernel never change, so where a counter stands is worked out once; then a reading costs
a split, and one that is the same as before costs a comparison. A file that was opened
in a namespace goes on telling of that one, wherever its reader stands.
"""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Counts:
    """Totals since the namespace was made, or how much they rose."""

    no_routes: int = 0
    """Ip OutNoRoutes: packets of its own without a route."""
    icmp_errors: int = 0
    """Icmp InDestUnreachs and InTimeExcds: errors that came in."""
    opened: int = 0
    """Tcp ActiveOpens: connects begun."""
    accepted: int = 0
    """Tcp PassiveOpens: handshakes of its listeners."""
    failed: int = 0
    """Tcp AttemptFails: connects that ended by RST, ICMP error or timeout."""
    received: int = 0
    """Tcp InSegs."""
    resent: int = 0
    """Tcp RetransSegs, repeated SYNs among them."""
    datagrams_in: int = 0
    datagrams_out: int = 0
    no_ports: int = 0
    """Udp NoPorts: datagrams to a port that nobody has."""

    def since(self, before: Counts) -> Counts:
        """How much each rose; nothing where one fell, for then it is another's."""
        return Counts(
            *(
                max(0, getattr(self, f.name) - getattr(before, f.name))
                for f in fields(self)
            )
        )


_WHERE: tuple[tuple[tuple[bytes, bytes], ...], ...] = (
    ((b"Ip:", b"OutNoRoutes"),),
    ((b"Icmp:", b"InDestUnreachs"), (b"Icmp:", b"InTimeExcds")),
    ((b"Tcp:", b"ActiveOpens"),),
    ((b"Tcp:", b"PassiveOpens"),),
    ((b"Tcp:", b"AttemptFails"),),
    ((b"Tcp:", b"InSegs"),),
    ((b"Tcp:", b"RetransSegs"),),
    ((b"Udp:", b"InDatagrams"),),
    ((b"Udp:", b"OutDatagrams"),),
    ((b"Udp:", b"NoPorts"),),
)
"""In the order of the fields of `Counts`; several are added up."""


Places = tuple[tuple[int, ...], ...]


class Layout:
    """Where in the file each counter stands.

    Of one kernel only the line IcmpMsg differs between namespaces, by the number of its
    words: so the number of all words tells where everything is.
    """

    def __init__(self) -> None:
        self._known: dict[int, Places] = {}

    def read(self, text: bytes) -> Counts | None:
        """The counters in the text of /proc/net/snmp; None when it is not that."""
        words = text.split()
        at = self._known.get(len(words))
        if at is None:
            at = self._known[len(words)] = _places(words)
        try:
            return Counts(*(sum(int(words[i]) for i in places) for places in at))
        except ValueError:
            return None


def _places(words: list[bytes]) -> Places:
    """Find the values: each line of names is followed by a line of values."""
    found: dict[tuple[bytes, bytes], int] = {}
    heads = [i for i, word in enumerate(words) if word.endswith(b":")]
    bounds = [*heads, len(words)]
    for number in range(0, len(heads) - 1, 2):
        names, values = heads[number], heads[number + 1]
        if words[names] != words[values]:
            continue
        for offset in range(1, min(values - names, bounds[number + 2] - values)):
            found[words[names], words[names + offset]] = values + offset
    return tuple(tuple(found[k] for k in keys if k in found) for keys in _WHERE)
