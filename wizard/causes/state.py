"""A container is not in the state that its clients count on."""

from __future__ import annotations

from netwiz.wizard.causes.model import Cause, FixPlan

GROUP = "Container state"

CAUSES = (
    Cause(
        id="container-not-running",
        group=GROUP,
        title="{server} is not running",
        explanation="{server} is {state}{since}. {exit_text}",
        decisive="the engine says the container has no process",
        fixes=(
            FixPlan("Start it.", ("docker start {server!q}",)),
            FixPlan(
                "If it ends again, its log says why.",
                ("docker logs --tail 50 {server!q}",),
            ),
        ),
        look_alikes=(
            ("container-restart-loop", "there the engine keeps starting it"),
            ("host-port-already-allocated", "there it could never start"),
        ),
    ),
    Cause(
        id="cap-net-bind-service",
        group=GROUP,
        title="{server} is not allowed to listen on port {low_port}",
        explanation=(
            "{server} ended with `{last_words}`. Its process has neither root's right "
            "to bind ports below 1024 (CAP_NET_BIND_SERVICE), nor is the limit lowered "
            "in its network namespace (net.ipv4.ip_unprivileged_port_start)."
        ),
        decisive=(
            "the container ended, and its last words say that binding a port was denied"
        ),
        fixes=(
            FixPlan(
                "Let the service listen on a port from 1024 up, and publish it as "
                "before: -p {low_port}:{high_port}.",
                snippet=(
                    'services:\n  {server}:\n    ports: ["{low_port}:{high_port}"]\n'
                ),
                interrupts="{server} while it is made anew",
            ),
            FixPlan(
                "Or lower the limit for this container alone.",
                snippet=(
                    "services:\n  {server}:\n    sysctls:\n      "
                    "net.ipv4.ip_unprivileged_port_start: {low_port}\n"
                ),
                interrupts="{server} while it is made anew",
            ),
        ),
        look_alikes=(
            ("container-not-running", "there its last words say something else"),
            ("host-port-already-allocated", "there the host's port is taken"),
        ),
        references=("capabilities(7)", "ip-sysctl, ip_unprivileged_port_start"),
    ),
    Cause(
        id="container-restart-loop",
        group=GROUP,
        title="{server} keeps ending and being restarted",
        explanation=(
            "The engine restarted {server} {restarts} times ({deaths} ends within ten "
            "minutes). Its last exit code was {exit_code}. Between two runs nobody "
            "listens. {last_words}"
        ),
        decisive="the restart count or the engine's die events rise",
        fixes=(
            FixPlan(
                "Mend what ends it; its log says what.",
                ("docker logs --tail 50 {server!q}",),
            ),
        ),
        look_alikes=(
            ("container-not-running", "there nobody starts it again"),
            ("startup-race", "there it started once and came up"),
        ),
    ),
    Cause(
        id="container-oom-killed",
        group=GROUP,
        title="{server} was killed for want of memory",
        explanation=(
            "The kernel killed {server}: it went over its memory limit (exit code "
            "{exit_code}, OOMKilled). {state_text}"
        ),
        decisive="State.OOMKilled is true",
        fixes=(
            FixPlan(
                "Give it more memory, twice its {memory} for a start, and start it. "
                "The limit stays until {server} is made anew: with Compose, write it "
                "into the file too.",
                (
                    "docker update --memory {more_memory} --memory-swap {more_both} "
                    "{server!q}",
                    "docker start {server!q}",
                ),
                when="more_memory",
                snippet=(
                    "services:\n  {server}:\n    mem_limit: {more_memory}\n"
                    "    memswap_limit: {more_both}"
                ),
            ),
            FixPlan(
                "It has no limit of its own: the host ran out of memory, or a limit "
                "that {server} sits below did. See what uses it up (docker stats), "
                "then start {server}.",
                ("docker start {server!q}",),
                when="unlimited",
            ),
        ),
        look_alikes=(
            (
                "container-not-running",
                "exit code 137 without OOMKilled is an ordinary kill",
            ),
        ),
    ),
    Cause(
        id="shared-netns-owner-restarted",
        group=GROUP,
        title="{rider} is left in a network namespace that {owner} no longer uses",
        explanation=(
            "{rider} was started in the network namespace of {owner}. {owner} has been "
            "restarted since and has a new one; {rider} still lives in the old one, "
            "which is connected to nothing."
        ),
        decisive=(
            "the two network namespaces have different inodes, though one container "
            "was told to use the other's"
        ),
        fixes=(
            FixPlan(
                "Restart {rider}: it then joins the namespace that {owner} has now.",
                ("docker restart {rider!q}",),
                interrupts="{rider} while it restarts",
            ),
        ),
        look_alikes=(
            ("service-not-listening", "there the namespaces are the same"),
            ("embedded-dns-nat-flushed", "there the container has its interfaces"),
        ),
        references=("https://github.com/docker/compose/issues/6626",),
    ),
)
