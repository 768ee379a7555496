"""Who may load whom, read from the source and seen in a fresh interpreter.

The static graph cannot see an import that happens at run time, and a fresh interpreter
cannot see one on a path not taken: each proves what the other cannot.
"""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from netwiz.probes import facts
from tests.project import ROOT, module_names, python

SCREEN = ("textual", "rich")
HEAVY = ("textual", "scapy", "docker", "pyroute2", "dns")

LOADED = """
import sys
{statement}
roots = {{name.partition(".")[0] for name in sys.modules}}
print(*sorted(roots & {names!r}))
"""


def loaded(statement: str, names: tuple[str, ...]) -> str:
    """Which of the packages a fresh interpreter holds after the statement."""
    done = python("-c", LOADED.format(statement=statement, names=set(names)))
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def test_the_contracts_hold() -> None:
    command = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run(
        [command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 kept, 0 broken" in done.stdout


@pytest.mark.parametrize("room", ["probes", "wizard"])
def test_no_module_below_the_screen_loads_it(room: str) -> None:
    statement = "import " + ", ".join(module_names(room))
    assert loaded(statement, SCREEN) == ""


def test_the_probes_load_no_other_room() -> None:
    statement = "import " + ", ".join(module_names("probes"))
    statement += """
rooms = [n for n in sys.modules if n.startswith("netwiz.")]
above = [n for n in rooms if not n.startswith("netwiz.probes")]
assert not above, above
"""
    assert loaded(statement, ()) == ""


def test_every_module_of_the_screen_can_be_imported() -> None:
    names = [name for room in ("widgets", "tui") for name in module_names(room)]
    assert loaded("import " + ", ".join(names), ()) == ""


@pytest.mark.parametrize(
    "statement",
    [
        "import netwiz.tui.cli",
        """
from netwiz.tui.cli import main
try:
    main(["--help"])
except SystemExit as stop:
    assert not stop.code
""",
    ],
    ids=["import", "help"],
)
def test_the_command_line_starts_without_heavy_libraries(statement: str) -> None:
    assert loaded(statement, HEAVY) == ""


def test_the_first_paint_loads_few_of_the_facts() -> None:
    """Making their hundred data classes takes as long as the paint itself."""
    statement = """
import netwiz.tui.app
made = {n.rpartition(".")[2] for n in sys.modules if n.startswith("netwiz.probes.fac")}
assert made <= {"facts", "logs"}, made
reasoning = {n for n in sys.modules if n.startswith("netwiz.wizard.")}
assert not reasoning, reasoning
unseen = ("packets", "flows_view", "suspects_view")
assert not {n for n in unseen if f"netwiz.widgets.{n}" in sys.modules}
"""
    assert loaded(statement, tuple(set(HEAVY) - {"textual"})) == ""


def test_every_fact_is_found_where_the_type_checker_finds_it() -> None:
    """Facts are loaded by name when asked for; their names are written down twice."""
    tree = ast.parse(Path(facts.__file__).read_text())
    seen = {
        alias.name: node.module.rpartition(".")[2]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
        if node.module.startswith("netwiz.")
    }
    assert seen == facts._HOME
    assert set(facts.__all__) == set(seen)
    for name, module in seen.items():
        home = importlib.import_module(f"netwiz.probes.facts.{module}")
        assert getattr(facts, name) is getattr(home, name)
