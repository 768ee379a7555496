"""Lines that belong together: stack traces and whatever else goes over several. Pure.

One `Grouper` per container and stream, since two streams mix in time. What continues a
line is known by its form (indented, ``Caused by:``, ``goroutine 1 [``) and by being
written at the same moment; nothing is joined over more than a second, so a program that
indents all of its lines loses no more than their separate rows. Blocks are bounded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum, auto

JOIN_NS = 1_000_000_000
"""Nanoseconds between two lines of one block, at most."""
AT_ONCE_NS = 5_000_000
"""The same where only the moment tells: a trace right behind the line it belongs to."""
MAX_LINES = 400
MAX_OCTETS = 65_536
"""A block's further lines that are kept; what is beyond them is counted."""

_CONTINUES = re.compile(
    rb"[ \t]+\S|Caused by: |Suppressed: |\.\.\. \d+ (?:more|common)|[}\])]+[,;]?\s*$"
    rb"|goroutine \d+ |created by |stack backtrace:|note: (?:run with|Some details)"
    rb"|During handling of the above|The above exception was|exit status \d+$"
    rb"|--- End of |   --- |\[signal SIG"
)
_BLANK = re.compile(rb"\s*$")
_TRACEBACK = re.compile(rb"(?:[+| ]{0,8})Traceback \(most recent call last\)")
_AGAIN = re.compile(rb"During handling of the above|The above exception was")
_THROWN = re.compile(
    rb"(?:Uncaught )?(?:[A-Za-z_$][\w$]{0,80}\.){0,12}"
    rb"(?:[A-Z][\w$]{0,80})?(?:Exception|Error|Throwable|Failure)\b"
)
_GRAVE = re.compile(rb"(?i)\b(?:error|warn|fatal|severe|crit|exception|fail)")
_GO = re.compile(rb"panic: |fatal error: |.{0,80}http: panic serving ")
_GO_FRAME = re.compile(rb"[\w./\-()*\[\]{}~$@%]+\(.{0,400}\)$|\[recovered\]|panic: ")
_RUST = re.compile(rb".{0,60}thread '[^']{0,120}'.{0,30}panicked at")
_NODE = re.compile(rb"(?:node:|/|file:)\S{1,300}:\d+$")


class _Kind(Enum):
    """What a block is, once its lines have said so."""

    PLAIN = auto()
    TRACEBACK = auto()
    """Of Python, before the line that names the exception."""
    RAISED = auto()
    """Of Python, behind that line."""
    GO = auto()
    RUST = auto()
    NODE = auto()


@dataclass(slots=True)
class Block:
    """A line and what continues it."""

    at_ns: int
    """Nanoseconds since 1970 of the first line."""
    first: bytes
    more: list[bytes] = field(default_factory=list)
    cut: int = 0
    """Lines beyond the bounds."""
    last_ns: int = 0
    thrown: int = -1
    """Which of `more` names the exception; -1 if none does."""


class Grouper:
    """Lines in, blocks out; holds the one that may still go on."""

    def __init__(self) -> None:
        self._open: Block | None = None
        self._kind = _Kind.PLAIN
        self._octets = 0
        self._blanks = 0

    @property
    def waits(self) -> bool:
        """Whether a block is held."""
        return self._open is not None

    def feed(self, at_ns: int, line: bytes) -> Block | None:
        """Take a line in; the block that it ends, if it ends one."""
        block = self._open
        if block is not None and self._joins(block, at_ns, line):
            self._add(block, at_ns, line)
            return None
        if _BLANK.match(line):
            # By itself it says nothing, and what it stood behind was told already.
            return None
        self._begin(at_ns, line)
        return block

    def end(self) -> Block | None:
        """What is held, given up: nothing came for a while, or nothing will."""
        block, self._open = self._open, None
        return block

    def _begin(self, at_ns: int, line: bytes) -> None:
        self._open = Block(at_ns, line, last_ns=at_ns)
        self._octets = self._blanks = 0
        self._kind = _kind_of(line)

    def _joins(self, block: Block, at_ns: int, line: bytes) -> bool:
        apart = abs(at_ns - block.last_ns)
        if apart > JOIN_NS:
            return False
        if _BLANK.match(line) or _CONTINUES.match(line):
            return True
        if self._kind is _Kind.TRACEBACK:
            # The first line that is not indented names the exception, and ends it.
            return True
        if self._kind is _Kind.RAISED:
            last = next((x for x in reversed(block.more) if x.strip()), b"")
            return bool(_AGAIN.match(last) and _TRACEBACK.match(line))
        if self._kind is _Kind.GO:
            return bool(_GO_FRAME.match(line))
        if self._kind is _Kind.RUST:
            return not block.more and block.first.endswith(b":")
        if self._kind is _Kind.NODE:
            return block.thrown < 0
        behind = _TRACEBACK.match(line) or _THROWN.match(line)
        if not behind or apart > AT_ONCE_NS or block.more:
            return False
        # Behind a line that complains, at the same moment: what it complains of.
        return _GRAVE.search(block.first) is not None and not _THROWN.match(block.first)

    def _add(self, block: Block, at_ns: int, line: bytes) -> None:
        block.last_ns = max(at_ns, block.last_ns)
        if _BLANK.match(line):
            # Kept only if something follows.
            self._blanks += 1
            return
        indented = line[:1] in (b" ", b"\t")
        named = line.removeprefix(b"Caused by: ")
        names = not indented and _THROWN.match(named) is not None
        if self._kind is _Kind.TRACEBACK and not indented:
            names, self._kind = True, _Kind.RAISED
        elif _TRACEBACK.match(line):
            self._kind = _Kind.TRACEBACK
        if len(block.more) < MAX_LINES and self._octets < MAX_OCTETS:
            block.more += [b""] * min(self._blanks, 2)
            block.more.append(line)
            self._octets += len(line)
            if names:
                block.thrown = len(block.more) - 1
        else:
            block.cut += 1
        self._blanks = 0


def _kind_of(line: bytes) -> _Kind:
    if _TRACEBACK.match(line):
        return _Kind.TRACEBACK
    if _GO.match(line):
        return _Kind.GO
    if _RUST.match(line):
        return _Kind.RUST
    return _Kind.NODE if _NODE.match(line) else _Kind.PLAIN
