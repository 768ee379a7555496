"""The name and the fate of a report's file."""

from dataclasses import replace
from pathlib import Path

import pytest

from netwiz.tui.screens import wizard_export
from netwiz.tui.screens.wizard_export import ExportError, report_name, write_report
from netwiz.wizard.case import Client, ClientKind, Target
from tests.screens import samples, shop


@pytest.mark.parametrize(
    ("client", "target", "expected"),
    [
        ("order", Target("pg", 3000), "netwiz-order-pg-3000-20261121-0204"),
        ("order", Target("pg"), "netwiz-order-pg-20261121-0204"),
        ("host", Target("fd00::2", 80), "netwiz-host-fd00-2-80-20261121-0204"),
        ("../../etc/x", Target("..", 1), "netwiz-etc-x-..-1-20261121-0204"),
        ("$(reboot); `x`", Target("*", 1), "netwiz-reboot-x-1-20261121-0204"),
        ("注文", Target("注", 1), "netwiz-1-20261121-0204"),
    ],
)
def test_a_name_is_harmless_anywhere(
    client: str, target: Target, expected: str
) -> None:
    who = Client(ClientKind.CONTAINER, client)
    case = replace(samples.CASE, client=who, target=target)
    assert report_name(case, shop.NOON) == expected


def test_a_name_is_not_endless() -> None:
    case = replace(samples.CASE, target=Target("a" * 5000, 1))
    assert len(report_name(case, shop.NOON)) < 120


def test_a_file_that_is_there_is_kept(tmp_path: Path) -> None:
    taken = tmp_path / f"{report_name(samples.CASE, shop.NOON)}.md"
    taken.symlink_to(tmp_path / "elsewhere")
    written = write_report(tmp_path, samples.REFUSED, shop.NOON)
    assert written.name.endswith("-2.md")
    assert not (tmp_path / "elsewhere").exists()


def test_too_many_reports_of_one_minute_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wizard_export, "MAX_TRIES", 2)
    write_report(tmp_path, samples.REFUSED, shop.NOON)
    with pytest.raises(ExportError, match="there are"):
        write_report(tmp_path, samples.REFUSED, shop.NOON)


def test_a_folder_that_is_a_file_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ExportError, match="Not a directory"):
        write_report(file, samples.REFUSED, shop.NOON)
