"""A Docker host in miniature: bridges, containers, an outside, and Docker's rules.

`app` and `other` are two bridges; `client` and `server` hang on the first, `stranger`
on the second. `outside` is a machine beyond the uplink.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator

from netwiz.probes.facts.base import Place
from netwiz.probes.namespaces import NETNS_DIR
from tests.probes.little_net import Namespace, sh

CLIENT, SERVER, STRANGER = "172.30.0.3", "172.30.0.2", "172.31.0.4"
HOST_APP, HOST_UPLINK, OUTSIDE = "172.30.0.1", "198.18.0.1", "198.18.0.2"
CLIENT6, SERVER6 = "fd30::3", "fd30::2"

SERVE = """
import socket, sys, threading
def tcp(address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    s = socket.create_server((address, port), family=family)
    held = []
    while True:
        held.append(s.accept())
def mute(address, port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((address, port))
    while True:
        s.recv(2000)
def udp(address, port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((address, port))
    while True:
        data, who = s.recvfrom(2000)
        s.sendto(b"heard", who)
for one in sys.argv[1:]:
    kind, address, port = one.split(",")
    work = threading.Thread(target=globals()[kind], args=(address, int(port)))
    work.start()
"""

RELAY = """
import socket, sys
listening = socket.create_server((sys.argv[1], int(sys.argv[2])))
held = []
while True:
    got, _ = listening.accept()
    try:
        held.append((got, socket.create_connection((sys.argv[3], int(sys.argv[4])), 3)))
    except OSError:
        got.close()
"""

DIAL = """
import socket, sys, time
while True:
    try:
        socket.create_connection((sys.argv[1], int(sys.argv[2])), 1).close()
    except OSError:
        pass
    time.sleep(0.002)
"""


class LittleDocker:
    """The namespaces, wired up; `close` takes all of it away."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self._children: list[subprocess.Popen[bytes]] = []
        try:
            self._build()
        except BaseException:
            self.close()
            raise

    def _namespace(self, role: str) -> Namespace:
        made = Namespace(role)
        self._stack.callback(made.close)
        return made

    def _build(self) -> None:
        self.host = self._namespace("host")
        self.client = self._namespace("client")
        self.server = self._namespace("server")
        self.stranger = self._namespace("stranger")
        self.outside = self._namespace("outside")
        run = self.host.run
        run(
            "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1"
            " net.ipv6.conf.default.accept_dad=0;"
            "ip link add br-app type bridge; ip link add br-other type bridge;"
            f"ip addr add {HOST_APP}/24 dev br-app;"
            "ip addr add 172.31.0.1/24 dev br-other;"
            "ip -6 addr add fd30::1/64 dev br-app nodad;"
            "ip link set br-app up; ip link set br-other up"
        )
        self.plug(self.client, "br-app", "vclient", f"{CLIENT}/24", HOST_APP)
        self.plug(self.server, "br-app", "vserver", f"{SERVER}/24", HOST_APP)
        self.plug(
            self.stranger, "br-other", "vstranger", f"{STRANGER}/24", "172.31.0.1"
        )
        self.client.run(f"ip -6 addr add {CLIENT6}/64 dev eth0 nodad")
        self.server.run(f"ip -6 addr add {SERVER6}/64 dev eth0 nodad")
        sh(
            f"ip link add uplink netns {self.host.name} type veth "
            f"peer name eth0 netns {self.outside.name}"
        )
        run(f"ip addr add {HOST_UPLINK}/24 dev uplink; ip link set uplink up")
        self.outside.run(f"ip addr add {OUTSIDE}/24 dev eth0; ip link set eth0 up")
        # As Docker writes them (br_netfilter leads bridged packets through FORWARD).
        run(
            "iptables -N DOCKER-USER; iptables -A DOCKER-USER -j RETURN;"
            "iptables -A FORWARD -j DOCKER-USER;"
            "iptables -t nat -N DOCKER;"
            "iptables -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER;"
            "iptables -t nat -A POSTROUTING -s 172.30.0.0/24 ! -o br-app -j MASQUERADE"
        )

    def plug(
        self, into: Namespace, bridge: str, port: str, address: str, gateway: str
    ) -> None:
        sh(
            f"ip link add {port} netns {self.host.name} type veth "
            f"peer name eth0 netns {into.name}"
        )
        self.host.run(f"ip link set {port} master {bridge}; ip link set {port} up")
        into.run(
            "sysctl -qw net.ipv6.conf.all.accept_dad=0;"
            f"ip addr add {address} dev eth0; ip link set eth0 up;"
            f"ip route add default via {gateway}"
        )

    @property
    def taps(self) -> tuple[Place, ...]:
        return (self.client.place, self.host.place, self.server.place)

    def serve(self, where: Namespace, *what: str) -> None:
        """Listen, e.g. on ``tcp,0.0.0.0,3000``; returns when it does."""
        self._start(where, [sys.executable, "-c", textwrap.dedent(SERVE), *what])
        for one in what:
            kind, _, port = one.split(",")
            which = "t" if kind == "tcp" else "u"
            self._until(where, f"ss -Hln{which} sport = :{port}")

    def relay(self, port: int, to_port: int) -> None:
        """Do as docker-proxy does on the host."""
        argv = [sys.executable, "-c", textwrap.dedent(RELAY)]
        self._start(self.host, [*argv, "0.0.0.0", str(port), SERVER, str(to_port)])
        self._until(self.host, f"ss -Hlnt sport = :{port}")

    def docker_proxy(self, port: int, to_port: int) -> None:
        """The real one; it reports to descriptor 3 that it is ready."""
        line = (
            f"exec docker-proxy -proto tcp -host-ip 0.0.0.0 -host-port {port} "
            f"-container-ip {SERVER} -container-port {to_port} 3>/dev/null"
        )
        self._start(self.host, ["/bin/sh", "-c", line])
        self._until(self.host, f"ss -Hlnt sport = :{port}")

    @contextlib.contextmanager
    def dialling(self, where: Namespace, address: str, port: int) -> Iterator[None]:
        """Somebody else's traffic, a few hundred connections a second."""
        argv = [sys.executable, "-c", textwrap.dedent(DIAL), address, str(port)]
        child = self._start(where, argv)
        try:
            self._until(where, f"ss -Hnta dport = :{port}")
            yield
        finally:
            child.kill()
            child.wait()

    @contextlib.contextmanager
    def rule(self, where: Namespace, rule: str) -> Iterator[None]:
        """A rule for as long as the block runs, e.g. ``iptables -A INPUT -j DROP``."""
        where.run(rule)
        try:
            yield
        finally:
            where.run(rule.replace(" -A ", " -D ").replace(" -I ", " -D "))

    def _start(self, where: Namespace, argv: list[str]) -> subprocess.Popen[bytes]:
        enter = ["nsenter", f"--net={NETNS_DIR / where.name}"]
        child = subprocess.Popen(
            [*enter, *argv], stdin=subprocess.DEVNULL, env=dict(os.environ)
        )
        self._children.append(child)
        return child

    @staticmethod
    def _until(where: Namespace, line: str) -> None:
        where.run(
            f'for i in $(seq 500); do [ -n "$({line})" ] && exit 0; sleep 0.02; done;'
            " exit 1"
        )

    def close(self) -> None:
        for child in self._children:
            child.kill()
            child.wait()
        self._stack.close()
