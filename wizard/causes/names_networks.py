"""Containers that do not hear of each other's names."""

from __future__ import annotations

from netwiz.wizard.causes.model import Cause, FixPlan

GROUP = "Names between containers"

_JOIN = FixPlan(
    "Connect {client} to {join_network}, where {server} is. This lasts until {client} "
    "is recreated; in Compose name the network as an external one.",
    ("docker network connect {join_network!q} {client!q}",),
    when="join_network",
    lasting=False,
    snippet=(
        "services:\n  {client}:\n    networks: [default, {join_network}]\n"
        "networks:\n  {join_network}:\n    external: true"
    ),
)
_INVITE = FixPlan(
    "Connect {connect_who} to {connect_network}: a network made by people has names. "
    "This lasts until {connect_who} is recreated.",
    ("docker network connect {connect_network!q} {connect_who!q}",),
    when="connect_network",
    lasting=False,
    snippet="services:\n  {connect_who}:\n    networks: [{connect_network}]",
)
_MEET = FixPlan(
    "Give both a network of their own, where names are served. This lasts until they "
    "are recreated; then name the network when they are made.",
    (
        "docker network create {new_network!q}",
        "docker network connect {new_network!q} {server!q}",
        "docker network connect {new_network!q} {client!q}",
    ),
    when="new_network",
    lasting=False,
    snippet=(
        "services:\n  {client}:\n    networks: [{new_network}]\n"
        "  {server}:\n    networks: [{new_network}]\n"
        "networks:\n  {new_network}: {{}}"
    ),
)
_NETWORKING = "https://docs.docker.com/engine/network/"

NETWORKS = (
    Cause(
        id="default-bridge-no-dns",
        group=GROUP,
        title="{client} and {server} are on the default bridge, which has no names",
        explanation=(
            "Both are on the network that containers get when none is named. There the "
            "engine serves no names: {client} asks the servers of the host for {host}, "
            "and they know no containers. By address ({server_address}) {server} can "
            "be reached."
        ),
        decisive=(
            "the only network in common is the default bridge, and the client's "
            "resolv.conf does not name 127.0.0.11"
        ),
        fixes=(_INVITE, _MEET),
        look_alikes=(
            ("alias-missing", "there they share a network with names"),
            ("different-compose-projects", "there they share no network at all"),
            ("legacy-link-missing", "there the client counts on --link"),
        ),
        references=(_NETWORKING,),
    ),
    Cause(
        id="legacy-link-missing",
        group=GROUP,
        title="{client} has no link to {host}; it was linked to {linked}",
        explanation=(
            "On the default bridge a name is known only to a container that was "
            "started with --link, as a line in its hosts file. {client} was linked to "
            "{linked}. A link names a container once, when it is made: one that was "
            "made anew since is not followed."
        ),
        decisive=(
            "the client has links (HostConfig.Links), on the default bridge, and none "
            "leads to the container of that name at its present address"
        ),
        fixes=(
            _INVITE,
            _MEET,
            FixPlan(
                "Recreate {client} on a network of its own with {host}, without "
                "--link: its hosts file keeps the old address as long as it lives.",
                when="stale_link",
                interrupts="{client} while it is recreated",
                snippet=(
                    "services:\n  {client}:\n    networks: [app]\n"
                    "networks:\n  app: {{}}"
                ),
            ),
        ),
        look_alikes=(
            ("default-bridge-no-dns", "there the client has no links at all"),
            ("etc-hosts-stale", "there a person wrote the line"),
        ),
        references=("https://docs.docker.com/engine/network/links/",),
    ),
    Cause(
        id="different-compose-projects",
        group=GROUP,
        title="{host} belongs to the Compose project {other_project}, not {client}'s",
        explanation=(
            "{server} runs in the project {other_project}, {client} in {project}. Each "
            "project has a network of its own, and a name is known on its network "
            "only: {client} is on {mine}, {server} on {networks}."
        ),
        decisive=(
            "the two containers have no network in common, and their labels name "
            "different Compose projects"
        ),
        fixes=(_JOIN, _INVITE, _MEET),
        look_alikes=(
            ("alias-missing", "there they share a network"),
            ("container-not-running", "there the container of that name is down"),
            ("no-common-network", "there no two projects are at play"),
        ),
        references=(
            "https://docs.docker.com/compose/how-tos/networking/"
            "#use-a-pre-existing-network",
        ),
    ),
    Cause(
        id="no-common-network",
        group=GROUP,
        title="{client} and {server} share no network, so {host} means nothing there",
        explanation=(
            "The engine tells a container the names on its own networks only. {client} "
            "is on {mine}, {server} on {networks}."
        ),
        decisive="the networks of the two containers have none in common",
        fixes=(_JOIN, _INVITE, _MEET),
        look_alikes=(
            ("different-compose-projects", "there two Compose projects are at play"),
            ("alias-missing", "there they share a network"),
            ("default-bridge-no-dns", "there they share the default bridge"),
        ),
        references=(_NETWORKING,),
    ),
    Cause(
        id="alias-missing",
        group=GROUP,
        title="{server} does not answer to {host} on {network}",
        explanation=(
            "{client} and {server} share {network}. There {server} is known as "
            "{known_as}; {why_not}. The engine knows container names, ids and aliases "
            "of the network, and nothing else."
        ),
        decisive=(
            "the two share a network with names, and the name is not among those that "
            "the container has on it"
        ),
        fixes=(
            FixPlan(
                "Write {better} in the configuration of {client}, in place of {host}.",
            ),
            FixPlan(
                "Give {server} the name on {network}. It is off that network for a "
                "moment, and may come back with another address.",
                (
                    "docker network disconnect {network!q} {server!q}",
                    "docker network connect --alias {alias!q} {network!q} {server!q}",
                ),
                lasting=False,
                interrupts="connections of {server} on {network}",
                snippet=(
                    "services:\n  {server}:\n    networks:\n      {network}:\n"
                    "        aliases: [{alias}]"
                ),
            ),
        ),
        look_alikes=(
            ("different-compose-projects", "there they share no network"),
            ("wrong-target-address", "there no container has that name at all"),
        ),
        references=(
            "https://docs.docker.com/reference/cli/docker/network/connect/#alias",
        ),
    ),
)
