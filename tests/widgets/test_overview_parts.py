"""What the overview's panes say, as text, without a screen."""

import ast
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwiz.probes.facts import Listener, PortMapping, Snapshot, State
from netwiz.tui.screens.overview_words import notices, standing
from netwiz.widgets.container_rows import ports_text, rows_of
from netwiz.widgets.containers import draw_rows
from netwiz.widgets.filtering import Filter
from netwiz.widgets.lines import Line, cells, plain_text
from netwiz.widgets.log_line import draw_line
from netwiz.widgets.network_rows import Head, Member, groups_of
from netwiz.widgets.networks import draw_row
from netwiz.widgets.status_line import Standing, draw_standing
from netwiz.widgets.suspects import Suspect
from netwiz.widgets.timeline import LiveKind, LiveLine, Timeline
from tests.project import ROOT
from tests.screens import machines
from tests.screens.machines import BUSY, CONTAINERS, NOW

WIDTHS = (20, 47, 50, 80, 136, 200)


def lines_of(snapshot: Snapshot, width: int) -> list[str]:
    suspect = Suspect(CONTAINERS[0].id, "order", "refused", "127.0.0.1:3000")
    rows = rows_of(snapshot, {CONTAINERS[0].id: suspect}, {})
    return plain_text(draw_rows(rows, width)).splitlines()


def line(text: str, seconds: int = 0, **more: object) -> LiveLine:
    made = LiveLine(NOW + timedelta(seconds=seconds), "order", text)
    return replace(made, **more)  # type: ignore[arg-type]


# Containers


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("snapshot", [BUSY, machines.HOSTILE, machines.NO_ENGINE])
def test_no_row_is_wider_than_the_pane(snapshot: Snapshot, width: int) -> None:
    rows = rows_of(snapshot, {}, {})
    assert all(cells(one) <= width for one in draw_rows(rows, width))


def test_columns_stand_under_each_other() -> None:
    drawn = lines_of(BUSY, 160)
    assert len({x.index("shop_default") for x in drawn if "shop_default" in x}) == 1


def test_what_is_wrong_is_never_left_out_in_a_narrow_pane() -> None:
    drawn = lines_of(BUSY, 47)
    assert any("order" in x and "⚠ refused 127.0.0.1:3000" in x for x in drawn)
    assert any("cache" in x and "exited 137 (OOM)" in x for x in drawn)


@pytest.mark.parametrize(
    ("change", "note"),
    [
        ({"state": State.EXITED, "exit_code": 2}, "exited 2"),
        ({"state": State.DEAD, "exit_code": 1}, "dead 1"),
        (
            {"state": State.CREATED, "error": "port is already allocated"},
            "not started: port is already allocated",
        ),
        ({"state": State.CREATED}, "never started"),
        (
            {"state": State.RESTARTING, "restart_count": 4, "exit_code": 1},
            "restarting 4×, exit 1",
        ),
        ({"state": State.PAUSED}, "paused"),
        ({"state": State.RUNNING, "health": "starting"}, "health: starting"),
        ({"state": State.RUNNING, "health": "healthy"}, ""),
    ],
)
def test_states_in_words(change: dict[str, object], note: str) -> None:
    one = replace(CONTAINERS[0], **change)  # type: ignore[arg-type]
    (row,) = rows_of(replace(BUSY, containers=(one,)), {}, {})
    assert plain_text(row.notes) == note


def test_ports_of_both_families_are_told_once() -> None:
    mappings = (
        PortMapping(80, host_ip="0.0.0.0", host_port=8080),
        PortMapping(80, host_ip="::", host_port=8080),
        PortMapping(53, "udp", "::1", 5353),
        PortMapping(81),
    )
    assert ports_text(mappings) == "8080→80 [::1]:5353→53/udp any→81"


def test_listeners_without_the_engines_resolver() -> None:
    found = (
        Listener("127.0.0.11", 40123),
        Listener("127.0.0.1", 3000),
        Listener("0.0.0.0", 53, "udp"),
    )
    row = next(r for r in rows_of(BUSY, {}, {CONTAINERS[1].id: found}) if r.listens)
    assert plain_text([row.listens]) == "listens 127.0.0.1:3000 :53/udp"
    assert ("odd" in dict(map(reversed, row.listens))) is True  # type: ignore[arg-type]


def test_a_port_that_is_open_on_both_families_is_told_once() -> None:
    found = (
        Listener("0.0.0.0", 80),
        Listener("::", 80, family=6, v6only=True),
        Listener("::", 81, family=6, v6only=True),
    )
    row = next(r for r in rows_of(BUSY, {}, {CONTAINERS[1].id: found}) if r.listens)
    assert plain_text([row.listens]) == "listens :80 [::]:81"


def test_riders_and_the_host_network_have_no_address_of_their_own() -> None:
    rows = {row.name: row for row in rows_of(BUSY, {}, {})}
    assert rows["sidecar"].addresses == ("in order",)
    assert rows["node-exporter"].addresses == ("host",)


# Networks


def rows_in(snapshot: Snapshot, folds: dict[str, bool]) -> list[str]:
    rows = [row for group in groups_of(snapshot, folds) for row in group]
    return plain_text([draw_row(row, 12, 60) for row in rows]).splitlines()


def test_networks_with_their_members() -> None:
    told = "\n".join(rows_in(BUSY, {}))
    assert "▾ shop_default  bridge\n  172.18.0.0/16  mtu 1450\n" in told
    assert "  pg            .2  db api" in told
    assert "▾ edge  macvlan eth0" in told
    assert "▾ shop_back  bridge internal ipv6\n  10.9.0.0/24\n  fd00:9::/64" in told
    assert "▸ host  prod-01  2" in told
    assert "\n▾ none" not in told


def test_a_folded_network_counts_its_members() -> None:
    assert "▸ shop_default  bridge  5" in rows_in(BUSY, {machines.NET: True})


def test_without_an_engine_the_host_is_unfolded() -> None:
    told = rows_in(machines.NO_ENGINE, {})
    assert any("eth0" in x and "192.0.2.10" in x for x in told)
    assert any("blue" in x for x in told)


def test_members_of_the_host_are_clients() -> None:
    rows = [r for g in groups_of(machines.NO_ENGINE, {}) for r in g]
    clients = {r.name: r.client for r in rows if isinstance(r, Member | Head)}
    assert clients["eth0"] == "host"
    assert clients["vpn"] == "vpn"


# Live


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("shift", [0, 16, 1000])
def test_a_line_is_as_wide_as_the_pane_at_most(width: int, shift: int) -> None:
    suspect = Suspect("x", "order", "refused")
    told = line("长 text " * 60, suspect=suspect, source="名" * 40)
    drawn = draw_line(told, max(width, 40), shift, cursor=True)
    assert cells(drawn) <= max(width, 40)


def texts(timeline: Timeline) -> list[str]:
    return [x.text for x in timeline.view]


def test_the_oldest_lines_go() -> None:
    timeline = Timeline(limit=3)
    timeline.extend([line(str(n), n) for n in range(3)])
    gone, ordered = timeline.extend([line("3", 3), line("4", 4)])
    assert (gone, ordered) == (2, True)
    assert texts(timeline) == ["2", "3", "4"]


def test_a_loud_container_pushes_nobody_out() -> None:
    timeline = Timeline(limit=100)
    quiet = line("quiet", container_id="a")
    suspect = Suspect("b", "loud", "refused")
    told = line("refused", 1, container_id="b", suspect=suspect)
    timeline.extend([quiet, told])
    for second in range(500):
        timeline.extend([line(str(second), 2 + second, container_id="b")])
        assert len(timeline.all) <= 105
    assert texts(timeline)[:2] == ["quiet", "refused"]
    assert texts(timeline)[-1] == "499"
    assert list(timeline.view) == list(timeline.all)


def test_few_long_lines_are_as_heavy_as_many_short_ones() -> None:
    timeline = Timeline()
    for second in range(3000):
        timeline.extend([line("x" * 16_000, second)])
    assert sum(len(one.text) for one in timeline.all) < 25 << 20
    assert texts(timeline)


def test_a_log_that_is_opened_late_is_put_where_it_belongs() -> None:
    timeline = Timeline()
    timeline.extend([line("b", 10), line("d", 30)])
    _, ordered = timeline.extend([line("a", 5), line("c", 20), line("e", 40)])
    assert not ordered
    assert texts(timeline) == list("abcde")


def test_what_is_in_view() -> None:
    timeline = Timeline()
    suspect = Suspect("x", "order", "refused")
    log, event, bad = (
        line("log"),
        line("event", 1, kind=LiveKind.EVENT),
        line("bad", 2, suspect=suspect),
    )
    timeline.extend([log, event, bad])
    timeline.events_only = True
    timeline.sift()
    assert list(timeline.view) == [event]
    timeline.events_only, timeline.suspects_only = False, True
    timeline.sift()
    assert list(timeline.view) == [bad]
    assert timeline.row_of(log) == 0
    assert timeline.row_of(None) == -1


@given(st.lists(st.lists(st.integers(0, 50), max_size=8), max_size=8))
def test_time_never_runs_backwards(batches: list[list[int]]) -> None:
    timeline = Timeline(limit=20)
    for batch in batches:
        timeline.extend([line(str(n), n) for n in batch])
        times = [x.at for x in timeline.all]
        assert times == sorted(times)
        assert list(timeline.view) == list(timeline.all)


# Filter


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("", "anything", True),
        ("ref", "REFUSED", True),
        ("Ref", "refused", False),
        ("[::1]:3000", "dial [::1]:3000", True),
        ("[", "a [ b", True),
        ("timed? ?out", "i/o timeout", True),
        ("10.0.0.1", "10.0.0.1:80", True),
        ("xyz", "abc", False),
        ("(", "abc", False),
    ],
)
def test_filter(pattern: str, text: str, matches: bool) -> None:
    assert Filter(pattern).matches(text) is matches


@given(st.text(max_size=20), st.text(max_size=20))
def test_no_pattern_breaks_the_filter(pattern: str, text: str) -> None:
    Filter(pattern).matches(text)


# Status and notices


@pytest.mark.parametrize("width", [20, 40, 50, 60, 78, 120])
def test_the_status_line_keeps_what_is_wrong(width: int) -> None:
    now = Standing("prod-01", "Docker 28.2", 5, 7, 6, 2, "", clock="02:04")
    told = draw_standing(now, width)
    assert "⚠ 2 suspects" in plain_text([told]) or width < 40
    assert cells(told) <= max(width, 40)


def test_one_is_not_many() -> None:
    now = Standing("h", "Docker 28.2", 1, 1, 1, 1)
    told = plain_text([draw_standing(now, 120)])
    assert "1 container · 1 network · ⚠ 1 suspect" in told


def test_looking_around_before_anything_is_known() -> None:
    assert "looking around" in plain_text(
        [draw_standing(standing(None, 0, "", ""), 80)]
    )


def said(lines: Sequence[Line]) -> str:
    return plain_text(lines)


def test_what_is_missing_is_said_with_what_to_do() -> None:
    assert notices(BUSY) == ()
    assert "systemctl start docker" in said(notices(machines.NO_ENGINE))
    assert "sudo netwiz" in said(notices(machines.NOT_ROOT))


# The room


def test_widgets_do_nothing_but_show() -> None:
    """No widget reaches for the machine: what it shows it was given."""
    outside = {
        "socket",
        "subprocess",
        "pathlib",
        "os",
        "asyncio",
        "docker",
        "threading",
    }
    types = ("netwiz.probes.facts", "netwiz.probes.text")
    for path in sorted((ROOT / "widgets").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                assert name.partition(".")[0] not in outside, path.name
                assert not name.startswith("netwiz.tui"), path.name
                if name.startswith("netwiz.probes"):
                    assert name.startswith(types), f"{path.name} imports {name}"
