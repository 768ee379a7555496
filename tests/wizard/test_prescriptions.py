"""Prescriptions are told whole: what they stop, if they last, how Compose says it."""

from __future__ import annotations

import re

import pytest

from netwiz.wizard.causes import CAUSES, Cause
from netwiz.wizard.causes.model import FixPlan
from netwiz.wizard.trees.words import sysctl_key

PLANS = [
    pytest.param(cause, plan, id=f"{cause.id}-{number}")
    for cause in CAUSES.values()
    for number, plan in enumerate(cause.fixes)
]
RESTARTS = re.compile(
    r"docker (restart|stop|rm|kill)\b|docker network (rm|disconnect (?!none\b))|"
    r"docker service update\b|systemctl (restart|reload|stop)\b|\{restart_engine\}|"
    r"\{anew\}|\{recreate\}"
)
PASSING = re.compile(
    r"\b(sysctl -w|iptables -[ADIt]|ip6tables|nft|ip (addr|link|route|rule)|tc|"
    r"ethtool|bridge (link|fdb)|prlimit|modprobe)\b|"
    r"\{(remove_rule|let_through|add_route|remove_route|add_rule|masquerade|"
    r"remove_queue|unban|raise_ttl|remove_command|add_default)\}"
)
"""What the kernel forgets at its next start, or whoever wrote it writes again."""
LOOKING = re.compile(r"(docker logs|iptables-save|iptables -t \w+ -S)\b")
MADE_OTHERWISE = re.compile(r"docker (network|run|update|service) (?!rm\b|scale\b)")
"""What Compose undoes at its next `up`, unless its file says so too."""
FLUSH = re.compile(r"(ip6?tables|nft|ebtables)\b[^|;&]* (-F|--flush|flush)\b")


def _commands(plan: FixPlan) -> str:
    return "\n".join(x for x in plan.commands if not LOOKING.match(x))


@pytest.mark.parametrize(("cause", "plan"), PLANS)
def test_what_a_restart_stops_is_said(cause: Cause, plan: FixPlan) -> None:
    if RESTARTS.search(_commands(plan)) or plan.text.startswith("Recreate "):
        assert plan.interrupts, f"{cause.id}: {plan.text}"


@pytest.mark.parametrize(("cause", "plan"), PLANS)
def test_what_does_not_last_is_said(cause: Cause, plan: FixPlan) -> None:
    if PASSING.search(_commands(plan)):
        assert not plan.lasting, f"{cause.id}: {plan.commands}"


@pytest.mark.parametrize(("cause", "plan"), PLANS)
def test_a_kernel_setting_says_where_it_is_kept(cause: Cause, plan: FixPlan) -> None:
    if "sysctl -w" in _commands(plan):
        assert "sysctl.d" in plan.text + plan.snippet, f"{cause.id}: {plan.text}"


@pytest.mark.parametrize(("cause", "plan"), PLANS)
def test_rules_are_never_flushed(cause: Cause, plan: FixPlan) -> None:
    assert not FLUSH.search("\n".join(plan.commands)), cause.id


@pytest.mark.parametrize(("cause", "plan"), PLANS)
def test_compose_gets_its_stanza_beside_the_command(
    cause: Cause, plan: FixPlan
) -> None:
    if MADE_OTHERWISE.search(_commands(plan)):
        assert plan.snippet, f"{cause.id}: {plan.commands}"


@pytest.mark.parametrize(("cause", "plan"), PLANS)
def test_a_stanza_is_indented_as_yaml_is(cause: Cause, plan: FixPlan) -> None:
    """Deeper only below a key or a list's dash, never with tabs."""
    if not re.match(r"(services|networks):$", plan.snippet.partition("\n")[0]):
        return
    depths = [0]
    before = ":"
    for line in plan.snippet.rstrip().splitlines():
        bare = line.lstrip(" ")
        if not bare or bare.startswith("#"):
            continue
        depth = len(line) - len(bare)
        assert not bare.startswith("\t"), f"{cause.id}: {line!r}"
        if depth > depths[-1]:
            assert before.endswith(":") or before.startswith("- "), line
            depths.append(depth)
        while depth < depths[-1]:
            depths.pop()
        assert depth == depths[-1], f"{cause.id}: {line!r}"
        assert re.match(r"(- )?[^\s:]+:( |$)|- |ADDRESS", bare), f"{cause.id}: {line!r}"
        before = bare.partition("  #")[0].rstrip()


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("net.ipv4.ip_forward", "net.ipv4.ip_forward"),
        ("net.ipv4.conf.eth0.forwarding", "net.ipv4.conf.eth0.forwarding"),
        ("net.ipv4.conf.eth0.100.forwarding", "net.ipv4.conf.eth0/100.forwarding"),
        ("net.ipv4.conf.a.b.c.rp_filter", "net.ipv4.conf.a/b/c.rp_filter"),
        ("net.ipv6.conf.all.forwarding", "net.ipv6.conf.all.forwarding"),
    ],
)
def test_a_dot_in_a_devices_name_is_a_slash_to_sysctl(name: str, taken: str) -> None:
    assert sysctl_key(name) == taken
