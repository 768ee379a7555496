"""A terminal on the lab's host: a private tmux server, typed into and read back."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.lab import leftovers, state
from tests.lab.engine import Lab
from tests.lab.state import LabError, wait_until

PROMPT = "lab% "
PATIENCE_S = 60.0
_numbers = itertools.count()


class Terminal:
    """One shell in one window. Waits for what is shown, never for a time."""

    def __init__(
        self, lab: Lab, size: tuple[int, int], extra: Mapping[str, str], folder: Path
    ) -> None:
        self.lab = lab
        self.folder = folder
        self._name = f"{lab.names.label}-{next(_numbers)}"
        self._env = lab.env() | {"TMUX_TMPDIR": str(lab.names.folder)}
        environ = {"PS1": PROMPT, "TZ": "UTC", **extra}
        words = [f"{key}={value}" for key, value in environ.items()]
        shell = ["sh", "-c", 'cd "$0" && exec sh -i', str(folder)]
        columns, rows = size
        options = {"status": "off", "default-terminal": "tmux-256color"}
        settings: list[str] = []
        for option, value in options.items():
            settings += ["set-option", "-g", option, value, ";"]
        window = ["new-session", "-d", "-x", str(columns), "-y", str(rows)]
        argv = lab.command(["env", *words, *shell])
        # All that is started from here is in one control group: nothing can hide.
        subprocess.run(
            state.into_group(
                lab.names, leftovers.PART, self._tmux(*settings, *window, *argv)
            ),
            env=self._env,
            check=True,
            timeout=60,
        )
        self.wait(PROMPT.strip())

    def _tmux(self, *words: str) -> list[str]:
        return ["tmux", "-u", "-L", self._name, "-f", "/dev/null", *words]

    def _ask(self, *words: str) -> str:
        done = subprocess.run(
            self._tmux(*words),
            env=self._env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode:
            raise LabError(f"tmux {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    # -- hands -----------------------------------------------------------

    def press(self, *keys: str) -> None:
        """Keys by their names in tmux: `w`, `Enter`, `Escape`, `Down`."""
        self._ask("send-keys", "--", *keys)

    def type(self, text: str) -> None:
        """Letter by letter, whatever tmux might take it for."""
        self._ask("send-keys", "-l", "--", text)

    def start(self, *argv: str) -> None:
        """Run a command in the shell; it tells its exit code when it ends."""
        self.type("clear; " + " ".join(argv) + '; echo "exit=$?"')
        self.press("Enter")

    def resize(self, columns: int, rows: int) -> None:
        """As when a person drags the corner of a window."""
        self._ask("resize-window", "-x", str(columns), "-y", str(rows))

    # -- eyes ------------------------------------------------------------

    def shown(self) -> str:
        """What is on the screen now."""
        return self._ask("capture-pane", "-p")

    def fact(self, name: str) -> str:
        """Something that the terminal knows: `alternate_on`, `pane_title`."""
        return self._ask("display-message", "-p", f"#{{{name}}}").rstrip("\n")

    def wait(
        self, *words: str, without: Sequence[str] = (), seconds: float = PATIENCE_S
    ) -> str:
        """Until all of this is shown, and none of that; what was shown then."""

        def seen(screen: str) -> bool:
            gone = not any(word in screen for word in without)
            return gone and all(word in screen for word in words)

        return self.until(seen, f"{words} shown, without {without}", seconds)

    def until(
        self, fact: Callable[[str], bool], what: str, seconds: float = PATIENCE_S
    ) -> str:
        """Until the screen fulfils a condition; the screen that does."""
        last = [""]

        def fulfilled() -> bool:
            last[0] = self.shown()
            return fact(last[0])

        try:
            wait_until(fulfilled, what, seconds, step=0.05)
        except LabError as error:
            raise LabError(f"{error}; the screen:\n{last[0]}") from None
        return last[0]

    # -- end -------------------------------------------------------------

    def processes(self) -> set[int]:
        """Everything that was started from here and still runs."""
        return state.group_members(self.lab.names, leftovers.PART)

    def close(self) -> None:
        """End this server, and no other; nothing of it may remain."""
        with suppress(LabError):
            self._ask("kill-server")
        try:
            wait_until(lambda: not self.processes(), "the terminal has ended")
        except LabError:
            left = sorted(_name(pid) for pid in self.processes())
            state.kill_group(self.lab.names, leftovers.PART)
            raise LabError(f"left behind by the terminal: {left}") from None


def _name(pid: int) -> str:
    try:
        return f"{pid} {Path(f'/proc/{pid}/comm').read_text().strip()}"
    except OSError:
        return f"{pid} (ended)"


@contextmanager
def terminal(
    lab: Lab, size: tuple[int, int] = (120, 40), **extra: str
) -> Iterator[Terminal]:
    """A terminal that is closed again, in an empty folder of its own."""
    folder = lab.names.folder / "desk"
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    opened = Terminal(lab, size, extra, folder)
    try:
        yield opened
    finally:
        opened.close()
