"""Ways that lead elsewhere or nowhere: routes, next hops, overlapping networks."""

from __future__ import annotations

from netwiz.wizard.causes.model import Cause, FixPlan

GROUP = "Routes"
ONLY_NOW = (
    "It lasts until the next reboot, or until whoever made the other comes again."
)

CAUSES = (
    Cause(
        id="subnet-overlap",
        group=GROUP,
        title="the Docker network {network} ({subnet}) hides {address}",
        explanation=(
            "{address} is a machine elsewhere, but this host has a Docker network "
            "whose subnet {subnet} covers it. So packets for it go by {route}, into "
            "that network, where nobody has the address."
        ),
        decisive=(
            "the route to the target leads into a Docker network in which nobody has "
            "it, and by another device of this host the target answers (or that "
            "device's own network covers it)"
        ),
        fixes=(
            FixPlan(
                "Make the network {network} anew with a subnet that nobody else uses. "
                "Addresses given with --ip must be given again.",
                ("{anew}",),
                when="anew",
                interrupts="the connections of {members} on {network}",
            ),
            FixPlan(
                "Give the network another subnet in its definition, then make it anew "
                "(docker compose down, docker compose up -d).",
                when="compose",
                interrupts="the project {compose}",
                snippet=(
                    "networks:\n  {network}:\n    ipam:\n      config:\n"
                    "        - subnet: {new_subnet}"
                ),
            ),
            FixPlan(
                "Give the default bridge another subnet in /etc/docker/daemon.json, "
                "then restart the engine.",
                when="default_bridge",
                interrupts="every container of this engine",
                snippet='{{ "bip": "{bip}" }}',
            ),
            FixPlan(
                "Make the network {network} anew with another subnet.",
                when="anew_by_hand",
                interrupts="the connections of {members} on {network}",
            ),
            FixPlan(
                "So that it does not happen again, let the engine choose from a range "
                "that your networks do not use.",
                snippet=(
                    "# /etc/docker/daemon.json\n"
                    '{{ "default-address-pools": '
                    '[{{ "base": "{new_subnet}", "size": 24 }}] }}'
                ),
            ),
        ),
        look_alikes=(
            ("vpn-captures-route", "there the route leads into a tunnel"),
            ("next-hop-dead", "there the route leads to a router that is gone"),
        ),
        verify=("ip route get {address}",),
        references=(
            "https://github.com/moby/moby/issues/21776",
            "https://github.com/bitwarden/server/issues/947",
        ),
    ),
    Cause(
        id="vpn-captures-route",
        group=GROUP,
        title="packets for {captured} go into a tunnel that brings no answer",
        explanation=(
            "This host sends them by {route}: {what}. No answer comes that way, but "
            "{better} leads there ({better_route}). A VPN client has put its route "
            "over that one."
        ),
        decisive=(
            "the route leads into a tunnel device that brings no answer, and by "
            "another device the same target answers"
        ),
        fixes=(
            FixPlan(
                f"Send it by {{better}}, past the tunnel. {ONLY_NOW} To keep it, leave "
                "that range out of the VPN's routes (AllowedIPs of WireGuard, "
                "route-nopull of OpenVPN, split tunnelling).",
                ("{add_route}",),
                when="add_route",
                lasting=False,
            ),
            FixPlan(
                f"Or look it up in the main table before the VPN's. {ONLY_NOW}",
                ("{add_rule}",),
                when="add_rule",
                lasting=False,
            ),
            FixPlan(
                "Or, if the tunnel is the way that they should take, look at its far "
                "end: what is sent there comes to nothing."
            ),
        ),
        look_alikes=(
            ("subnet-overlap", "there the route leads into a Docker network"),
            ("host-policy-routing", "there it leads to another uplink"),
        ),
        references=("https://github.com/docker/for-linux/issues/418",),
    ),
    Cause(
        id="default-route-hijacked-by-veth",
        group=GROUP,
        title="this host's way out leads into a container, by {device}",
        explanation=(
            "This host sends it by {route}: {device} is the host's end of a "
            "container's cable. A network manager took it for an uplink and gave it a "
            "route (dhcpcd, ConnMan, NetworkManager, avahi-autoipd), which goes above "
            "the right one ({better_route})."
        ),
        decisive=(
            "the route leads out by the host's end of a container's veth pair, and by "
            "another device the same target answers"
        ),
        fixes=(
            FixPlan(
                "Remove the route, and keep the network manager away from veth*, br-* "
                "and docker* devices.",
                ("{remove_route}",),
                when="remove_route",
                lasting=False,
                snippet=(
                    "# dhcpcd: /etc/dhcpcd.conf\ndenyinterfaces veth* br-* docker*\n"
                    "# NetworkManager: /etc/NetworkManager/conf.d/docker.conf\n"
                    "[keyfile]\nunmanaged-devices=interface-name:veth*;"
                    "interface-name:br-*;interface-name:docker*"
                ),
            ),
            FixPlan(
                "Keep the network manager away from veth*, br-* and docker* devices.",
                when="add_rule",
            ),
        ),
        look_alikes=(
            ("host-no-route", "there no route is left at all"),
            ("vpn-captures-route", "there the route leads into a tunnel"),
        ),
        references=("https://github.com/moby/moby/issues/49653",),
    ),
    Cause(
        id="host-policy-routing",
        group=GROUP,
        title="a policy rule sends it another way than the main table",
        explanation=(
            "The rule `{policy}` (ip rule) has this looked up in a table of its own, "
            "which sends it by {route}. The main table has {better_route}. Such rules "
            "are written for machines with several uplinks or a VPN; that for Docker's "
            "networks was forgotten."
        ),
        decisive=(
            "a rule of ip rule chose the route; packets that go by the main table are "
            "answered, or it is the answer itself that the rule leads away"
        ),
        fixes=(
            FixPlan(
                f"Look it up in the main table before that rule. {ONLY_NOW} To keep "
                "it, write it where the other rules are written (netplan, "
                "systemd-networkd, if-up.d).",
                ("{add_rule}",),
                when="add_rule",
                lasting=False,
            ),
            FixPlan("Or change the rule or its table, so that it leaves this out."),
        ),
        look_alikes=(
            ("vpn-captures-route", "there the route leads into a tunnel"),
            ("masquerade-missing", "there it leaves by the right device"),
        ),
        verify=("ip rule; ip route get {address}",),
        references=(
            "ip-rule(8)",
            "https://github.com/moby/moby/issues/17212",
        ),
    ),
    Cause(
        id="no-default-route-in-container",
        group=GROUP,
        title="{client} has no default route",
        explanation=(
            "Nothing in {client}'s routing table covers {address}, so its own kernel "
            "refuses at once (ENETUNREACH). Containers of its own networks are still "
            "reached."
        ),
        decisive="no route of the client's own namespace covers the target",
        fixes=(
            FixPlan(
                "Put the route back. It lasts until the container is restarted; look "
                "for what removed it (a VPN client or a script inside).",
                ("{add_default}",),
                when="add_default",
                lasting=False,
            ),
            FixPlan(
                "Or restart {client}: the engine sets its routes anew.",
                ("docker restart {client!q}",),
                interrupts="{client} while it restarts",
            ),
        ),
        look_alikes=(
            ("host-no-route", "there it is this host that has no route"),
            ("host-special-route", "there a route forbids it"),
        ),
    ),
    Cause(
        id="host-no-route",
        group=GROUP,
        title="this host has no route to {address}",
        explanation=(
            "Neither a default route nor any other of this host covers {address}: the "
            "host is cut off from there, and with it every container."
        ),
        decisive="the kernel of this host finds no route to the target",
        fixes=(
            FixPlan(
                "Give this host its default route again: renew its lease "
                "(networkctl renew, nmcli connection up, dhclient), or set it: "
                "ip route add default via <router>.",
            ),
        ),
        look_alikes=(
            ("no-default-route-in-container", "there the container has none"),
            ("host-special-route", "there a route forbids it"),
        ),
        verify=("ip route get {address}",),
    ),
    Cause(
        id="host-special-route",
        group=GROUP,
        title="a {kind} route of {whose} keeps packets for {address}",
        explanation=(
            "`{special}`, a route of {whose}, was made to lead nowhere. Such "
            "routes are set by hand, by fail2ban, Calico, or routing daemons."
        ),
        decisive="the route of the target is a blackhole, prohibit or unreachable one",
        fixes=(
            FixPlan(
                "Remove the route. Whoever set it may set it again.",
                ("{remove_route}",),
                lasting=False,
            ),
        ),
        look_alikes=(
            ("host-no-route", "there no route covers the target"),
            ("next-hop-dead", "there the router does not answer"),
        ),
        references=("ip-route(8), blackhole, prohibit, unreachable",),
    ),
    Cause(
        id="next-hop-dead",
        group=GROUP,
        title="the router {next_hop} at {device} does not answer",
        explanation=(
            "This host sends it by {route}. It asks for the router {next_hop} on the "
            "wire of {device}, and nobody answers: the router is off, or is not on "
            "that wire any more."
        ),
        decisive=(
            "the host asks for the next hop of the route on the wire, and nobody "
            "answers"
        ),
        fixes=(
            FixPlan(
                "Without that route it would go by {better_route}, whose router is "
                "there: remove the route.",
                ("{remove_route}",),
                when="remove_route",
                lasting=False,
            ),
            FixPlan(
                "Bring the router {next_hop} back, or set the route to one that is "
                "there: ip route replace default via <router>."
            ),
        ),
        look_alikes=(
            ("host-no-route", "there no route covers the target"),
            ("subnet-overlap", "there the route leads into a Docker network"),
        ),
        verify=("ip neigh show {next_hop}",),
    ),
)
