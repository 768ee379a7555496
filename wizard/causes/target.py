"""The client asks for the wrong place."""

from __future__ import annotations

from netwiz.wizard.causes.model import Cause, FixPlan

GROUP = "Wrong target"

CAUSES = (
    Cause(
        id="localhost-in-container",
        group=GROUP,
        title="{client} dials itself: {address} inside a container is that container",
        explanation=(
            "{client} connects to {host}:{port}. Inside a container a loopback "
            "address means the container itself, and nothing in {client} listens "
            "on port {port}. {holder}."
        ),
        decisive=(
            "the target is a loopback address, nothing in the client's namespace "
            "listens on the port, and another container or the host does"
        ),
        fixes=(
            FixPlan(
                "Write {better} instead of {host}:{port} in the configuration of "
                "{client}; they share the network {network}.",
                when="network",
            ),
            FixPlan(
                "Put {client} on the network of {holder_name}, then write {better} "
                "instead of {host}:{port}.",
                ("docker network connect {join_network!q} {client!q}",),
                when="join_network",
                lasting=False,
                snippet=(
                    "services:\n  {client}:\n    networks: [default, {join_network}]\n"
                    "networks:\n  {join_network}:\n    external: true"
                ),
            ),
            FixPlan(
                "Put {client} and {holder_name} on a network of their own, then dial "
                "{better} instead of {host}:{port}.",
                when="neither",
            ),
            FixPlan(
                "Recreate {client} with --add-host=host.docker.internal:host-gateway "
                "and write {better} instead of {host}:{port}.",
                when="on_host",
                interrupts="{client} while it is recreated",
                snippet='extra_hosts:\n  - "host.docker.internal:host-gateway"',
            ),
        ),
        look_alikes=(
            (
                "service-not-listening",
                "there the port belongs to the container that is dialled",
            ),
            (
                "localhost-resolves-ipv6-first",
                "there one of the two loopback addresses answers",
            ),
        ),
        references=("RFC 6890 section 2.2.2 (loopback)",),
    ),
    Cause(
        id="localhost-resolves-ipv6-first",
        group=GROUP,
        title="{host} means {failing} first, and the service listens on IPv4 only",
        explanation=(
            "For {client}, {host} resolves to {addresses}, tried in that order. "
            "{failing} refuses, {working} answers. An application that takes the "
            "first address only sees a refused connection."
        ),
        decisive="the IPv6 loopback refuses while 127.0.0.1 accepts on the same port",
        fixes=(
            FixPlan(
                "Dial {working}:{port} in place of {host}:{port}, or let the "
                "application prefer IPv4 (Node: --dns-result-order=ipv4first)."
            ),
            FixPlan(
                "Let the service listen on :: as well, or publish it on [::1] too."
            ),
        ),
        look_alikes=(
            ("service-not-listening", "there both families refuse"),
            ("port-not-published", "there 127.0.0.1 refuses too"),
        ),
        references=("RFC 6724", "https://github.com/nodejs/node/issues/40702"),
    ),
    Cause(
        id="host-port-used-inside-network",
        group=GROUP,
        title="{port} is {server}'s port on the host; inside it is {better_port}",
        explanation=(
            "{port} is the port at which {server} is published on the host "
            "({mapping}). Between containers nothing is translated: there {server} "
            "is reached at the port its service listens on, {better_port}."
        ),
        decisive=(
            "the dialled port is the host side of a mapping of the very container "
            "that is dialled, and only the container side is listened on"
        ),
        fixes=(FixPlan("Write {better} in the configuration of {client}."),),
        look_alikes=(
            ("service-not-listening", "there the port is no published host port"),
            (
                "published-wrong-container-port",
                "there the mapping's container side is not listened on",
            ),
        ),
        references=("https://docs.docker.com/engine/network/",),
    ),
    Cause(
        id="wrong-target-address",
        group=GROUP,
        title="{wrong_title}",
        explanation="{wrong_text}",
        decisive=(
            "the dialled container neither exposes the port nor listens on it but "
            "serves others, and exactly one other container in reach serves it; or the "
            "name is nobody's, and just one container in reach has nearly that name"
        ),
        fixes=(FixPlan("Write {better} in the configuration of {client}."),),
        look_alikes=(
            (
                "service-not-listening",
                "there the dialled container is the one meant to serve the port",
            ),
            ("container-ip-hardcoded", "there an address is dialled, not a name"),
        ),
    ),
    Cause(
        id="container-ip-hardcoded",
        group=GROUP,
        title="{address} is dialled as a number; {now}",
        explanation=(
            "{client} dials the address {address}. Addresses are handed out anew "
            "when containers are recreated: {now}. Port {port} is served by {holder}."
        ),
        decisive=(
            "the target is a literal address, nobody has it or its present owner does "
            "not serve the port, and one other container in reach does"
        ),
        fixes=(
            FixPlan("Write the name: {better} in the configuration of {client}."),
            FixPlan(
                "If it has to be an address, give {holder_name} a fixed one on a "
                "network with a subnet of your own.",
                interrupts="{holder_name} while it is recreated",
                snippet="networks:\n  {network}:\n    ipv4_address: {holder_address}",
            ),
        ),
        look_alikes=(
            ("duplicate-ip", "there two namespaces have the address at once"),
            ("service-not-listening", "there no other container serves the port"),
        ),
        references=("https://github.com/moby/moby/issues/33952",),
    ),
)
