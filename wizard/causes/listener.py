"""The right container is asked, but nothing there answers at that address."""

from __future__ import annotations

from netwiz.wizard.causes.model import Cause, FixPlan

GROUP = "Listener"

CAUSES = (
    Cause(
        id="service-bound-loopback",
        group=GROUP,
        title="the service in {server} listens on {listeners} only",
        explanation=(
            "{server} accepts connections on {listeners}. Inside a container that "
            "address is the container itself, so nobody else can reach it."
        ),
        decisive="the only listener on the port is bound to a loopback address",
        fixes=(
            FixPlan(
                "Let {process} listen on 0.0.0.0 (or ::) port {inner_port}: often "
                "HOST=0.0.0.0, --host 0.0.0.0, bind 0.0.0.0 or "
                "listen_addresses='*'; then restart {server}.",
                interrupts="{server} while it restarts",
                snippet="environment:\n  HOST: 0.0.0.0",
            ),
        ),
        look_alikes=(
            ("service-not-listening", "there nothing at all listens on the port"),
            (
                "published-wrong-container-port",
                "identical on the wire; there the listener has another port",
            ),
            ("forward-reject-tcp-reset", "there the SYN never reaches the server"),
        ),
        references=("https://github.com/moby/moby/issues/10900",),
    ),
    Cause(
        id="service-not-listening",
        group=GROUP,
        title="nothing {within} listens on port {inner_port}",
        explanation=(
            "{server} is up{for_long}, but no socket listens on port {inner_port}. "
            "What listens there: {others}."
        ),
        decisive="the server's namespace has no listener on the port, on any address",
        fixes=(
            FixPlan(
                "See why the service did not open its port: its log, its PORT setting, "
                "its command.",
                ("docker logs --tail 50 {server!q}",),
                when="is_container",
            ),
            FixPlan(
                "Start the service on this host, or dial the port it really uses.",
                when="is_host",
            ),
        ),
        look_alikes=(
            ("service-bound-loopback", "there the port is open on 127.0.0.1"),
            ("startup-race", "there the port opens a moment later"),
            ("forward-reject-tcp-reset", "there the SYN never reaches the server"),
        ),
    ),
    Cause(
        id="listens-on-other-family",
        group=GROUP,
        title="{server} listens on {listeners} only: not on {family}",
        explanation=(
            "{client} dials {address} ({family}). The service {within} listens on "
            "{listeners}, which takes the other family only."
        ),
        decisive="the port is open for one address family and refused for the other",
        fixes=(
            FixPlan(
                "Let the service listen on both: 0.0.0.0 and ::, or :: without "
                "IPV6_V6ONLY (nginx: listen [::]:{inner_port} ipv6only=off).",
                when="own_service",
                interrupts="{server} while it restarts",
            ),
            FixPlan(
                "Recreate {publisher} with its port published for both families: "
                "-p {wider}.",
                when="publisher",
                interrupts="{publisher} while it is recreated",
                snippet='ports:\n  - "{wider}"',
            ),
            FixPlan("Or dial the family that it serves."),
        ),
        look_alikes=(
            ("service-bound-loopback", "there the address is a loopback one"),
            ("service-not-listening", "there neither family is open"),
        ),
        references=("ipv6(7), IPV6_V6ONLY",),
    ),
    Cause(
        id="startup-race",
        group=GROUP,
        title="{client} asked before {server} was ready",
        explanation=(
            "{server} was started {uptime} ago. Its port {inner_port} was not yet open "
            "when {client} asked: {race}."
        ),
        decisive=(
            "the port opened while we watched, or the health check says 'starting', "
            "or the client's refused attempts lie right after the server's start"
        ),
        fixes=(
            FixPlan(
                "Let {client} wait until {server} is healthy, and let it try again.",
                snippet=("depends_on:\n  {server}:\n    condition: service_healthy"),
            ),
            FixPlan(
                "It works now or in a moment: start {client} again if it gave up.",
                ("docker restart {client!q}",),
                when="client_is_container",
                interrupts="{client} while it restarts",
            ),
        ),
        look_alikes=(("service-not-listening", "there the port never opens"),),
        references=(
            "https://docs.docker.com/compose/how-tos/startup-order/",
            "https://github.com/docker/compose/issues/374",
        ),
    ),
    Cause(
        id="one-dead-replica",
        group=GROUP,
        title="{host} means several containers, and {dead} does not answer",
        explanation=(
            "{host} resolves to {addresses}. {alive_text} on port {port}; {dead} "
            "({dead_address}) does not: {dead_reason}. Whoever gets that address first "
            "fails, so it fails now and then."
        ),
        decisive="the addresses of one name answer differently, each probed by itself",
        fixes=(
            FixPlan("Mend {dead}: see its log.", ("docker logs --tail 50 {dead!q}",)),
            FixPlan(
                "Until then, take it out of the name's answers; docker network connect "
                "with its --alias brings it back. With Compose, let it have a name of "
                "its own alone.",
                ("docker network disconnect {dead_network!q} {dead!q}",),
                when="dead_network",
                lasting=False,
                interrupts="{dead}, which loses {dead_network}",
                snippet=(
                    "services:\n  {dead}:\n    networks:\n      {dead_network}:\n"
                    "        aliases: [{dead}]"
                ),
            ),
        ),
        look_alikes=(
            ("duplicate-ip", "there one address has two owners"),
            ("container-restart-loop", "there the same address changes its answer"),
        ),
    ),
    Cause(
        id="duplicate-ip",
        group=GROUP,
        title="{address} is configured twice: in {server} and in {intruder}",
        explanation=(
            "The engine gave {address} to {server}. {intruder} has it too, on "
            "{intruder_device}. Whichever answers the ARP request first gets the "
            "packets; this one went to {intruder}."
        ),
        decisive=(
            "two namespaces hold the address, and the probe did not arrive at the one "
            "that the engine gave it to"
        ),
        fixes=(
            FixPlan(
                "Take the address from {intruder}, then let {client} forget the wrong "
                "neighbour.",
                ("{remove_command}", "{forget_command}"),
                when="remove_command",
                lasting=False,
            ),
            FixPlan(
                "Give that machine, or {server}, another address. Keep the addresses "
                "of containers out of the range that the LAN's DHCP server hands "
                "out (--ip-range), and those of the LAN out of the network's "
                "(--aux-address).",
                when="lan_intruder",
            ),
        ),
        look_alikes=(
            ("container-ip-hardcoded", "there only one namespace has the address"),
            ("one-dead-replica", "there the name has several addresses"),
        ),
        references=("RFC 5227",),
    ),
)
