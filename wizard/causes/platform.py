"""Platforms whose insides netwiz cannot see from here."""

from __future__ import annotations

from netwiz.wizard.causes.model import Cause, FixPlan

GROUP = "Platform"
DIAL_PUBLISHED = FixPlan(
    "Dial the published port instead: {published}.", when="published"
)

CAUSES: tuple[Cause, ...] = (
    Cause(
        id="docker-desktop-vm",
        group=GROUP,
        title="the containers run inside a virtual machine, out of this one's reach",
        explanation=(
            "The engine is {system}: its containers and their networks are inside a "
            "virtual machine. {address} ({owner}) exists in there only; this machine "
            "has no route to it and cannot have one."
        ),
        decisive=(
            "the engine names Docker Desktop as its operating system, and a "
            "container's own address was dialled from outside of it"
        ),
        fixes=(
            DIAL_PUBLISHED,
            FixPlan(
                "Publish the port (-p) and dial 127.0.0.1; from a container to this "
                "machine dial host.docker.internal. To look inside, run netwiz in a "
                "privileged container on the host's network and pid namespace."
            ),
        ),
        look_alikes=(
            ("cross-bridge-isolation", "there the engine is on this machine"),
            ("rootless-slirp-pasta", "there it is on this machine, without rights"),
        ),
        references=("https://docs.docker.com/desktop/features/networking/",),
        proof="recorded",
    ),
    Cause(
        id="windows-container",
        group=GROUP,
        title="{owner} is a Windows container, which netwiz cannot look into",
        explanation=(
            "The engine runs Windows containers ({system}). Their networks (nat, "
            "transparent, l2bridge) are made by Windows, and its firewall decides who "
            "may connect."
        ),
        decisive="the engine names windows as its operating system type",
        fixes=(
            FixPlan(
                "Open the port in the Windows firewall (New-NetFirewallRule -Direction "
                "Inbound -LocalPort {port} -Protocol TCP -Action Allow); where names "
                "do not resolve, give the container a name server with --dns."
            ),
        ),
        look_alikes=(("docker-desktop-vm", "there the containers are Linux ones"),),
        references=(
            "https://learn.microsoft.com/virtualization/windowscontainers/"
            "container-networking/architecture",
        ),
        proof="recorded",
    ),
    Cause(
        id="rootless-slirp-pasta",
        group=GROUP,
        title="a rootless engine keeps its containers' addresses to itself",
        explanation=(
            "The engine runs without rights of root, so its bridges are in a network "
            "namespace of its own, joined to this machine by a program in user space. "
            "{address} ({owner}) can be dialled from in there only."
        ),
        decisive=(
            "the engine names rootless among its security options, and a container's "
            "own address was dialled from outside of it"
        ),
        fixes=(
            DIAL_PUBLISHED,
            FixPlan(
                "Publish the port (-p, from 1024 up unless "
                "net.ipv4.ip_unprivileged_port_start allows less) and dial this "
                "machine's address. A container reaches this machine by its own "
                "address, not by 10.0.2.2, unless host loopback is allowed "
                "(DOCKERD_ROOTLESS_ROOTLESSKIT_DISABLE_HOST_LOOPBACK=false)."
            ),
        ),
        look_alikes=(("docker-desktop-vm", "there a whole machine is between"),),
        references=("https://docs.docker.com/engine/security/rootless/",),
        proof="recorded",
    ),
    Cause(
        id="seccomp-old-libseccomp",
        group=GROUP,
        title="{client}'s calls are denied by a filter older than its image",
        explanation=(
            "{client} was told `{denied_line}`, yet the very same connection works "
            "from its network namespace. Engine {version} filters system calls with a "
            "library that does not know those which {client_image} makes, and answers "
            "EPERM to them: no packet ever leaves."
        ),
        decisive=(
            "the application was denied a system call, the connection works from its "
            "namespace, its process is under seccomp, and the engine is older than "
            "20.10"
        ),
        fixes=(
            FixPlan(
                "Bring the engine and libseccomp2 up to date (libseccomp 2.4.2 or "
                "later, engine 20.10 or later). To see that this is it, start the "
                "container once with --security-opt seccomp=unconfined; that takes a "
                "protection away and is no cure.",
                interrupts="every container, while the engine is replaced",
            ),
        ),
        look_alikes=(
            ("container-own-iptables", "there a rule denies, and nothing connects"),
            ("cap-net-raw-dropped", "there only ping is denied"),
        ),
        references=("https://github.com/moby/moby/issues/40734",),
        proof="recorded",
    ),
    Cause(
        id="wrong-engine-context",
        group=GROUP,
        title="{server} is a container of another engine on this machine",
        explanation=(
            "{server} ({server_state}) belongs to {other_engine}, while {client} and "
            "everything that `docker ps` shows here belong to {engine}. Engines do not "
            "know each other's names and networks."
        ),
        decisive=(
            "this engine has no container of the name, and another one that listens on "
            "this machine has"
        ),
        fixes=(
            FixPlan(
                "Start both under one engine: DOCKER_HOST, docker context and sudo "
                "decide which one a command speaks to (docker context ls). Or publish "
                "{server}'s port and dial this host's address."
            ),
        ),
        look_alikes=(
            ("container-not-running", "there this engine has it, stopped"),
            ("alias-missing", "there nobody has the name"),
        ),
        references=("https://docs.docker.com/engine/manage-resources/contexts/",),
        proof="recorded",
    ),
)
