"""What an event of the engine means, in a few words."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from netwiz.probes.engine.watch import EngineEvent
from netwiz.widgets.timeline import LiveKind, LiveLine

_CONTAINER = {
    "create": "created",
    "start": "started",
    "destroy": "removed",
    "oom": "out of memory",
    "pause": "paused",
    "unpause": "runs again",
    "update": "limits or restart policy changed",
}


def event_line(event: EngineEvent, name_of: Callable[[str], str]) -> LiveLine:
    """An event as a line of the timeline."""
    container = event.container_id
    if event.kind == "container":
        source = event.name or name_of(container)
        text = _container_words(event.action, event.attributes)
    elif event.kind == "network":
        network = event.name or event.id[:12]
        source = name_of(container) if container else network
        text = _network_words(event.action, network)
    else:
        source, text = "engine", event.action
    return LiveLine(
        at=event.at,
        source=source,
        text=text,
        kind=LiveKind.EVENT,
        container_id=container,
    )


def _container_words(action: str, attributes: Mapping[str, str]) -> str:
    if action == "die":
        code = attributes.get("exitCode", "")
        return f"exited {code}".rstrip()
    if action == "kill":
        return f"sent signal {attributes.get('signal', '')}".rstrip()
    if action == "rename":
        return f"renamed from {attributes.get('oldName', '').lstrip('/')}"
    if action.startswith("health_status"):
        return f"health: {action.partition(':')[2].strip() or 'changed'}"
    return _CONTAINER.get(action, action)


def _network_words(action: str, network: str) -> str:
    if action == "connect":
        return f"connected to {network}"
    if action == "disconnect":
        return f"disconnected from {network}"
    verb = {"create": "created", "destroy": "removed", "remove": "removed"}
    return f"network {verb.get(action, action)}"
