"""A lab test that did not run: said loudly by hand, a failure in CI."""

import shutil
from pathlib import Path

import pytest

from tests.project import ROOT, python

SAMPLE = """
import pytest

@pytest.mark.lab
def test_needs_the_lab():
    pytest.skip("not root")

@pytest.fixture
def engine():
    pytest.skip("no dockerd")

@pytest.mark.lab
def test_needs_the_engine(engine):
    pass

@pytest.mark.lab
@pytest.mark.xfail
def test_of_a_known_fault():
    assert False

def test_elsewhere():
    pytest.skip("of no concern to the lab")
"""


@pytest.mark.parametrize(
    ("ci", "outcome", "said"),
    [
        # What fails before the test's own body counts as an error.
        ("true", "1 failed, 1 skipped, 1 xfailed, 1 error", "CI=true, and a lab test"),
        ("", "3 skipped, 1 xfailed", "2 tests on a real Docker Engine were skipped"),
    ],
)
def test_a_skipped_lab(tmp_path: Path, ci: str, outcome: str, said: str) -> None:
    shutil.copy(ROOT / "tests/conftest.py", tmp_path)
    (tmp_path / "test_sample.py").write_text(SAMPLE)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = lab\n")
    done = python(
        *("-m", "pytest", "-p", "no:cacheprovider", str(tmp_path)),
        *("--rootdir", str(tmp_path)),
        env={"CI": ci},
    )
    assert outcome in done.stdout.splitlines()[-1]
    assert said in done.stdout
