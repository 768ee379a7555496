"""One exception for all senses, and the one place where foreign ones become it."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator

from netwiz.probes.facts.base import Failed, Failure
from netwiz.probes.text import plain

_GONE = {errno.ENOENT, errno.ESRCH, errno.ENODEV, errno.ENXIO}
_RIGHTS = {errno.EACCES, errno.EPERM}

NEED_ROOT = "run it as root: sudo netwiz"


class ProbeError(Exception):
    """A sense could not look; becomes a `Failed` finding at the machine's border."""

    def __init__(self, kind: Failure, what: str, remedy: str = "") -> None:
        super().__init__(what)
        self.kind = kind
        self.what = what
        self.remedy = remedy

    def finding(self, ms: float = 0.0, command: str = "") -> Failed:
        """The finding that tells of it."""
        return Failed(
            ms=ms,
            command=command,
            kind=self.kind,
            what=plain(self.what, 300),
            remedy=self.remedy,
        )


@contextlib.contextmanager
def mapped(what: str) -> Iterator[None]:
    """Turn what the kernel, the engine or a library raises into a ProbeError.

    `what` says what was being looked at, as the beginning of the message.
    """
    try:
        yield
    except ProbeError:
        raise
    except TimeoutError as error:
        raise ProbeError(Failure.BUDGET, f"{what}: no answer in time") from error
    except OSError as error:
        raise _of_os(what, error) from error
    except Exception as error:
        reason = plain(f"{type(error).__name__}: {error}", 200)
        raise ProbeError(Failure.BROKEN, f"{what}: {reason}") from error


def _of_os(what: str, error: OSError) -> ProbeError:
    reason = plain(error.strerror or str(error), 200)
    if error.errno in _RIGHTS:
        return ProbeError(Failure.RIGHTS, f"{what}: {reason}", NEED_ROOT)
    if error.errno in _GONE:
        return ProbeError(Failure.GONE, f"{what}: gone ({reason})")
    return ProbeError(Failure.BROKEN, f"{what}: {reason}")
