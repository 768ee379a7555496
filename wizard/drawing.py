"""The decision trees as text drawings, a room at a time. Pure.

A node is drawn once, under the first answer that leads to it; where another answer
leads there too, its name alone is given with an arrow. So shared sub-trees stay shared
on paper as well, and every drawing has an end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from netwiz.wizard.fill import fields, fill
from netwiz.wizard.tree import BLIND, Branch, Leaf, Node
from netwiz.wizard.verdict import Result

_LEAVES = {Result.HEALTHY: "healthy", Result.UNDETERMINED: "undetermined"}


def shown(template: str) -> str:
    """A template with its gaps readable: <inner port>."""
    gaps = {name: f"<{name.replace('_', ' ')}>" for name in fields(template)}
    return fill(template, gaps)


def drawn(room: Sequence[Node]) -> Iterator[str]:
    """The nodes of one room as lines, each root of it followed by what hangs below."""
    own = {node.id: node for node in room}
    inner = {
        branch.to
        for node in room
        for branch in node.branches.values()
        if isinstance(branch.to, str) and branch.to != node.id
    }
    done: set[str] = set()
    # What nobody in the room leads to comes first: there the room is entered.
    for node in sorted(room, key=lambda n: n.id in inner):
        if node.id not in done:
            yield f"{node.id}: {shown(node.question)}"
            yield from _below(node, own, done, "")


def _below(
    node: Node, own: Mapping[str, Node], done: set[str], margin: str
) -> Iterator[str]:
    done.add(node.id)
    branches = list(node.branches.values())
    for index, branch in enumerate(branches):
        last = index == len(branches) - 1
        yield f"{margin}{'└─' if last else '├─'} {_answer(branch, own, done)}"
        deeper = own.get(branch.to) if isinstance(branch.to, str) else None
        if deeper is not None and deeper.id not in done:
            yield from _below(deeper, own, done, margin + ("   " if last else "│  "))


def _answer(branch: Branch, own: Mapping[str, Node], done: set[str]) -> str:
    words = shown(branch.words)
    to = branch.to
    if isinstance(to, Leaf):
        return f"{words} ● {to.cause or _LEAVES[to.result]}"
    if to in own and to not in done:
        return f"{words} ─ {to}: {shown(own[to].question)}"
    return f"{words} → {to}"


def asked_before(cause: str, nodes: Mapping[str, Node], root: str) -> tuple[str, ...]:
    """The questions on a shortest way to a cause; empty when no leaf names it."""
    ways: dict[str, tuple[str, ...]] = {root: (root,)}
    waiting = [root]
    while waiting:
        id_ = waiting.pop(0)
        for branch in nodes[id_].branches.values():
            to = branch.to
            if isinstance(to, Leaf):
                if to.cause == cause and to is not BLIND:
                    return ways[id_]
            elif to not in ways:
                ways[to] = (*ways[id_], to)
                waiting.append(to)
    return ()
