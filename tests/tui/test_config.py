"""The configuration is used as it is meant, or refused in one line."""

from pathlib import Path

import pytest

from netwiz.tui import app
from netwiz.tui.config import BadConfigError, Config, config_path, read_config
from netwiz.tui.exits import Exit


def read(folder: Path, text: str | bytes) -> Config:
    path = folder / "netwiz" / "config.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_config({"XDG_CONFIG_HOME": str(folder)})


def test_without_a_file_all_is_as_usual(tmp_path: Path) -> None:
    assert read_config({"XDG_CONFIG_HOME": str(tmp_path)}) == Config()


def test_a_relative_folder_is_ignored() -> None:
    environ = {"XDG_CONFIG_HOME": "here", "HOME": "/nobody"}
    expected = Path("/nobody/.config/netwiz/config.toml")
    assert config_path(environ) == expected


def test_keys_and_theme(tmp_path: Path) -> None:
    text = """
        [keys]
        "overview.wizard" = ["W", "ctrl+w"]
        "overview.filter" = "?"
        "app.help" = "f1"
        [screen]
        theme = "textual-light"
    """
    found = read(tmp_path, text)
    assert found.theme == "textual-light"
    assert found.keys == {
        "overview.wizard": "W,ctrl+w",
        "overview.filter": "question_mark",
        "app.help": "f1",
    }


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[keys", "at end of document"),
        (b"\xff\xfe", "utf-8"),
        ("a = 1", "unknown table [a]"),
        ("keys = 1", "write [keys]"),
        ("[keys]\noverview.wizard = 'w'", "quote it"),
        ('[keys]\n"overview.fly" = "f"', "no action 'overview.fly'"),
        ('[keys]\n"overview.wizard" = 7', "a key or a list of keys"),
        ('[keys]\n"overview.wizard" = []', "a key or a list of keys"),
        ('[keys]\n"overview.wizard" = "hyper+w"', "'hyper+w' is no key"),
        ('[keys]\n"overview.wizard" = ""', "is no key"),
        ('[keys]\n"overview.wizard" = "y"', "'y' is wanted by"),
        ("[screen]\ntheme = 'sunrise'", "theme is one of"),
        ("[screen]\ntheme = ['a']", "theme is one of"),
        ("[screen]\nfont = 'big'", "no 'font'"),
        ('[keys]\n"\x1b[2J" = "w"', "Illegal character"),
        ("x = " + "[" * 5000, "config.toml"),
        (b"#" * (1 << 20) + b"\n", "larger than"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    tmp_path: Path, text: str | bytes, reason: str
) -> None:
    with pytest.raises(BadConfigError) as refused:
        read(tmp_path, text)
    message = str(refused.value)
    assert reason in message
    assert str(tmp_path / "netwiz" / "config.toml") in message
    assert "\n" not in message
    assert message.isprintable()


def test_a_bad_file_ends_the_run_before_the_screen_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "netwiz").mkdir()
    (tmp_path / "netwiz" / "config.toml").write_text("[kez]")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert app.run() == Exit.USAGE
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "unknown table [kez]" in said


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "netwiz" / "config.toml").mkdir(parents=True)
    with pytest.raises(BadConfigError, match="directory"):
        read_config({"XDG_CONFIG_HOME": str(tmp_path)})
