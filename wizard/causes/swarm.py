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
    Cause(
        id="swarm-vip-idle-timeout",
        group=GROUP,
        title="IPVS has forgotten a connection to {service} that idled for {idle}",
        explanation=(
            "The connection {held} goes to the virtual address of service {service}, "
            "which the kernel's IPVS hands to a task. IPVS forgets a connection that "
            "idles for 900 s, whatever its ends think of it. What is sent after that "
            "is dropped, or answered with a RST where the task is on the same node."
        ),
        decisive=(
            "a connection to a service's virtual address idled for more than 900 s and "
            "what it sends is not confirmed, while a fresh one works"
        ),
        fixes=(
            FixPlan(
                "Let connections speak before 900 s are over: keepalive in the client "
                "(SO_KEEPALIVE) and a shorter time for it.",
                snippet=(
                    "services:\n  CLIENT:\n    sysctls:\n"
                    "      net.ipv4.tcp_keepalive_time: 600"
                ),
            ),
            FixPlan(
                "Or let the name lead to the tasks themselves, so that no IPVS is in "
                "between.",
                ("docker service update --detach --endpoint-mode dnsrr {service!q}",),
                when="on_manager",
                interrupts="clients that hold the virtual address of {service}",
                snippet=(
                    "services:\n  {service}:\n    deploy:\n      endpoint_mode: dnsrr"
                ),
            ),
        ),
        look_alikes=(
            ("nat-idle-timeout", "there this host's own tracking has forgotten it"),
            ("stale-pooled-connection", "there the other end has started anew"),
        ),
        proof="recorded",
        references=("https://github.com/moby/moby/issues/31208",),
    ),
    Cause(
        id="overlay-kv-store-down",
        group=GROUP,
        title="the store of the overlay networks, {store}, does not answer",
        explanation=(
            "This engine keeps its overlay networks in a key-value store "
            "(cluster-store {store}), as it was done before swarms. The store does not "
            "answer, so the nodes do not learn where addresses are. What was known "
            "before may work on."
        ),
        decisive="docker info names a Cluster Store, and it does not answer",
        fixes=(
            FixPlan(
                "Bring the store back: is it running, and does TCP {store_port} pass "
                "to {store_host}?",
            ),
            FixPlan(
                "For good, make the networks anew in a swarm: engines from 23 on know "
                "no cluster-store any more.",
                interrupts="all overlay networks of the old kind",
            ),
        ),
        look_alikes=(("overlay-7946-blocked", "there the nodes are a swarm"),),
        proof="recorded",
        references=("https://github.com/moby/moby/issues/29024",),
    ),
    Cause(
        id="k8s-networkpolicy-drop",
        group=GROUP,
        title="a network policy of Kubernetes drops what {client} sends to {server}",
        explanation=(
            "The rule `{rule}` ({rule_where}) dropped it. Its chain belongs to whoever "
            "enforces Kubernetes' NetworkPolicy objects on this node. Once a pod is "
            "selected by any policy, everything is dropped that none allows."
        ),
        decisive=(
            "the counter of a dropping rule in a chain of a policy enforcer (cali-, "
            "KUBE-NWPLCY, KUBE-POD-FW, WEAVE-NPC) rises by the probe"
        ),
        fixes=(
            FixPlan(
                "Allow it in a NetworkPolicy: find those that select the pod (kubectl "
                "get networkpolicy -A), and add an ingress or egress rule for the "
                "peer's labels and port {port}. The rule itself must not be removed: "
                "it would be written again.",
            ),
        ),
        look_alikes=(
            ("docker-user-drop", "there the rule is an administrator's own"),
            ("foreign-nft-drop", "there it belongs to another packet filter"),
        ),
        proof="recorded",
        references=(
            "https://kubernetes.io/docs/concepts/services-networking/network-policies/",
        ),
    ),
    Cause(
        id="kernel-module-missing",
        group="Platform",
        title="kernel {release} runs without its modules: {module} cannot be loaded",
        explanation=(
            "For {needed_for} the kernel needs {module}, which is not loaded and "
            "cannot be: /lib/modules has the modules of {modules} only. That is so "
            "after the kernel's package was upgraded and the machine not started anew."
        ),
        decisive=(
            "a feature that the probe needs is missing in the running kernel, and "
            "/lib/modules has no folder for that kernel but for others"
        ),
        fixes=(
            FixPlan(
                "Start this machine anew, so that the installed kernel runs.",
                interrupts="everything on this machine",
            ),
        ),
        look_alikes=(
            ("swarm-vip-no-ipvs", "there the kernel was built without it"),
            ("overlay-esp-blocked", "there an encrypted network is dialled"),
        ),
        references=("uname(1)", "modprobe(8)"),
    ),
)
