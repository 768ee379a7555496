"""The keys of the packet list."""

from __future__ import annotations

from textual.binding import Binding

from netwiz.widgets.list_pane import LIST_KEYS


def _key(keys: str, action: str, name: str, words: str) -> Binding:
    return Binding(keys, action, words, show=False, id=f"packets.{name}")


PACKET_KEYS = (
    *LIST_KEYS,
    Binding("enter", "open", "Packet", show=False, id="packets.open"),
    Binding("f", "stream", "Stream", id="packets.stream"),
    Binding("p,space", "pause", "Pause", show=False, id="packets.pause"),
    Binding("e", "errors", "Errors", id="packets.errors"),
    _key("n", "problem(1)", "next", "Next problem"),
    _key("N", "problem(-1)", "previous", "Previous problem"),
    _key("m", "mark", "mark", "Mark this packet"),
    _key("apostrophe", "next_mark", "next_mark", "Next mark"),
    _key("F", "only_stream", "only_stream", "Only this connection"),
    _key("o", "only_tap", "only_tap", "Only this place"),
    _key("greater_than_sign", "find(1)", "find", "Next match of the last filter"),
    _key("less_than_sign", "find(-1)", "find_back", "Match before"),
    _key("w", "wizard", "wizard", "Diagnose this packet"),
    Binding("x", "stop", "Stop", show=False, id="packets.stop"),
    _key("W", "save", "save", "Write what is kept to a file"),
    _key("T", "times", "times", "Times, or distances"),
    _key("right,l", "shift(1)", "right", "Rest of a line"),
    _key("left,h", "shift(-1)", "left", "Start of a line"),
)
