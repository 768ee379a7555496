"""The catalogue on paper is the one that netwiz reasons with."""

from __future__ import annotations

import re
from pathlib import Path

from netwiz.wizard.catalogue import to_markdown
from netwiz.wizard.causes import CAUSES
from netwiz.wizard.drawing import asked_before, drawn
from netwiz.wizard.tree import HEALTHY, Branch, Node, Ruling, fault
from netwiz.wizard.trees import NODES, ROOMS, TREES

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_of_today() -> None:
    assert (DOCS / "causes.md").read_text() == to_markdown(), "run tools/causes.py"


def test_every_link_leads_somewhere() -> None:
    page = to_markdown()
    headings = set(re.findall(r"^#+ (\S+)$", page, re.MULTILINE))
    linked = set(re.findall(r"\]\(#([^)]+)\)", page))
    assert linked == set(CAUSES)
    assert linked <= headings


def test_every_question_and_every_end_is_drawn() -> None:
    lines = [line for room in ROOMS for line in drawn(room.NODES)]
    for id_ in NODES:
        places = [x for x in lines if re.search(rf"(?:^|─ ){re.escape(id_)}: ", x)]
        assert len(places) == 1, id_
    ends = [x.rpartition("● ")[2] for x in lines if "● " in x]
    assert set(CAUSES) <= set(ends)
    assert len(lines) == sum(len(n.branches) for n in NODES.values()) + len(
        [line for line in lines if not line.startswith(("├", "└", "│", " "))]
    )


def test_a_small_tree_is_drawn_as_people_draw_it() -> None:
    def judge(_: object) -> Ruling:
        return Ruling("a", "")

    nodes = (
        Node("low", "and {x_y}?", judge, {"a": Branch("no", HEALTHY)}),
        Node(
            "top",
            "what?",
            judge,
            {
                "a": Branch("this", "low"),
                "b": Branch("that", "low"),
                "c": Branch("else", "far"),
                "d": Branch("done", fault("some-cause")),
            },
        ),
    )
    assert list(drawn(nodes)) == [
        "top: what?",
        "├─ this ─ low: and <x y>?",
        "│  └─ no ● healthy",
        "├─ that → low",
        "├─ else → far",
        "└─ done ● some-cause",
    ]


def test_the_way_to_a_cause_is_told() -> None:
    way = asked_before("service-bound-loopback", NODES, TREES[None].root)
    assert way[0] == "client"
    assert way[-1] == "listening"
    assert asked_before("no-such-cause", NODES, TREES[None].root) == ()
