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
from tests.lab.gossip import Trust, trust
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
        sysctl -qw net.ipv4.conf.o1.rp_filter=1
    """,
}
"""Nothing of it keeps the nodes from talking: who is cut off for five seconds, which a
busy machine may need to mend it, is given up by the other, and rightly made anew."""


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
def test_nodes_that_were_cut_off_find_each_other_again(lab: Lab) -> None:
    lab.restore(JOINED)
    cut = ["sysctl", "-qw", "net.ipv4.ip_forward=0"]
    assert lab.run(cut, on="outside").returncode == 0

    lab.restore(JOINED)

    # In the same swarm or in a new one, by how long they were: what counts is that a
    # network made on one node comes to the other.
    assert lab.docker("node", "ls", "--format", "{{.Status}}").split() == ["Ready"] * 2
    lab.docker("network", "create", "-d", "overlay", "--attachable", "shop")
    for place, name in (("host", "order"), ("second", "pg")):
        run = ("run", "-d", "--name", name, "--network", "shop", "lab/busybox")
        lab.docker(*run, on=place)
    for place, name in (("host", "pg"), ("second", "order")):
        words = ("network", "inspect", "-v", "shop")
        state.wait_until(
            lambda place=place, name=name, words=words: (  # type: ignore[misc]
                f'"{name}"' in lab.docker(*words, on=place)
            ),
            f"{place} knows of {name}",
            step=0.05,
        )


SUSPECT = (
    'time="2026-11-21T09:00:{}Z" level=info msg="memberlist: Suspect 1f has failed"'
)
REFUTE = (
    'time="2026-11-21T09:00:{}Z" level=warning msg="memberlist: Refuting a suspect"'
)
GIVE_UP = (
    'time="2026-11-21T09:00:{}Z" level=info msg="memberlist: Marking 1f as failed"'
)


@pytest.mark.parametrize(
    ("logs", "comes_to"),
    [
        (["", ""], Trust.KEPT),
        ([SUSPECT.format("01.5"), ""], Trust.DOUBTED),
        (["", SUSPECT.format("01.5")], Trust.DOUBTED),
        ([SUSPECT.format("01.5"), REFUTE.format("01.75")], Trust.KEPT),
        ([REFUTE.format("01.123456789"), SUSPECT.format("01.1234")], Trust.KEPT),
        ([SUSPECT.format("02.5"), REFUTE.format("01.75")], Trust.DOUBTED),
        # Its own refutation is of what the other one suspects.
        (["\n".join((SUSPECT.format("01"), REFUTE.format("02"))), ""], Trust.DOUBTED),
        ([SUSPECT.format("01"), GIVE_UP.format("05")], Trust.LOST),
    ],
)
def test_what_the_nodes_think_of_each_other_is_read_from_their_logs(
    logs: list[str], comes_to: Trust
) -> None:
    assert trust(logs) is comes_to


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
