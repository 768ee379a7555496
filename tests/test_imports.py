"""Who may load whom, read from the source and seen in a fresh interpreter.

The static graph cannot see an import that happens at run time, and a fresh interpreter
cannot see one on a path not taken: each proves what the other cannot.
"""

import subprocess
import sys
from pathlib import Path

import pytest

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
