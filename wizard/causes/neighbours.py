"""The wire itself: bridges, veths, MAC addresses."""

from __future__ import annotations

from netwiz.wizard.causes.model import Cause, FixPlan

GROUP = "The wire"
FALSE = "False symptoms"
UNMANAGED = (
    "# /etc/NetworkManager/conf.d/90-docker.conf\n"
    "[keyfile]\n"
    "unmanaged-devices=interface-name:veth*;interface-name:br-*;"
    "interface-name:docker0\n"
    "# /etc/systemd/network/10-docker.network\n"
    "[Match]\n"
    "Name=veth* br-* docker0\n"
    "[Link]\n"
    "Unmanaged=yes"
)
KEEP_OFF = FixPlan(
    "So that it lasts: keep the network manager off the engine's devices, then reload "
    "it (nmcli general reload, networkctl reload).",
    snippet=UNMANAGED,
)

CAUSES = (
    Cause(
        id="veth-detached-from-bridge",
        group=GROUP,
        title="{veth}, the host's end of {detached}'s cable, is not on bridge {bridge}",
        explanation=(
            "A container hangs on its network by a veth pair, whose end on the host is "
            "a port of the network's bridge. {veth} is no port of {bridge} any more, "
            "so no question and no packet crosses between {detached} and network "
            "{network}. NetworkManager, systemd-networkd and ConnMan do this when they "
            "take the veth for a card of theirs."
        ),
        decisive=(
            "an ARP question stays unanswered, and the host's end of the container's "
            "veth has no master, or another one than the network's bridge"
        ),
        fixes=(
            FixPlan("Plug it in again.", ("{mend}",), lasting=False),
            KEEP_OFF,
        ),
        look_alikes=(
            ("link-down", "there the device is on its bridge, but switched off"),
            ("container-ip-hardcoded", "there nobody has the address"),
        ),
        references=(
            "https://github.com/moby/moby/issues/26492",
            "https://github.com/systemd/systemd/issues/28626",
        ),
    ),
    Cause(
        id="link-down",
        group=GROUP,
        title="{link_kind} {link} of {link_home} is switched off",
        explanation=(
            "The way from {client} to {address} goes by {link_kind} {link} of "
            "{link_home}, which is DOWN: it takes no packet and answers no question."
        ),
        decisive=(
            "an ARP question stays unanswered, or no packet leaves at all, and a "
            "device on the way lacks the flag UP"
        ),
        fixes=(
            FixPlan(
                "Switch it on. Somebody switched it off: a network manager or a "
                "script may do so again.",
                ("{mend}",),
                lasting=False,
            ),
            KEEP_OFF,
        ),
        look_alikes=(
            ("veth-detached-from-bridge", "there it is up, but on no bridge"),
            ("network-none", "there the container has no device at all"),
        ),
        references=("ip-link(8)",),
    ),
    Cause(
        id="bridge-ip-missing",
        group=GROUP,
        title="bridge {bridge} has lost the gateway address {gateway}",
        explanation=(
            "The containers on {network} send everything for elsewhere to their "
            "gateway {gateway}, an address of this host on {bridge}. It is not there, "
            "so nobody answers for it; containers on the same network still reach each "
            "other."
        ),
        decisive=(
            "nobody answers who has the network's gateway, and the network's bridge "
            "does not have that address"
        ),
        fixes=(
            FixPlan(
                "Give it back. Whoever flushed it (a network manager, netplan apply) "
                "may do so again; restarting the engine sets it as well.",
                ("{mend}",),
                lasting=False,
            ),
            KEEP_OFF,
        ),
        look_alikes=(("link-down", "there the bridge itself is off"),),
        references=("https://github.com/moby/moby/issues/42558",),
    ),
    Cause(
        id="macvlan-host-isolation",
        group=GROUP,
        title="{stacked} is a macvlan on {parent}: this host and it cannot talk",
        explanation=(
            "Frames between a macvlan and the device below it are never passed on by "
            "the kernel. So {stacked} ({stacked_address}) is reached by the LAN and by "
            "its siblings, but not by this host, nor by containers that go through "
            "this host."
        ),
        decisive=(
            "the container's device is a macvlan on the very device by which the host "
            "asks for its address, both are up, and the question stays unanswered"
        ),
        fixes=(
            FixPlan(
                "Give this host a macvlan of its own on {parent}, and send what is for "
                "{stacked_address} through it. It is gone after a restart of this "
                "machine: put the same into its network configuration.",
                ("{mend}",),
                when="mend",
                lasting=False,
            ),
            FixPlan(
                "Or give {stacked} a second network, a bridge, and talk over that.",
                snippet="services:\n  <service>:\n    networks:\n      {network}:\n"
                "      <bridge network>:",
            ),
        ),
        look_alikes=(
            ("container-not-running", "there siblings do not reach it either"),
            ("macvlan-parent-filtered", "there the LAN does not reach it either"),
        ),
        references=(
            "https://github.com/moby/moby/issues/21735",
            "https://docs.docker.com/network/drivers/macvlan/",
        ),
    ),
    Cause(
        id="macvlan-parent-missing-or-down",
        group=GROUP,
        title="{parent}, the device below network {network}, is {parent_state}",
        explanation=(
            "The containers of {network} hang on the host's device {parent}. It is "
            "{parent_state}, so they reach nobody at all."
        ),
        decisive=(
            "the parent device that the network names is not there, is DOWN or has no "
            "carrier"
        ),
        fixes=(
            FixPlan("Switch it on.", ("{mend}",), when="mend", lasting=False),
            FixPlan(
                "Make {parent} work again (cable, VLAN, driver), or make the network "
                "anew with the right parent: docker network create -d macvlan -o "
                "parent=<device> and so on.",
                when="by_hand",
            ),
        ),
        look_alikes=(
            ("macvlan-parent-filtered", "there the device is up, and the host works"),
            ("network-none", "there no network was asked for"),
        ),
        references=("https://docs.docker.com/network/drivers/macvlan/",),
    ),
    Cause(
        id="macvlan-parent-filtered",
        group=GROUP,
        title="the network behind {parent} does not answer {stacked}'s MAC address",
        explanation=(
            "{wanted} answers this host on {parent}, but not {stacked}, which asks on "
            "the same device with a MAC address of its own. Something between filters "
            "MAC addresses that it does not know: a hypervisor's virtual switch "
            "(promiscuous mode, forged transmits), a cloud network, port security of a "
            "switch, a Wi-Fi access point, or an Ethernet filter on this host."
        ),
        decisive=(
            "the same neighbour, asked by ARP on the same device, answers the host's "
            "MAC address and not the container's"
        ),
        fixes=(
            FixPlan(
                "Allow the containers' MAC addresses: on ESXi accept promiscuous mode "
                "and forged transmits for the port group; on a switch raise the port's "
                "limit of MAC addresses; look for Ethernet filters here with nft list "
                "ruleset (families netdev and bridge)."
            ),
            FixPlan(
                "Where that cannot be allowed (clouds, Wi-Fi): use ipvlan, whose "
                "containers share the host's MAC address.",
                snippet="networks:\n  {network}:\n    driver: ipvlan\n"
                "    driver_opts:\n      parent: {parent}",
            ),
        ),
        look_alikes=(
            ("macvlan-host-isolation", "there only this host is not reached"),
        ),
        references=("https://github.com/moby/moby/issues/21735",),
    ),
    Cause(
        id="network-none",
        group=GROUP,
        title="{client} was made without a network",
        explanation=(
            "{client} runs with network mode none: it has no device but its own "
            "loopback, so every address but its own is unreachable at once."
        ),
        decisive=(
            "the container's NetworkMode is none, and its namespace has no device but "
            "the loopback"
        ),
        fixes=(
            FixPlan(
                "Take it off none and put it on the network of what it needs.",
                (
                    "docker network disconnect none {client!q}\n"
                    "docker network connect {better_network!q} {client!q}",
                ),
                when="better_network",
                snippet="services:\n  {client}:\n    # not network_mode: none\n"
                "    networks: [{better_network}]",
            ),
            FixPlan(
                "If no container serves {target}: make {client} anew on a network "
                "that leads there, without network_mode: none."
            ),
        ),
        look_alikes=(
            ("container-disconnected", "there it had a network, and lost it"),
            ("shared-netns-owner-restarted", "there it is in another's old namespace"),
        ),
        references=("https://docs.docker.com/network/drivers/none/",),
    ),
    Cause(
        id="container-disconnected",
        group=GROUP,
        title="{client} is on no network any more",
        explanation=(
            "{client} runs, but the engine has it on no network: it was taken off, or "
            "its network was removed and made anew. It has no device but its own "
            "loopback, and the name server 127.0.0.11 that it still asks is silent."
        ),
        decisive=(
            "the engine lists no network for the running container, whose mode is not "
            "none, and its namespace has no device but the loopback"
        ),
        fixes=(
            FixPlan(
                "Put it on the network of what it needs.",
                ("docker network connect {better_network!q} {client!q}",),
                when="better_network",
                snippet="docker compose up -d --force-recreate <its service>",
            ),
            FixPlan(
                "With Compose: docker compose up -d --force-recreate makes the "
                "container anew on the networks that its file names.",
                interrupts="{client} while it is recreated",
            ),
        ),
        look_alikes=(
            ("network-none", "there it was made so"),
            ("link-down", "there the device is there, but switched off"),
        ),
    ),
    Cause(
        id="ephemeral-ports-exhausted",
        group=GROUP,
        title="{client} has used up its local ports towards {address} port {port}",
        explanation=(
            "Each connection to one address and port needs a local port of its own. "
            "{ports_used} of the {ports_size} in {client}'s range {ports_range} are "
            "taken, {ports_waiting} of them by connections that were closed within "
            "the last minute (TIME-WAIT). Nothing is sent; connect() fails at once "
            "with EADDRNOTAVAIL."
        ),
        decisive=(
            "connect() to an IPv4 address fails with EADDRNOTAVAIL, and the sockets "
            "of the namespace towards that address and port fill its "
            "ip_local_port_range"
        ),
        fixes=(
            FixPlan(
                "Let {client} keep its connections and use them again (keep-alive, a "
                "pool): one connection per request is what uses them up. Meanwhile, "
                "more ports:",
                ("{widen}",),
                when="widen",
                lasting=False,
                snippet="services:\n  {client}:\n    sysctls:\n"
                '      net.ipv4.ip_local_port_range: "10240 65535"',
            ),
            FixPlan(
                "Let waiting ports be used again for new connections.",
                ("{reuse}",),
                when="reuse",
                lasting=False,
            ),
            FixPlan(
                "Keep connections open and use them again (keep-alive, a pool), or "
                "spread them over several addresses of the server."
            ),
        ),
        look_alikes=(
            ("ipv6-disabled-eaddrnotavail", "the same errno; there for IPv6 only"),
        ),
        references=("ip(7), ip_local_port_range",),
    ),
    Cause(
        id="ipv6-disabled-eaddrnotavail",
        group=GROUP,
        title="{client} dials an IPv6 address, but has no IPv6",
        explanation=(
            "{address} is an IPv6 address, and {home} has none to send from: Docker "
            "switches IPv6 off in containers whose networks have no IPv6 subnet. "
            "connect() fails at once with EADDRNOTAVAIL, which looks like a lack of "
            "ports."
        ),
        decisive=(
            "EADDRNOTAVAIL for an IPv6 address, while IPv6 is switched off in the "
            "namespace or it has no IPv6 address"
        ),
        fixes=(
            FixPlan(
                "Dial an IPv4 address, or a name that has one (an A record); let the "
                "application prefer IPv4."
            ),
            FixPlan(
                "Or give {client} a network with IPv6.",
                snippet="networks:\n  default:\n    enable_ipv6: true\n    ipam:\n"
                "      config:\n        - subnet: fd00:1::/64",
                interrupts="everything on that network while it is made anew",
            ),
        ),
        look_alikes=(
            ("ephemeral-ports-exhausted", "the same errno; there the ports are full"),
        ),
        references=("https://docs.docker.com/config/daemon/ipv6/",),
    ),
    Cause(
        id="stale-arp",
        group=GROUP,
        title="{misled} sends what is for {neighbour} to a wrong MAC address",
        explanation=(
            "The neighbour table of {misled} says that {neighbour} is at {wrong_mac}. "
            "It is at {right_mac}. No question is asked while an entry stands, so the "
            "packets leave and nobody takes them; others reach the address."
        ),
        decisive=(
            "the packet left and never arrived, and the sender's neighbour entry names "
            "another MAC address than that of the device which has the address"
        ),
        fixes=(
            FixPlan(
                "Remove the entry; it is learnt anew with the next packet.",
                ("{mend}",),
            ),
            FixPlan(
                "The entry is PERMANENT: somebody wrote it (ip neigh, arp -s, a "
                "script). Take it out there too, or it comes back.",
                when="permanent",
            ),
        ),
        look_alikes=(
            ("duplicate-ip", "there the other MAC address is that of a second owner"),
            ("docker-user-drop", "there a rule counts the packet"),
        ),
        references=(
            "ip-neighbour(8)",
            "https://github.com/moby/moby/issues/35807",
        ),
    ),
    Cause(
        id="cap-net-raw-dropped",
        group=FALSE,
        title="only ping fails: {client} lacks the right CAP_NET_RAW",
        explanation=(
            "ping opens a raw socket, for which it needs CAP_NET_RAW: it is "
            "{cap_state}. The network is not at fault, and TCP and UDP need no such "
            "right (a TCP connection: {tcp_state})."
        ),
        decisive=(
            "the line is ping's and says that it was denied, and the effective "
            "capabilities of the container's first process lack CAP_NET_RAW"
        ),
        fixes=(
            FixPlan(
                "Nothing has to be mended for the service. Test with TCP instead of "
                "ping: nc -zv <host> <port>, or netwiz."
            ),
            FixPlan(
                "If ping has to work: let the container's group ping without that "
                "right, or give it back the right.",
                snippet="services:\n  {client}:\n    sysctls:\n"
                '      net.ipv4.ping_group_range: "0 2147483647"\n'
                "    # or\n    cap_add: [NET_RAW]",
                interrupts="{client} while it is recreated",
            ),
        ),
        look_alikes=(("icmp-filtered", "there ping may send, and no answer comes"),),
        references=("capabilities(7)", "icmp(7), ping_group_range"),
    ),
    Cause(
        id="icmp-filtered",
        group=FALSE,
        title="only ping fails: {address} answers TCP, but no echo request",
        explanation=(
            "{echo}, while the service is there: {client} {worked}. A firewall or the "
            "far host drops ICMP echo, as many do. That says nothing about the "
            "service."
        ),
        decisive=(
            "the line is ping's, echo requests from the same namespace get no answer, "
            "and a TCP connection to the same address stands"
        ),
        fixes=(
            FixPlan(
                "Nothing has to be mended for the service. Test with TCP instead of "
                "ping: nc -zv {host} {port}, or netwiz."
            ),
            FixPlan(
                "If ping has to work: allow ICMP echo in the firewall on the way. Keep "
                "other ICMP messages allowed in any case: path MTU discovery needs "
                "them."
            ),
        ),
        look_alikes=(("cap-net-raw-dropped", "there ping is denied before it sends"),),
        references=("RFC 792", "RFC 4890"),
    ),
    Cause(
        id="aaaa-preferred-unreachable",
        group=GROUP,
        title="{host} has an IPv6 address, which {client} tries first and in vain",
        explanation=(
            "{host} has addresses of both families. {client} has an IPv6 address of "
            "its own, so it tries {address} first, and that is lost. {why_lost}. An "
            "application that does not try both at once waits or gives up, though "
            "{working} answers."
        ),
        decisive=(
            "every IPv6 address of the name is lost, every IPv4 address of it works, "
            "and IPv6 comes first by the client's own order (RFC 6724)"
        ),
        fixes=(
            FixPlan(
                "Do without IPv6 in {client}, until it leads somewhere.",
                ("{mend}",),
                when="mend",
                lasting=False,
                snippet="services:\n  {client}:\n    sysctls:\n"
                "      net.ipv6.conf.all.disable_ipv6: 1",
            ),
            FixPlan(
                "Or make IPv6 work: a prefix that is routed to this host, or NAT for "
                "IPv6 (ip6tables: true in /etc/docker/daemon.json).",
                interrupts="running containers while the engine restarts",
            ),
        ),
        look_alikes=(
            ("one-dead-replica", "there the addresses are those of several servers"),
            ("ipv6-disabled-eaddrnotavail", "there the client has no IPv6 at all"),
        ),
        references=("RFC 6724", "RFC 4193"),
    ),
    Cause(
        id="neighbour-table-overflow",
        group=GROUP,
        title="the neighbour table of this machine is full",
        explanation=(
            "The kernel keeps one table of neighbours for all containers and the host, "
            "with room for {gc_limit} entries (gc_thresh3). It is full, so {client} "
            "cannot even ask who has the next hop. Which connections fail changes with "
            "every entry that comes free."
        ),
        decisive=(
            "the probe's packet ended where a neighbour entry had to be made, and the "
            "kernel's count of entries refused for want of room (table_fulls) rose "
            "around it"
        ),
        fixes=(
            FixPlan(
                "Give the table more room.",
                (
                    "sysctl -w net.{gc_family}.neigh.default.gc_thresh3={gc3}\n"
                    "sysctl -w net.{gc_family}.neigh.default.gc_thresh2={gc2}\n"
                    "sysctl -w net.{gc_family}.neigh.default.gc_thresh1={gc1}",
                ),
                lasting=False,
                snippet="# /etc/sysctl.d/90-neighbours.conf\n"
                "net.{gc_family}.neigh.default.gc_thresh1 = {gc1}\n"
                "net.{gc_family}.neigh.default.gc_thresh2 = {gc2}\n"
                "net.{gc_family}.neigh.default.gc_thresh3 = {gc3}",
            ),
        ),
        look_alikes=(("link-down", "there the same connections fail every time"),),
        references=(
            "arp(7), gc_thresh3",
            "https://github.com/moby/moby/issues/32195",
        ),
        proof="recorded",
    ),
)
