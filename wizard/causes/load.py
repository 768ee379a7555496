"""Slow, or failing at times."""

from __future__ import annotations

from netwiz.wizard.causes.model import Cause, FixPlan

GROUP = "Slow and intermittent"

CAUSES: tuple[Cause, ...] = (
    Cause(
        id="packet-loss",
        group=GROUP,
        title="packets between {client} and {server} get lost: {loss_share}",
        explanation=(
            "Most connections to {spot} come about at once, others only after the SYN "
            "was sent again (after 1, 2, 3 s) or not at all: {spread}. What is lost is "
            "lost behind {loss_where}."
        ),
        decisive=(
            "of many probes to one address of one owner some are answered at once, "
            "others late by the kernel's own repetition or never, and watched ones end "
            "at one place"
        ),
        fixes=(
            FixPlan(
                "Remove the rule `{rule}` ({rule_where}): it takes packets at random.",
                ("{remove_rule}",),
                when="remove_rule",
                lasting=False,
            ),
            FixPlan(
                "Look behind {loss_where}: errors and drops of the device "
                "(ip -s link), cable and switch port, the hypervisor's queue, the next "
                "router.",
                when="beyond",
            ),
        ),
        look_alikes=(
            ("one-dead-replica", "there one of several addresses always fails"),
            ("duplicate-ip", "there two MAC addresses answer for one address"),
            ("accept-backlog-full", "there the kernel counts ListenDrops"),
            ("conntrack-snat-race", "there connection tracking counts insert_failed"),
        ),
        references=("RFC 6298", "ip-sysctl, tcp_syn_linear_timeouts"),
    ),
    Cause(
        id="bandwidth-saturated",
        group=GROUP,
        title="{queue} lets {rate} through, and that is used up",
        explanation=(
            "Connections to {spot} come about at once, yet an answer takes long "
            "({took}): {queue} sends no faster than {rate}, and what is more waits or "
            "is dropped there."
        ),
        decisive=(
            "a queueing discipline with a rate on the way held back or dropped packets "
            "while the answer took long"
        ),
        fixes=(
            FixPlan(
                "Take the limit away, or raise its rate. Whoever set it may set it "
                "again.",
                ("{remove_queue}",),
                lasting=False,
            ),
        ),
        look_alikes=(
            ("packet-loss", "there packets vanish without any queue"),
            ("container-cpu-starved", "there the server is kept from the processor"),
            ("mtu-blackhole-path", "there large packets never come through"),
        ),
        references=("tc-tbf(8)", "tc-htb(8)"),
    ),
    Cause(
        id="container-cpu-starved",
        group=GROUP,
        title="{throttle}: it may use {quota} processors",
        explanation=(
            "The network carries every packet at once; {server} answers late because "
            "the scheduler keeps it from running: {throttle}."
        ),
        decisive=(
            "nr_throttled of the server's cgroup rises while it is asked, for a good "
            "part of the periods"
        ),
        fixes=(
            FixPlan(
                "Give it more of the processor, or less to do.",
                ("docker update --cpus {more_cpus} {server!q}",),
                snippet="services:\n  {server}:\n    cpus: {more_cpus}\n",
            ),
        ),
        look_alikes=(
            ("bandwidth-saturated", "there a queue holds packets back"),
            ("packet-loss", "there SYNs are sent again"),
        ),
        references=("kernel documentation, scheduler/sched-bwc",),
    ),
    Cause(
        id="server-reverse-dns-slow",
        group=GROUP,
        title="{server} looks up who connects, at a name server that does not answer",
        explanation=(
            "{server} accepts at once and then asks {dead} for the client's name "
            "before it answers. {dead} does not reply, so every connection costs the "
            "resolver's patience ({took})."
        ),
        decisive=(
            "while the answer is awaited, a process of the server holds a question to "
            "port 53 open for about as long"
        ),
        fixes=(
            FixPlan(
                "Switch the look-up off in {process} (skip-name-resolve, UseDNS no, "
                "HostnameLookups Off), or give {server} a name server that answers "
                "(--dns).",
                snippet="services:\n  {server}:\n    dns: [ADDRESS]\n",
                interrupts="{server} while it is made anew",
            ),
        ),
        look_alikes=(
            ("container-cpu-starved", "there its cgroup is throttled"),
            ("dns-first-server-dead-slow", "there the client's own lookup is slow"),
        ),
        references=("resolv.conf(5), timeout",),
    ),
)
