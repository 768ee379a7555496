"""A scenario file is read strictly, and the files we have are sound."""

from pathlib import Path

import pytest

from tests.lab import loader, symptom
from tests.lab.loader import ScenarioError
from tests.lab.scenario import Container, Scenario
from tests.lab.stage import in_start_order, parse_ready

SMALL = """
title = "t"
[containers.pg]
[case]
from = "pg"
to = "pg:1"
[expect]
outcome = "healthy"
"""


def _load(tmp_path: Path, text: str) -> Scenario:
    path = tmp_path / "small.toml"
    path.write_text(text)
    return loader.load(path)


def test_a_small_scenario_has_defaults(tmp_path: Path) -> None:
    play = _load(tmp_path, SMALL)
    assert play.containers["pg"] == Container()
    assert play.case.symptom == "ok"
    assert play.healthy


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            SMALL + "[[fault]]\nexpext_fail = true",
            r"unknown key fault\[0\].expext_fail",
        ),
        (SMALL.replace('to = "pg:1"', ""), "missing key case.to"),
        (SMALL.replace('"healthy"', '"well"'), "expect.outcome: one of"),
        (SMALL + 'cause = "x"', "expect.cause belongs to the outcome fault"),
        (SMALL.replace("[case]", "memory = 8\n[case]"), "memory: str is wanted"),
        (SMALL + "[engine]\nproxy = false", "unknown key engine.proxy"),
        (SMALL + "[engine]\nicc = 0", "engine.icc: bool is wanted"),
        (SMALL.replace("[case]", 'networks = ["x"]\n[case]'), "no network x"),
        (SMALL + '[[setup]]\nrun = "x"\nrecreate = "pg"', "a step has one of"),
        (SMALL + '[[fault]]\nrun = "x"', "a healthy baseline has no fault"),
        (
            SMALL + '[[then]]\nsymptom = "ok"\nexpect.outcome = "healthy"',
            "only what was mended can be followed",
        ),
        ("title = ", "small.toml"),
    ],
)
def test_a_mistake_is_named_with_its_file(
    tmp_path: Path, text: str, complaint: str
) -> None:
    with pytest.raises(ScenarioError, match=complaint) as caught:
        _load(tmp_path, text)
    assert str(caught.value).startswith("small.toml: ")


@pytest.mark.parametrize("path", loader.all_paths(), ids=loader.identify)
def test_every_scenario_can_be_read(path: Path) -> None:
    play = loader.load(path)
    if play.twin:
        # A look-alike is asked about in the same words and shows the same.
        assert loader.load(loader.find(play.twin)).case == play.case


def test_options_of_the_engine_are_settings_or_flags(tmp_path: Path) -> None:
    said = "[engine]\nuserland_proxy = false\ndns = '192.0.2.1'\nargs = '--debug'"
    options = _load(tmp_path, SMALL + said).engine
    assert options.settings == {"userland-proxy": False, "dns": ("192.0.2.1",)}
    assert options.args == ("--debug",)
    assert _load(tmp_path, SMALL).engine.settings == {}


def test_the_engine_is_started_anew_as_seldom_as_can_be(tmp_path: Path) -> None:
    paths = []
    for name, said in (("a", "icc = false"), ("b", ""), ("c", "icc = false")):
        paths.append(tmp_path / f"{name}.toml")
        paths[-1].write_text(f"{SMALL}[engine]\n{said}")
    assert [p.stem for p in loader.by_engine(paths)] == ["b", "a", "c"]


def test_whoever_is_referred_to_starts_first() -> None:
    containers = {
        "rider": Container(network_mode="container:owner"),
        "owner": Container(env={"DB": "{{pg.ip}}"}),
        "pg": Container(),
    }
    assert in_start_order(containers) == ["pg", "owner", "rider"]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("127.0.0.1:3000", ("tcp", "127.0.0.1", 3000)),
        ("[::]:80", ("tcp", "::", 80)),
        ("udp://*:53", ("udp", "*", 53)),
    ],
)
def test_ready(text: str, parts: tuple[str, str, int]) -> None:
    assert parse_ready(text) == parts


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("pg:3000", symptom.Target("tcp", "pg", 3000)),
        ("[::1]:3000", symptom.Target("tcp", "::1", 3000)),
        ("udp://dns:53", symptom.Target("udp", "dns", 53)),
        ("https://web/x", symptom.Target("https", "web", 443)),
        ("dns://pg", symptom.Target("dns", "pg", 0)),
        ("pg", symptom.Target("dns", "pg", 0)),
    ],
)
def test_targets(text: str, target: symptom.Target) -> None:
    assert symptom.parse(text) == target
