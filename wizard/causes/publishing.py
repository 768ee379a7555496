"""The way from the host's port into the container."""

from __future__ import annotations

from netwiz.wizard.causes.model import Cause, FixPlan

GROUP = "Publishing ports"
RECREATED = "{server} while it is recreated"

CAUSES = (
    Cause(
        id="port-not-published",
        group=GROUP,
        title="port {port} of {server} is not published on this host",
        explanation=(
            "{client} dials {spot}, an address of this host, where nothing "
            "listens on that port. {server} serves port {port}, but only inside its "
            "networks: it was started without publishing it."
        ),
        decisive=(
            "the container serves the port and the engine has no mapping for it, nor "
            "was one asked for"
        ),
        fixes=(
            FixPlan(
                "Recreate {server} with -p {port}:{port}{slash}.",
                interrupts=RECREATED,
                snippet='ports:\n  - "{port}:{port}{slash}"',
            ),
            FixPlan(
                "From a container, dial it by name on a common network instead: "
                "{server}:{port}.",
                when="client_is_container",
            ),
        ),
        look_alikes=(
            ("published-on-loopback-only", "there a mapping exists, on 127.0.0.1"),
            ("publish-ignored", "there a mapping was asked for"),
        ),
    ),
    Cause(
        id="published-wrong-container-port",
        group=GROUP,
        title="{mapping} leads to a port on which nothing in {server} listens",
        explanation=(
            "{server} is published as {mapping}, but nothing in it listens on port "
            "{inner_port}. It listens on {others}."
        ),
        decisive=(
            "the mapping's container port has no listener, and another port of the "
            "container has"
        ),
        fixes=(
            FixPlan(
                "Recreate {server} with -p {better_mapping}.",
                interrupts=RECREATED,
                snippet='ports:\n  - "{better_mapping}"',
            ),
        ),
        look_alikes=(
            (
                "service-bound-loopback",
                "identical on the wire; there the right port is open on 127.0.0.1",
            ),
            ("service-not-listening", "there nothing is open at all"),
        ),
        references=("https://github.com/gliderlabs/logspout/issues/136",),
    ),
    Cause(
        id="published-port-mismatch-advertised",
        group=GROUP,
        title="port {port} is dialled, but {server} is published on {host_port}",
        explanation=(
            "{client} dials port {port} of this host. {server} serves {port} inside, "
            "and is published as {mapping}: from outside it is {host_port}. The port "
            "that was registered or configured is not the one that was mapped."
        ),
        decisive="the dialled port is the container side of a mapping only",
        fixes=(
            FixPlan("Dial {better} (or register that port)."),
            FixPlan(
                "Or recreate {server} with -p {port}:{port}{slash}.",
                interrupts=RECREATED,
                snippet='ports:\n  - "{port}:{port}{slash}"',
            ),
        ),
        look_alikes=(("port-not-published", "there the port is not mapped at all"),),
    ),
    Cause(
        id="published-on-loopback-only",
        group=GROUP,
        title="{server} is published on {host_ip} only",
        explanation=(
            "{mapping} opens the port on this host's loopback alone. {client} dials "
            "{address}, where nobody listens."
        ),
        decisive="the mapping's host address is a loopback one; another was dialled",
        fixes=(
            FixPlan(
                "If others shall reach it, recreate {server} with "
                "-p {port}:{inner_port}{slash} (all addresses).",
                interrupts=RECREATED,
                snippet='ports:\n  - "{port}:{inner_port}{slash}"',
            ),
            FixPlan(
                "From a container, dial it by name on a common network instead: "
                "{server}:{inner_port}.",
                when="client_is_container",
            ),
        ),
        look_alikes=(("port-not-published", "there is no mapping at all"),),
    ),
    Cause(
        id="published-on-other-address",
        group=GROUP,
        title="{server} is published on {host_ip}, and {address} was dialled",
        explanation=(
            "{mapping} opens the port at one address of this host alone: {host_ip}, "
            "{held}. {client} dials {address}, where nobody listens."
        ),
        decisive=(
            "every mapping of the port names another host address than the dialled "
            "one, and no socket of this host takes the dialled one"
        ),
        fixes=(
            FixPlan("Dial {instead}.", when="instead"),
            FixPlan(
                "Or recreate {server} with -p {port}:{inner_port}{slash}, for all.",
                interrupts=RECREATED,
                snippet='ports:\n  - "{port}:{inner_port}{slash}"',
            ),
        ),
        look_alikes=(
            ("published-on-loopback-only", "there that one address is a loopback one"),
            ("port-not-published", "there is no mapping at all"),
        ),
    ),
    Cause(
        id="random-host-port",
        group=GROUP,
        title="the engine chose port {host_port} for {server}, and {port} was dialled",
        explanation=(
            "{server} was started with its port {port} published, but no host port was "
            "named (-P, or -p {port} alone): the engine draws one at each start, "
            "at present {host_port}. {client} dials {port}."
        ),
        decisive=(
            "the mapping that was asked for names no host port, the one in effect has "
            "another than was dialled, and nobody takes the dialled one"
        ),
        fixes=(
            FixPlan(
                "Recreate {server} with a fixed host port: -p {port}:{port}{slash}.",
                interrupts=RECREATED,
                snippet='ports:\n  - "{port}:{port}{slash}"',
            ),
            FixPlan(
                "Until its next start it is {better}; docker port {server} tells the "
                "present one."
            ),
        ),
        look_alikes=(
            (
                "published-port-mismatch-advertised",
                "there the host port was named, and stays",
            ),
        ),
    ),
    Cause(
        id="udp-reply-wrong-source",
        group=GROUP,
        title="{server} answers {client} from {reply_source}, not from {address}",
        explanation=(
            "The datagram to {spot} arrived and is answered, but the answer comes from "
            "{reply_source}: the service is bound to all addresses of this host, and "
            "the kernel chose the one nearest to {client}. {client} waits for "
            "{address} and throws the answer away."
        ),
        decisive=(
            "an answer to the probe's port reached the client with another source "
            "address than was dialled"
        ),
        fixes=(
            FixPlan(
                "Bind the service to {address} (instead of 0.0.0.0), or let it answer "
                "from the address that was asked (IP_PKTINFO; many servers have an "
                "option for it)."
            ),
            FixPlan("Or dial {reply_source} from there."),
        ),
        look_alikes=(
            ("udp-stale-conntrack", "there the datagram does not arrive"),
            ("service-not-listening", "there nobody answers"),
        ),
        references=("ip(7), IP_PKTINFO", "https://github.com/moby/moby/issues/15127"),
    ),
    Cause(
        id="source-ip-masked",
        group=GROUP,
        title="{server} sees {client} as {masked}, and turns that address away",
        explanation=(
            "docker-proxy opens its own connection to {server}, so {server} sees every "
            "client that comes by it as {masked}, the bridge's own address. It turns "
            "that address away, and serves others: its allow-list or ban takes "
            "{masked} for one client."
        ),
        decisive=(
            "the proxied connection came to the server from the bridge's address and "
            "was hung up on, and the same port serves a client with its own address"
        ),
        fixes=(
            FixPlan(
                "Let {client} reach {server} without the proxy: put it on {server}'s "
                "network and dial {server}:{inner_port}.",
                ("docker network connect {network!q} {client!q}",),
                when="client_is_container",
                snippet="networks:\n  - {network}",
            ),
            FixPlan(
                "Or allow {masked} in {server}'s own rules, knowing that it stands for "
                "everybody who comes by the proxy (lift its ban there)."
            ),
        ),
        look_alikes=(
            ("app-level-rejection", "there it turns away other addresses as well"),
            ("service-bound-loopback", "there nothing accepts inside"),
        ),
        references=("https://github.com/docker/for-linux/issues/156",),
    ),
    Cause(
        id="publish-ignored",
        group=GROUP,
        title="{server} was to be published on {port}, but its network cannot do that",
        explanation=(
            "{server} was started with {mapping}, and the engine has no such mapping "
            "in effect: {ignored_because}."
        ),
        decisive="PortBindings (asked for) have the port, Ports (in effect) have not",
        fixes=(
            FixPlan(
                "Attach {server} to an ordinary bridge network as well: the engine "
                "then publishes the port there.",
                (
                    "docker network create {front!q}",
                    "docker network connect {front!q} {server!q}",
                ),
                snippet=(
                    "networks:\n  - {ignored_network}\n  - {front}   # not internal"
                ),
            ),
            FixPlan("Or dial {server} inside its own network."),
        ),
        look_alikes=(("port-not-published", "there no mapping was asked for"),),
        references=("https://github.com/moby/moby/issues/27441",),
    ),
    Cause(
        id="host-port-already-allocated",
        group=GROUP,
        title="{server} could not start: port {port} of this host is taken",
        explanation=(
            "The engine could not start {server}: {engine_error}. Port {port} is held "
            "by {holder}."
        ),
        decisive="State.Error says that the port is taken",
        fixes=(
            FixPlan(
                "Publish {server} on another port, or free the port ({holder}); "
                "then start it.",
                ("docker start {server!q}",),
            ),
        ),
        look_alikes=(("container-not-running", "there it ran and ended"),),
    ),
    Cause(
        id="host-mode-port-conflict",
        group=GROUP,
        title="{server} shares the host's ports, and {port} was taken by {holder}",
        explanation=(
            "{server} runs in the host's network (network mode host) and ended because "
            "its port was in use: {last_words} Port {port} is held by {holder}."
        ),
        decisive=(
            "the container is in host mode, its log says the address is in use, and "
            "another process holds the port"
        ),
        fixes=(
            FixPlan(
                "Give one of the two another port (or free it: {holder}); then start "
                "{server}.",
                ("docker start {server!q}",),
            ),
        ),
        look_alikes=(
            ("service-not-listening", "there nobody holds the port"),
            ("host-port-already-allocated", "there the engine itself refused"),
        ),
    ),
    Cause(
        id="ipv6-host-not-published",
        group=GROUP,
        title="{server} is published on IPv4 only, and {address} is IPv6",
        explanation=(
            "{client} dials {address}. {server} is published as {mapping}; nothing "
            "listens on port {port} for IPv6."
        ),
        decisive="all mappings of the port have IPv4 addresses; IPv6 was dialled",
        fixes=(
            FixPlan("Dial the IPv4 address of this host."),
            FixPlan(
                "Or recreate {server} with the port published on IPv6 too.",
                interrupts=RECREATED,
                snippet=(
                    'ports:\n  - "{port}:{inner_port}"\n  - "[::]:{port}:{inner_port}"'
                ),
            ),
        ),
        look_alikes=(("port-not-published", "there IPv4 refuses as well"),),
    ),
)
