"""What a committed file may not hold: a machine's paths, a host, unfinished notes."""

import re

import pytest

from tests.project import ROOT, tracked_files

LOCKS = ("requirements.lock", "requirements-run.lock")

# Written in pieces, so that this file passes its own test.
FORBIDDEN = {
    "a path of somebody's machine": "/work" + r"/|/home/\w|/Users/\w|/opt/(wheels|pypi)"
    # Not a container's /proc/<pid>/root/..., whether the pid is written or filled in.
    r"|(?<![\w}])/root/\w",
    "a package index": "py" + r"pi\.(org|python)|python" + r"hosted|/sim" + r"ple\b",
    "an unfinished note": r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b",
    "a merge that was left": "^(<<<<<<<|>>>>>>>) ",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_holds(what: str) -> None:
    pattern = re.compile(FORBIDDEN[what], re.MULTILINE)
    found = []
    for path in tracked_files():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        found += [
            f"{path.relative_to(ROOT)}: {match.group()!r}"
            for match in pattern.finditer(text)
        ]
    assert found == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_host(lock: str) -> None:
    assert "://" not in (ROOT / lock).read_text()


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_has_a_hash_for_each_pin(lock: str) -> None:
    entries = re.split(r"\n(?=\S)", (ROOT / lock).read_text().strip())
    pins = [entry for entry in entries if not entry.startswith(("#", " "))]
    assert len(pins) > 15
    assert [pin.split()[0] for pin in pins if "--hash=sha256:" not in pin] == []


def test_what_runs_is_what_was_tested() -> None:
    def pins(lock: str) -> set[str]:
        return set(
            re.findall(r"^[\w.-]+==\S+", (ROOT / lock).read_text(), re.MULTILINE)
        )

    assert pins("requirements-run.lock") < pins("requirements.lock")
