"""The benchmarks of capturing run once, small; their figures are no test."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench import capture_screen, shop, soak, ssh
from tests.bench.capture_drops import Run, judge, table
from tests.bench.capture_readers import count
from tests.bench.capture_wire import LEFT, RIGHT, Load
from tests.bench.figures import Figures
from tests.bench.ssh_seat import percentile
from tests.bench.sshd import served
from tests.lab.engine import Lab
from tests.lab.namespaces import path_of
from tests.project import ROOT


@pytest.mark.lab
@pytest.mark.bench
def test_drops_are_measured_and_nothing_is_left(lab: Lab) -> None:
    words = ["--rates", "2000", "--rounds", "1", "--seconds", "0.5", "--modest"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.capture_drops", *words, "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stderr
    told = json.loads(done.stdout)
    assert [run["reader"] for run in told["runs"]] == ["tcpdump -w", "netwiz"]
    assert all(0 < run["got"] <= run["arrived"] for run in told["runs"])
    assert len(told["bars"]) == 2
    assert not any(path_of(name).exists() for name in (LEFT, RIGHT))


@pytest.mark.lab
@pytest.mark.bench
def test_ssh_is_measured(lab: Lab) -> None:
    lab.restore()
    shop.raise_shop(lab)
    figures = Figures()
    with served(lab) as server:
        options = ssh.Options(seconds=0.5, keys=4, packets_s=500)
        ssh.Bench(server, options, figures, print).run()
    assert len(figures.all) == 11
    print(*figures.table(), sep="\n")


@pytest.mark.lab
@pytest.mark.bench
def test_the_screen_on_a_busy_wire_is_measured(lab: Lab) -> None:
    lab.restore()
    figures = Figures()
    options = capture_screen.Options(0.5, [(64, 1000)], 0.5)
    capture_screen.Bench(lab, options, figures, print).run()
    assert {figure.name.partition(":")[0] for figure in figures.all} >= {
        "dropped, 64 B at 1k/s",
        "netwiz, screen",
        "netwiz capture, lines",
    }
    print(*figures.table(), sep="\n")


@pytest.mark.lab
@pytest.mark.bench
def test_a_soak_is_measured(lab: Lab) -> None:
    lab.restore()
    figures = Figures()
    options = soak.Options(minutes=0.02, containers=2, packets_s=3000, fill=False)
    soak.Soak(lab, options, figures, print).run()
    assert "growth" in {figure.name for figure in figures.all}
    print(*figures.table(), sep="\n")


def test_shares_are_compared_and_losses_told() -> None:
    load = Load(64, 300_000, 1.0)
    theirs = Run("tcpdump -w", load, 299_000.0, 1000, 990, 10, 0.1)
    ours = Run("netwiz", load, 100_000.0, 1000, 995, 5, 0.2)
    fewer, whole = judge([theirs, ours])
    assert fewer.kept
    assert "0.500% and 1.000% lost (rate not reached: 299k, 100k)" in fewer.told
    assert not whole.kept
    assert len(list(table([theirs, ours]))) == 3


def test_packets_are_counted_in_either_format(tmp_path: Path) -> None:
    import struct

    file = tmp_path / "x"
    record = struct.pack("<IIII", 1, 2, 5, 60) + b"12345"
    file.write_bytes(bytes.fromhex("d4c3b2a1") + bytes(20) + 3 * record + record[:-1])
    assert count(file) == 3
    for order, magic in ((">", b"\x1a\x2b\x3c\x4d"), ("<", b"\x4d\x3c\x2b\x1a")):
        head = b"\x0a\x0d\x0d\x0a" + struct.pack(f"{order}I", 28) + magic + bytes(16)
        packet = struct.pack(f"{order}II", 6, 32) + bytes(24)
        file.write_bytes(head + 4 * packet + packet[:-1])
        assert count(file) == 4


def test_a_percentile_is_one_of_the_samples() -> None:
    assert percentile([5.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([float(n) for n in range(1, 201)], 0.99) == 198.0
    assert percentile([3.0], 0.99) == 3.0
