"""The layers of a packet and its bytes as sections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from netwiz.probes.reading.layers import HexLine, Layer, LayerField, Layers
from netwiz.widgets.lines import Line
from netwiz.widgets.packets.detail import Section

TOLD = (("src", "dst"), ("sport", "dport"), ("psrc", "pdst"))
"""Pairs of fields that tell a layer in its head."""


def layer_sections(found: Layers) -> list[Section]:
    """One section a layer, outermost first."""
    last = len(found.layers) - 1
    sections = [
        # What carries the message is known by its head; the message is to be read.
        Section(_head(layer), list(_lines(layer.fields)), number < last, str(layer.at))
        for number, layer in enumerate(found.layers)
    ]
    if found.trouble:
        sections.append(Section((("! ", "odd"), (found.trouble, ""))))
    return sections


def _head(layer: Layer) -> Line:
    values = {field.name: field.value for field in layer.fields}
    told = [
        f"{values[a]} → {values[b]}" for a, b in TOLD if a in values and b in values
    ]
    told += [f"[{values['flags']}]"] if values.get("flags") else []
    where = f"{layer.size} B" if layer.size else ""
    return (
        (layer.name, "strong"),
        (f"  {'  '.join(told)}" if told else "", ""),
        (f"  {where}", "dim"),
    )


def _lines(fields: Sequence[LayerField], depth: int = 0) -> Iterator[Line]:
    width = min(max((len(field.name) for field in fields), default=0), 20)
    for field in fields:
        yield (
            (f"{'  ' * depth}{field.name:<{width}}", "dim"),
            (f"  {field.value}" if field.value else "", ""),
        )
        yield from _lines(field.parts, depth + 1)


def byte_lines(lines: Sequence[HexLine]) -> list[Line]:
    """Sixteen bytes a line: offset, hexadecimal, and what can be read."""
    return [
        ((f"{line.at:04x}  ", "dim"), (f"{line.hex:<48}  ", ""), (line.text, "code"))
        for line in lines
    ]
