"""How soon netwiz names what fails, before anybody asks; and whom it never names.

`python -m tests.bench.suspects` stages real faults of the lab, lets a client in the
container try about once a second (silently, then once more with a log), and takes the
time from the first failing attempt until the real session, without its screen, has the
right suspect: client, target and symptom. Then `--minutes` of a healthy, busy system:
not one suspect. `--places` namespaces show what the patrol costs while nothing happens.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.bench.figures import Figures
from tests.lab import loader
from tests.lab.engine import Lab, why_impossible
from tests.lab.stage import Stage
from tests.lab.symptom import parse
from tests.project import ROOT

PATIENCE_S = 20.0
SETTLED_S = 6.0
"""netwiz waits for so long whether a container that has just started comes up."""
BAR_S = 3.0

Json = dict[str, Any]


@dataclass(frozen=True)
class Fault:
    """A scenario, and which symptoms name it rightly."""

    scenario: str
    symptoms: tuple[str, ...]
    to: str = ""
    """Whereto, if not as in the scenario's case."""
    talk: bool = False
    logs_only: bool = False
    """Nothing but the application can see it."""
    line: str = ""
    """What the application logs, where the client's own words would not do."""
    client: str = ""
    """Whom netwiz may name, where several stand for the same."""
    from_break: bool = False
    """The fault itself sends the first packets."""


FAULTS = (
    Fault("refused/localhost-same-net", ("refused",)),
    Fault("refused/service-bound-loopback", ("refused",)),
    Fault("refused/service-not-listening", ("refused",)),
    Fault("refused/forward-reject-port-unreachable", ("refused",)),
    Fault("refused/host-input-firewall-reject", ("refused",)),
    Fault("refused/udp-refused-beside-tcp", ("refused",)),
    Fault("refused/published-wrong-container-port", ("refused",), client="host"),
    Fault("unreachable/container-not-running-by-address", ("unreachable",)),
    Fault("unreachable/forward-reject-icmp-prohibited", ("unreachable",)),
    Fault("unreachable/link-down-veth", ("unreachable",)),
    Fault("egress/no-default-route-in-container", ("unreachable",)),
    Fault("timeout/docker-user-drop", ("timeout",)),
    Fault("timeout/icc-false", ("timeout",)),
    Fault("timeout/cross-bridge-isolation", ("timeout",)),
    Fault("timeout/ipv6-forward-drop", ("timeout",)),
    Fault("timeout/accept-backlog-full", ("timeout",), from_break=True),
    Fault("stall/container-paused", ("timeout",), talk=True),
    Fault("dns/dns-upstream-dead", ("dns",)),
    Fault("dns/dns-upstream-refuses", ("dns",)),
    Fault("dns/no-common-network", ("dns",)),
    Fault("overlay/remote-closed-port", ("refused",)),
    Fault(
        "tls/tls-expired",
        ("tls",),
        logs_only=True,
        line="Error: certificate has expired (CERT_HAS_EXPIRED) https://pay:443",
    ),
)


@dataclass
class Watched:
    """What netwiz without its screen has said so far."""

    said: list[Json] = field(default_factory=list)
    news: threading.Condition = field(default_factory=threading.Condition)

    def take(self, line: str) -> None:
        with self.news:
            self.said.append(json.loads(line))
            self.news.notify_all()

    def wait(self, wanted: Callable[[Json], bool], seconds: float) -> Json | None:
        """The first thing said that is wanted; None when it never comes."""
        end, seen = time.monotonic() + seconds, 0
        with self.news:
            while True:
                for said in self.said[seen:]:
                    if wanted(said):
                        return said
                seen = len(self.said)
                left = end - time.monotonic()
                if left <= 0 or not self.news.wait(left):
                    return None


@contextmanager
def running(argv: list[str], env: dict[str, str]) -> Iterator[Watched]:
    """A program that prints a JSON line now and then; ended at the end."""
    watched = Watched()
    process = subprocess.Popen(
        argv, env=env, cwd="/", stdout=subprocess.PIPE, text=True, bufsize=1
    )

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            watched.take(line)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield watched
    finally:
        process.terminate()
        process.wait(timeout=30)
        reader.join(timeout=30)
        if process.stdout is not None:
            process.stdout.close()


@contextmanager
def session(lab: Lab, seconds: float) -> Iterator[Watched]:
    """netwiz, headless, on the lab's host; entered once it has looked around."""
    path = f"PYTHONPATH={ROOT}:{ROOT / 'src'}"
    python = ["env", path, sys.executable, "-m", "tests.bench.headless"]
    argv = lab.command([*python, str(seconds)])
    with running(argv, lab.env()) as watched:
        if watched.wait(lambda said: "containers" in said, 30) is None:
            raise RuntimeError(f"netwiz did not look around: {watched.said}")
        yield watched


def trying(lab: Lab, place: str, job: Json, *, logs: bool) -> list[str]:
    """The command of a client in a place."""
    here = place in ("host", "outside")
    pid = lab.engine_pid() if here else lab.pid_of(place)
    more: Json = {"root": f"/proc/{pid}/root"}
    if logs:
        more["log"] = f"/proc/{pid}/fd/1"
    words = json.dumps(job | more)
    enter = ["nsenter", f"--net={lab.netns_of(place)}"]
    return [*enter, sys.executable, str(ROOT / "tests/bench/trier.py"), words]


@dataclass(frozen=True)
class Outcome:
    """How one fault went."""

    fault: Fault
    logs: bool
    seconds: float | None
    told: str
    """The suspect, or what was there instead."""


def stage_one(lab: Lab, fault: Fault, *, logs: bool) -> Outcome:
    """Raise it, let a client try, wait for the suspect."""
    play = loader.load(loader.find(fault.scenario))
    lab.restore(play.engine)
    raised = Stage(lab, play)
    raised.raise_topology()
    if not fault.from_break:
        raised.break_it()
    time.sleep(SETTLED_S)
    with session(lab, 120) as netwiz:
        began = time.time()
        if fault.from_break:
            raised.break_it()
        case = play.case
        to = raised.fill(fault.to or case.to)
        target = parse(to)
        scheme = "udp" if target.scheme == "udp" else "tcp"
        scheme = "dns" if target.scheme == "dns" else scheme
        host = f"[{target.host}]" if ":" in target.host else target.host
        job: Json = {
            "target": f"{scheme}://{host}:{target.port}",
            "timeout": 1.0 if logs else 2.0,
            "seconds": PATIENCE_S + 10,
            "talk": fault.talk,
            "line": fault.line,
        }
        wanted = _matcher(lab, fault, case.from_, target.host, target.port)
        with running(trying(lab, case.from_, job, logs=logs), lab.env()) as client:
            found = netwiz.wait(wanted, PATIENCE_S)
            failed = client.wait(lambda said: said["end"] != "ok", PATIENCE_S)
    if failed is None:
        raise RuntimeError(f"{fault.scenario}: the client does not fail")
    if found is None:
        last = next((x for x in reversed(netwiz.said) if "suspects" in x), {})
        return Outcome(fault, logs, None, json.dumps(last.get("suspects", [])))
    begun = began if fault.from_break else failed["at"]
    told = next(s for s in found["suspects"] if wanted({"suspects": [s]}))
    words = f"{told['client']} -> {told['target']} {told['symptom']}"
    return Outcome(fault, logs, found["at"] - begun, words)


def _matcher(
    lab: Lab, fault: Fault, client: str, host: str, port: int
) -> Callable[[Json], bool]:
    clients = {client, fault.client} - {""}
    addresses = _addresses(lab)

    def right(one: Json) -> bool:
        target = str(one["target"])
        named = {host, addresses.get(host, host)}
        there = any(name in target for name in named) or one["server"] in named
        published = fault.client == "host"
        fits = not port or str(port) in target or not any(c.isdigit() for c in target)
        fits = fits or "dns" in fault.symptoms
        return (
            one["standing"] == "active"
            and one["symptom"] in fault.symptoms
            and one["client"] in clients
            and ((there and fits) or published or _nameless(fault, one))
        )

    return lambda said: any(right(one) for one in said.get("suspects", ()))


def _nameless(fault: Fault, one: Json) -> bool:
    """A packet without a route never names its target: only a log could."""
    return "no-default-route" in fault.scenario and not one["target"]


def _addresses(lab: Lab) -> dict[str, str]:
    """Container names by address, of both machines."""
    line = "{{.Name}} {{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}"
    found: dict[str, str] = {}
    for on in ("host", "second") if lab.swarm else ("host",):
        ids = lab.docker("ps", "-aq", on=on).split()
        told = lab.docker("inspect", "-f", line, *ids, on=on) if ids else ""
        for row in told.splitlines():
            name, *addresses = row.split()
            found |= dict.fromkeys(addresses, name.lstrip("/"))
            if addresses:
                found[name.lstrip("/")] = addresses[0]
    return found


def faults(
    lab: Lab, figures: Figures, say: Callable[[str], None], only: str = ""
) -> list[Outcome]:
    """All of them, without a log and with one."""
    outcomes = []
    for fault in FAULTS:
        for logs in (False, True):
            if only not in fault.scenario or (fault.logs_only and not logs):
                continue
            one = stage_one(lab, fault, logs=logs)
            outcomes.append(one)
            took = "NEVER" if one.seconds is None else f"{one.seconds:5.2f} s"
            say(f"{took}  {fault.scenario}{' (logs)' if logs else ''}: {one.told}")
    for logs in (False, True):
        some = [o for o in outcomes if o.logs is logs]
        if some:
            # What is never named counts as the longest wait there was.
            samples = [PATIENCE_S if o.seconds is None else o.seconds for o in some]
            name = f"suspect, client {'logs' if logs else 'says nothing'}"
            missed = sum(o.seconds is None for o in some)
            note = f"{len(some)} faults, {missed} never"
            figures.add(name, "s", samples, bar=BAR_S, note=note)
    return outcomes


def _say(words: str) -> None:
    print(words, flush=True)


def main() -> int:
    """Print a table; 1 where the promise is not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="part of a scenario's name")
    asked = parser.parse_args()
    if reason := why_impossible():
        print(reason, file=sys.stderr)
        return 4
    figures = Figures()
    lab = Lab.up()
    try:
        outcomes = faults(
            lab, figures, lambda words: print(words, flush=True), asked.only
        )
    finally:
        lab.down()
    print(*figures.table(), sep="\n")
    seconds = [o.seconds for o in outcomes if o.seconds is not None]
    if seconds:
        print(f"median of all that were named: {statistics.median(seconds):.2f} s")
    return int(any(figure.within is False for figure in figures.all))


if __name__ == "__main__":
    sys.exit(main())
