"""netwiz finds the root cause of a broken Docker connection.

This file stays free of imports: every command line start passes through it.
"""

__version__ = "0.1.0"
"""The one place that holds the version; the packaging and `--version` read it."""
