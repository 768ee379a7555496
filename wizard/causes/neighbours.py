"""The wire itself: bridges, veths, MAC addresses."""

from __future__ import annotations

from netwiz.wizard.causes import own_end
from netwiz.wizard.causes.model import Cause, FixPlan

GROUP = "The wire"
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

CHECKSUM = Cause(
    id="tx-checksum-offload-bug",
    group=GROUP,
    title="packets reach {server} with a wrong checksum",
    explanation=(
        "The probe arrived at {server}, whose kernel threw it away because its "
        "checksum is wrong. A device or its driver computes checksums in hardware and "
        "gets them wrong, as some do for VXLAN or inside virtual machines; ping and "
        "small datagrams still pass."
    ),
    decisive=(
        "the packet is seen in the server's namespace, no answer is born, and "
        "InCsumErrors of that namespace rise by the probe"
    ),
    fixes=(
        FixPlan(
            "Let the kernel compute them: switch the offload off on the device that "
            "sends, here or on the other node (ethtool -K DEVICE tx off). The last "
            "device of this host on the way is {checksum_device}. To keep it, put the "
            "command into the device's own configuration.",
            interrupts="nothing; it costs some processor time",
        ),
    ),
    look_alikes=(
        ("overlay-4789-blocked", "there nothing arrives at all"),
        ("container-own-iptables", "there a rule counts the packet"),
        ("mtu-blackhole-path", "there small packets are answered"),
    ),
    references=("https://github.com/moby/moby/issues/41775",),
    proof="recorded",
)

CAUSES: tuple[Cause, ...] = (
    CHECKSUM,
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
                snippet="services:\n  {stacked}:\n    networks: [{network}, default]",
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
    *own_end.CAUSES,
)
