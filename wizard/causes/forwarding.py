"""Packets that this host does not let through: networks apart, policies, the kernel."""

from __future__ import annotations

from netwiz.wizard.causes.model import Cause, FixPlan

GROUP = "Forwarding"
LET_THROUGH = FixPlan(
    "Let this traffic through before the policy decides. It holds until the rules are "
    "written anew: put it where your firewall's rules are kept.",
    ("{let_through}",),
    when="let_through",
    lasting=False,
)
RESTART = FixPlan(
    "Let the engine write its rules again: it does so when it starts. If another "
    "firewall flushes them, start that one before Docker.",
    ("{restart_engine}",),
    interrupts="{restart_stops}",
)
JOIN = FixPlan(
    "Put {client} on the network of {server} as well.",
    ("{join_command}",),
    when="join_command",
    snippet=(
        "services:\n  {client}:\n    networks: [{client_network}, {server_network}]\n"
        "networks:\n  {server_network}:\n    external: true"
    ),
)
PUBLISH = FixPlan("Or publish the port of {server}, and dial the address of this host.")

CAUSES: tuple[Cause, ...] = (
    Cause(
        id="icc-false",
        group=GROUP,
        title="the network {server_network} keeps its containers apart (icc is off)",
        explanation=(
            "{server_network} was made with enable_icc=false: the engine's rule "
            "`{rule}` drops whatever one container on it sends to another. Names are "
            "still answered, and the way out is open. {behind}"
        ),
        decisive=(
            "a DROP between a bridge and itself counted the probe, and the network has "
            "the option com.docker.network.bridge.enable_icc=false"
        ),
        fixes=(
            FixPlan(
                "Make {server_network} anew without that option; the containers keep "
                "their addresses.",
                ("{recreate}",),
                when="recreate",
                interrupts="every connection of the containers on {server_network}",
                snippet=(
                    "networks:\n  {server_network}:\n    driver_opts:\n"
                    '      com.docker.network.bridge.enable_icc: "true"'
                ),
            ),
            FixPlan(
                "Make the network without that option: with Compose, take it out of "
                "driver_opts, then docker compose down and up again. The default "
                'bridge gets it from "icc" in /etc/docker/daemon.json.',
                when="icc_by_hand",
                interrupts="every connection of the containers on {server_network}",
                snippet=(
                    "networks:\n  {server_network}:\n    driver_opts:\n"
                    '      com.docker.network.bridge.enable_icc: "true"'
                ),
            ),
        ),
        look_alikes=(("docker-user-drop", "there the rule is somebody's own"),),
    ),
    Cause(
        id="cross-bridge-isolation",
        group=GROUP,
        title="{client} and {server} are on networks that the engine keeps apart",
        explanation=(
            "{client} is on {client_network}, {server} on {server_network}. The engine "
            "lets no packet pass from one of its bridges to another: `{rule}` "
            "({rule_where}). {behind}"
        ),
        decisive=(
            "the two have no network in common by this address, and a rule of the "
            "engine's isolation chains counted the probe"
        ),
        fixes=(JOIN, PUBLISH),
        look_alikes=(
            ("docker-user-drop", "there the rule is somebody's own"),
            ("internal-network-no-egress", "there a network is internal"),
        ),
        references=(
            "https://docs.docker.com/engine/network/packet-filtering-firewalls",
        ),
    ),
    Cause(
        id="internal-network-no-egress",
        group=GROUP,
        title="an internal network does not let {client} out",
        explanation=(
            "{client} dials {address} by way of {client_network}. The engine shuts in "
            "whoever is on an internal network: {shut_in}."
        ),
        decisive=(
            "a network on the way is internal, and the engine's rule for it counted "
            "the probe, or the client has no default route because of it"
        ),
        fixes=(
            FixPlan(
                "Put {client} on the network of {server} as well. Unless that is "
                "internal too, {client} gets a way out by it.",
                ("{join_command}",),
                when="join_command",
                snippet=JOIN.snippet,
            ),
            FixPlan(
                "Put {client} on a network that is not internal as well.",
                ("docker network connect bridge {client!q}",),
                when="way_out",
                snippet=(
                    "services:\n  {client}:\n    networks: [{client_network}, default]"
                ),
            ),
            FixPlan(
                "If it is not meant to be shut in, make the network without internal.",
                interrupts="every container on it",
            ),
        ),
        look_alikes=(("cross-bridge-isolation", "there no network is internal"),),
    ),
    Cause(
        id="forward-policy-drop-no-accept",
        group=GROUP,
        title="this host forwards nothing for {client}: no rule accepts it",
        explanation=(
            "The packet met no rule that accepts it, and the {rule} took it "
            "({rule_where}). The rules by which the engine lets its networks through "
            "are gone, or never were for this one. {behind}"
        ),
        decisive="the counter of the forward chain's DROP policy rises by the probe",
        fixes=(LET_THROUGH, RESTART),
        look_alikes=(("docker-user-drop", "there a rule takes the packet"),),
        references=("https://github.com/moby/moby/issues/14073",),
    ),
    Cause(
        id="docker-forward-drop-breaks-others",
        group=GROUP,
        title="the engine's DROP policy stops what {client} sends through this host",
        explanation=(
            "No network of the engine is involved. But the engine sets the policy of "
            "the FORWARD chain to DROP when it starts, and the {rule} took the packet "
            "({rule_where}): machines behind bridges and tunnels of others lose their "
            "way through this host."
        ),
        decisive=(
            "the forward policy counted the probe, and neither device of its way is a "
            "bridge of the engine"
        ),
        fixes=(LET_THROUGH,),
        look_alikes=(
            ("forward-policy-drop-no-accept", "there it is a network of the engine"),
        ),
        references=("https://github.com/moby/moby/issues/39439",),
    ),
    Cause(
        id="firewalld-reload-lost-rules",
        group=GROUP,
        title="firewalld was reloaded, and the engine's rules are gone",
        explanation=(
            "firewalld's own table is there and took the packet (`{rule}`, "
            "{rule_where}), but none of the engine's chains is. A reload of firewalld "
            "empties what others wrote; an engine that did not notice leaves it so."
        ),
        decisive=(
            "containers run, firewalld's table stands, no chain of the engine does, "
            "and a rule or policy took the probe"
        ),
        fixes=(
            FixPlan(
                "Let the engine write its rules again. With Podman: "
                "podman network reload --all.",
                ("{restart_engine}",),
                interrupts="{restart_stops}",
            ),
        ),
        look_alikes=(("forward-policy-drop-no-accept", "there is no firewalld"),),
        references=("https://github.com/containers/podman/issues/5431",),
        proof="recorded",
    ),
    Cause(
        id="reply-direction-dropped",
        group=GROUP,
        title="{server} answers, but its answer is dropped on the way back",
        explanation=(
            "The probe arrived and {server} accepted it; what it sent back was "
            "lost: {last_seen}. `{rule}` ({rule_where}) takes the answer."
        ),
        decisive=(
            "a SYN-ACK was born at the server and never came to the client, and a rule "
            "that fits it counted it"
        ),
        fixes=(
            FixPlan(
                "Remove the rule, or let answers pass before it. Whoever wrote it may "
                "write it again.",
                ("{remove_rule}",),
                when="remove_rule",
                lasting=False,
            ),
            LET_THROUGH,
        ),
        look_alikes=(
            ("docker-user-drop", "there the probe itself never arrives"),
            ("accept-backlog-full", "there no SYN-ACK is born"),
        ),
        references=("https://github.com/chaifeng/ufw-docker/issues/153",),
    ),
    Cause(
        id="rp-filter-asymmetric",
        group=GROUP,
        title="the reverse path filter of {rp_device} drops the packets",
        explanation=(
            "Packets from {rp_source} come in by {rp_device} of {rp_place}, but the "
            "way back to it leads {rp_back}. With rp_filter={rp_mode} the kernel takes "
            "that for forgery and drops them without a word."
        ),
        decisive=(
            "TcpExtIPReversePathFilter rises by the probe, the device's rp_filter is "
            "strict, and the route to the source leads by another device"
        ),
        fixes=(
            FixPlan(
                "Make the filter loose on that device. To keep it, put "
                "{rp_setting} = 2 into a file in /etc/sysctl.d.",
                ("sysctl -w {rp_setting!q}=2",),
                when="rp_on_host",
                lasting=False,
            ),
            FixPlan("Or mend the routes, so that packets leave by the way they come."),
        ),
        look_alikes=(
            ("container-wrong-gateway", "there no counter of the filter rises"),
            ("reply-direction-dropped", "there a rule counts the answer"),
        ),
        references=("Documentation/networking/ip-sysctl.rst, rp_filter",),
    ),
    Cause(
        id="container-wrong-gateway",
        group=GROUP,
        title="{server} answers by {left_device}, though it was asked by {came_device}",
        explanation=(
            "{server} is on several networks, and its default route leads by "
            "{left_device}. What comes in by {came_device} from elsewhere is answered "
            "by the other way, where the answer is lost."
        ),
        decisive=(
            "the probe came in by one device of the server, its answer left by another "
            "and never came to the client"
        ),
        fixes=(
            FixPlan(
                "Let the network by which it is asked give the default route: "
                "gw-priority (engine 28 and later), or connect the other network as an "
                "internal one. Before that, the name that sorts first wins.",
                snippet=(
                    "services:\n  {server}:\n    networks:\n      front:\n"
                    "        gw_priority: 1"
                ),
            ),
        ),
        look_alikes=(("rp-filter-asymmetric", "there the filter's counter rises"),),
        references=("https://github.com/moby/moby/issues/21741",),
        proof="recorded",
    ),
    Cause(
        id="conntrack-table-full",
        group=GROUP,
        title="this host tracks {tracked} connections, and no more fit in its table",
        explanation=(
            "Every connection through NAT or a bridge of the engine needs an entry in "
            "the kernel's table, which holds {tracked_max}. It is full: packets that "
            "would begin a new one are dropped."
        ),
        decisive=(
            "nf_conntrack_count has reached nf_conntrack_max, and the drop counter of "
            "connection tracking rises by the probe"
        ),
        fixes=(
            FixPlan(
                "Make the table larger; find out who fills it in "
                "/proc/net/nf_conntrack. To keep it, put net.netfilter."
                "nf_conntrack_max = {more_tracked} into a file in /etc/sysctl.d.",
                ("sysctl -w net.netfilter.nf_conntrack_max={more_tracked}",),
                lasting=False,
            ),
        ),
        look_alikes=(("accept-backlog-full", "there the SYN arrives at the server"),),
        references=("https://github.com/kubernetes/kubernetes/issues/71261",),
        proof="recorded",
    ),
    Cause(
        id="accept-backlog-full",
        group=GROUP,
        title="{server} does not accept: {queued} connections wait at {listeners}",
        explanation=(
            "{process} listens on {listeners}, but does not take what has come: "
            "{queued} connections wait, and its backlog is {backlog}. The kernel drops "
            "what comes on top of that, as if nobody were there."
        ),
        decisive=(
            "the SYN arrives, no SYN-ACK is born, and the listener's queue holds more "
            "than its backlog"
        ),
        fixes=(
            FixPlan(
                "Start {server} again; then find out why {process} stopped "
                "accepting: all workers busy or hung, or out of file descriptors. A "
                "larger backlog (listen(2), net.core.somaxconn) helps against bursts "
                "only.",
                ("docker restart {server!q}",),
                when="server_is_container",
                lasting=False,
                interrupts="{server} while it restarts",
            ),
            FixPlan("Find out why {process} does not accept, and start it again."),
        ),
        look_alikes=(
            ("docker-user-drop", "there the SYN never arrives"),
            ("reply-direction-dropped", "there a SYN-ACK is born"),
        ),
        references=("listen(2)",),
    ),
)
