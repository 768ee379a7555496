"""What a log line leaves out of its target is taken from what netwiz has seen."""

import pytest

from netwiz.tui.screens.overview_words import fuller
from netwiz.wizard.suspects.suspect import Suspect


def suspect(target: str, symptom: str = "refused", container: str = "a") -> Suspect:
    return Suspect(container, "order", symptom, target)


SEEN = suspect("db:3000")


@pytest.mark.parametrize(
    ("said", "known", "target"),
    [
        ("db", [SEEN], "db:3000"),
        ("", [SEEN], "db:3000"),
        ("::1", [suspect("[::1]:3000")], "[::1]:3000"),
        # What the line tells itself counts.
        ("db:80", [SEEN], "db:80"),
        ("cache", [SEEN], "cache"),
        # Of another trouble, or of somebody else.
        ("db", [suspect("db:3000", "timeout")], "db"),
        ("db", [suspect("db:3000", container="b")], "db"),
        # It may be about any of these.
        ("", [SEEN, suspect("db:80")], ""),
        ("", [], ""),
    ],
)
def test_a_target_is_completed(said: str, known: list[Suspect], target: str) -> None:
    assert fuller(suspect(said), known) == suspect(target)
