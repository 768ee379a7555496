"""The map as text: lines that meet, marks that tell, nothing wider than its room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from rich.cells import cell_len

from netwiz.probes.facts import Attachment, Container, Network, Snapshot, State
from netwiz.probes.facts.base import HOST
from netwiz.probes.facts.traffic import DeviceTotals, Traffic
from netwiz.widgets.filtering import Filter
from netwiz.widgets.lines import cells, plain_text
from netwiz.widgets.topology.drawing import LEGEND, Drawing
from netwiz.widgets.topology.numbers import both_ways, rate
from netwiz.widgets.topology.plan import RowKind, rows_of
from netwiz.widgets.topology.pulse import LATELY, Pulses
from netwiz.widgets.topology.svg import svg
from netwiz.widgets.topology.view import TopologyView
from tests.screens import machines
from tests.screens.machines import BUSY


def marks(values: Sequence[float], width: int) -> str:
    return "#" * min(len(values), width)


def drawn(snapshot: Snapshot, width: int = 78, pulses: Pulses | None = None) -> str:
    drawing = Drawing(pulses or Pulses(), marks)
    return plain_text(drawing.draw(rows_of(snapshot), width))


def with_macs(snapshot: Snapshot) -> Snapshot:
    """Every stop has a device of its own."""
    return replace(
        snapshot,
        containers=tuple(
            replace(
                c,
                attachments=tuple(
                    replace(a, mac=f"02:42:{n:02x}:00:00:{i:02x}")
                    for i, a in enumerate(c.attachments)
                ),
            )
            for n, c in enumerate(snapshot.containers)
        ),
    )


def reading(snapshot: Snapshot, second: int, **dropped: int) -> Traffic:
    """Each container gets 1000 B/s and sends 500; `dropped` by its name."""
    return Traffic(
        at_s=float(second),
        places=(
            (HOST, (DeviceTotals("eth0", "", 4000 * second, 2000 * second),)),
            *(
                (
                    c.place,
                    tuple(
                        DeviceTotals(
                            f"eth{i}",
                            a.mac,
                            1000 * second,
                            500 * second,
                            dropped=dropped.get(c.name, 0),
                        )
                        for i, a in enumerate(c.attachments)
                    ),
                )
                for c in snapshot.containers
                if c.running
            ),
        ),
    )


def test_the_busy_machine() -> None:
    assert drawn(BUSY) == (
        "eth0                    uplink 192.0.2.10\n"
        "prod-01                 host, publishes  8080→80 edge-proxy"
        "  127.0.0.1:8443→4…\n"
        "┌ edge                  macvlan on eth0 192.0.2.0/24\n"
        "│ ┌ shop_back           bridge 10.9.0.0/24 fd00:9::/64 internal\n"
        "│ │ ┌ shop_default      bridge 172.18.0.0/16\n"
        "│ │ │ ┌ host            the host's own namespace\n"
        "○─┼─○ │  edge-proxy     .40 .9  8080→80  127.0.0.1:8443→443"
        "        ⚠ unhealthy\n"
        "  ○─○ │  pg             .2 .2  3000→3000\n"
        "    ◌ │  cache                                      "
        "exited 137 (out of memory)\n"
        "    ◌ │  mailer                                             "
        "        restarting\n"
        "    ○ │  order          .3\n"
        "      │   └ sidecar     in the namespace of order           "
        "          ⚠ paused\n"
        "      ○  node-exporter"
    )


@pytest.mark.parametrize("width", [40, 60, 80, 110, 200])
@pytest.mark.parametrize("snapshot", [BUSY, machines.HOSTILE, machines.NO_ENGINE])
def test_no_line_is_wider_than_its_room(snapshot: Snapshot, width: int) -> None:
    pulses = Pulses()
    for second in range(4):
        pulses.note(reading(with_macs(snapshot), second))
    lines = Drawing(pulses, marks).draw(rows_of(with_macs(snapshot)), width)
    assert max(map(cells, lines)) <= width


def test_traffic_drops_and_quiet_are_told_apart() -> None:
    shop = with_macs(BUSY)
    pulses = Pulses()
    pulses.note(reading(shop, 0))
    assert "●" not in drawn(shop, pulses=pulses)
    pulses.note(reading(shop, 2, order=3))
    lines = drawn(shop, 120, pulses).splitlines()
    order = next(x for x in lines if "  order " in x)
    edge = next(x for x in lines if "  edge-proxy " in x and "─" in x)
    cache = next(x for x in lines if "  cache " in x)
    assert "✗ 3 dropped" in order
    assert "↓ 1.0 kB/s ↑ 500 B/s" in order
    assert "●─┼─●" in edge
    assert "↓ 2.0 kB/s ↑ 1.0 kB/s" in edge, "both of its devices together"
    assert "◌" in cache


def test_a_drop_is_forgotten_after_a_while() -> None:
    shop = with_macs(BUSY)
    pulses = Pulses()
    pulses.note(reading(shop, 0))
    for second in range(1, LATELY + 1):
        pulses.note(reading(shop, second, order=3))
        assert "✗ 3 dropped" in drawn(shop, 120, pulses)
    pulses.note(reading(shop, LATELY + 1, order=3))
    assert "dropped" not in drawn(shop, 120, pulses)


def test_a_device_that_was_made_anew_has_no_negative_rate() -> None:
    shop = with_macs(BUSY)
    pulses = Pulses()
    pulses.note(reading(shop, 100))
    pulses.note(reading(shop, 1))
    pulses.note(reading(shop, 102))
    order = next(x for x in drawn(shop, 120, pulses).splitlines() if "  order " in x)
    assert "↓ 1.0 kB/s ↑ 500 B/s" in order
    assert "-" not in order


def many(networks: int, members: int) -> Snapshot:
    nets = tuple(
        Network(f"{n:064x}", f"net{n:02d}", device=f"br-{n}") for n in range(networks)
    )
    containers = tuple(
        Container(
            f"{c:063x}f",
            f"c{c:03d}",
            state=State.RUNNING,
            pid=1000 + c,
            attachments=tuple(
                Attachment(n.id, n.name, f"10.{i}.0.{c % 250}", 16)
                for i, n in enumerate(nets)
                if (c + i) % 3 == 0
            ),
        )
        for c in range(members)
    )
    return replace(BUSY, containers=containers, networks=nets)


def test_more_networks_than_fit_are_said_not_lost() -> None:
    text = drawn(many(30, 20))
    assert "not drawn: too many networks" in text
    assert "networks" in next(x for x in text.splitlines() if " c000 " in x)
    assert max(map(cell_len, text.splitlines())) <= 78


def test_a_line_ends_at_its_last_station() -> None:
    lines = drawn(BUSY).splitlines()
    below_shop = lines[-1]
    assert below_shop.index("○") == 6
    assert "│" not in below_shop


def test_a_filter_keeps_the_networks_of_what_it_leaves() -> None:
    view = TopologyView(marks)
    left = view.kept(rows_of(BUSY), Filter("pg"))
    assert [(r.kind, r.name) for r in left if r.kind is not RowKind.HOST] == [
        (RowKind.NETWORK, "shop_back"),
        (RowKind.NETWORK, "shop_default"),
        (RowKind.CONTAINER, "pg"),
    ]


def test_the_picture_is_whole_and_inert() -> None:
    shop = replace(
        BUSY,
        containers=(
            replace(BUSY.containers[0], name="</text><script>x</script>\x00\x1b&"),
            *BUSY.containers[1:],
        ),
    )
    lines = Drawing(Pulses(), marks).draw(rows_of(shop), 120)
    text = svg("map <&>", [*lines, (), LEGEND])
    root = ET.fromstring(text)
    shown = "".join(root.itertext())
    assert "<script>x</script>" in shown
    assert not [e for e in root.iter() if e.tag.endswith("script")]
    for name in ("pg", "edge-proxy", "shop_back", "quiet"):
        assert name in shown
    assert "://" not in text.replace('"http://www.w3.org/2000/svg"', "")


def test_rates_in_words() -> None:
    assert [rate(x) for x in (0, 0.4, 1, 812, 999.6, 1200, 9960, 1.25e6, 3e9)] == [
        "0",
        "0",
        "1 B/s",
        "812 B/s",
        "1.0 kB/s",
        "1.2 kB/s",
        "10 kB/s",
        "1.2 MB/s",
        "3.0 GB/s",
    ]
    assert both_ways(0, 0) == ""
    assert both_ways(10, 0) == "↓ 10 B/s ↑ 0"
