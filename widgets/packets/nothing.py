"""What stands in the packet list while it has no row: why, and what to do about it."""

from __future__ import annotations

from netwiz.widgets.lines import Line
from netwiz.widgets.packets.standing import Seen, Standing, again_hint, what_text


def nothing_lines(now: Standing, seen: Seen) -> tuple[Line, ...]:
    """What stands there while there is no row, and what that means."""
    if now.wanted is None:
        return (
            (("No capture runs.", ""),),
            (("c", "label"), (" listens to what the cursor is on", "dim")),
            (("C", "label"), (" listens to all containers at once", "dim")),
        )
    # Where a file is read nothing can be captured.
    again = () if now.is_file else (tuple(again_hint()),)
    if now.wrong:
        return ((("✗ ", "bad"), (now.wrong, "")), *again)
    if seen.kept:
        if seen.progress < 1:
            return ((("looking through what was kept …", "dim"),),)
        return (
            (("no packet of these matches", ""),),
            (("esc", "label"), (" shows all again", "dim")),
        )
    if now.started is None:
        return ((("starting …", "dim"),),)
    where = f" on {what_text(now)}" if what_text(now) else ""
    by = f'filter "{now.filter}"' if now.filter else "no filter"
    if now.ended is not None:
        first: Line = ((f"nothing has passed: {by}{where}; {now.why}", ""),)
        return (first, *again)
    return ((("nothing has passed yet: ", ""), (by + where, "")), *_hints(now))


def _hints(now: Standing) -> list[Line]:
    found: list[Line] = []
    if now.counts.seen:
        found.append((("packets come, but none was read yet", "dim"),))
    elif now.filter:
        found.append((("either nobody talks, or the filter leaves it out", "dim"),))
    else:
        found.append((("nobody has sent or received a packet there", "dim"),))
    if now.started and now.started.left_in:
        more = ", ".join(now.started.left_in)
        found.append(((f"told of as well: {more}", "dim"),))
    if now.started and now.started.left_out:
        left = ", ".join(now.started.left_out)
        found.append(((f"left out: {left}", "dim"),))
    return found
