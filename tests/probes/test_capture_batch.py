"""Rows survive being packed; what is cut off is refused, not misread."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwiz.probes.capture.batch import Batch, pack
from netwiz.probes.facts.packets import Level, PacketKind, PacketRow

ROWS = st.builds(
    PacketRow,
    number=st.integers(1, 2**60),
    at_ns=st.integers(0, 2**62),
    tap=st.integers(0, 400),
    kind=st.sampled_from(PacketKind),
    level=st.sampled_from(Level),
    size=st.integers(0, 2**32 - 1),
    source=st.text(max_size=50),
    destination=st.text(max_size=50),
    text=st.text(max_size=200),
    about=st.just(0),
    raw=st.binary(max_size=300),
)


@given(st.lists(ROWS, max_size=20))
def test_rows_come_back_as_they_were(rows: list[PacketRow]) -> None:
    batch = Batch.of(rows)
    assert list(batch) == rows
    assert [batch.level(i) for i in range(len(batch))] == [r.level for r in rows]
    assert [batch.number(i) for i in range(len(batch))] == [r.number for r in rows]


@given(st.lists(ROWS, min_size=1, max_size=3), st.integers(1, 30))
def test_a_batch_that_is_cut_off_is_refused(rows: list[PacketRow], cut: int) -> None:
    with pytest.raises(ValueError, match="cut off"):
        Batch(Batch.of(rows).data[:-cut])


def test_what_a_row_is_about_is_kept() -> None:
    row = PacketRow(
        9, 1, 0, PacketKind.DNS, Level.NOTE, 60, "a", "b", "pg is 172.18.0.2", 7
    )
    assert Batch(pack(row)).row(0).about == 7
