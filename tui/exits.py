"""The exit codes: a contract with every script that calls netwiz."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """What the command says to the shell."""

    OK = 0
    """Healthy; or, where nothing was diagnosed, done."""
    FAULT = 1
    """A root cause was found."""
    USAGE = 2
    """What was asked for cannot be understood."""
    UNDETERMINED = 3
    """No verdict: what was seen does not prove a cause, or netwiz itself failed."""
    CANNOT_LOOK = 4
    """No rights or no engine."""
    INTERRUPTED = 130
    """By Ctrl-C, as a shell would say it (128 + SIGINT)."""
    NO_READER = 141
    """Whoever read the output went away (128 + SIGPIPE)."""
