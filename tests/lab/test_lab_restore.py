"""What a scenario bends is bent back, and nothing survives the lab's end."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab import fingerprint, leftovers, namespaces, state
from tests.lab.engine import Lab
from tests.lab.fingerprint import Fingerprint
from tests.lab.scenario import Options

pytestmark = pytest.mark.lab

MENDABLE = {
    "host": """
        docker network create --subnet 172.31.7.0/24 shop
        docker run -d --name wreck --network shop -p 7000:80 lab/busybox
        docker run -d --name frozen lab/busybox && docker pause frozen
        iptables -F FORWARD; iptables -P FORWARD ACCEPT; iptables -t nat -F
        iptables -A INPUT -p tcp --dport 1 -j DROP
        iptables -t mangle -A INPUT -j ACCEPT
        ip6tables -A INPUT -p tcp --dport 1 -j DROP
        nft add table inet fw
        sysctl -qw net.ipv4.ip_forward=0 net.ipv4.conf.h0.rp_filter=1
        sysctl -qw net.bridge.bridge-nf-call-iptables=0
        ip link add stray type veth peer name stray2 && ip link set stray up
        ip link set h0 mtu 1300; ip addr add 10.99.0.77/24 dev h0
        ip route del default; ip route add 198.51.100.0/24 via 10.99.0.2
        ip route add blackhole 198.51.100.9; ip rule add from 10.0.0.9 lookup 99
        ip neigh replace 10.99.0.2 lladdr 02:00:00:00:00:09 dev h0 nud permanent
        tc qdisc add dev h0 root tbf rate 1mbit burst 10k latency 50ms
        ip netns add extra; mkdir ~/x; touch ~/y
        ip addr flush dev docker0; ip link set docker0 down
        sleep 1000 & sleep 1000 </dev/null >/dev/null 2>&1 &
    """,
    "outside": """
        iptables -A OUTPUT -p tcp --dport 3000 -j DROP
        ip link set o0 down; ip addr del 203.0.113.10/32 dev lo
    """,
}


def _now(lab: Lab) -> dict[str, Fingerprint]:
    return {place: fingerprint.take(lab.netns_of(place)) for place in MENDABLE}


def _differences(before: dict[str, Fingerprint], lab: Lab) -> list[str]:
    after = _now(lab)
    return [x for p in before for x in fingerprint.differences(before[p], after[p])]


def _works(lab: Lab) -> bool:
    """From a container through the uplink, and by name: the lab is whole."""
    lab.docker("run", "-d", "--name", "probe", "lab/busybox")
    line = "wget -q -O - http://203.0.113.10/ && nslookup example.test"
    return "netwiz lab, outside" in lab.docker("exec", "probe", "sh", "-c", line)


def test_a_wrecked_lab_is_mended_without_a_reboot(lab: Lab) -> None:
    lab.restore()
    before, engine = _now(lab), lab.engine_pid()
    for place, script in MENDABLE.items():
        lab.run(["sh", "-c", script], on=place)
    assert len(_differences(before, lab)) > 15

    lab.restore()

    assert _differences(before, lab) == []
    assert lab.engine_pid() == engine
    assert state.group_members(lab.names, "scenario") == set()
    assert lab.docker("ps", "-aq") == ""
    assert lab.run(["sh", "-c", "ip netns list; ls ~"]).stdout == ""
    assert _works(lab)


@pytest.mark.parametrize(
    "wreck",
    [
        "iptables-legacy -I FORWARD -p tcp --dport 3000 -j DROP",
        "ip link del h0",
        "echo 'nameserver 192.0.2.1' >/etc/resolv.conf",
        "kill -9 $(cat $(dirname ${DOCKER_HOST#unix://})/dockerd.pid)",
    ],
    ids=["legacy tables", "uplink gone", "files of the host", "engine killed"],
)
def test_what_cannot_be_mended_is_made_anew(lab: Lab, wreck: str) -> None:
    lab.restore()
    before = _now(lab)
    lab.run(["sh", "-c", wreck])

    lab.restore()

    changed = [x for x in _differences(before, lab) if not x.startswith("links: ")]
    assert changed == []
    assert _works(lab)


def test_an_engine_with_options_leaves_no_trace_in_the_next(lab: Lab) -> None:
    lab.restore()
    before = _now(lab)

    lab.restore(Options(iptables=False, userland_proxy=False))
    assert "DOCKER" not in lab.run(["iptables-save"]).stdout
    settings = lab.run(["cat", "/etc/docker/daemon.json"]).stdout
    assert json.loads(settings) == {"iptables": False, "userland-proxy": False}
    lab.docker("run", "-d", "--name", "left", "-p", "7000:80", "lab/busybox")

    lab.restore()
    changed = [x for x in _differences(before, lab) if not x.startswith("links: ")]
    assert changed == []
    assert _works(lab)


def test_what_was_left_of_netwiz_ends_with_its_test(lab: Lab) -> None:
    lab.restore()
    lab.run(["sh", "-c", "sleep 1000 >/dev/null 2>&1 &"], part=leftovers.PART)
    assert state.group_members(lab.names, leftovers.PART)

    lab.restore()

    assert state.group_members(lab.names, leftovers.PART) == set()


def test_nothing_reaches_this_machine(lab: Lab) -> None:
    lab.restore()
    lab.run(["sh", "-c", "echo lab >/etc/lab-was-here; echo lab >/tmp/lab-was-here"])
    assert not Path("/etc/lab-was-here").exists()
    assert not Path("/tmp/lab-was-here").exists() or not lab.has_private_tmp
    uplink = lab.in_namespace("outside", lambda: namespaces.run(["ip", "route"]))
    assert "default" not in uplink


def test_docker_can_be_restarted_as_a_fix_would(lab: Lab) -> None:
    lab.restore()
    before = lab.engine_pid()
    lab.run(["iptables", "-t", "nat", "-F"])

    done = lab.run(["sh", "-c", "sudo systemctl restart docker"])

    assert done.returncode == 0, done.stderr
    assert lab.engine_pid() != before
    assert "MASQUERADE" in lab.run(["iptables-save"]).stdout


def test_a_killed_run_leaves_nothing_that_the_next_does_not_clear() -> None:
    """The first lab's owner dies by SIGKILL with containers and processes up."""
    environment = {**os.environ, "NETWIZ_LAB": "crash"}
    script = (
        "import os, signal; from tests.lab.engine import Lab; lab = Lab.up();"
        "lab.docker('run', '-d', '--name', 'left', '-p', '9:9', 'lab/busybox');"
        "lab.docker('run', '-d', '--name', 'cold', 'lab/busybox');"
        "lab.docker('pause', 'cold');"
        "lab.spawn(['sleep', '1000'], 'outside');"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    repository = Path(__file__).resolve().parents[2]
    killed = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=repository, check=False
    )
    assert killed.returncode == -signal.SIGKILL

    script = (
        "from tests.lab.engine import Lab; lab = Lab.up();"
        "assert lab.docker('ps', '-aq') == ''; lab.down()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr

    names = state.Names("netwiz-lab-crash", Path("/run/netwiz-lab-crash"))
    assert state.group_members(names) == set()
    assert not names.folder.exists()
    assert not Path("/run/netns", names.host_netns).exists()
    assert names.label not in Path("/proc/self/mounts").read_text()
    assert not [r for r in state.cgroup_roots() if (r / names.label).exists()]
