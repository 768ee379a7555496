"""The `netwiz` command line."""

import argparse
from collections.abc import Sequence

from netwiz import __version__


def main(argv: Sequence[str] | None = None) -> int:
    """Run netwiz with these arguments and return its exit status."""
    parser = argparse.ArgumentParser(
        prog="netwiz",
        description="Find the root cause of a broken Docker connection.",
    )
    parser.add_argument("--version", action="version", version=f"netwiz {__version__}")
    parser.parse_args(argv)
    return 0
