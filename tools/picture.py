#!/usr/bin/env python3
"""Take the README's pictures from the running program: tools/picture.py.

Raises the scenario `refused/shop` in the lab, drives the real screen by keys, and
writes docs/*.svg. Nothing is drawn by hand. Needs root and what ./tools/test installs;
run it with the project's own Python: .venv/bin/python tools/picture.py
"""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
sys.path[:0] = [str(ROOT), str(ROOT / "src")]
HOST = "prod-01"
WIDE = (112, 34)
NARROW = (80, 24)
PATIENCE_S = 20.0


def main() -> int:
    """Outside the lab: raise it and enter it. Inside: take the pictures."""
    if sys.argv[1:2] == ["--inside"]:
        asyncio.run(_take(Path(sys.argv[2])))
        return 0
    from tests.lab import check, loader
    from tests.lab.engine import Lab

    lab = Lab.up()
    try:
        check.stage(lab, loader.load(loader.find("refused/shop")))
        with tempfile.TemporaryDirectory(dir=DOCS) as folder:
            inside = [sys.executable, str(Path(__file__)), "--inside", folder]
            named = ["unshare", "-u", "sh", "-c", f'hostname {HOST}; exec "$@"', "sh"]
            command = lab.command([*named, *inside])
            subprocess.run(command, env=lab.env(), check=True)
            for picture in sorted(Path(folder).glob("*.svg")):
                shutil.move(picture, DOCS / picture.name)
                sys.stdout.write(f"docs/{picture.name}\n")
    finally:
        lab.down()
    return 0


async def _take(folder: Path) -> None:
    from textual.pilot import Pilot

    from netwiz.tui.app import NetwizApp

    async def shown(pilot: Pilot[int], words: str) -> None:
        end = asyncio.get_running_loop().time() + PATIENCE_S
        while words not in _text(pilot):
            if asyncio.get_running_loop().time() > end:
                raise SystemExit(f"waited in vain for {words!r}:\n{_text(pilot)}")
            await pilot.pause(0.05)

    for size, suffix in ((WIDE, ""), (NARROW, "-80x24")):
        app = NetwizApp()
        async with app.run_test(size=size) as pilot:
            await shown(pilot, "nightly")
            await shown(pilot, "ECONNREFUSED")
            _write(folder / f"overview{suffix}.svg", app.export_screenshot())
            await pilot.press("3", "s", "enter")
            await shown(pilot, "Root cause")
            await pilot.pause(0.3)
            _write(folder / f"wizard{suffix}.svg", app.export_screenshot())
            await pilot.press("escape")


def _text(pilot: object) -> str:
    """What the screen shows, as text."""
    svg = pilot.app.export_screenshot()  # type: ignore[attr-defined]
    words = re.sub(r"<style.*?</style>", "", svg, flags=re.DOTALL)
    return re.sub(r"<[^>]+>", "", words).replace("&#160;", " ")


def _write(file: Path, svg: str) -> None:
    """Without the web font: a picture in a README must fetch nothing."""
    plain = re.sub(r"@font-face\s*{.*?}", "", svg, flags=re.DOTALL)
    file.write_text(plain.replace("Fira Code", "Fira Code, DejaVu Sans Mono, Menlo"))


if __name__ == "__main__":
    sys.exit(main())
