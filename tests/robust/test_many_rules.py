"""Rule sets of five thousand rules: read in time, nobody blamed, the one found."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.lab.engine import Lab
from tests.robust.crowd import CASE, DECISIVE, PG, RULES, apply, diagnose, raise_pair

pytestmark = pytest.mark.lab


@pytest.fixture
def pair(lab: Lab) -> Lab:
    raise_pair(lab)
    return lab


def strangers(number: int) -> str:
    """An address that nobody here has, another for each number."""
    return f"198.18.{number // 250}.{number % 250 + 1}"


def by_iptables(lab: Lab, dropped: bool) -> None:
    """All in DOCKER-USER; every other one drops somebody else."""
    lines = ["*filter"]
    for number in range(1, RULES + 1):
        match = f"-s {strangers(number)}/32 -p tcp -m tcp --dport {1000 + number}"
        if dropped and number == DECISIVE:
            match = f"-d {PG}/32 -p tcp -m tcp --dport 3000"
        # At its place: the engine ends the chain with a RETURN.
        lines.append(f"-I DOCKER-USER {number} {match} -j DROP")
    apply(lab, ["iptables-restore", "--noflush"], "\n".join([*lines, "COMMIT", ""]))


def _foreign(dropped: bool, hook: str) -> str:
    lines = ["add table inet fw"]
    lines.append(f"add chain inet fw guard {{ type filter hook {hook} priority -10; }}")
    for number in range(1, RULES + 1):
        match = f"ip saddr {strangers(number)} tcp dport {1000 + number}"
        if dropped and number == DECISIVE:
            match = "tcp dport 3000"
        lines.append(f"add rule inet fw guard {match} counter drop")
    return "\n".join([*lines, ""])


def by_nft(lab: Lab, dropped: bool) -> None:
    """A table of nftables that iptables does not show."""
    apply(lab, ["nft", "-f", "-"], _foreign(dropped, "forward"))


def inside(lab: Lab, dropped: bool) -> None:
    """The same in the server's own namespace."""
    apply(lab, ["nft", "-f", "-"], _foreign(dropped, "input"), on="pg")


SETS = {
    "iptables": (by_iptables, "docker-user-drop", f"-d {PG}/32"),
    "nft": (by_nft, "foreign-nft-drop", "tcp dport 3000 counter drop"),
    "inside": (inside, "container-own-iptables", "tcp dport 3000 counter drop"),
}
Fill = Callable[[Lab, bool], None]


@pytest.mark.parametrize(("fill", "cause", "rule"), SETS.values(), ids=SETS)
def test_five_thousand_rules_for_others_blame_nobody(
    fill: Fill, cause: str, rule: str, pair: Lab
) -> None:
    fill(pair, False)
    assert diagnose(pair).told["outcome"] == "healthy", (cause, rule)
    named = diagnose(pair, *CASE, "--symptom", "timeout")
    assert named.told["outcome"] == "healthy"


@pytest.mark.parametrize(("fill", "cause", "rule"), SETS.values(), ids=SETS)
def test_the_one_that_drops_is_found_among_five_thousand(
    fill: Fill, cause: str, rule: str, pair: Lab
) -> None:
    fill(pair, True)
    verdict = diagnose(pair)
    assert verdict.cause.get("id") == cause, f"{verdict} {verdict.told['missing']}"
    evidence = "\n".join(verdict.cause["evidence"])
    assert rule in evidence
    assert "198.18." not in evidence


def test_a_closed_port_beside_five_thousand_rejects(lab: Lab) -> None:
    raise_pair(lab, "")
    for fill in (by_iptables, by_nft, inside):
        fill(lab, False)
    verdict = diagnose(lab)
    assert verdict.cause.get("id") == "service-not-listening", str(verdict)


def test_a_strangers_packet_is_led_over_five_thousand_rules(lab: Lab) -> None:
    raise_pair(lab, "0.0.0.0", "-p", "8080:3000")
    by_iptables(lab, False)
    by_nft(lab, False)
    whole = diagnose(lab, "outside", "10.99.0.1:8080")
    assert whole.told["cause"] is None
    by_iptables(lab, True)
    verdict = diagnose(lab, "outside", "10.99.0.1:8080")
    assert verdict.cause.get("id") == "docker-user-drop", str(verdict)
    assert f"-d {PG}/32" in "\n".join(verdict.cause["evidence"])


def test_five_thousand_suspects_without_a_counter_are_few_words(pair: Lab) -> None:
    lines = ["add table inet fw"]
    lines.append("add chain inet fw guard { type filter hook forward priority -10; }")
    lines += (
        f"add rule inet fw guard meta mark {number} tcp dport 3000 drop"
        for number in range(1, RULES + 1)
    )
    lines.append("add rule inet fw guard tcp dport 3000 ct mark 0 drop")
    apply(pair, ["nft", "-f", "-"], "\n".join([*lines, ""]))
    verdict = diagnose(pair)
    # Any of them may have been it: who cannot be told apart is not blamed.
    assert verdict.told["outcome"] == "undetermined", str(verdict)
    assert verdict.told["missing"]
