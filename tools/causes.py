#!/usr/bin/env python3
"""Write docs/causes.md anew: .venv/bin/python tools/causes.py."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src")]


def main() -> int:
    """The page is made from the registry and the trees alone."""
    from netwiz.wizard.catalogue import to_markdown

    (ROOT / "docs" / "causes.md").write_text(to_markdown(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
