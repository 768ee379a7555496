"""A packet filter answers in the service's name."""

from __future__ import annotations

from netwiz.wizard.causes.forwarding import LET_THROUGH
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
            ("host-input-firewall-drop", "there nothing comes back at all"),
            ("host-service-bound-loopback", "there no rule counts the packet"),
        ),
        references=("https://github.com/moby/moby/issues/32138",),
    ),
    Cause(
        id="container-own-iptables",
        group=GROUP,
        title="a packet filter inside {rule_container} stops the connection",
        explanation=(
            "{rule_container} has rules of its own in its network namespace, as VPN "
            "images and sidecars do. `{rule}` took or refused this connection. {behind}"
        ),
        decisive=(
            "the counter of a REJECT or DROP inside the client's or the server's own "
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
            LET_THROUGH,
            BY_HAND,
        ),
        look_alikes=(
            ("forward-reject-tcp-reset", "there the rule is the host's"),
            ("docker-user-drop", "there the rule is the host's, and nothing arrives"),
            ("service-not-listening", "there nothing listens"),
        ),
    ),
    Cause(
        id="forward-reject-icmp-prohibited",
        group=GROUP,
        title="a firewall rule on this host prohibits the way to {server}",
        explanation=(
            "{behind} The rule `{rule}` ({rule_where}) answers in its place with an "
            'ICMP error that says "prohibited"; the application sees "no route to '
            'host", though there is one. firewalld does so for devices in no zone.'
        ),
        decisive=(
            "an ICMP error of the very kind that a REJECT on this host's way through "
            "sends came back, and its counter rises by the probe"
        ),
        fixes=(
            REMOVE,
            FixPlan(
                "With firewalld, put the bridge into the zone that trusts it: "
                "firewall-cmd --permanent --zone=trusted --add-interface=DEVICE, then "
                "firewall-cmd --reload.",
            ),
        ),
        look_alikes=(
            ("docker-user-drop", "there nothing comes back at all"),
            ("host-input-firewall-reject", "there the packet is for the host itself"),
        ),
        references=("https://github.com/firewalld/firewalld/issues/844",),
    ),
    Cause(
        id="docker-user-drop",
        group=GROUP,
        title="a firewall rule on this host drops what {client} sends to {server}",
        explanation=(
            "{behind} The rule `{rule}` ({rule_where}) drops the packet without a "
            "word. What the host itself sends does not meet it, so the port looks open "
            "from there."
        ),
        decisive=(
            "the packet is lost on this host's way through, and the counter of a DROP "
            "rule that fits it rises by the probe"
        ),
        fixes=(REMOVE, BY_HAND),
        look_alikes=(
            ("icc-false", "there the rule is the engine's own"),
            ("forward-policy-drop-no-accept", "there no rule takes it, but the policy"),
            ("reply-direction-dropped", "there the packet arrives, the answer is lost"),
        ),
        references=(
            "https://docs.docker.com/engine/network/packet-filtering-firewalls",
        ),
    ),
    Cause(
        id="iptables-legacy-nft-mix",
        group=GROUP,
        title="rules of iptables-legacy drop it, beside those that iptables shows",
        explanation=(
            "{behind} Two packet filters are in use at once: the engine writes its "
            "rules by nf_tables, and `{rule}` ({rule_where}) stands in the legacy "
            "tables, which `iptables -L` does not show. A packet has to pass both."
        ),
        decisive=(
            "a rule or policy in the legacy tables counted the probe, while the "
            "engine's chains are in the other packet filter"
        ),
        fixes=(REMOVE, LET_THROUGH, BY_HAND),
        look_alikes=(("docker-user-drop", "there iptables itself shows the rule"),),
        references=("https://github.com/docker/libnetwork/issues/2331",),
    ),
    Cause(
        id="foreign-nft-drop",
        group=GROUP,
        title="a table of nftables drops it, which iptables does not show",
        explanation=(
            "{behind} `{rule}` ({rule_where}) takes the packet. It stands in a table "
            "of its own; an accept in another table, such as the engine's, does not "
            "undo it."
        ),
        decisive=(
            "a rule or policy of nftables outside the tables of iptables counted the "
            "probe, or is the only one that takes such a packet where it was lost"
        ),
        fixes=(REMOVE, LET_THROUGH, BY_HAND),
        look_alikes=(
            ("iptables-legacy-nft-mix", "there the rule is one of iptables-legacy"),
            ("docker-user-drop", "there iptables itself shows the rule"),
        ),
        references=("https://github.com/moby/moby/issues/46147",),
    ),
    Cause(
        id="host-input-firewall-drop",
        group=GROUP,
        title="the firewall of this host drops what {client} sends to the host itself",
        explanation=(
            "{behind} `{rule}` ({rule_where}) drops packets to the host's own "
            "addresses. What comes from outside for a published port is forwarded and "
            "does not meet it, which is why that may work."
        ),
        decisive=(
            "the packet came to an address of this host, and a DROP rule or policy on "
            "the input hook counted it"
        ),
        fixes=(
            LET_THROUGH,
            REMOVE,
            FixPlan(
                "With ufw: ufw allow in on {input_device} to any port {port} proto "
                "tcp. Or put both on one network of the engine, and dial the "
                "container.",
            ),
        ),
        look_alikes=(
            ("host-input-firewall-reject", "there an ICMP error comes back"),
            ("host-service-bound-loopback", "there the host itself refuses"),
            ("cross-bridge-isolation", "there the packet is for a container"),
        ),
        references=("https://github.com/moby/moby/issues/49288",),
    ),
    Cause(
        id="rate-limited",
        group=GROUP,
        title="a rule of this host drops what {client} sends beyond a limit",
        explanation=(
            "{behind} `{rule}` ({rule_where}) takes only what exceeds a rate or a "
            "number of connections: some attempts pass, others get no answer."
        ),
        decisive=(
            "a rule that asks for a rate or number counted each probe that failed and "
            "none that got through"
        ),
        fixes=(REMOVE, BY_HAND),
        look_alikes=(("docker-user-drop", "there every packet is dropped"),),
        references=("iptables-extensions(8), hashlimit, connlimit",),
    ),
    Cause(
        id="source-ip-banned",
        group=GROUP,
        title="{client}'s address is on a list that this host's firewall drops",
        explanation=(
            "{behind} `{rule}` ({rule_where}) takes whoever stands on a list, as "
            "fail2ban, CrowdSec and the like keep it. Others get through."
        ),
        decisive=(
            "a rule that asks for a set of source addresses, or of a banning program's "
            "chain, counted each probe"
        ),
        fixes=(
            FixPlan(
                "Take the address off the list. The program that keeps it (as in "
                "fail2ban-client unban ADDRESS) may put it there again: see why. "
                "Behind NAT many share one address.",
                ("{unban}",),
                when="unban",
                lasting=False,
            ),
            FixPlan(
                "Take the address off the list with the program that keeps it, as in "
                "fail2ban-client unban ADDRESS, and see what put it there.",
            ),
        ),
        look_alikes=(("docker-user-drop", "there the rule names no list"),),
        references=("https://github.com/fail2ban/fail2ban",),
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
