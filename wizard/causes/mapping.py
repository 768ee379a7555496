"""A published port whose machinery is broken: DNAT, docker-proxy, bridges' switches."""

from __future__ import annotations

from netwiz.wizard.causes.model import Cause, FixPlan

GROUP = "Publishing ports"
ENGINE_RESTART = FixPlan(
    "Restart the engine: it writes its rules anew. Then look for what took them away (a"
    " firewall's own restart, `iptables -F`), for that will happen again.",
    ("{restart_engine}",),
    interrupts="{restart_stops}",
)

CAUSES = (
    Cause(
        id="nat-rules-lost-proxy-masks",
        group=GROUP,
        title="the rules that publish {server} are gone, and docker-proxy hides it",
        explanation=(
            "Port {port} of this host still answers, because docker-proxy takes what "
            "no rule takes. But the DNAT rule that should lead packets from outside to "
            "{server} is gone: {server} now sees every client as {proxy_source}, and "
            "what else stood in those tables (masquerading, other ports) may be gone "
            "as well."
        ),
        decisive=(
            "the engine writes rules (iptables is not off), the port is published, no "
            "DNAT rule takes a packet for it, and docker-proxy holds the port"
        ),
        fixes=(ENGINE_RESTART,),
        look_alikes=(
            ("docker-iptables-false", "there the engine was told to write no rules"),
            ("docker-rules-flushed", "the same loss, seen by what fails"),
        ),
    ),
    Cause(
        id="dockerd-dummy-listener",
        group=GROUP,
        title="port {port} is held by the engine itself, and no rule leads to {server}",
        explanation=(
            "The engine runs without its userland proxy. It keeps port {port} taken "
            "with a socket of its own, which never reads; DNAT rules are to lead "
            "packets past it into {server}. Those rules are gone, so connections are "
            "accepted and nobody answers."
        ),
        decisive=(
            "the listener's owner is dockerd, no DNAT rule takes a packet for the "
            "port, and the connection never reached the container"
        ),
        fixes=(ENGINE_RESTART,),
        look_alikes=(
            ("app-hung-not-accepting", "there the socket is the service's own"),
            ("container-paused", "there the connection reaches the container"),
        ),
    ),
    Cause(
        id="docker-proxy-dead",
        group=GROUP,
        title="{server} is published on port {port}, but nothing listens there",
        explanation=(
            "{mapping} is in effect, as the engine sees it, but the process to "
            "hold port {port} of this host (docker-proxy) is gone. What comes from "
            "outside goes by NAT rules and may still work; this host's loopback and "
            "containers of other networks are refused."
        ),
        decisive=(
            "the engine's Ports name the mapping, no socket of the host takes the "
            "port, and the refusal was born on the host"
        ),
        fixes=(
            FixPlan(
                "Restart {server}: the engine starts the proxy anew.",
                ("docker restart {server!q}",),
                interrupts="{server} while it restarts",
            ),
        ),
        look_alikes=(
            ("port-not-published", "there the engine has no mapping"),
            ("host-input-firewall-reject", "there a rule counts the packet"),
        ),
        references=("https://github.com/moby/moby/issues/13847",),
    ),
    Cause(
        id="userland-proxy-off-cross-net",
        group=GROUP,
        title="{client} cannot reach {server}'s published port from another network",
        explanation=(
            "The engine runs with userland-proxy off. {client} dials {spot}, an "
            "address of this host; without the proxy the packet is not taken by the "
            "host but sent on to {server}'s network, and the engine keeps networks "
            "apart. From outside and from {server}'s own network the port works."
        ),
        decisive=(
            "userland-proxy is off, the packet was rewritten to the container's "
            "address, and an isolation rule of the engine counted it"
        ),
        fixes=(
            FixPlan(
                "Put {client} on {server}'s network too, and dial it there as "
                "{server}:{inner_port}.",
                ("docker network connect {network!q} {client!q}",),
                snippet="networks:\n  - {network}",
            ),
            FixPlan(
                "Or let the engine use its proxy again: remove userland-proxy from "
                "/etc/docker/daemon.json (or set it to true) and restart the engine.",
                interrupts="{restart_stops}",
                snippet='{{"userland-proxy": true}}',
            ),
        ),
        look_alikes=(
            ("cross-bridge-isolation", "there the container's own address is dialled"),
            ("host-input-firewall-drop", "there a rule of the input counts it"),
        ),
        references=("https://github.com/moby/libnetwork/issues/1104",),
    ),
    Cause(
        id="hairpin-off-self",
        group=GROUP,
        title="{server} cannot reach itself through its published port",
        explanation=(
            "{client} dials {spot}, which is published for itself. Without the "
            "userland proxy its packet must leave the bridge by the very port that it "
            "came by ({bridge_port}), and hairpin mode is off there."
        ),
        decisive=(
            "the port of the bridge has hairpin off, and the rewritten probe never "
            "went out by it again"
        ),
        fixes=(
            FixPlan(
                "Switch hairpin mode on for that port.",
                ("bridge link set dev {bridge_port!q} hairpin on",),
                lasting=False,
            ),
            FixPlan(
                "Restarting {server} gives it a new port, with hairpin as the engine "
                "sets it; what switched it off may do so again.",
                ("docker restart {server!q}",),
                interrupts="{server} while it restarts",
            ),
        ),
        look_alikes=(("service-bound-loopback", "there the probe arrives"),),
        references=("https://github.com/moby/moby/issues/12165",),
    ),
    Cause(
        id="proxy-off-bridge-nf-off",
        group=GROUP,
        title="{server}'s answer comes to {client} from the wrong address",
        explanation=(
            "{client} and {server} share a network, and {client} dials {spot}. Without "
            "the userland proxy the packet is rewritten to {server}'s own address; the "
            "answer goes straight over the bridge and is not rewritten back, because "
            "{setting} is 0. {client} knows no connection to {inner_address} and "
            "resets it."
        ),
        decisive=(
            "the answer reached the client with the container's address as its source, "
            "and bridge-nf-call-iptables is 0"
        ),
        fixes=(
            FixPlan(
                "Let bridged packets go through the rules (lasting: the same line in "
                "/etc/sysctl.d/99-docker.conf).",
                ("sysctl -w net.bridge.bridge-nf-call-iptables=1",),
                lasting=False,
                snippet="net.bridge.bridge-nf-call-iptables = 1",
            ),
            FixPlan(
                "Or dial it on the common network: {server}:{inner_port}, which needs "
                "no rewriting."
            ),
        ),
        look_alikes=(
            ("reply-direction-dropped", "there the answer never reaches the client"),
        ),
        references=("https://github.com/moby/libnetwork/issues/1104",),
    ),
    Cause(
        id="route-localnet-off",
        group=GROUP,
        title="127.0.0.1 of this host may not be routed to {server}",
        explanation=(
            "Without the userland proxy, what dials {spot} is rewritten to {server}'s "
            "address. A packet that comes from 127.0.0.1 may leave by {bridge} only if "
            "{setting} is 1, and it is 0. This host's other addresses work."
        ),
        decisive=(
            "route_localnet is 0 for the bridge and for all, a DNAT rule takes the "
            "packet, and it is never seen at the bridge"
        ),
        fixes=(
            FixPlan(
                "Switch it on for that bridge (the engine does so when it starts; "
                "lasting: the same line in /etc/sysctl.d/99-docker.conf).",
                ("sysctl -w {setting!q}=1",),
                lasting=False,
                snippet="{setting} = 1",
            ),
            FixPlan("Or dial another address of this host."),
        ),
        look_alikes=(("docker-proxy-dead", "there the loopback refuses"),),
    ),
    Cause(
        id="stale-dnat-to-dead-ip",
        group=GROUP,
        title="a leftover rule leads port {port} to {dead_address}, which nobody has",
        explanation=(
            "The first rule that takes port {port} is `{rule}` ({rule_where}), "
            "which leads to {dead_address}, an old address; {server} has {present}. "
            "The right rule behind it is never asked."
        ),
        decisive=(
            "the first DNAT rule that takes the packet leads to an address that no "
            "container has"
        ),
        fixes=(
            FixPlan(
                "Remove the leftover rule; the engine's own one behind it is right. "
                "Where a file of saved rules has it (iptables-persistent, a script), "
                "take it out there as well, or it comes back with the next reboot.",
                ("{remove_rule}",),
                when="remove_rule",
                lasting=False,
            ),
            FixPlan(
                "Remove the rule by hand: no command is printed, because the names in "
                "it could not be quoted safely.",
                when="by_hand",
            ),
        ),
        look_alikes=(
            ("container-not-running", "there the container itself is down"),
            ("cross-bridge-isolation", "there the address is a living one"),
        ),
        references=("https://github.com/containers/netavark/issues/1121",),
    ),
)
