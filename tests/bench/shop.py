"""What the benchmarks look at: a small shop, and a crowd of idle containers."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from tests.lab.engine import Lab
from tests.lab.outside import listens
from tests.lab.state import wait_until

HEALTHY = ("order", "good:3000")
REFUSED = ("order", "bad:3000")
REFUSED_CAUSE = "service-bound-loopback"
LOST = ("order", "good:3007")
LOST_CAUSE = "docker-user-drop"
NETWORKS = 5
AT_ONCE = 4


def raise_shop(lab: Lab) -> None:
    """order, a good server, one that listens on its loopback only, and a rule."""
    lab.docker("network", "create", "--subnet", "172.28.0.0/24", "shop")
    run = ("run", "-d", "--network", "shop")
    lab.docker(*run, "--name", "order", "lab/busybox", "sleep", "86400")
    for name, address in (("good", "0.0.0.0"), ("bad", "127.0.0.1")):
        serve = f"httpd -f -p {address}:3000 -h /www"
        lab.docker(*run, "--name", name, "lab/busybox", "sh", "-c", serve)
        open_ = partial(listens, lab.netns_of(name), "tcp", address, 3000)
        wait_until(open_, f"{name} listens")
    drop = "iptables -I DOCKER-USER -p tcp --dport 3007 -j DROP"
    lab.run(drop.split())


def raise_crowd(lab: Lab, wanted: int, patience_s: float) -> int:
    """Start containers on five networks until there are enough or time is up."""
    for number in range(NETWORKS):
        subnet = f"172.29.{number}.0/24"
        lab.docker("network", "create", "--subnet", subnet, f"crowd{number}")
    end = time.monotonic() + patience_s

    def start(number: int) -> bool:
        if time.monotonic() > end:
            return False
        network = f"crowd{number % NETWORKS}"
        words = ("run", "-d", "--network", network, "--name", f"idle{number}")
        lab.docker(*words, "lab/busybox", "sleep", "86400")
        return True

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return sum(pool.map(start, range(wanted)))


def remove_all(lab: Lab) -> None:
    """In batches: one command for hundreds takes longer than the lab would wait."""
    ids = lab.docker("ps", "-aq", "--no-trunc").split()
    batches = [ids[at : at + 10] for at in range(0, len(ids), 10)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda some: lab.docker("rm", "-f", "-v", *some), batches))
