"""A client beyond this machine: what its packet meets before and on this host."""

from __future__ import annotations

from netwiz.wizard.causes.model import Cause, FixPlan

GROUP = "Publishing ports"

CAUSES = (
    Cause(
        id="direct-routing-dropped",
        group=GROUP,
        title="{server}'s own address is not for clients outside this machine",
        explanation=(
            "{target} is a container inside this host. The engine lets nobody in there "
            "from outside but through published ports: `{rule}` "
            "({rule_where}) drops such a packet. Engines from 28 on drop "
            "it for published ports, too. {behind}"
        ),
        decisive=(
            "the dialled address is the container's own, the client is beyond this "
            "machine, and the engine's own rule or policy takes a packet to it"
        ),
        fixes=(
            FixPlan(
                "Publish the port, and dial this host instead: recreate {server} with "
                "-p {inner_port}:{inner_port}.",
                interrupts="{server} while it is recreated",
                snippet='ports:\n  - "{inner_port}:{inner_port}"',
            ),
            FixPlan(
                "If the network is to be routed, make it anew with "
                "-o com.docker.network.bridge.gateway_mode_ipv4=routed (engine 27 and "
                "newer; nat-unprotected keeps NAT)."
            ),
        ),
        look_alikes=(
            ("host-no-route", "there no packet for that address comes in at all"),
            ("docker-user-drop", "there an administrator's rule drops it"),
        ),
        references=(
            "https://github.com/moby/moby/issues/48724",
            "https://docs.docker.com/engine/network/packet-filtering-firewalls/",
        ),
    ),
    Cause(
        id="upstream-firewall",
        group=GROUP,
        title="nothing for port {port} arrives at this host from outside",
        explanation=(
            "The client tried, and in {waited} no packet for {target} came in at "
            "{uplink}. This host would have let it in and answers itself. Something "
            "before it takes the packet: a security group, a router, a provider's or "
            "company's firewall; or the client dials another address than this one."
        ),
        decisive=(
            "watched on this host's uplink, no packet of the client's came while it "
            "tried (that it tried is the person's word), and the service answers here"
        ),
        fixes=(
            FixPlan(
                "Open port {port} ({protocol}) for the client in the firewall before "
                "this host: the provider's security group or network ACL, the router's "
                "port forwarding."
            ),
            FixPlan(
                "See which address the client's name means there, and whether it is "
                "one of this host's: {host_addresses}."
            ),
        ),
        look_alikes=(
            ("docker-user-drop", "there the packet arrives and a rule counts it"),
            ("forward-policy-drop-no-accept", "there it arrives at the uplink"),
        ),
        references=("https://github.com/docker/for-linux/issues/690",),
    ),
)
