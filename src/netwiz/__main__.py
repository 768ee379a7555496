"""Lets `python -m netwiz` do what the `netwiz` command does."""

import sys

from netwiz.tui.cli import main

if __name__ == "__main__":
    sys.exit(main())
