"""Two thousand listeners in the server and on the host: in time, and in few words."""

from __future__ import annotations

import pytest

from tests.lab.engine import Lab
from tests.lab.judge import Verdict
from tests.robust.crowd import diagnose, listen_much, raise_pair

pytestmark = pytest.mark.lab


def crowded(lab: Lab, address: str) -> None:
    """order and pg, with two thousand listeners beside the one that is wanted."""
    raise_pair(lab, address)
    listen_much(lab, "pg", "0.0.0.0", 10_000)
    listen_much(lab, "host", "0.0.0.0", 20_000)


def decided(verdict: Verdict, cause: str) -> str:
    """The decisive evidence, once the cause is right."""
    assert verdict.cause.get("id") == cause, str(verdict)
    return "\n".join(verdict.cause["evidence"])


def test_a_healthy_service_among_thousands(lab: Lab) -> None:
    crowded(lab, "0.0.0.0")
    assert diagnose(lab).told["outcome"] == "healthy"


def test_one_on_loopback_among_thousands(lab: Lab) -> None:
    crowded(lab, "127.0.0.1")
    evidence = decided(diagnose(lab), "service-bound-loopback")
    assert "127.0.0.1:3000" in evidence


def test_none_among_thousands(lab: Lab) -> None:
    crowded(lab, "")
    assert "3000" in decided(diagnose(lab), "service-not-listening")


def test_a_port_that_nobody_has_published_among_thousands(lab: Lab) -> None:
    crowded(lab, "0.0.0.0")
    decided(diagnose(lab, "order", "172.28.0.1:3000"), "port-not-published")


def test_a_port_that_is_on_loopback_two_thousand_times(lab: Lab) -> None:
    raise_pair(lab, "")
    listen_much(lab, "pg", "127.9.%d.%d", 3000)
    listen_much(lab, "host", "127.9.%d.%d", 3000)
    decided(diagnose(lab), "service-bound-loopback")
    decided(diagnose(lab, "order", "172.28.0.1:3000"), "host-service-bound-loopback")
