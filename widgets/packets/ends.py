"""The ends of a packet by name: ``172.18.0.3:40312`` is ``order:40312``."""

from __future__ import annotations

from collections.abc import Mapping

from rich.cells import cell_len

from netwiz.widgets.lines import clip

EPHEMERAL = 32768
"""Where Linux begins to take clients' ports from (ip_local_port_range in ip(7))."""
KEPT = 4096
"""Ends that are remembered, so that a name is not looked up for each of its packets."""


def split_end(end: str) -> tuple[str, str]:
    """Address and port of an end; the port is empty where there is none."""
    if end.startswith("["):
        address, _, port = end[1:].partition("]")
        return address, port.removeprefix(":")
    if end.count(":") == 1:
        address, _, port = end.partition(":")
        return address, port
    return end, ""


def is_ephemeral(port: str) -> bool:
    """Whether it is a port as clients get it."""
    return port.isdecimal() and int(port) >= EPHEMERAL


class Ends:
    """Translates ends; remembers what it translated until the names change."""

    def __init__(self, names: Mapping[str, str] | None = None) -> None:
        self._names: Mapping[str, str] = names or {}
        self._known: dict[str, str] = {}
        self._looked_at: dict[tuple[str, str], str] = {}

    @property
    def names(self) -> Mapping[str, str]:
        """Address to the name of who has it."""
        return self._names

    @names.setter
    def names(self, names: Mapping[str, str]) -> None:
        self._names = names
        self._known.clear()
        self._looked_at.clear()

    def name_of(self, end: str) -> str:
        """Who has the address of an end; empty when nobody knows."""
        return self._names.get(split_end(end)[0], "")

    def named(self, end: str) -> str:
        """An end by name, its port kept; as it is when nobody knows the address."""
        found = self._known.get(end)
        if found is None:
            address, port = split_end(end)
            name = self._names.get(address, "")
            found = f"{name}:{port}" if name and port else name or end
            if len(self._known) >= KEPT:
                self._known.clear()
            self._known[end] = found
        return found

    def pair(self, source: str, destination: str, *, ports: bool = True) -> str:
        """``order → pg:5432``; without `ports` a client's own port is left out."""
        if not source and not destination:
            return ""
        if not ports:
            source, destination = _compressed(source, destination)
        return f"{self.named(source)} → {self.named(destination)}"

    def words(self, source: str, destination: str) -> str:
        """All the ways in which two ends may be shown: what a filter looks at."""
        found = self._looked_at.get((source, destination))
        if found is None:
            ways = (
                self.pair(source, destination),
                self.pair(source, destination, ports=False),
                f"{source} → {destination}",
            )
            found = " ".join(dict.fromkeys(ways))
            if len(self._looked_at) >= KEPT:
                self._looked_at.clear()
            self._looked_at[source, destination] = found
        return found

    def fitted(self, source: str, destination: str, width: int) -> str:
        """The same, cut so that both ends remain to be seen in `width` columns."""
        if cell_len(whole := self.pair(source, destination)) <= width:
            return whole
        short = self.pair(source, destination, ports=False)
        if cell_len(short) <= width:
            return short
        left, _, right = short.partition(" → ")
        return " → ".join(_share(left, right, max(width - 3, 2)))


def _compressed(source: str, destination: str) -> tuple[str, str]:
    (a, a_port), (b, b_port) = split_end(source), split_end(destination)
    if is_ephemeral(a_port) and b_port and not is_ephemeral(b_port):
        return a, destination
    if is_ephemeral(b_port) and a_port and not is_ephemeral(a_port):
        return source, b
    return source, destination


def _share(left: str, right: str, room: int) -> tuple[str, str]:
    """Both cut; what the shorter one does not need the longer one gets."""
    half = room // 2
    left_width, right_width = cell_len(left), cell_len(right)
    if left_width <= half:
        return left, _clip_end(right, room - left_width)
    if right_width <= room - half:
        return _clip_end(left, room - right_width), right
    return _clip_end(left, half), _clip_end(right, room - half)


def _clip_end(end: str, width: int) -> str:
    """A name gives way to its port, which is what tells a service."""
    name, colon, port = end.rpartition(":")
    if not colon or not port.isdecimal() or width < cell_len(port) + 4:
        return clip(end, width)
    return clip(name, width - cell_len(port) - 1) + colon + port
