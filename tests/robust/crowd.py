"""order and pg on one network of the lab, and crowds of rules and sockets there."""

from __future__ import annotations

import json
from functools import partial

from tests.lab.engine import Lab
from tests.lab.judge import Verdict, ask, netwiz_command
from tests.lab.outside import listens
from tests.lab.state import wait_until

CASE = ("order", "pg:3000")
PG = "172.28.0.7"
WITHIN_MS = 15_000
"""A person's patience for a machine with thousands of everything; usual are 300 ms."""
JSON_BYTES = 200_000
RULES = 5_000
DECISIVE = 4_900
LISTENERS = 2_000

LINE_CHARS = 700
"""Of one line of evidence or of an answer: what a person reads in a report."""

LISTEN = """
import resource, signal, socket, sys
count, address, first = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
held = [socket.socket() for _ in range(count)]
for number, one in enumerate(held):
    if "%" in address:
        one.bind((address % (number // 250, number % 250 + 1), first))
    else:
        one.bind((address, first + number))
    one.listen()
signal.pause()
"""


def raise_pair(lab: Lab, address: str = "0.0.0.0", *more: str) -> None:
    """order beside pg, which serves 3000 at an address; nothing without one."""
    lab.restore()
    lab.docker("network", "create", "--subnet", "172.28.0.0/24", "shop")
    run = ("run", "-d", "--network", "shop", "--name")
    lab.docker(*run, "order", "lab/busybox", "sleep", "86400")
    serve = ("httpd", "-f", "-p", f"{address}:3000", "-h", "/www")
    does = serve if address else ("sleep", "86400")
    lab.docker(*run, "pg", "--ip", PG, *more, "lab/busybox", *does)
    if address:
        wait_for(lab, "pg", address, 3000)


def wait_for(lab: Lab, place: str, address: str, port: int) -> None:
    """Wait until it is listened on."""
    open_ = partial(listens, lab.netns_of(place), "tcp", address, port)
    wait_until(open_, f"{place} listens on {address}:{port}")


def listen_much(lab: Lab, place: str, address: str, first: int) -> None:
    """Two thousand listeners of one process, on as many ports.

    With an address such as ``127.9.%d.%d`` on as many addresses, of one port.
    """
    words = ["python3", "-c", LISTEN, str(LISTENERS), address, str(first)]
    lab.spawn(words, place)
    last = LISTENERS - 1
    if "%" in address:
        last_address = address % (last // 250, last % 250 + 1)
        wait_for(lab, place, last_address, first)
    else:
        wait_for(lab, place, address, first + last)


def apply(lab: Lab, argv: list[str], text: str, on: str = "host") -> None:
    """Feed a rule set to a tool."""
    path = lab.names.folder / "rules.txt"
    path.write_text(text)
    done = lab.run(["sh", "-c", f"{' '.join(argv)} < {path}"], on)
    assert done.returncode == 0, done.stderr


def texts_of(told: object) -> list[str]:
    """Every text of a report."""
    if isinstance(told, str):
        return [told]
    if not isinstance(told, dict | list):
        return []
    parts = told.values() if isinstance(told, dict) else told
    return [text for part in parts for text in texts_of(part)]


def diagnose(lab: Lab, *case: str) -> Verdict:
    """As a person would, with all that every diagnosis has to keep to."""
    verdict = ask(lab, [*netwiz_command(), "diagnose", *(case or CASE), "--json"])
    told = verdict.told
    assert "unreadable" not in told, verdict.stderr
    assert verdict.left == []
    assert "Traceback" not in verdict.stderr
    assert told["elapsed_ms"] < WITHIN_MS, str(verdict)
    assert len(json.dumps(told)) < JSON_BYTES
    long = [t for t in texts_of(told) if len(t) > LINE_CHARS]
    assert not long, long[0]
    print(verdict)
    return verdict
