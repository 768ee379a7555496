"""The JSON keeps its promise: the schema of docs, whatever the texts hold."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator

from netwiz.wizard.report import SCHEMA, to_json
from netwiz.wizard.verdict import Diagnosis, Mark, Step
from tests.wizard.report_samples import HEALTHY, REFUSED, UNDETERMINED, diagnoses

SCHEMA_FILE = Path(__file__).parents[2] / "docs/report.schema.json"
VALIDATOR = Draft202012Validator(json.loads(SCHEMA_FILE.read_text()))


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(VALIDATOR.schema)


@pytest.mark.parametrize("diagnosis", [REFUSED, UNDETERMINED, HEALTHY])
def test_samples_keep_to_the_schema(diagnosis: Diagnosis) -> None:
    VALIDATOR.validate(to_json(diagnosis))


@given(diagnoses())
def test_any_diagnosis_keeps_to_the_schema_and_survives_a_round_trip(
    diagnosis: Diagnosis,
) -> None:
    told = to_json(diagnosis)
    text = json.dumps(told, allow_nan=False)
    assert text.isascii()
    assert json.loads(text) == told
    VALIDATOR.validate(told)


def test_the_contract_of_the_command_line() -> None:
    told: dict[str, Any] = to_json(REFUSED)
    assert told["schema"] == SCHEMA == "netwiz.diagnosis/1"
    assert told["case"]["from"] == "outside"
    assert told["case"]["to"] == "10.99.0.1:8080"
    assert told["case"]["symptom"] == "refused"
    assert told["outcome"] == "fault"
    assert told["cause"]["id"] == "service-bound-loopback"
    assert told["cause"]["fix"][0] == {
        "text": "Let node listen on 0.0.0.0.",
        "commands": ["docker compose up -d pg"],
        "lasting": True,
        "interrupts": "pg while it restarts",
        "snippet": "environment:\n  HOST: 0.0.0.0",
    }
    assert told["also"][0]["id"] == "published-on-loopback-only"
    assert told["ruled_out"] == [
        {"id": "service-not-listening", "because": "127.0.0.1:3000 is open"}
    ]
    assert told["path"]["forward"][1] == {
        "where": "host",
        "namespace": "host",
        "device": "br-4f1d2c3b4a59",
        "seen": True,
        "packet": "SYN 10.99.0.2:41234 > 172.18.0.2:3000",
        "at_us": 24.0,
        "note": "DNAT",
    }
    assert told["path"]["forward"][3]["at_us"] is None
    assert told["path"]["return"][0]["packet"] == "RST 172.18.0.2:3000"
    assert told["elapsed_ms"] == 212.457


def test_a_step_speaks_for_its_first_look_and_the_time_of_all() -> None:
    told: Any = to_json(REFUSED)["steps"]
    assert told[2]["probe"] == "sockets"
    assert told[2]["vantage"] == "pg"
    assert told[2]["command"] == "nsenter -t 4121 -n ss -ltnp"
    assert told[2]["ms"] == 2.0
    assert [look["probe"] for look in told[2]["looks"]] == ["sockets", "names"]
    assert told[1]["mark"] == "skipped"
    assert told[1]["command"] == ""


def test_a_healthy_case_has_no_cause() -> None:
    assert to_json(HEALTHY)["cause"] is None


def test_a_figure_beyond_json_is_left_out() -> None:
    broken = dataclasses.replace(HEALTHY, elapsed_ms=float("nan"))
    assert to_json(broken)["elapsed_ms"] == 0.0


def test_a_very_long_text_is_cut_and_says_so() -> None:
    step = Step("n", "q" * 100_000, Mark.GOOD, "a")
    told: Any = to_json(dataclasses.replace(HEALTHY, steps=(step,)))["steps"]
    assert len(told[0]["question"]) == 2001
    assert told[0]["question"].endswith("…")
