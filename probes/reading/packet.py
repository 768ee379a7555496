"""The packet that is being read: filled in header by header."""

from __future__ import annotations


class Packet:
    """One for a whole capture, written anew for each packet. Nobody keeps it.

    Handing on one object costs less than handing on a dozen values, and a new one for
    each packet would cost as much as its line.
    """

    __slots__ = (
        "ack",
        "at",
        "at_ns",
        "data",
        "end",
        "flags",
        "ident",
        "length",
        "number",
        "seq",
        "size",
        "start",
        "tap",
        "window",
    )
    number: int
    at_ns: int
    tap: int
    size: int
    """Bytes on the wire, link header and all."""
    data: bytes
    """As much as was kept of it."""

    at: int
    """Where the transport header begins."""
    end: int
    """Where the payload ends on the wire; `data` may be shorter."""
    ident: int
    """IPv4 identification; -1 where there is none."""

    start: int
    """Where the payload begins."""
    length: int
    """Bytes of the payload on the wire."""
    seq: int
    ack: int
    flags: int
    window: int

    def newer_than(self, ident: int) -> bool:
        """Whether it was sent after the packet with that identification.

        Where there is no identification nothing speaks against it.
        """
        if self.ident <= 0 or ident <= 0:
            return True
        return 0 < (self.ident - ident) & 0xFFFF < 0x8000
