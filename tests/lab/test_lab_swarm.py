"""Two machines in a swarm: joined for real, restored in between, gone at the end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab import fingerprint, loader, namespaces, state
from tests.lab.engine import USUAL, Lab
from tests.lab.fingerprint import Fingerprint
from tests.lab.loader import ScenarioError
from tests.lab.scenario import Options
from tests.lab.swarm import OF_THE_SWARM

JOINED = Options(swarm=True)
WRECKAGE = {
    "host": """
        docker network create -d overlay --attachable shop
        docker service create -d --name web --network shop --replicas 2 \\
            --no-resolve-image lab/busybox
        docker run -d --name order --network shop lab/busybox
        iptables -I OUTPUT -p udp --dport 4789 -j DROP
        sysctl -qw net.ipv4.ip_forward=0
    """,
    "second": """
        docker run -d --name pg --network shop lab/busybox
        docker network create lonely
        iptables -I INPUT -p udp --dport 4789 -j DROP; ip link set h0 mtu 1400
    """,
    "outside": """
        iptables -I FORWARD -p udp --dport 4789 -j DROP
        sysctl -qw net.ipv4.ip_forward=0
    """,
}


def _now(lab: Lab) -> dict[str, Fingerprint]:
    return {place: fingerprint.take(lab.netns_of(place)) for place in WRECKAGE}


def _differences(before: dict[str, Fingerprint], lab: Lab) -> list[str]:
    after = _now(lab)
    return [x for p in before for x in fingerprint.differences(before[p], after[p])]


@pytest.mark.lab
def test_a_wrecked_swarm_is_mended_and_stays(lab: Lab) -> None:
    lab.restore(JOINED)
    assert lab.swarm is not None
    before, engine = _now(lab), lab.engine_pid()
    for place, script in WRECKAGE.items():
        done = lab.run(["sh", "-ec", script], on=place)
        assert done.returncode == 0, done.stderr
    assert len(_differences(before, lab)) > 6

    lab.restore(JOINED)

    assert _differences(before, lab) == []
    assert lab.engine_pid() == engine
    assert lab.docker("service", "ls", "-q") == ""
    for place in ("host", "second"):
        assert lab.docker("ps", "-aq", on=place) == ""
        words = ("network", "ls", "--filter", "type=custom", "--format", "{{.Name}}")
        assert sorted(lab.docker(*words, on=place).split()) == sorted(OF_THE_SWARM)


@pytest.mark.lab
def test_a_swarm_that_broke_is_made_anew(lab: Lab) -> None:
    lab.restore(JOINED)
    lab.docker("swarm", "leave", on="second")

    lab.restore(JOINED)

    assert lab.docker("node", "ls", "--format", "{{.Status}}").split() == ["Ready"] * 2


@pytest.mark.lab
def test_who_asks_for_no_swarm_has_none(lab: Lab) -> None:
    lab.restore(JOINED)

    lab.restore(USUAL)

    assert lab.docker("info", "-f", "{{.Swarm.LocalNodeState}}") == "inactive"
    assert not Path("/run/netns", lab.names.second_netns).exists()
    devices = lab.in_namespace("outside", lambda: namespaces.run(["ip", "link"]))
    assert "o1" not in devices


@pytest.mark.lab
def test_a_killed_run_takes_the_second_machine_with_it() -> None:
    environment = {**os.environ, "NETWIZ_LAB": "crash2"}
    script = (
        "import os, signal; from tests.lab.engine import Lab;"
        "from tests.lab.scenario import Options;"
        "lab = Lab.up(options=Options(swarm=True));"
        "lab.docker('run', '-d', '--name', 'left', 'lab/busybox', on='second');"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    repository = Path(__file__).resolve().parents[2]
    killed = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=repository, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    done = subprocess.run(
        [sys.executable, "-c", "from tests.lab.engine import Lab; Lab.up().down()"],
        env=environment,
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    label = "netwiz-lab-crash2"
    names = state.Names(label, Path("/run", label))
    assert state.group_members(names) == set()
    assert not names.folder.exists()
    assert not Path("/run/netns", names.second_netns).exists()
    assert label not in Path("/proc/self/mounts").read_text()
    assert not [r for r in state.cgroup_roots() if (r / label).exists()]


def test_what_needs_a_swarm_must_ask_for_it(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text(
        'title = "x"\n[containers.pg]\non = "second"\n'
        '[case]\nfrom = "pg"\nto = "pg:1"\n[expect]\noutcome = "healthy"\n'
    )
    with pytest.raises(ScenarioError, match=r"need engine\.swarm"):
        loader.load(path)
