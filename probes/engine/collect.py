"""What a snapshot needs of the engine, collected in a worker thread.

A `Collector` belongs to one gate and remembers its inspects. One is still good while
the container's list entry reads the same and its first process is the same process.
Without a process its age must be told in minutes at least: an entry that says "2
seconds ago" may hide a whole run in between.
"""

from __future__ import annotations

import dataclasses
import json
import re
import threading
import time
from dataclasses import dataclass
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

from netwiz.probes.engine import fields as js
from netwiz.probes.engine.endpoint import EngineEndpoint
from netwiz.probes.engine.errors import EngineAnswerError, NotAnEngineError
from netwiz.probes.engine.local import confirmed_pid, daemon_options
from netwiz.probes.engine.parse import (
    inspected_container,
    listed_container,
    listed_network,
)
from netwiz.probes.engine.read import Reader
from netwiz.probes.facts.engine import Container, Engine, Network
from netwiz.probes.machine import EngineGate
from netwiz.probes.sockets import processes

MAX_CONTAINERS = 5000
INSPECT_S = 4.0
"""After so long the rest is taken from the list; the next look goes on from there."""
FAR_AWAY = (
    "the engine's processes are not on this machine: netwiz lists its containers but "
    "cannot look into them; run netwiz on the engine's machine"
)

_AGE = re.compile(r"^Up [^(]*")


@dataclass(frozen=True, slots=True)
class Collected:
    """What the engine told."""

    engine: Engine
    containers: tuple[Container, ...]
    networks: tuple[Network, ...]


@dataclass(frozen=True, slots=True)
class Detail:
    """One remembered inspect."""

    entry: str
    """The list entry it goes with."""
    started: int
    """Start time of the first process, in ticks since boot; 0 without one."""
    container: Container
    stranger: bool = False
    """It runs, but its pid is no process of this machine."""


class Collector:
    """Collects for one gate."""

    _all: ClassVar[WeakKeyDictionary[EngineGate, Collector]] = WeakKeyDictionary()

    def __init__(self, where: EngineEndpoint) -> None:
        self._where = where
        self._details: dict[str, Detail] = {}
        self._lock = threading.Lock()

    @classmethod
    def of(cls, gate: EngineGate) -> Collector:
        """The collector of a gate, the same one each time."""
        found = cls._all.get(gate)
        if found is None:
            where = getattr(gate, "where", None) or EngineEndpoint(gate.endpoint)
            found = cls._all[gate] = cls(where)
        return found

    def collect(
        self, client: Any, ids: frozenset[str], engine: Engine | None
    ) -> Collected:
        """Everything, inspecting only what may have changed.

        Args:
            client: the APIClient.
            ids: containers that are inspected in any case.
            engine: facts of the engine that are to be taken over; None asks anew.

        Raises:
            Exception: the engine does not even list its containers.
        """
        with self._lock, Reader(client, self._where) as reader:
            entries = reader.json("/containers/json", all=1)
            if not isinstance(entries, list):
                raise NotAnEngineError("its list of containers is no list")
            warnings: list[str] = []
            networks = _optional(reader, "/networks", warnings)
            details = self._inspect(reader, entries, ids)
            self._details = {d.container.id: d for d in details if d.entry}
            if engine is None:
                engine = self._engine(reader, warnings, js.text(client.api_version))
        strange = [d for d in details if d.stranger]
        own = [d for d in details if d.container.pid]
        local = bool(own) or not strange
        if local != engine.local:
            said = [w for w in engine.warnings if w != FAR_AWAY]
            engine = dataclasses.replace(
                engine, local=local, warnings=(*said, *([] if local else [FAR_AWAY]))
            )
        return Collected(
            engine=engine,
            containers=tuple(d.container for d in details),
            networks=tuple(
                n for e in js.items(networks) if (n := listed_network(e)) is not None
            ),
        )

    def _inspect(
        self, reader: Reader, entries: list[object], ids: frozenset[str]
    ) -> list[Detail]:
        end = time.monotonic() + INSPECT_S
        details: list[Detail] = []
        for entry in entries[:MAX_CONTAINERS]:
            listed = listed_container(entry)
            if listed is None:
                continue
            known = self._details.get(listed.id)
            if known and listed.id not in ids and _still_good(known, entry):
                details.append(known)
            elif time.monotonic() > end:
                details.append(Detail("", 0, listed))
            else:
                found = _inspected(reader, listed, entry)
                if found is not None:
                    details.append(found)
        return details

    def _engine(self, reader: Reader, warnings: list[str], api: str) -> Engine:
        version = js.mapping(_optional(reader, "/version", warnings))
        info = js.mapping(_optional(reader, "/info", warnings))
        options = daemon_options(self._where)
        security = js.texts(info.get("SecurityOptions"), 20)
        return Engine(
            endpoint=self._where.url,
            version=js.text(version.get("Version"))
            or js.text(info.get("ServerVersion")),
            api_version=api,
            name=js.text(info.get("Name")),
            context=self._where.context,
            system=js.text(info.get("OperatingSystem")),
            os_type=js.text(info.get("OSType"), 16),
            rootless=any(s.split(",")[0] == "name=rootless" for s in security),
            live_restore=js.flag(info.get("LiveRestoreEnabled")),
            userland_proxy=options.userland_proxy,
            iptables=options.iptables,
            dns=options.dns,
            http_proxy=js.text(info.get("HttpsProxy") or info.get("HttpProxy")),
            warnings=(*js.texts(info.get("Warnings"), 20), *warnings),
        )


def _optional(reader: Reader, path: str, warnings: list[str]) -> object:
    """An answer that a guarded socket may refuse; its absence becomes a warning."""
    try:
        return reader.json(path)
    except (EngineAnswerError, NotAnEngineError) as error:
        warnings.append(js.text(f"the engine did not tell {path}: {error}"))
        return None


def _fingerprint(entry: object, *, anchored: bool) -> str:
    """The list entry as text, but for what the engine gives in any order.

    Its age is left out where the first process anchors the run; elsewhere an age of
    seconds makes an entry that equals no other one.
    """
    known = {name: v for name, v in js.mapping(entry).items() if name != "Mounts"}
    known["Ports"] = sorted(json.dumps(port) for port in js.items(known.get("Ports")))
    status = js.text(known.get("Status"))
    if anchored:
        known["Status"] = _AGE.sub("", status)
    elif "second" in status:
        return ""
    return json.dumps(known, sort_keys=True)


def _still_good(known: Detail, entry: object) -> bool:
    pid = known.container.pid
    if pid and processes.start_time(pid) != known.started:
        return False
    text = _fingerprint(entry, anchored=known.started > 0)
    return bool(text) and text == known.entry


def _inspected(reader: Reader, listed: Container, entry: object) -> Detail | None:
    """A fresh inspect; None when the container went away meanwhile."""
    try:
        answer = reader.json(f"/containers/{listed.id}/json")
    except EngineAnswerError as error:
        if error.status == 404:
            return None
        return Detail("", 0, listed)
    except NotAnEngineError:
        return Detail("", 0, listed)
    found = inspected_container(answer)
    if found is None or found.id != listed.id:
        return Detail("", 0, listed)
    pid = confirmed_pid(found)
    stranger = bool(found.pid) and not pid
    started = processes.start_time(pid) if pid else 0
    text = _fingerprint(entry, anchored=started > 0)
    return Detail(text, started, dataclasses.replace(found, pid=pid), stranger)
