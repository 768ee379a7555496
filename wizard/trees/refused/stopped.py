"""Why a container does not run."""

from __future__ import annotations

import re

from netwiz.probes.facts import HOST, Container, Restarts, State
from netwiz.probes.requests import CountRestarts
from netwiz.wizard.scene import Scene, Unseen
from netwiz.wizard.tree import Branch, Node, Ruling, fault, undetermined
from netwiz.wizard.trees.refused.not_listening import restart_values
from netwiz.wizard.trees.words import listed, made_for
from netwiz.wizard.verdict import Mark

TAKEN = ("port is already allocated", "address already in use")
NOT_ATTACHABLE = "not manually attachable"
"""What a swarm's manager says of a network that is for services alone."""
MIB = 1024 * 1024
DOMAIN = "53"
"""The port of DNS, which resolvers of the host like to hold."""
_DENIED = re.compile(r"permission denied|eacces|\(13[:)]")
IN_USE = ("address already in use", "address in use", "eaddrinuse")


def why_stopped(scene: Scene) -> Ruling:
    """How its last run ended, or why there was none."""
    server = scene.focus.server
    if server is None:
        return Ruling("ended", "nothing is known of it", Mark.UNKNOWN)
    values = _values(server, scene)
    if server.state is State.REMOVING:
        return Ruling("leaving", "it is being removed", Mark.BAD, values=values)
    if any(words in server.error.lower() for words in TAKEN):
        values |= _holder(scene, server)
        return Ruling(
            "resolver" if values["port"] == DOMAIN else "taken",
            f"its port {values['port']} is taken",
            Mark.BAD,
            evidence=(
                f"{server.name}: {server.error}",
                f"port {values['port']} is held by {values['holder']}",
            ),
            values=values,
        )
    if NOT_ATTACHABLE in server.error:
        return _not_attachable(server, values)
    runs = scene.try_look(CountRestarts(server.id), Restarts)
    if runs is not None:
        values = {**restart_values(server, runs), **values}
    if server.oom_killed:
        said = f"killed for want of memory (exit {server.exit_code})"
        seen = (f"{server.name}: OOMKilled is true, exit code {server.exit_code}",)
        return Ruling("oom", said, Mark.BAD, seen, values | _more_memory(server))
    if server.on_host_network and runs and _says_in_use(runs):
        values |= _holder(scene, server)
        return Ruling(
            "host_mode",
            f"its port was in use on the host: {values['holder']} has it",
            Mark.BAD,
            evidence=(
                f"{server.name} is in host mode and ended with: {_in_use_line(runs)}",
                f"port {values['port']} of the host is held by {values['holder']}",
            ),
            values=values | {"last_words": _in_use_line(runs) + "."},
        )
    if runs and (line := _denied_line(runs)):
        return _low_port(server, values, line)
    if server.state is State.RESTARTING or (
        runs
        and server.restart_policy in ("always", "unless-stopped", "on-failure")
        and server.restart_count
        and runs.deaths > 1
    ):
        count = runs.count if runs else server.restart_count
        said = f"it keeps ending (restarted {count} times)"
        seen = (
            f"{server.name}: {server.state}, RestartCount {count}, last exit code "
            f"{server.exit_code}",
        )
        return Ruling("looping", said, Mark.BAD, seen, values)
    said = f"{server.state}, exit code {server.exit_code}"
    seen = (f"{server.name} is {server.state} (exit code {server.exit_code})",)
    return Ruling("ended", said, Mark.BAD, seen, values)


def _low_port(server: Container, values: dict[str, str], line: str) -> Ruling:
    """It may not bind a port below 1024 (capabilities(7), CAP_NET_BIND_SERVICE)."""
    named = re.search(r"[:\s](\d{1,3})\b(?!\S*\.)", line)
    port = named[1] if named else values["port"]
    said = f"it was not allowed to bind port {port}"
    seen = (
        f"{server.name}'s last words: {line}",
        f"{server.name} is {server.state} (exit code {server.exit_code})",
    )
    values = values | {"low_port": port, "high_port": str(8000 + int(port or 0))}
    return Ruling("low_port", said, Mark.BAD, seen, values | {"last_words": line})


def _denied_line(runs: Restarts) -> str:
    """The line of a log that says that binding was denied."""
    for line in reversed(runs.last_lines):
        text = line.lower()
        if _DENIED.search(text) and re.search(r"bind|listen", text):
            return line
    return ""


def _not_attachable(server: Container, values: dict[str, str]) -> Ruling:
    """The swarm does not let a container of one's own onto the network."""
    found = re.search(r"network ([\w.-]+) not manually attachable", server.error)
    network = found[1] if found else server.network_mode
    said = f"the network {network} is for services alone"
    seen = (f"{server.name}: {server.error}",)
    return Ruling("service_net", said, Mark.BAD, seen, values | {"network": network})


def ended_for_want_of_port(scene: Scene, port: int) -> Container | None:
    """A container in host mode that ended because this port was in use."""
    for container in scene.snapshot.containers:
        if container.running or not container.on_host_network:
            continue
        try:
            runs = scene.look(CountRestarts(container.id), Restarts)
        except Unseen:
            continue
        if _says_in_use(runs) and _wants(container, port, runs):
            return container
    return None


def _wants(container: Container, port: int, runs: Restarts) -> bool:
    if made_for(container, port, "tcp"):
        return True
    return re.search(rf"(?<!\d){port}(?!\d)", _in_use_line(runs)) is not None


def _says_in_use(runs: Restarts) -> bool:
    return bool(_in_use_line(runs))


def _in_use_line(runs: Restarts) -> str:
    for line in reversed(runs.last_lines):
        if any(words in line.lower() for words in IN_USE):
            return line
    return ""


def _values(server: Container, scene: Scene) -> dict[str, str]:
    ended = server.finished_at
    started = server.started_at is not None and server.state is not State.CREATED
    exit_text = f"Its exit code was {server.exit_code}." if started else ""
    if server.error:
        exit_text = f"{exit_text} The engine says: {server.error}".strip()
    port = scene.focus.port or next(
        (m.host_port for m in server.requested if m.host_port), 0
    )
    return {
        "server": server.name,
        "state": server.state.value,
        "since": f" since {ended:%Y-%m-%d %H:%M:%S} UTC" if ended and started else "",
        "exit_code": str(server.exit_code),
        "exit_text": exit_text,
        "state_text": f"It is {server.state.value} now.",
        "engine_error": server.error,
        "restarts": str(server.restart_count),
        "port": str(port or scene.values.get("port", "")),
        "holder": "another process",
    }


def _more_memory(server: Container) -> dict[str, str]:
    """Twice what it may have now; of swap as well, where that is limited."""
    if not server.memory:
        return {"unlimited": "yes"}
    both = server.memory_swap
    return {
        "memory": _size(server.memory),
        "more_memory": _size(2 * server.memory),
        "more_both": _size(2 * both) if both > 0 else "-1",
    }


def _size(count: int) -> str:
    """Bytes as the engine reads them; MiB where it comes out even."""
    return f"{count}b" if count % MIB else f"{count // MIB}m"


def _holder(scene: Scene, server: Container) -> dict[str, str]:
    """Who has the port that the container wanted."""
    wanted = {m.host_port for m in server.requested if m.host_port}
    wanted |= {scene.focus.port} if scene.focus.port and not wanted else set()
    named = [p for p in sorted(wanted) if f":{p}" in server.error]
    port = next(iter(named or sorted(wanted)), 0)
    for other in scene.snapshot.containers:
        if other.id == server.id or not other.running:
            continue
        if any(m.host_port == port for m in other.published):
            return {"holder": f"container {other.name}", "port": str(port)}
    held = scene.sockets(HOST).on(port)
    holder = f"{listed(held)} of the host" if held else "a process that has gone since"
    return {"holder": holder, "port": str(port)}


NODES = (
    Node(
        "stopped",
        "why does {server} not run?",
        why_stopped,
        {
            "taken": Branch(
                "its host port was taken", fault("host-port-already-allocated")
            ),
            "service_net": Branch(
                "its overlay network takes no container of one's own",
                fault("overlay-not-attachable"),
            ),
            "resolver": Branch(
                "its host port was taken: 53, that of DNS", fault("port-53-conflict")
            ),
            "oom": Branch("killed for want of memory", fault("container-oom-killed")),
            "host_mode": Branch(
                "its port in the host's network was taken",
                fault("host-mode-port-conflict"),
            ),
            "low_port": Branch(
                "it may not bind its port", fault("cap-net-bind-service")
            ),
            "looping": Branch("it keeps ending", fault("container-restart-loop")),
            "leaving": Branch(
                "it is being removed",
                undetermined(
                    "{server} is being removed: nothing can reach it any more",
                    "create it again, or dial what takes its place",
                ),
            ),
            "ended": Branch("it ended, or never ran", fault("container-not-running")),
        },
    ),
)
