"""The shape of the tree: rooms, links, declared packages, small files."""

import ast
import statistics
from pathlib import Path

import pytest

from tests.project import DATA_SUFFIXES, ROOMS, ROOT, package_files, pyproject

LONGEST_MODULE = 400
MEDIAN_MODULE = 150


def length(path: Path) -> int:
    return len(path.read_text().splitlines())


def product_modules() -> list[Path]:
    return [path for path in package_files().values() if path.suffix == ".py"]


def test_setuptools_is_told_of_every_package() -> None:
    folders = {Path(name).parent for name in package_files()}
    on_disk = {folder.as_posix().replace("/", ".") for folder in folders}
    assert set(pyproject()["tool"]["setuptools"]["packages"]) == on_disk


def test_every_folder_with_files_is_a_package() -> None:
    files = package_files()
    folders = {Path(name).parent for name in files}
    assert [f for f in sorted(folders) if f"{f}/__init__.py" not in files] == []


def test_every_kind_of_file_is_package_data() -> None:
    known = DATA_SUFFIXES | {".py"}
    strange = [
        name
        for name in package_files()
        if Path(name).suffix not in known and not name.endswith("/py.typed")
    ]
    assert strange == []
    patterns = set(pyproject()["tool"]["setuptools"]["package-data"]["*"])
    assert patterns == {f"*{suffix}" for suffix in DATA_SUFFIXES} | {"py.typed"}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_has_its_link(room: str) -> None:
    link = ROOT / "src/netwiz" / room
    assert link.is_symlink()
    assert str(link.readlink()) == f"../../{room}"
    assert link.resolve() == ROOT / room


@pytest.mark.parametrize("room", ["src/netwiz", *ROOMS])
def test_a_room_says_that_it_is_typed(room: str) -> None:
    assert (ROOT / room / "py.typed").is_file()


def test_every_module_says_what_it_is() -> None:
    modules = product_modules()
    silent = [
        str(path.relative_to(ROOT))
        for path in modules
        if not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


def test_no_module_is_long() -> None:
    modules = [*product_modules(), *(ROOT / "tests").rglob("*.py")]
    lengths = {str(path.relative_to(ROOT)): length(path) for path in modules}
    assert {name: n for name, n in lengths.items() if n > LONGEST_MODULE} == {}


def test_most_modules_are_short() -> None:
    assert statistics.median(map(length, product_modules())) <= MEDIAN_MODULE
