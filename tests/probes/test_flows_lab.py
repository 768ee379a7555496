"""Flows on a real engine: every way from one container to another is told as it is."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.lab.engine import Lab
from tests.lab.scenario import Options
from tests.project import ROOT

pytestmark = pytest.mark.lab

PATIENCE_S = 60.0
HOST, OUTSIDE = "10.99.0.1", "10.99.0.2"
SILENT = "203.0.113.77"
"""An address of the outside world that nobody has; a route leads there."""
Flow = dict[str, Any]
Table = dict[str, Any]


class Watcher:
    """A `FlowWatch` on the lab's host."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def sweep(self, word: str = "look") -> Table:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the watch has ended"
        table: Table = json.loads(line)
        return table

    def until(self, fact: Callable[[Table], object]) -> Table:
        end = time.monotonic() + PATIENCE_S
        while not fact(table := self.sweep()):
            assert time.monotonic() < end, [told(f) for f in table["flows"]]
            time.sleep(0.2)
        return table


@contextmanager
def watching(lab: Lab) -> Iterator[Watcher]:
    path = f"PYTHONPATH={ROOT}:{ROOT / 'src'}"
    argv = ["env", path, sys.executable, "-m", "tests.probes.flows_inside"]
    process = subprocess.Popen(
        lab.command(argv),
        env=lab.env(),
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        yield Watcher(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(30) == 0


def told(flow: Flow) -> str:
    """``order → pg:5432``, and what else there is to tell."""
    client, server = flow["client"], flow["server"]
    process = client["process"]
    proxy = "(docker-proxy)" if process and process["name"] == "docker-proxy" else ""
    text = f"{client['name']}{proxy} → {server['name']}:{server['port']}"
    for word in ("dialled", "published", "behind"):
        if flow[word]:
            text += f" {word} {flow[word]}"
    return text + ("" if flow["state"] == "ESTAB" else f" {flow['state']}")


def all_told(table: Table) -> set[str]:
    return {told(flow) for flow in table["flows"] if flow["closed_s"] is None}


def raise_containers(lab: Lab) -> None:
    lab.docker("network", "create", "--ipv6", "--subnet", "fd00:77::/64", "app")
    serve(lab, "pg", 5432, "--network", "app", "--network-alias", "db")
    serve(lab, "web", 80, "--network", "app", "-p", "8080:80")
    serve(lab, "side", 7000, "--network", "container:pg")
    serve(lab, "hosty", 9000, "--network", "host")
    for name, network in (("order", "app"), ("other", "bridge")):
        lab.docker(
            *("run", "-d", "--name", name, "--network", network),
            *("lab/busybox", "sleep", "1000"),
        )


def serve(lab: Lab, name: str, port: int, *options: str) -> None:
    command = f"nc -ll -p {port} -e cat"
    lab.docker("run", "-d", "--name", name, *options, "lab/busybox", *command.split())


def dial(lab: Lab, container: str, address: str, port: int) -> None:
    """Connect and stay connected, saying nothing."""
    line = f"sleep 1000 | nc {address} {port}"
    lab.docker("exec", "-d", container, "sh", "-c", line)


def address(lab: Lab, name: str, *, six: bool = False) -> str:
    key = "GlobalIPv6Address" if six else "IPAddress"
    form = f"{{{{.NetworkSettings.Networks.app.{key}}}}}"
    return lab.docker("inspect", "-f", form, name)


def test_every_way_between_containers_is_told_as_it_is(lab: Lab) -> None:
    lab.restore()
    raise_containers(lab)
    pg4, pg6 = address(lab, "pg"), address(lab, "pg", six=True)
    for target in (pg4, pg6):
        dial(lab, "order", target, 5432)
    dial(lab, "order", pg4, 7000)
    dial(lab, "order", HOST, 9000)
    dial(lab, "order", "203.0.113.10", 80)
    dial(lab, "order", SILENT, 80)
    dial(lab, "other", HOST, 8080)
    from_host = ["sh", "-c", f"sleep 1000 | busybox nc {HOST} 8080"]
    lab.spawn(from_host, on="outside")
    lab.spawn(from_host, on="host")
    expected = {
        "order → pg:5432",
        # It rides on pg's namespace: its process tells that it is not pg.
        "order → side:7000",
        "order → hosty:9000",
        "order → 203.0.113.10:80",
        f"order → {SILENT}:80 SYN-SENT",
        # A container goes by the proxy, which dials the container itself.
        "other → host:8080 behind web:80",
        "host(docker-proxy) → web:80 published 8080",
        # The host and strangers are led there by DNAT.
        f"host → web:80 dialled {HOST}:8080 published 8080",
        f"{OUTSIDE} → web:80 published 8080",
    }
    with watching(lab) as watch:
        table = watch.until(lambda t: expected <= all_told(t) and named(t, "side"))
        assert all_told(table) == expected
        to_pg = [f for f in table["flows"] if told(f) == "order → pg:5432"]
        ends = {f["server"]["address"] for f in to_pg}
        assert ends == {pg4, pg6}
        assert all("db" in f["server"]["aliases"] for f in to_pg)
        (silent,) = [f for f in table["flows"] if f["server"]["name"] == SILENT]
        watch.until(lambda t: "unanswered" in kinds(t, silent["key"]))
        assert table["unseen"] == []
        # The host, app's and the default bridge's containers; side and hosty share.
        assert table["namespaces"] == 5


def named(table: Table, server: str) -> bool:
    """Whether the process that tells riders apart was found."""
    return any(f["server"]["name"] == server for f in table["flows"])


def kinds(table: Table, key: str) -> list[str]:
    return [
        trouble["kind"]
        for flow in table["flows"]
        if flow["key"] == key
        for trouble in flow["troubles"]
    ]


def test_without_a_proxy_translation_is_seen_through(lab: Lab) -> None:
    lab.restore(Options(userland_proxy=False))
    raise_containers(lab)
    dial(lab, "order", HOST, 8080)
    # To itself: the source is translated as well, so only conntrack joins the ends.
    dial(lab, "web", HOST, 8080)
    # Taken by the isolation between bridges.
    dial(lab, "other", HOST, 8080)
    expected = {
        f"order → web:80 dialled {HOST}:8080 published 8080",
        f"web → web:80 dialled {HOST}:8080 published 8080",
        "other → host:8080 behind web:80 SYN-SENT",
    }
    with watching(lab) as watch:
        table = watch.until(lambda t: expected <= all_told(t))
        assert all_told(table) == expected
        (lost,) = [f for f in table["flows"] if f["client"]["name"] == "other"]
        watch.until(lambda t: "unanswered" in kinds(t, lost["key"]))


def test_a_container_that_goes_takes_its_flows_with_it(lab: Lab) -> None:
    lab.restore()
    raise_containers(lab)
    dial(lab, "order", address(lab, "pg"), 5432)
    with watching(lab) as watch:
        watch.until(lambda t: "order → pg:5432" in all_told(t))
        lab.docker("rm", "-f", "order")
        # The snapshot is old: the namespace is a line, and nothing else is lost.
        table = watch.sweep()
        assert any(line.startswith("order") for line in table["unseen"])
        watch.until(lambda t: not all_told(t))
        table = watch.sweep("relist")
        assert table["unseen"] == []
