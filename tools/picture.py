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
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.pilot import Pilot

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
sys.path[:0] = [str(ROOT), str(ROOT / "src")]
HOST = "prod-01"
WIDE = (112, 34)
NARROW = (80, 24)
PATIENCE_S = 30.0
INSISTING = "while sleep 1; do nslookup pg; nc -w 1 172.28.0.2 3000; done"


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
        # The shop insists, as clients do: a name asked for, and a refusal.
        lab.docker("exec", "-d", "order", "sh", "-c", INSISTING)
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
    from netwiz.tui.app import NetwizApp

    for size, suffix in ((WIDE, ""), (NARROW, "-80x24")):
        app = NetwizApp()
        async with app.run_test(size=size) as pilot:
            await _shown(pilot, "nightly")
            await _shown(pilot, "1 suspect")
            _write(folder / f"overview{suffix}.svg", app.export_screenshot())
            await pilot.press("3", "s", "enter")
            await _shown(pilot, "Root cause")
            await pilot.pause(0.3)
            _write(folder / f"wizard{suffix}.svg", app.export_screenshot())
            for _ in range(8):
                await pilot.press("escape")
                await pilot.pause(0.3)
            await _live(pilot, folder, suffix)


async def _shown(pilot: Pilot[int], words: str, times: int = 1) -> None:
    """Wait for the words; say what is there instead when they do not come."""
    end = asyncio.get_running_loop().time() + PATIENCE_S
    while _text(pilot).count(words) < times:
        if asyncio.get_running_loop().time() > end:
            raise SystemExit(f"waited in vain for {words!r}:\n{_text(pilot)}")
        await pilot.pause(0.05)


async def _live(pilot: Pilot[int], folder: Path, suffix: str) -> None:
    """The live panes: packets, suspects, and the map."""
    app = pilot.app
    await _shown(pilot, "Containers")
    await pilot.press("2", "/", *"order", "enter", "c")
    await _shown(pilot, "Capture packets")
    await pilot.press("enter")
    await _shown(pilot, "refused: RST")
    await pilot.pause(2)
    _write(folder / f"packets{suffix}.svg", app.export_screenshot())
    await pilot.press("x", "3", "]", "]")
    await _shown(pilot, "refused")
    await pilot.pause(1)
    _write(folder / f"suspects{suffix}.svg", app.export_screenshot())
    await pilot.press("t")
    await _shown(pilot, "uplink")
    # One stands in the legend, the others are who talks to whom.
    await _shown(pilot, "●", 3)
    _write(folder / f"map{suffix}.svg", app.export_screenshot())


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
