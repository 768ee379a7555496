"""The client's own end: no network, no source, no IPv6; and what only ping meets."""

from __future__ import annotations

from netwiz.wizard.causes.model import Cause, FixPlan

GROUP = "The client's own end"
FALSE = "False symptoms"

CAUSES = (
    Cause(
        id="network-none",
        group=GROUP,
        title="{client} was made without a network",
        explanation=(
            "{client} runs with network mode none: it has no device but its own "
            "loopback, so every address but its own is unreachable at once."
        ),
        decisive=(
            "the container's NetworkMode is none, and its namespace has no device but "
            "the loopback"
        ),
        fixes=(
            FixPlan(
                "Take it off none and put it on the network of what it needs.",
                (
                    "docker network disconnect none {client!q}\n"
                    "docker network connect {better_network!q} {client!q}",
                ),
                when="better_network",
                snippet="services:\n  {client}:\n    # not network_mode: none\n"
                "    networks: [{better_network}]",
            ),
            FixPlan(
                "If no container serves {target}: make {client} anew on a network "
                "that leads there, without network_mode: none."
            ),
        ),
        look_alikes=(
            ("container-disconnected", "there it had a network, and lost it"),
            ("shared-netns-owner-restarted", "there it is in another's old namespace"),
        ),
        references=("https://docs.docker.com/network/drivers/none/",),
    ),
    Cause(
        id="container-disconnected",
        group=GROUP,
        title="{client} is on no network any more",
        explanation=(
            "{client} runs, but the engine has it on no network: it was taken off, or "
            "its network was removed and made anew. It has no device but its own "
            "loopback, and the name server 127.0.0.11 that it still asks is silent."
        ),
        decisive=(
            "the engine lists no network for the running container, whose mode is not "
            "none, and its namespace has no device but the loopback"
        ),
        fixes=(
            FixPlan(
                "Put it on the network of what it needs.",
                ("docker network connect {better_network!q} {client!q}",),
                when="better_network",
                lasting=False,
                snippet="services:\n  {client}:\n    networks: [{better_network}]",
            ),
            FixPlan(
                "With Compose: docker compose up -d --force-recreate makes the "
                "container anew on the networks that its file names.",
                interrupts="{client} while it is recreated",
            ),
        ),
        look_alikes=(
            ("network-none", "there it was made so"),
            ("link-down", "there the device is there, but switched off"),
        ),
    ),
    Cause(
        id="ephemeral-ports-exhausted",
        group=GROUP,
        title="{client} has used up its local ports towards {address} port {port}",
        explanation=(
            "Each connection to one address and port needs a local port of its own. "
            "{ports_used} of the {ports_size} in {client}'s range {ports_range} are "
            "taken, {ports_waiting} of them by connections that were closed within "
            "the last minute (TIME-WAIT). Nothing is sent; connect() fails at once "
            "with EADDRNOTAVAIL."
        ),
        decisive=(
            "connect() to an IPv4 address fails with EADDRNOTAVAIL, and the sockets "
            "of the namespace towards that address and port fill its "
            "ip_local_port_range"
        ),
        fixes=(
            FixPlan(
                "Let {client} keep its connections and use them again (keep-alive, a "
                "pool): one connection per request is what uses them up. Meanwhile, "
                "more ports:",
                ("{widen}",),
                when="widen",
                lasting=False,
                snippet="services:\n  {client}:\n    sysctls:\n"
                '      net.ipv4.ip_local_port_range: "10240 65535"',
            ),
            FixPlan(
                "Let waiting ports be used again for new connections.",
                ("{reuse}",),
                when="reuse",
                lasting=False,
            ),
            FixPlan(
                "Keep connections open and use them again (keep-alive, a pool), or "
                "spread them over several addresses of the server."
            ),
        ),
        look_alikes=(
            ("ipv6-disabled-eaddrnotavail", "the same errno; there for IPv6 only"),
        ),
        references=("ip(7), ip_local_port_range",),
    ),
    Cause(
        id="ipv6-disabled-eaddrnotavail",
        group=GROUP,
        title="{client} dials an IPv6 address, but has no IPv6",
        explanation=(
            "{address} is an IPv6 address, and {home} has none to send from: Docker "
            "switches IPv6 off in containers whose networks have no IPv6 subnet. "
            "connect() fails at once with EADDRNOTAVAIL, which looks like a lack of "
            "ports."
        ),
        decisive=(
            "EADDRNOTAVAIL for an IPv6 address, while IPv6 is switched off in the "
            "namespace or it has no IPv6 address"
        ),
        fixes=(
            FixPlan(
                "Dial an IPv4 address, or a name that has one (an A record); let the "
                "application prefer IPv4."
            ),
            FixPlan(
                "Or give {client} a network with IPv6.",
                snippet="networks:\n  default:\n    enable_ipv6: true\n    ipam:\n"
                "      config:\n        - subnet: fd00:1::/64",
                interrupts="everything on that network while it is made anew",
            ),
        ),
        look_alikes=(
            ("ephemeral-ports-exhausted", "the same errno; there the ports are full"),
        ),
        references=("https://docs.docker.com/config/daemon/ipv6/",),
    ),
    Cause(
        id="cap-net-raw-dropped",
        group=FALSE,
        title="only ping fails: {client} lacks the right CAP_NET_RAW",
        explanation=(
            "ping opens a raw socket, for which it needs CAP_NET_RAW: it is "
            "{cap_state}. The network is not at fault, and TCP and UDP need no such "
            "right (a TCP connection: {tcp_state})."
        ),
        decisive=(
            "the line is ping's and says that it was denied, and the effective "
            "capabilities of the container's first process lack CAP_NET_RAW"
        ),
        fixes=(
            FixPlan(
                "Nothing has to be mended for the service. Test with TCP instead of "
                "ping: nc -zv <host> <port>, or netwiz."
            ),
            FixPlan(
                "If ping has to work: let the container's group ping without that "
                "right, or give it back the right.",
                snippet="services:\n  {client}:\n    sysctls:\n"
                '      net.ipv4.ping_group_range: "0 2147483647"\n'
                "    # or\n    cap_add: [NET_RAW]",
                interrupts="{client} while it is recreated",
            ),
        ),
        look_alikes=(("icmp-filtered", "there ping may send, and no answer comes"),),
        references=("capabilities(7)", "icmp(7), ping_group_range"),
    ),
    Cause(
        id="icmp-filtered",
        group=FALSE,
        title="only ping fails: {address} answers TCP, but no echo request",
        explanation=(
            "{echo}, while the service is there: {client} {worked}. A firewall or the "
            "far host drops ICMP echo, as many do. That says nothing about the "
            "service."
        ),
        decisive=(
            "the line is ping's, echo requests from the same namespace get no answer, "
            "and a TCP connection to the same address stands"
        ),
        fixes=(
            FixPlan(
                "Nothing has to be mended for the service. Test with TCP instead of "
                "ping: nc -zv {host} {port}, or netwiz."
            ),
            FixPlan(
                "If ping has to work: allow ICMP echo in the firewall on the way. Keep "
                "other ICMP messages allowed in any case: path MTU discovery needs "
                "them."
            ),
        ),
        look_alikes=(("cap-net-raw-dropped", "there ping is denied before it sends"),),
        references=("RFC 792", "RFC 4890"),
    ),
    Cause(
        id="aaaa-preferred-unreachable",
        group=GROUP,
        title="{host} has an IPv6 address, which {client} tries first and in vain",
        explanation=(
            "{host} has addresses of both families. {client} has an IPv6 address of "
            "its own, so it tries {address} first, and that is lost. {why_lost}. An "
            "application that does not try both at once waits or gives up, though "
            "{working} answers."
        ),
        decisive=(
            "every IPv6 address of the name is lost, every IPv4 address of it works, "
            "and IPv6 comes first by the client's own order (RFC 6724)"
        ),
        fixes=(
            FixPlan(
                "Do without IPv6 in {client}, until it leads somewhere.",
                ("{mend}",),
                when="mend",
                lasting=False,
                snippet="services:\n  {client}:\n    sysctls:\n"
                "      net.ipv6.conf.all.disable_ipv6: 1",
            ),
            FixPlan(
                "Or make IPv6 work: a prefix that is routed to this host, or NAT for "
                "IPv6 (ip6tables: true in /etc/docker/daemon.json).",
                interrupts="running containers while the engine restarts",
            ),
        ),
        look_alikes=(
            ("one-dead-replica", "there the addresses are those of several servers"),
            ("ipv6-disabled-eaddrnotavail", "there the client has no IPv6 at all"),
        ),
        references=("RFC 6724", "RFC 4193"),
    ),
)
