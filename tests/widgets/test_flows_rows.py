from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from netwiz.probes.facts.flows import Flow, FlowEnd
from netwiz.widgets.flows_draw import amount, details, draw_flow, duration
from netwiz.widgets.flows_rows import (
    ORDERS,
    FlowLine,
    capture_filter,
    grouped,
    held_order,
    in_order,
)
from tests.widgets.flow_samples import BUSY, FLOWS, ORDER, PG, POOL, flow

BY_NAME = {order.name: order for order in ORDERS}


def heads(order: str, *, reverse: bool = False) -> list[str]:
    lines = in_order(grouped(FLOWS), BY_NAME[order], reverse=reverse)
    return [drawn(group[0]) for group in lines]


def drawn(line: FlowLine, width: int = 80) -> str:
    return "".join(text for text, _ in draw_flow(line, width)).rstrip()


def test_many_flows_of_one_client_to_one_port_are_one_line() -> None:
    ((line,),) = grouped((*POOL, BUSY))
    assert line.count == 48
    assert line.flow is BUSY
    assert line.rate == BUSY.rate
    assert "order → pg:5432 ×48" in drawn(line)


def test_a_group_that_is_unfolded_shows_each_of_its_flows() -> None:
    ((line, *members),) = grouped(POOL, frozenset([grouped(POOL)[0][0].key]))
    assert not line.folded
    assert [member.flow for member in members] == list(line.flows)
    assert all(member.member for member in members)
    assert "  order:41000 → pg:5432" in drawn(members[0])


def test_other_clients_ports_protocols_and_ends_are_other_lines() -> None:
    base = flow("a", ORDER, PG)
    others = [
        replace(base, key="b", client=replace(ORDER, name="cart")),
        replace(base, key="c", server=replace(PG, port=5433)),
        replace(base, key="d", server=replace(PG, address="172.18.0.77")),
        replace(base, key="e", protocol="udp"),
        replace(base, key="f", closed_s=1.0, state="closed"),
    ]
    assert len(grouped([base, *others])) == 6


def test_the_gravest_come_first_and_what_is_over_last() -> None:
    lines = heads("trouble")
    assert [line[0] for line in lines] == ["✗", "✗", "!", "·", "·", "·", "·", "○"]
    assert "order → web:80" in lines[-1]
    for order in BY_NAME:
        for reverse in (False, True):
            assert heads(order, reverse=reverse)[-1][0] == "○"


@pytest.mark.parametrize(
    ("order", "first"),
    [
        ("rate", "order → pg:5432 ×48"),
        ("retransmissions", "203.0.113.9 → web:80"),
        ("round trip", "203.0.113.9 → web:80"),
        ("newest", "order → redis:6379"),
        ("name", "203.0.113.9 → web:80"),
    ],
)
def test_every_order_has_its_first(order: str, first: str) -> None:
    assert first in heads(order)[0]


def test_a_rate_that_changes_a_little_moves_no_row() -> None:
    one = flow("a", ORDER, PG, sent_rate=1000.0)
    two = flow("b", replace(ORDER, name="cart"), PG, sent_rate=1010.0)
    by = BY_NAME["rate"]
    before = [g[0].key for g in in_order(grouped([one, two]), by)]
    after = in_order(grouped([replace(one, sent_rate=1020.0), two]), by)
    assert [g[0].key for g in after] == before
    faster = in_order(grouped([replace(one, sent_rate=9000.0), two]), by)
    assert [g[0].key for g in faster] == before[::-1]


def test_held_rows_keep_their_order_and_new_ones_come_below() -> None:
    lines = in_order(grouped(FLOWS[48:]), BY_NAME["trouble"])
    keys = [group[0].key for group in lines]
    held = held_order(lines, keys[3:1:-1])
    assert [g[0].key for g in held] == [*keys[3:1:-1], *keys[:2], *keys[4:]]


def test_a_filter_sees_names_aliases_addresses_states_and_troubles() -> None:
    served = replace(PG, aliases=("db", "database"))
    text = FlowLine("k", (flow("k", ORDER, served, published=8080),)).text
    for word in ("order", "pg", "db", "database", "172.18.0.3:40312", "ESTAB", "java"):
        assert word in text
    assert "published:8080" in text
    assert "does not answer" in FlowLine("s", (FLOWS[48],)).text


def test_the_packets_of_one_flow_are_named_by_all_its_ends() -> None:
    assert capture_filter([BUSY]) == (
        "tcp and host 172.18.0.2 and port 5432 and host 172.18.0.3 and port 40999"
    )


def test_the_packets_of_many_are_named_by_what_they_share() -> None:
    assert capture_filter(POOL) == (
        "tcp and host 172.18.0.2 and port 5432 and host 172.18.0.3"
    )
    elsewhere = replace(POOL[0], client=replace(ORDER, address="172.18.0.33"))
    assert capture_filter([*POOL, elsewhere]) == (
        "tcp and host 172.18.0.2 and port 5432"
    )
    assert capture_filter([]) == ""


def test_what_was_dialled_is_captured_as_well_as_what_it_was_led_to() -> None:
    led = replace(BUSY, dialled="10.99.0.1:8080")
    assert capture_filter([led]) == (
        "tcp and (host 172.18.0.2 or host 10.99.0.1) and (port 5432 or port 8080)"
        " and host 172.18.0.3 and port 40999"
    )
    six = replace(BUSY, dialled="[fd00::1]:5432")
    assert "(host 172.18.0.2 or host fd00::1) and port 5432" in capture_filter([six])


def test_the_filter_is_one_that_the_kernel_takes() -> None:
    from netwiz.probes.capture.words import parse

    for one in (BUSY, replace(BUSY, dialled="[fd00::1]:80")):
        assert parse(capture_filter([one]), {})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1.0k"),
        (9949, "9.9k"),
        (9951, "10k"),
        (999_499, "999k"),
        (999_501, "1.0M"),
        (3.4e9, "3.4G"),
        (2e18, "2000P"),
    ],
)
def test_amounts_are_short(value: float, text: str) -> None:
    assert amount(value) == text


@pytest.mark.parametrize(
    ("ms", "text"), [(0.03, "0.03ms"), (1.24, "1.2ms"), (48, "48ms"), (1300, "1.3s")]
)
def test_durations_are_short(ms: float, text: str) -> None:
    assert duration(ms) == text


@pytest.mark.parametrize("width", [40, 60, 76, 80, 103, 104, 126, 144, 188, 196, 300])
def test_no_line_is_longer_than_its_room(width: int) -> None:
    for one in FLOWS:
        line = FlowLine("k", (one,))
        assert cell_len(drawn(line, width)) <= max(width, 60)
    for group in grouped(FLOWS):
        assert cell_len(drawn(group[0], width)) <= max(width, 60)


def test_a_wide_screen_tells_more() -> None:
    line = grouped(FLOWS)[0][0]
    assert "java→postgres" not in drawn(line, 100)
    assert "java→postgres" in drawn(line, 160)
    assert "172.18.0.3 → 172.18.0.2:5432" in drawn(line, 200)
    assert "≤1.6MB/s" in drawn(line, 110)


def test_what_is_wrong_is_told_in_words_where_there_is_room() -> None:
    line = FlowLine("s", (FLOWS[48],))
    assert "SYN-SENT ×4" in drawn(line)
    assert "redis:6379 does not answer, SYN repeated 3×" in drawn(line, 200)
    below = "".join(text for text, _ in details(line))
    assert below.startswith("redis:6379 does not answer, SYN repeated 3× · 172.18.0.3")


def test_losses_and_round_trips_are_drawn_for_the_line_under_the_cursor() -> None:
    one = replace(FLOWS[0], losses=(0.0, 3.0, 0.0), rtts=(1.0, 2.0, 8.0))
    below = "".join(text for text, _ in details(FlowLine("k", (one,))))
    assert "↻ ▁█▁ ≤3" in below
    assert "rtt ▂▃█ ≤8.0ms" in below
    calm = replace(one, losses=(0.0, 0.0), rtts=(1.0,))
    below = "".join(text for text, _ in details(FlowLine("k", (calm,))))
    assert "↻" not in below
    assert "rtt" not in below


NAMES = st.text(max_size=60)
ENDS = st.builds(FlowEnd, NAMES, NAMES, st.integers(0, 65_535))
HOSTILE = st.builds(
    Flow,
    st.just("k"),
    ENDS,
    ENDS,
    state=NAMES,
    dialled=NAMES,
    behind=NAMES,
    sent=st.integers(0, 2**64),
    sent_rate=st.floats(0, 1e15),
    rtt_ms=st.floats(0, 1e7),
    recent=st.integers(0, 2**32),
)


@given(HOSTILE, st.integers(20, 220))
def test_any_flow_can_be_drawn(one: Flow, width: int) -> None:
    line = FlowLine("k", (one,))
    assert draw_flow(line, width)
    assert details(line)
    assert capture_filter([one])
    assert line.text is not None
