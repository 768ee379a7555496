"""The swarm itself: its services, its managers, and who may join."""

from __future__ import annotations

from netwiz.wizard.causes.model import Cause, FixPlan
from netwiz.wizard.causes.overlay import GROUP, PORTS, REMOVE

CAUSES: tuple[Cause, ...] = (
    Cause(
        id="swarm-vip-no-ipvs",
        group=GROUP,
        title="nothing serves the virtual address of {service}: no IPVS in this kernel",
        explanation=(
            "The name {service} leads to a virtual address, {address}, which no "
            "container has: the kernel's IPVS is to share its connections out among "
            "the tasks. This kernel ({release}) has none, so nobody answers for that "
            "address. The tasks themselves answer ({tasks})."
        ),
        decisive=(
            "the virtual address does not answer, its tasks do, and there is no "
            "/proc/net/ip_vs"
        ),
        fixes=(
            FixPlan(
                "Load IPVS, and let the engine set up its virtual addresses anew.",
                ("modprobe ip_vs", "systemctl restart docker"),
                when="module_ready",
                lasting=False,
                interrupts="containers of this node, unless live-restore is on",
                snippet="# /etc/modules-load.d/ipvs.conf\nip_vs",
            ),
            FixPlan(
                "Let the name lead to the tasks themselves (DNS round robin). Not "
                "possible for ports that are published through the routing mesh: "
                "publish those with mode=host.",
                ("docker service update --detach --endpoint-mode dnsrr {service!q}",),
                when="on_manager",
                interrupts="clients that hold the virtual address of {service}",
                snippet=(
                    "services:\n  {service}:\n    deploy:\n      endpoint_mode: dnsrr"
                ),
            ),
            FixPlan(
                "Dial tasks.{service} instead of {service}; or, on a manager: docker "
                "service update --endpoint-mode dnsrr {service!q}"
            ),
        ),
        look_alikes=(
            ("overlay-4789-blocked", "there tasks on other nodes do not answer either"),
            ("service-without-endpoints", "there the service has no task"),
            ("next-hop-dead", "there it is no service's address"),
        ),
        verify=("ls /proc/net/ip_vs",),
        references=("ipvsadm(8)", "https://github.com/moby/moby/issues/25235"),
    ),
    Cause(
        id="ingress-mesh-broken",
        group=GROUP,
        title="the routing mesh does not serve port {published_port} on this node",
        explanation=(
            "Service {service} publishes {published_port} in mode ingress: every node "
            "is to take it and pass it on to a task, wherever that runs. On this node "
            "nothing was set up for it. The mesh needs IPVS in the kernel ({release}), "
            "the network ingress on every node, and 7946 and 4789 between the nodes."
        ),
        decisive=(
            "a service publishes the port in mode ingress, and no rule of this node "
            "leads it into the mesh"
        ),
        fixes=(
            FixPlan(
                "Load IPVS, and let the engine set the mesh up anew.",
                ("modprobe ip_vs", "systemctl restart docker"),
                when="module_ready",
                lasting=False,
                interrupts="containers of this node, unless live-restore is on",
                snippet="# /etc/modules-load.d/ipvs.conf\nip_vs",
            ),
            FixPlan(
                "Publish the port on the nodes of the tasks themselves, without the "
                "mesh. Then a client has to dial such a node.",
                ("docker service update --detach {publish_host} {service!q}",),
                when="on_manager",
                interrupts="{service}: its tasks are made anew",
                snippet=(
                    "services:\n  {service}:\n    ports:\n"
                    "      - target: {target_port}\n"
                    "        published: {published_port}\n        mode: host"
                ),
            ),
        ),
        look_alikes=(
            ("service-not-listening", "there no service of the swarm has the port"),
            ("port-not-published", "there a container serves it, unpublished"),
            ("swarm-vip-no-ipvs", "there a name inside the swarm is dialled"),
        ),
        references=("https://docs.docker.com/engine/swarm/ingress/",),
    ),
    Cause(
        id="overlay-not-attachable",
        group=GROUP,
        title="{server} may not join the overlay network {network}",
        explanation=(
            "The overlay network {network} was made for services of the swarm. A "
            "container of one's own (docker run, docker compose up) may join one only "
            "if it was made with --attachable; the engine refused to start {server}."
        ),
        decisive="the engine's word: 'not manually attachable'",
        fixes=(
            FixPlan(
                "Make the network anew as an attachable one, on a manager. A network "
                "that is in use cannot be removed: its services go first.",
                (
                    "docker network rm {network!q}",
                    "docker network create -d overlay --attachable {network!q}",
                    "docker start {server!q}",
                ),
                interrupts="the services on {network}",
                snippet=(
                    "networks:\n  {network}:\n    driver: overlay\n    attachable: true"
                ),
            ),
            FixPlan(
                "Or run it as a service: docker service create --network {network} ..."
            ),
        ),
        look_alikes=(("container-not-running", "there it could be started"),),
        references=(
            "https://docs.docker.com/engine/network/drivers/overlay/#create-an-overlay-network",
        ),
    ),
    Cause(
        id="overlay-advertise-addr-wrong",
        group=GROUP,
        title="this node gives itself out as {wrong_address}, which it does not have",
        explanation=(
            "The other nodes send what is for containers here to {wrong_address}: the "
            "address that this node had, or was told to advertise, when it joined the "
            "swarm. This host has {own_addresses} now. So packets leave, and the "
            "answers go to an address that nobody has, or to somebody else's."
        ),
        decisive="the node's address in the swarm is none of this host's",
        fixes=(
            FixPlan(
                "Give this host the address {wrong_address} back, and keep it: a node "
                "of a swarm needs a fixed one.",
            ),
            FixPlan(
                "Or leave the swarm and join it anew by the address that it has: "
                "docker swarm leave, then docker swarm join --advertise-addr "
                "{better_address} --token ... Behind NAT, --advertise-addr is the "
                "address that the other nodes reach it by, and --data-path-addr that "
                "for VXLAN.",
                interrupts="the tasks of this node; a last manager loses the swarm",
            ),
        ),
        look_alikes=(
            ("overlay-4789-blocked", "there the address is right"),
            ("overlay-7946-blocked", "there names do not come through either"),
        ),
        references=("https://github.com/moby/moby/issues/25976",),
    ),
    Cause(
        id="swarm-2377-blocked",
        group=GROUP,
        title="TCP 2377 does not pass from this node to the manager {node_name}",
        explanation=(
            "Nodes talk to the swarm's managers on TCP 2377: to join, to report, to "
            "get their tasks. {node} does not answer there, though it lives. docker "
            "swarm join ends with 'context deadline exceeded', a node that had joined "
            "becomes Down, and its tasks are started elsewhere. What runs keeps its "
            "network."
        ),
        decisive=(
            "the manager does not answer on 2377 and does on 7946, or a rule of this "
            "host counted it"
        ),
        fixes=(
            REMOVE,
            FixPlan(
                "Let TCP 2377 pass from every node to {node} and to each other "
                "manager, in the firewalls of both ends and between them.",
            ),
        ),
        look_alikes=(
            ("overlay-7946-blocked", "there nodes are Ready and names are missing"),
            ("host-service-bound-loopback", "there it refuses instead of being silent"),
        ),
        verify=("nc -zv {node} 2377",),
        references=(PORTS,),
    ),
    Cause(
        id="service-without-endpoints",
        group=GROUP,
        title="{service} has no task that runs",
        explanation=(
            "{address} is the virtual address of service {service}. It stays as long "
            "as the service does, and there is nobody behind it: no task runs, because "
            "it was scaled to none, no node fits its constraints, or its tasks end."
        ),
        decisive="the address is a service's virtual one, and the service has no task",
        fixes=(
            FixPlan("See why its tasks do not run: docker service ps {service!q}"),
            FixPlan(
                "Give it a task, if it was scaled to none.",
                ("docker service scale --detach {service!q}=1",),
                when="on_manager",
            ),
        ),
        look_alikes=(("swarm-vip-no-ipvs", "there the tasks run and answer"),),
        proof="recorded",
        references=("docker-service-ps(1)",),
    ),
)
