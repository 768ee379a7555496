"""A packet filter answers in the service's name."""

from __future__ import annotations

from netwiz.wizard.causes.model import Cause, FixPlan

GROUP = "Packet filter"
REMOVE = FixPlan(
    "Remove the rule, or put an exception before it. Whoever wrote it may write it "
    "again: look for it in your firewall's own configuration.",
    ("{remove_rule}",),
    when="remove_rule",
    lasting=False,
)
BY_HAND = FixPlan(
    "Remove the rule by hand, or put an exception before it: no command is printed, "
    "because the names in it could not be quoted safely.",
    when="by_hand",
)

CAUSES = (
    Cause(
        id="forward-reject-tcp-reset",
        group=GROUP,
        title="a firewall rule on this host answers for {server} with a reset",
        explanation=(
            "{behind} The rule `{rule}` ({rule_where}) answered in its name with a "
            "RST, which looks just like that of a closed port."
        ),
        decisive=(
            "the SYN never reaches the server's interface and the counter of a REJECT "
            "--reject-with tcp-reset rule rises by the probe"
        ),
        fixes=(REMOVE, BY_HAND),
        look_alikes=(
            ("service-not-listening", "identical packets; there nothing listens"),
            (
                "service-bound-loopback",
                "identical packets; there only 127.0.0.1 is open",
            ),
            ("forward-reject-port-unreachable", "there an ICMP error comes back"),
        ),
        references=("iptables-extensions(8), REJECT",),
    ),
    Cause(
        id="forward-reject-port-unreachable",
        group=GROUP,
        title="a firewall rule on this host refuses for {server} with an ICMP error",
        explanation=(
            "{behind} The rule `{rule}` ({rule_where}) sent ICMP port unreachable; the "
            "application sees the same ECONNREFUSED as from a closed port."
        ),
        decisive=(
            "ICMP port unreachable came back, the SYN never reached the server, and "
            "the counter of a REJECT rule rises by the probe"
        ),
        fixes=(REMOVE, BY_HAND),
        look_alikes=(
            ("service-not-listening", "there a RST comes from the server itself"),
            ("forward-reject-tcp-reset", "there a RST comes back"),
        ),
        references=("RFC 792", "iptables-extensions(8), REJECT"),
    ),
    Cause(
        id="host-input-firewall-reject",
        group=GROUP,
        title="a firewall rule refuses what {client} sends to this host",
        explanation=(
            "{behind} The rule `{rule}` ({rule_where}) refuses packets to the host "
            "itself. What comes from outside for a published port is forwarded and "
            "does not meet it."
        ),
        decisive="the counter of a REJECT rule on the input hook rises by the probe",
        fixes=(REMOVE, BY_HAND),
        look_alikes=(
            ("host-service-bound-loopback", "there no rule counts the packet"),
        ),
        references=("https://github.com/moby/moby/issues/32138",),
    ),
    Cause(
        id="container-own-iptables",
        group=GROUP,
        title="a packet filter inside {rule_container} refuses the connection",
        explanation=(
            "{rule_container} has rules of its own in its network namespace, as VPN "
            "images and sidecars do. `{rule}` refused this connection. {behind}"
        ),
        decisive=(
            "the counter of a REJECT rule inside the client's or the server's own "
            "namespace rises by the probe"
        ),
        fixes=(
            FixPlan(
                "Remove the rule, or let the program that wrote it allow this "
                "destination.",
                ("{remove_rule}",),
                when="remove_rule",
                lasting=False,
            ),
            BY_HAND,
        ),
        look_alikes=(
            ("forward-reject-tcp-reset", "there the rule is the host's"),
            ("service-not-listening", "there nothing listens"),
        ),
    ),
    Cause(
        id="embedded-dns-nat-flushed",
        group=GROUP,
        title="the way to the embedded name server is gone inside {client}",
        explanation=(
            "{client} asks 127.0.0.11, the engine's name server. The engine really "
            "listens on another port there and sets NAT rules inside the container "
            "that lead to it. Those rules are gone, so port 53 refuses."
        ),
        decisive=(
            "127.0.0.11 port 53 refuses, the engine's sockets on 127.0.0.11 are there, "
            "and the namespace's nat table has no rule that leads to them"
        ),
        fixes=(
            FixPlan(
                "Restart {client}: the engine writes the rules when a container "
                "starts. "
                "If something inside it flushes them, it must leave the nat table "
                "alone.",
                ("docker restart {client!q}",),
                interrupts="{client} while it restarts",
            ),
        ),
        look_alikes=(
            ("shared-netns-owner-restarted", "there the namespace has no interface"),
        ),
        references=("https://github.com/moby/moby/issues/35095",),
    ),
)
