"""Overlay networks: the tunnel, what is inside its datagrams, the engine's word."""

from __future__ import annotations

import socket
import struct

from hypothesis import given
from hypothesis import strategies as st

from netwiz.probes.facts import Place
from netwiz.probes.facts.overlay import OverlayFacts
from netwiz.probes.overlay import kernel, senses
from netwiz.probes.overlay.tunnel import read_tunnel, vxlan_devices
from netwiz.probes.witness.decode import decode
from netwiz.probes.witness.filter import ETH_ARP, ETH_IP, program
from tests.probes.little_net import Namespace, ground, needs_root, sh
from tests.probes.test_witness_decode import ipv4, tcp

PORT = 4789


def inside(
    ethertype: int, packet: bytes, *, port: int = PORT, vni: int = 4097
) -> bytes:
    """An inner packet as it travels between two nodes."""
    frame = bytes(12) + struct.pack("!H", ethertype) + packet
    header = struct.pack("!BxxxI", 8, 4097 << 8)
    size = 8 + len(header) + len(frame)
    return ipv4(17, struct.pack("!HHHH", 50000, port, size, 0) + header + frame)


def test_the_packet_inside_the_tunnel_counts() -> None:
    found = decode(ETH_IP, inside(ETH_IP, ipv4(6, tcp(2))), {PORT})
    assert found is not None
    assert (found.kind, found.sequence) == ("SYN", 1000)
    assert found.tunnel is not None
    assert found.tunnel[2] == 4097


def test_without_a_tunnel_it_is_a_datagram_like_any_other() -> None:
    data = inside(ETH_IP, ipv4(6, tcp(2)))
    for ports in (set[int](), {7789}):
        found = decode(ETH_IP, data, ports)
        assert found is not None
        assert (found.kind, found.tunnel) == ("UDP", None)


@given(st.binary(max_size=120), st.integers(0, 200))
def test_any_bytes_in_a_tunnel_are_survived(payload: bytes, cut: int) -> None:
    for ethertype in (ETH_IP, ETH_ARP, 0x86DD, 0):
        decode(ETH_IP, inside(ethertype, payload)[:cut], {PORT})
    decode(ETH_IP, ipv4(17, struct.pack("!HHHH", 1, PORT, 8, 0) + payload), {PORT})


def _run(code: bytes, ethertype: int, data: bytes) -> int:
    """The classic BPF program, run by hand (bpf(4)); bytes kept, 0 for a drop."""
    steps = list(struct.iter_unpack("=HBBI", code))
    accumulator = index = at = 0
    while True:
        operation, yes, no, operand = steps[at]
        at += 1
        start = operand + (index if operation in (0x48, 0x50) else 0)
        if operation == 6:
            return int(operand)
        if operation == 5:
            at += operand
        elif operation == 0x15:
            at += yes if accumulator == operand else no
        elif operation == 0x45:
            at += yes if accumulator & operand else no
        elif operation == 0xB1:
            index = 4 * (data[operand] & 0xF)
        elif operand == 0xFFFFF000:
            accumulator = ethertype
        else:
            size = 2 if operation in (0x28, 0x48) else 1
            piece = data[start : start + size]
            if len(piece) < size:
                return 0
            accumulator = int.from_bytes(piece, "big")


def test_the_filter_looks_into_the_tunnel() -> None:
    syn, data = ipv4(6, tcp(2)), ipv4(6, tcp(0x10))
    code = program(socket.IPPROTO_TCP, (), tunnels={PORT})
    assert _run(code, ETH_IP, inside(ETH_IP, syn))
    assert _run(code, ETH_IP, syn)
    assert _run(code, ETH_IP, inside(ETH_ARP, bytes(28)))
    assert not _run(code, ETH_IP, inside(ETH_IP, data))
    assert not _run(code, ETH_IP, inside(ETH_IP, syn, port=53))
    assert not _run(program(socket.IPPROTO_TCP), ETH_IP, inside(ETH_IP, syn))


def test_the_filter_keeps_datagrams_beside_the_tunnel() -> None:
    code = program(socket.IPPROTO_UDP, (53,), tunnels={PORT})
    asked = ipv4(17, struct.pack("!HHHH", 4000, 53, 8, 0))
    assert _run(code, ETH_IP, asked)
    assert _run(code, ETH_IP, inside(ETH_IP, asked))
    assert not _run(code, ETH_IP, ipv4(17, struct.pack("!HHHH", 4000, 54, 8, 0)))


@needs_root
async def test_a_tunnel_is_read_from_its_namespace() -> None:
    namespace = Namespace("tunnel")
    mac, address, node = "02:42:0a:00:01:04", "10.0.1.4", "192.0.2.9"
    try:
        enter = f"ip -n {namespace.name}"
        sh(
            f"{enter} link add vxlan0 type vxlan id 4097 dstport 7789 nolearning proxy;"
            f"{enter} link set vxlan0 mtu 1400 up;"
            f"{enter} neigh add {address} lladdr {mac} dev vxlan0 nud permanent;"
            f"{enter} xfrm policy add src 192.0.2.1 dst {node} proto udp dir out"
            f" tmpl src 192.0.2.1 dst {node} proto esp reqid 1 mode transport;"
            f"bridge -n {namespace.name} fdb add {mac} dev vxlan0 dst {node}"
        )
        place = Place.netns(namespace.name)
        stood = ground()
        try:
            devices = await stood.namespaces.call(place, vxlan_devices)
            tunnel = await stood.namespaces.call(place, read_tunnel, place, 4097)
            held = await stood.namespaces.call(place, kernel.associations)
            wanted = await stood.namespaces.call(place, kernel.policies)
        finally:
            stood.namespaces.close()
    finally:
        namespace.close()
    assert [(d.name, d.vni, d.port, d.mtu) for d in devices] == [
        ("vxlan0", 4097, 7789, 1400)
    ]
    assert (tunnel.device, tunnel.port) == ("vxlan0", 7789)
    assert (held, wanted) == ((), ("192.0.2.9",))
    assert tunnel.mac_of(address) == mac
    assert tunnel.node_of(mac) == node
    assert tunnel.node_of("") == tunnel.mac_of("10.0.1.9") == ""


def test_the_engines_word_of_a_network() -> None:
    swarm = senses._swarm(
        {
            "LocalNodeState": "active",
            "NodeAddr": "10.99.0.1",
            "RemoteManagers": [{"Addr": "10.98.0.1:2377"}, None],
            "Cluster": {"DataPathPort": 7789},
            "ControlAvailable": True,
        }
    )
    assert (swarm.port, swarm.managers) == (7789, ("10.98.0.1:2377",))
    told = {
        "Id": "s" * 25,
        "Name": "shop",
        "Attachable": True,
        "Options": {"encrypted": ""},
        "Peers": [{"IP": "10.99.0.1"}, {"IP": "10.98.0.1"}],
        "Services": {
            "": {
                "VIP": "<nil>",
                "Tasks": [
                    {
                        "Name": "pg",
                        "EndpointIP": "10.0.1.4",
                        "Info": {"Host IP": "10.98.0.1"},
                    }
                ],
            },
            "web": {"VIP": "10.0.1.6", "Tasks": None},
        },
    }
    facts = senses._network(swarm, told)
    assert facts.encrypted
    assert facts.others == ("10.98.0.1",)
    assert facts.service_at("10.0.1.6") == "web"
    task = facts.task("10.0.1.4")
    assert task is not None
    assert (task.name, task.node) == ("pg", "10.98.0.1")


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                (
                    "Services",
                    "Tasks",
                    "VIP",
                    "Peers",
                    "Options",
                    "Info",
                    "Cluster",
                    "Spec",
                )
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(json)
def test_whatever_the_engine_says_is_survived(said: object) -> None:
    raw = said if isinstance(said, dict) else {"Services": said, "Peers": said}
    facts = senses._network(senses._swarm(raw), raw)
    assert isinstance(facts, OverlayFacts)
    senses._node(said)
    list(senses._ports(said))


def test_a_managers_own_address_is_the_one_that_is_dialled() -> None:
    node = senses._node(
        {
            "ID": "n1",
            "Description": {"Hostname": "first"},
            "Status": {"State": "ready", "Addr": "0.0.0.0"},
            "ManagerStatus": {"Addr": "10.99.0.1:2377"},
        }
    )
    assert (node.address, node.manager) == ("10.99.0.1", True)


def test_reading_the_kernel_loads_nothing() -> None:
    found = kernel.kernel_support()
    assert found.release
    assert isinstance(kernel.unsent(), int)
