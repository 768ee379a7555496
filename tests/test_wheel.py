"""What a user installs: the wheel, built through the sdist as a release is."""

import email
import re
import shutil
import sys
import zipfile
from pathlib import Path

import pytest

import netwiz
from tests.project import ROOT, package_files, python

# What is never part of a checkout, and what a stale build would smuggle in.
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".*_cache", "__pycache__", "build", "dist", "*.egg-info"
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    source = tmp_path_factory.mktemp("source") / "netwiz"
    # A copy, because a build writes beside its sources.
    shutil.copytree(ROOT, source, symlinks=True, ignore=LEFT_OUT)
    out = tmp_path_factory.mktemp("dist")
    done = python(
        *("-m", "build", "--no-isolation", "--outdir", str(out), str(source)),
        env={"PYTHONPATH": "", "PIP_NO_INDEX": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert {path.suffix for path in out.iterdir()} == {".gz", ".whl"}
    return zipfile.ZipFile(next(out.glob("*.whl")))


def metadata(wheel: zipfile.ZipFile, name: str) -> str:
    folder = f"netwiz-{netwiz.__version__}.dist-info"
    return wheel.read(f"{folder}/{name}").decode()


def test_the_wheel_holds_every_file_and_no_other(wheel: zipfile.ZipFile) -> None:
    names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert names == set(package_files())


def test_files_arrive_unchanged(wheel: zipfile.ZipFile) -> None:
    changed = [
        name
        for name, path in package_files().items()
        if wheel.read(name) != path.read_bytes()
    ]
    assert changed == []


def test_the_metadata_is_that_of_the_project(wheel: zipfile.ZipFile) -> None:
    fields = email.message_from_string(metadata(wheel, "METADATA"))
    assert fields["Version"] == netwiz.__version__
    assert fields["License-Expression"] == "MIT"
    assert fields["Requires-Python"] == ">=3.11"
    needed = {re.split(r"[<>=]", n)[0] for n in fields.get_all("Requires-Dist", [])}
    assert needed == {
        "textual",
        "docker",
        "pyroute2",
        "scapy",
        "dnspython",
        "pcapy-ng",
    }
    assert "netwiz = netwiz.tui.cli:main" in metadata(wheel, "entry_points.txt")
    assert "MIT License" in metadata(wheel, "licenses/LICENSE")


def test_the_unpacked_wheel_runs(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    wheel.extractall(tmp_path)
    where = {"PYTHONPATH": str(tmp_path)}
    done = python("-m", "netwiz", "--version", env=where)
    assert done.stdout == f"netwiz {netwiz.__version__}\n", done.stderr
    origin = python("-c", "import netwiz.probes as p; print(p.__file__)", env=where)
    assert Path(origin.stdout.strip()).is_relative_to(tmp_path)


def test_the_installed_command_says_the_same_version() -> None:
    done = python(str(Path(sys.executable).parent / "netwiz"), "--version")
    assert done.stdout == f"netwiz {netwiz.__version__}\n", done.stderr
