"""Where things are in this checkout, for the tests that guard its shape."""

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("probes", "tui", "widgets", "wizard")
DATA_SUFFIXES = {".tcss", ".toml", ".json"}


def pyproject() -> dict[str, Any]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)


def package_files() -> dict[str, Path]:
    """Every file the installed package needs: its name there, its place here."""
    files = {}
    for path in sorted((ROOT / "src/netwiz").iterdir()):
        if path.is_file():
            files[f"netwiz/{path.name}"] = path
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                files[f"netwiz/{path.relative_to(ROOT).as_posix()}"] = path
    return files


def module_names(room: str) -> Iterator[str]:
    """The import name of each module of a room."""
    for name in package_files():
        if name.startswith(f"netwiz/{room}/") and name.endswith(".py"):
            yield name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def python(
    *arguments: str, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a fresh interpreter on this checkout's netwiz."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")} | (env or {})
    return subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        cwd="/",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def tracked_files() -> list[Path]:
    """What git would commit, so a file is judged before it is in the history.

    Outside a git checkout, all files that are not hidden.
    """
    if shutil.which("git") and (ROOT / ".git").exists():
        listing = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        names = [ROOT / name for name in listing.stdout.split("\0") if name]
    else:
        names = [
            path
            for path in ROOT.rglob("*")
            if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
        ]
    return [path for path in names if path.is_file() and not path.is_symlink()]


NOBODY = (
    "setpriv",
    "--reuid=65534",
    "--regid=65534",
    "--clear-groups",
    # To read this checkout, wherever it is; none of the rights that netwiz wants.
    "--inh-caps=+dac_read_search",
    "--ambient-caps=+dac_read_search",
)
"""Runs what follows without root's rights."""
