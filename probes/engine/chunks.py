"""The chunked coding of HTTP (RFC 9112, section 7.1), undone for many chunks at once.

The engine sends every line of a log as a chunk of its own: to await each of them would
cost more than all that is done with the line.
"""

from __future__ import annotations

MAX_HEAD = 4096
"""Octets of the line before a chunk: size and extensions."""


class Dechunker:
    """Octets of the coded body in, octets of the body out; keeps an unfinished head."""

    def __init__(self) -> None:
        self._left = 0
        self._head = b""
        self._behind = 0
        self.done = False
        """Whether the last chunk has come."""

    def feed(self, data: bytes) -> bytes:
        """What the new octets hold of the body.

        Raises:
            ValueError: they are not coded so; what came before is lost with them,
                unless it was asked for by an earlier call.
        """
        if self._head:
            data, self._head = self._head + data, b""
        at, end = 0, len(data)
        found: list[bytes] = []
        while at < end and not self.done:
            if self._left:
                piece = data[at : at + self._left]
                found.append(piece)
                at += len(piece)
                self._left -= len(piece)
                self._behind = 0 if self._left else 2
                continue
            if self._behind:
                taken = min(self._behind, end - at)
                at += taken
                self._behind -= taken
                continue
            line = data.find(b"\n", at, at + MAX_HEAD)
            if line < 0:
                if end - at >= MAX_HEAD:
                    raise ValueError("a chunk's size without an end")
                self._head = data[at:]
                break
            size = int(data[at:line].partition(b";")[0], 16)
            if size < 0:
                raise ValueError("a negative chunk")
            at, self._left, self.done = line + 1, size, size == 0
        return b"".join(found)
