"""The lines of the Flows tab as data: grouped, sorted, filtered; no layout. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netwiz.probes.facts.flows import Flow, Trouble


@dataclass(frozen=True)
class FlowLine:
    """One flow, or all flows of one client to one server's port."""

    key: str
    flows: tuple[Flow, ...]
    """The gravest first, then the busiest."""
    member: bool = False
    """Whether it is shown below the line of its group."""
    folded: bool = True
    """Whether the members of this group are hidden."""

    @property
    def flow(self) -> Flow:
        """The flow, or the most telling one of a group."""
        return self.flows[0]

    @property
    def count(self) -> int:
        """How many flows it stands for."""
        return len(self.flows)

    @property
    def closed(self) -> bool:
        """Whether all of it is over."""
        return self.flow.closed_s is not None

    @cached_property
    def rate(self) -> float:
        """Bytes per second, both ways, of all."""
        return sum(flow.rate for flow in self.flows)

    @cached_property
    def recent(self) -> int:
        """Segments sent again lately."""
        return sum(flow.recent for flow in self.flows)

    @cached_property
    def retransmits(self) -> int:
        """Segments sent again, of all."""
        return sum(flow.retransmits for flow in self.flows)

    @cached_property
    def rtt_ms(self) -> float:
        """The longest round trip."""
        return max(flow.rtt_ms for flow in self.flows)

    @cached_property
    def age_s(self) -> float:
        """The oldest one's."""
        return max(flow.age_s for flow in self.flows)

    @cached_property
    def troubles(self) -> tuple[Trouble, ...]:
        """Of the most telling flow."""
        return self.flow.troubles

    @cached_property
    def troubled(self) -> int:
        """How many of them have a trouble."""
        return sum(bool(flow.troubles) for flow in self.flows)

    @property
    def gravity(self) -> int:
        """2: something is stuck; 1: something is odd; 0: neither."""
        return 2 if self.flow.grave else 1 if self.troubles else 0

    @property
    def state(self) -> str:
        """The state of all, or of the most of them and how many those are."""
        states = Counter(flow.state for flow in self.flows)
        (first, times), *more = states.most_common()
        return f"{first} {times}/{self.count}" if more else first

    @cached_property
    def text(self) -> str:
        """What a filter looks at."""
        return " ".join(dict.fromkeys(word for f in self.flows for word in _words(f)))


@dataclass(frozen=True, slots=True)
class Order:
    """A way to sort, the most interesting first."""

    name: str
    key: Callable[[FlowLine], Any]


def _by_name(line: FlowLine) -> tuple[Any, ...]:
    flow = line.flow
    return flow.client.name, flow.server.name, flow.server.port, flow.client.port


def _magnitude(value: float) -> int:
    """Small changes of a rate reorder nothing: only a doubling does."""
    return -int(math.log2(value)) - 1 if value >= 1 else 0


ORDERS: tuple[Order, ...] = (
    Order("trouble", lambda x: (-x.gravity, _magnitude(x.rate), *_by_name(x))),
    Order("rate", lambda x: (_magnitude(x.rate), *_by_name(x))),
    Order("retransmissions", lambda x: (-x.recent, -x.retransmits, *_by_name(x))),
    Order("round trip", lambda x: (_magnitude(x.rtt_ms * 1000), *_by_name(x))),
    Order("newest", lambda x: (x.age_s, *_by_name(x))),
    Order("name", _by_name),
)


def grouped(flows: Iterable[Flow], unfolded: frozenset[str] = frozenset()) -> Lines:
    """One line per client and server's port, members below those that are unfolded."""
    together: dict[str, list[Flow]] = {}
    for flow in flows:
        together.setdefault(group_of(flow), []).append(flow)
    lines: list[tuple[FlowLine, ...]] = []
    for key, several in together.items():
        if len(several) > 1:
            several.sort(key=_telling)
        head = FlowLine(key, tuple(several), folded=key not in unfolded)
        members: tuple[FlowLine, ...] = ()
        if not head.folded and head.count > 1:
            members = tuple(FlowLine(f.key, (f,), member=True) for f in several)
        lines.append((head, *members))
    return lines


Lines = list[tuple[FlowLine, ...]]
"""Each line of a group with those of its members."""


def group_of(flow: Flow) -> str:
    """What flows of one line have in common."""
    client, server = flow.client, flow.server
    over = "" if flow.closed_s is None else "closed"
    proxy = client.process.name if client.on_host and client.process else ""
    ends = (client.name, proxy, server.name, server.address, str(server.port))
    return "\0".join((*ends, flow.protocol, over))


def in_order(lines: Lines, order: Order, *, reverse: bool = False) -> Lines:
    """Sorted; what is over comes last, whatever the order."""
    ordered = sorted(lines, key=lambda group: order.key(group[0]), reverse=reverse)
    return sorted(ordered, key=lambda group: group[0].closed)


def held_order(lines: Lines, before: Sequence[str]) -> Lines:
    """As they stood before; what is new comes below."""
    rank = {key: number for number, key in enumerate(before)}
    return sorted(lines, key=lambda group: rank.get(group[0].key, len(rank)))


def capture_filter(flows: Sequence[Flow]) -> str:
    """The packets of these flows, in tcpdump's words (pcap-filter(7)).

    One flow is named by all four of its ends, many by what they have in common. What
    the client dialled counts as well as what it was led to.
    """
    if not flows:
        return ""
    first = flows[0]
    client, server = first.client, first.server
    targets = dict.fromkeys((first.dialled.rpartition(":")[0].strip("[]"),))
    hosts = [h for h in (server.address, *targets) if h]
    ports = [str(server.port)]
    dialled = first.dialled.rpartition(":")[2]
    if dialled and dialled not in ports:
        ports.append(dialled)
    words = [first.protocol, _either("host", dict.fromkeys(hosts))]
    words.append(_either("port", dict.fromkeys(ports)))
    clients = {flow.client.address for flow in flows}
    if len(clients) == 1:
        words.append(f"host {client.address}")
    if len(flows) == 1:
        words.append(f"port {client.port}")
    return " and ".join(words)


def _either(word: str, values: Iterable[str]) -> str:
    parts = [f"{word} {value}" for value in values]
    return parts[0] if len(parts) == 1 else f"({' or '.join(parts)})"


def _telling(flow: Flow) -> tuple[bool, bool, float, str]:
    return not flow.grave, not flow.troubles, -flow.rate, flow.key


def _words(flow: Flow) -> Iterable[str]:
    for end in (flow.client, flow.server):
        yield from (end.name, end.text, *end.aliases)
        if end.process:
            yield end.process.name
    yield from (flow.state, flow.protocol, flow.behind, flow.dialled)
    if flow.published:
        yield f"published:{flow.published}"
    yield from (trouble.text for trouble in flow.troubles)
