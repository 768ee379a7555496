"""When Python's garbage collector may pause netwiz: not while it starts, then briefly.

A full collection looks at every object there is. With the libraries' classes and code,
which never go, that is 25-58 ms (measured in a flood of logs), as long as a key may
take; without them, 6-17 ms. What has no cycles is given back at once in any case.
"""

from __future__ import annotations

import gc


def hold() -> None:
    """No collection before `settle`: whatever loads now is there to stay."""
    gc.disable()


def settle() -> None:
    """Collect once, and look at nothing of what is there now again (gc.freeze).

    Only for the one application of a process: its cycles of now are never given back.
    """
    gc.collect()
    gc.freeze()
    gc.enable()
