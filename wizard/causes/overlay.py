"""Overlay networks and swarms."""

from __future__ import annotations

from netwiz.wizard.causes.model import Cause, FixPlan

GROUP = "Overlay / Swarm"
PORTS = "https://docs.docker.com/engine/swarm/swarm-tutorial/#open-protocols-and-ports-between-the-hosts"
REMOVE = FixPlan(
    "Remove the rule of this host, or put an exception before it. Whoever wrote it may "
    "write it again: look for it in your firewall's own configuration.",
    ("{remove_rule}",),
    when="remove_rule",
    lasting=False,
)

CAUSES: tuple[Cause, ...] = (
    Cause(
        id="overlay-4789-blocked",
        group=GROUP,
        title="VXLAN (UDP {vxlan_port}) does not pass between this node and {node}",
        explanation=(
            "Containers on different nodes reach each other inside VXLAN: every packet "
            "travels in a datagram from {local_node} to {node}, UDP port {vxlan_port}, "
            "and back. Those do not pass, though the nodes talk to each other on other "
            "ports. So names resolve, neighbours answer (each node answers for them "
            "itself), containers of one node reach each other, and nothing else works."
        ),
        decisive=(
            "the probe leaves this host inside VXLAN and nothing of that node comes "
            "back by it, from no address that the node has, while the node itself "
            "answers; or a rule of this host counted it"
        ),
        fixes=(
            REMOVE,
            FixPlan(
                "Let UDP port {vxlan_port} pass between {local_node} and {node}, both "
                "ways: in the firewall of node {node_name}, in the cloud's security "
                "groups, in whatever lies between. TCP and UDP 7946 and, to managers, "
                "TCP 2377 are needed as well. No rule of this host stands in the way, "
                "so there is no command for it here.",
                when="node_name",
            ),
            FixPlan(
                "Where tcpdump shows on {node} that they do arrive, with 'bad udp "
                "cksum', it is a network card's offloading that spoils them (ethtool "
                "-K DEVICE tx-checksum-ip-generic off, here), not a firewall.",
                when="node_name",
            ),
            FixPlan(
                "Where the port is taken by somebody else (NSX and other VXLAN fabrics "
                "use 4789 too), the swarm must be made with another one: docker swarm "
                "init --data-path-port 7789, then every node joins anew.",
                interrupts="all services of the swarm, which has to be made anew",
            ),
        ),
        look_alikes=(
            ("overlay-7946-blocked", "there names and addresses are not known at all"),
            ("overlay-esp-blocked", "there only encrypted networks fail"),
            ("overlay-mtu", "there connections are made and large packets get lost"),
            ("swarm-vip-no-ipvs", "there tasks.<service> works"),
            ("service-not-listening", "there a RST comes back through the tunnel"),
        ),
        verify=("on the other node: tcpdump -ni any udp port {vxlan_port}",),
        references=(PORTS, "https://github.com/moby/moby/issues/33416", "RFC 7348"),
    ),
    Cause(
        id="overlay-7946-blocked",
        group=GROUP,
        title="the nodes' gossip (7946) does not pass between this node and {node}",
        explanation=(
            "Nodes of a swarm tell each other on TCP and UDP port 7946 which names and "
            "addresses their containers have. Node {node} does not answer there, "
            "though it lives. So what was started there since is unknown here: its "
            "name does not resolve and its address has no neighbour. What was known "
            "before is given up some time later. docker node ls says Ready all the "
            "while: that goes by port 2377."
        ),
        decisive=(
            "the node does not answer on TCP 7946, while it is ready for its manager "
            "or answers on 2377"
        ),
        fixes=(
            FixPlan(
                "Let TCP and UDP port 7946 pass between {local_node} and {node}, both "
                "ways, in the firewalls of both nodes and between them. The nodes find "
                "each other again by themselves, within half a minute.",
            ),
        ),
        look_alikes=(
            ("overlay-4789-blocked", "there names resolve, and addresses are known"),
            ("container-not-running", "there 7946 answers, and the name is gone"),
        ),
        verify=("nc -zv {node} 7946",),
        references=(PORTS, "https://github.com/moby/moby/issues/38280"),
    ),
    Cause(
        id="overlay-esp-blocked",
        group=GROUP,
        title="{network} is encrypted, and nothing can be encrypted for {node_name}",
        explanation=(
            "The network was made with --opt encrypted, so that packets between nodes "
            "must go through IPsec (ESP). There is no security association for {node} "
            "on this node: either this kernel ({release}) cannot do ESP, or the keys "
            "could not be set up. The kernel drops what it may not send in clear. "
            "Other overlay networks work."
        ),
        decisive=(
            "the network's option encrypted, and no security association for the other "
            "node (ip xfrm state), so that the packet goes into the tunnel and does "
            "not leave the host"
        ),
        fixes=(
            FixPlan(
                "Load ESP on every node, and let the engine set up the keys anew.",
                ("modprobe esp4", "systemctl restart docker"),
                when="esp_ready",
                lasting=False,
                interrupts="containers of this node, unless live-restore is on",
                snippet="# /etc/modules-load.d/esp.conf\nesp4",
            ),
            FixPlan(
                "Make the network anew without encryption (or move the containers to "
                "another one): docker network create -d overlay --attachable NAME. "
                "Encrypt in the application instead, or use a kernel with ESP "
                "(CONFIG_INET_ESP).",
                interrupts="everything on {network} while it is made anew",
                snippet=(
                    "networks:\n  {network}:\n    driver: overlay\n"
                    "    attachable: true\n    # without driver_opts: encrypted"
                ),
            ),
            FixPlan(
                "Where both nodes do have ESP, let IP protocol 50 pass between "
                "{local_node} and {node}, without NAT."
            ),
        ),
        look_alikes=(
            ("overlay-4789-blocked", "there unencrypted networks fail as well"),
            ("overlay-mtu", "there connections are made and large packets get lost"),
        ),
        verify=("ip xfrm state list dst {node}",),
        references=(
            "https://docs.docker.com/engine/network/drivers/overlay/#encrypt-traffic-on-an-overlay-network",
            "https://github.com/moby/moby/issues/30727",
        ),
    ),
    Cause(
        id="overlay-mtu",
        group=GROUP,
        title="packets above {passes} bytes do not pass between the nodes of {network}",
        explanation=(
            "Network {network} has an MTU of {overlay_mtu}, and VXLAN adds {added} "
            "bytes to every packet. The way between {local_node} and {node} does not "
            "carry datagrams of {outer} bytes, and nobody says so. So connections are "
            "made, short messages pass, and everything large hangs, between nodes only."
        ),
        decisive=(
            "through the tunnel small packets are answered and large ones, within the "
            "network's MTU, are not"
        ),
        fixes=(
            FixPlan(
                "Make the network anew with an MTU of {passes}: docker network create "
                "-d overlay --attachable --opt com.docker.network.driver.mtu={passes} "
                "NAME, and put the containers on it. For published ports the network "
                "ingress needs the same.",
                interrupts="everything on {network} while it is made anew",
                snippet=(
                    "networks:\n  {network}:\n    driver: overlay\n    driver_opts:\n"
                    '      com.docker.network.driver.mtu: "{passes}"'
                ),
            ),
            FixPlan(
                "Or let datagrams of {outer} bytes and more pass between {local_node} "
                "and {node}: raise the MTU of what lies between, and let firewalls "
                "pass fragments and ICMP 'fragmentation needed'."
            ),
        ),
        look_alikes=(
            ("overlay-4789-blocked", "there not even a connection is made"),
            ("mtu-blackhole-path", "there no tunnel is in between"),
            ("overlay-esp-blocked", "there only encrypted networks fail, at any size"),
        ),
        references=("RFC 7348, 4.3", "https://github.com/moby/libnetwork/issues/2661"),
    ),
    Cause(
        id="overlay-stale-fdb-arp",
        group=GROUP,
        title="the tunnel of {network} sends what is for {holder} to the wrong node",
        explanation=(
            "{holder} ({address}) is on node {node_name}, as the nodes' gossip has it. "
            "The tunnel's table on this node still says {wrong_node} for its MAC "
            "{mac}. That happens when an address is used again soon on another node, "
            "or when tidings were lost. Other nodes may well reach it."
        ),
        decisive=(
            "bridge fdb of the tunnel has another node for the MAC than the gossip has "
            "for the address"
        ),
        fixes=(
            FixPlan(
                "Set the entry right on this node.",
                (
                    "{overlay_enter} bridge fdb replace {mac} dev {tunnel_device} dst "
                    "{node} self permanent",
                ),
                lasting=False,
            ),
            FixPlan(
                "Let the engine do it: start the task anew, so that it gets another "
                "address (docker service update --force SERVICE), or restart the "
                "engine of this node.",
                interrupts="the task, or the containers of this node",
            ),
        ),
        look_alikes=(
            (
                "overlay-4789-blocked",
                "there the table is right, and nobody answers",
            ),
            ("stale-arp", "there a single host's neighbour table is wrong"),
        ),
        verify=("{overlay_enter} bridge fdb show dev {tunnel_device}",),
        references=("https://github.com/moby/moby/issues/32195", "bridge(8)"),
    ),
)
