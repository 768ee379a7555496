"""What a screen has kept of a capture, written to a file after the fact."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from netwiz.probes.capture.batch import Batch
from netwiz.probes.capture.keeper import Keeper
from netwiz.probes.capture.order import FileOrder
from netwiz.probes.capture.ordering import person
from netwiz.probes.capture.wanted import FileWanted
from netwiz.probes.errors import ProbeError, mapped
from netwiz.probes.facts.base import Failure
from netwiz.probes.facts.packets import CaptureTap

_NO_ROTATION = 1 << 50


def write_rows(
    path: str,
    batches: Iterable[Batch],
    taps: Sequence[CaptureTap],
    names: Mapping[str, str],
) -> tuple[int, int]:
    """Write the rows that have bytes as pcapng, whole names and all.

    What is there already under this name is moved one number up, as a capture does.
    Blocks, so it belongs into a thread. Packets are as long as they were kept for the
    screen; the file tells their true sizes.

    Returns:
        Packets that were written, and bytes of the file.

    Raises:
        ProbeError: it cannot be written, or not to the end.
    """
    shape = FileWanted(path)
    order = FileOrder(path, _NO_ROTATION, shape.keep, shape.spare_bytes, person())
    keeper = Keeper(order, names)
    try:
        for number, tap in enumerate(taps):
            where = tap.device or "every device"
            comment = f"{tap.place.label}, {where}; kept by the screen"
            keeper.device(number, tap.name, comment, tap.linktype)
        last = len(taps) - 1
        for batch in batches:
            keeper.write(
                [
                    (row.at_ns, min(row.tap, last), row.size, row.raw)
                    for row in batch
                    if row.raw
                ]
            )
    finally:
        with mapped(f"the file {path}"):
            keeper.finish({})
    if keeper.full:
        raise ProbeError(Failure.BROKEN, f"the file {path}: {keeper.full}")
    return keeper.written, keeper.file_bytes
