"""A healthy, busy system, and that netwiz suspects nobody in it.

nginx, redis, TLS and DNS with connections that come and go, an uplink that loses one
packet in a hundred, restarts of the server under load, containers that start, are asked
too early, and end, health checks, and somebody outside who scans ports.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.figures import Figures
from tests.bench.places import measure
from tests.bench.suspects import Watched, faults, running, session
from tests.lab.engine import Lab, why_impossible
from tests.lab.state import LabError
from tests.project import ROOT

Json = dict[str, Any]
OUTSIDE = "203.0.113.10"
LOSS = "0.01"


@dataclass(frozen=True)
class Healthy:
    """What went on, and what netwiz said of it."""

    seconds: float
    done: dict[str, int]
    """Connections and questions, by kind."""
    churn: dict[str, int]
    active: list[Json]
    """Every suspect that was ever called active: there should be none."""
    healed: int
    cpu_s: float
    """Processor time of the session, its start included."""


def raise_system(lab: Lab) -> dict[str, str]:
    """The containers; gives their addresses."""
    # Who restarts finds its address again: nobody else is given it meanwhile.
    subnet = ("--subnet", "172.28.0.0/24", "--ip-range", "172.28.0.128/25")
    lab.docker("network", "create", *subnet, "shop")
    run = ("run", "-d", "--network", "shop")
    site = _folder(lab) / "web.conf"
    site.write_text("server { listen 80; location / { root /www; } }\n")
    fixed = ("--ip", "172.28.0.10")
    mount = (*fixed, "-v", f"{site}:/etc/nginx/conf.d/web.conf", "-p", "8080:80")
    lab.docker(*run, "--name", "web", *mount, "lab/servers", "nginx")
    redis = ("redis-server", "--bind", "0.0.0.0", "--protected-mode", "no")
    health = ("--health-cmd", "true", "--health-interval", "1s")
    lab.docker(*run, "--name", "cache", *health, "lab/servers", *redis)
    for name in ("order", "tls"):
        lab.docker(*run, "--name", name, "lab/busybox", "sleep", "86400")
    _certify(lab)
    # One packet in a hundred is lost on the uplink, each way.
    for chain in ("-i", "-o"):
        lose = f"iptables -I FORWARD {chain} h0 -m statistic --mode random"
        lab.run([*lose.split(), "--probability", LOSS, "-j", "DROP"])
    template = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    names = ("web", "cache", "tls")
    found = {name: lab.docker("inspect", "-f", template, name) for name in names}
    return found | {"outside": OUTSIDE}


def _folder(lab: Lab) -> Path:
    folder = lab.names.folder / "busy"
    folder.mkdir(exist_ok=True)
    return folder


def _certify(lab: Lab) -> None:
    key, certificate = _folder(lab) / "key.pem", _folder(lab) / "crt.pem"
    words = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=tls"
    subprocess.run(
        [*words.split(), "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )
    script = str(ROOT / "tests/bench/busy_tls.py")
    lab.spawn([sys.executable, script, str(certificate), str(key)], on="tls")


class Churn:
    """Containers that come and go while the load runs."""

    def __init__(self, lab: Lab, web: str, seconds: float) -> None:
        self._lab, self._web = lab, web
        self._end = time.monotonic() + seconds
        self.done: dict[str, int] = {}
        self._threads = [
            threading.Thread(target=self._again, args=args, daemon=True)
            for args in (
                ("short-lived containers", self._short, 5.0),
                ("restarts of the server", self._restart, 20.0),
                ("servers that are asked too early", self._early, 15.0),
                ("scans", self._scan, 7.0),
            )
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Wait until all has come to its end."""
        for thread in self._threads:
            thread.join(timeout=60)

    def _again(self, name: str, do: Callable[[int], None], pause: float) -> None:
        for number in itertools.count():
            begun = time.monotonic()
            if begun > self._end:
                return
            with suppress(LabError, subprocess.SubprocessError):
                do(number)
                self.done[name] = self.done.get(name, 0) + 1
            time.sleep(max(0.0, begun + pause - time.monotonic()))

    def _short(self, number: int) -> None:
        """A job that does its work and ends."""
        fetch = f"for i in 1 2 3; do wget -qO- http://{self._web}/ >/dev/null; done"
        words = ("run", "--rm", "--network", "shop", "--name", f"job{number}")
        self._lab.docker(*words, "lab/busybox", "sh", "-c", f"{fetch}; exit 0")

    def _restart(self, _: int) -> None:
        self._lab.docker("restart", "-t", "2", "web")

    def _early(self, number: int) -> None:
        """A server that needs two seconds, and a check that cannot wait."""
        name = f"late{number}"
        serve = "sleep 2; exec httpd -f -p 9000"
        check = ("--health-cmd", "nc -w 1 127.0.0.1 9000 -e true")
        often = ("--health-interval", "1s", "--health-retries", "30")
        words = ("run", "-d", "--rm", "--network", "shop", "--name", name)
        self._lab.docker(*words, *check, *often, "lab/busybox", "sh", "-c", serve)
        time.sleep(8)
        self._lab.docker("rm", "-f", name)

    def _scan(self, number: int) -> None:
        """Somebody outside tries fifty ports."""
        first = 1000 + 50 * number
        script = (
            "import socket\n"
            f"for port in range({first}, {first + 50}):\n"
            "    s = socket.socket(); s.settimeout(0.05)\n"
            "    s.connect_ex(('10.99.0.1', port)); s.close()\n"
        )
        self._lab.run([sys.executable, "-c", script], on="outside")


def healthy(lab: Lab, seconds: float, say: Callable[[str], None]) -> Healthy:
    """Let it run for so long under netwiz's eyes."""
    lab.restore()
    addresses = raise_system(lab)
    job = json.dumps(addresses | {"seconds": seconds})
    script = str(ROOT / "tests/bench/busy.py")
    enter = ["nsenter", f"--net={lab.netns_of('order')}", sys.executable, script, job]
    churn = Churn(lab, addresses["web"], seconds - 5)
    with session(lab, seconds + 20) as netwiz:
        with running(enter, lab.env()) as load:
            churn.start()
            told = load.wait(lambda said: "done" in said, seconds + 60)
        churn.join()
        end = netwiz.wait(lambda said: "cpu_s" in said, 60)
    if told is None:
        raise RuntimeError("the load did not end")
    if end is None:
        raise RuntimeError(f"netwiz did not end: {netwiz.said[-1]}")
    if end.get("hung"):
        raise RuntimeError(f"the session did not end: {end['hung']}")
    active, healed = ever(netwiz)
    for one in active:
        say(f"SUSPECT: {json.dumps(one)}")
    return Healthy(
        seconds, told["done"], churn.done, active, healed, float(end["cpu_s"])
    )


def everything(
    lab: Lab, figures: Figures, say: Callable[[str], None], minutes: float
) -> None:
    """Faults, health and cost, into one table."""
    faults(lab, figures, say)
    figure_of(healthy(lab, minutes * 60, say), figures)
    measure(figures)


def figure_of(seen: Healthy, figures: Figures) -> None:
    """The number that there should be none of, and what went on meanwhile."""
    count = sum(n for name, n in seen.done.items() if "failed" not in name)
    note = f"{seen.seconds / 60:.1f} min, {count} connections and questions"
    name = "suspects on a healthy busy system"
    figures.add(name, "", [len(seen.active)], bar=0, note=note)
    cpu = [100 * seen.cpu_s / seen.seconds]
    figures.add("session beside it, of a core", "%", cpu, note="start included")


def main() -> int:
    """Only the healthy system: `python -m tests.bench.healthy [MINUTES]`."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    if reason := why_impossible():
        print(reason, file=sys.stderr)
        return 4
    figures = Figures()
    lab = Lab.up()
    try:
        seen = healthy(lab, minutes * 60, print)
    finally:
        lab.down()
    figure_of(seen, figures)
    print(*figures.table(), sep="\n")
    print(seen.done, seen.churn, sep="\n")
    return int(any(figure.within is False for figure in figures.all))


def ever(netwiz: Watched) -> tuple[list[Json], int]:
    """All that were active at any time, each once, and how many healed."""
    active: dict[tuple[str, ...], Json] = {}
    healed: set[tuple[str, ...]] = set()
    for said in netwiz.said:
        for one in said.get("suspects", ()):
            key = (one["client"], one["target"], one["symptom"])
            if one["standing"] == "active":
                active.setdefault(key, one)
            elif one["standing"] == "healed":
                healed.add(key)
    return list(active.values()), len(healed)


if __name__ == "__main__":
    sys.exit(main())
