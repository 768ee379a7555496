"""A decision tree as data: questions, branches, leaves. Nothing here looks at anything.

A node's `judge` is a pure function from the scene to a ruling. It may ask the scene for
findings that are not there yet; the walk then fetches them and asks again (see
`netwiz.wizard.scene`). Which node follows which is in the data alone, so that a tree
can be listed, drawn, counted and walked without a socket.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from netwiz.wizard.case import Case, Symptom
from netwiz.wizard.verdict import Mark, Result

if TYPE_CHECKING:
    from netwiz.wizard.scene import Focus, Scene

UNSAID = "unsaid"
"""The branch of a person's question that is taken when nobody answers."""
UNSEEN = "unseen"
"""The branch every node has: the probe behind the question could not look."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """Where a walk ends."""

    result: Result
    cause: str = ""
    """Id of the cause; for a fault."""
    why: str = ""
    """Undetermined: what is known and what is not (a template)."""
    settle: str = ""
    """Undetermined: what would settle it (a template)."""


def fault(cause: str) -> Leaf:
    """A leaf that names a cause."""
    return Leaf(Result.FAULT, cause=cause)


def undetermined(why: str, settle: str = "") -> Leaf:
    """A leaf that says how far we came."""
    return Leaf(Result.UNDETERMINED, why=why, settle=settle)


HEALTHY = Leaf(Result.HEALTHY)
BLIND = undetermined(
    "{unseen}", "{remedy}"
)  # values set by the walk from the failed finding


@dataclass(frozen=True, slots=True)
class Skip:
    """A question that a branch makes needless, and why."""

    question: str
    reason: str


@dataclass(frozen=True, slots=True)
class Branch:
    """One possible answer, and what follows from it."""

    words: str
    to: str | Leaf
    """Id of the next node, or where the walk ends."""
    skips: tuple[Skip, ...] = ()


@dataclass(frozen=True, slots=True)
class Also:
    """A second fault, proven on the way: it would remain when the first is mended."""

    cause: str
    evidence: tuple[str, ...]
    values: Mapping[str, str] = field(default_factory=dict)
    """For its texts; they go above the walk's own."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """How a node's question was answered by the findings."""

    branch: str
    answer: str
    mark: Mark = Mark.GOOD
    evidence: tuple[str, ...] = ()
    """What was seen, in words; cited by the verdict."""
    values: Mapping[str, str] = field(default_factory=dict)
    """For the texts of causes and later questions."""
    focus: Focus | None = None
    """What the walk is about from here on; None: as before."""
    case: Case | None = None
    """What is asked from here on, where that is another thing: the way to the name
    server instead of the way to the target. None: as before."""
    assumptions: tuple[str, ...] = ()
    unsupported: tuple[str, ...] = ()
    also: tuple[Also, ...] = ()
    quiet: bool = False
    """The question did not arise (nothing was looked at); not worth a line."""


Judge = Callable[["Scene"], Ruling]


@dataclass(frozen=True, slots=True)
class Node:
    """One question."""

    id: str
    question: str
    """A template, filled from the values known when it is asked."""
    judge: Judge
    branches: Mapping[str, Branch]
    personal: bool = False
    """Only a person can answer; the machine cannot know. It has the branch `unsaid`."""

    def follow(self, key: str) -> Branch:
        """The branch of that key; every node has the unseen one."""
        if key == UNSEEN and key not in self.branches:
            return Branch("it could not be seen", BLIND)
        return self.branches[key]


@dataclass(frozen=True, slots=True)
class Tree:
    """The decision tree of one symptom: a root among shared nodes."""

    symptom: Symptom | None
    root: str
    nodes: Mapping[str, Node]

    def tour(self) -> Iterator[tuple[tuple[tuple[str, str], ...], Leaf]]:
        """Ways from the root to leaves that take every branch at least once.

        Each is ((node, branch), ...) and the leaf. All the ways there are would be
        too many: nodes are shared, so their number multiplies.
        """
        before = self._ways_to()
        after = self._ways_out()
        for id_, way in before.items():
            node = self.nodes[id_]
            for key in (*node.branches, UNSEEN):
                to = node.follow(key).to
                rest, leaf = ((), to) if isinstance(to, Leaf) else after[to]
                yield (*way, (id_, key), *rest), leaf

    def _ways_to(self) -> dict[str, tuple[tuple[str, str], ...]]:
        """A shortest way from the root to each node."""
        found: dict[str, tuple[tuple[str, str], ...]] = {self.root: ()}
        waiting = deque([self.root])
        while waiting:
            id_ = waiting.popleft()
            for key, branch in self.nodes[id_].branches.items():
                if isinstance(branch.to, str) and branch.to not in found:
                    found[branch.to] = (*found[id_], (id_, key))
                    waiting.append(branch.to)
        return found

    def _ways_out(self) -> dict[str, tuple[tuple[tuple[str, str], ...], Leaf]]:
        """A way from each node to a leaf; every node has its unseen branch."""
        found: dict[str, tuple[tuple[tuple[str, str], ...], Leaf]] = {}
        for id_, node in self.nodes.items():
            ends = ((key, node.follow(key).to) for key in (*node.branches, UNSEEN))
            found[id_] = next(
                (((id_, key),), to) for key, to in ends if isinstance(to, Leaf)
            )
        return found

    def edges(self) -> Iterator[tuple[str, str, str | Leaf]]:
        """Every (node, branch, destination) that can be reached from the root, once."""
        seen: set[str] = set()
        waiting = [self.root]
        while waiting:
            node = self.nodes[waiting.pop()]
            if node.id in seen:
                continue
            seen.add(node.id)
            for key, branch in node.branches.items():
                yield node.id, key, branch.to
                if isinstance(branch.to, str):
                    waiting.append(branch.to)
