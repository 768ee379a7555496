"""The last word is glibc's own: the same files, the same server, getent beside us."""

from __future__ import annotations

import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.probes.little_net import needs_root, sh
from tests.probes.wire import SERVER4, Box, Wire, until
from tests.probes.zone import ask

pytestmark = needs_root


@pytest.fixture
def dnsmasq(wire: Wire) -> Iterator[None]:
    options = [
        "--keep-in-foreground",
        "--conf-file=/dev/null",
        "--no-resolv",
        "--no-hosts",
        "--pid-file=",
        "--user=root",
        f"--listen-address={SERVER4}",
        "--bind-interfaces",
        "--address=/pair.example/10.9.0.2",
        "--address=/pair.example/fd00:9::2",
        "--address=/far.example/2001:db8::5",
        "--address=/far.example/203.0.113.5",
        "--address=/wild.corp.internal/203.0.113.66",
        "--host-record=near.example,10.9.0.200",
        "--host-record=near.example,10.9.0.3",
        "--local=/corp.internal/",
    ]
    enter = ["nsenter", f"--net=/run/netns/{wire.server.name}"]
    with subprocess.Popen([*enter, "dnsmasq", *options]) as process:
        bound = f"ss -Hlun src {SERVER4} sport = 53"
        try:
            until(lambda: SERVER4 in wire.server.run(bound))
            yield
        finally:
            process.terminate()


def getent(wire: Wire, box: Box, name: str) -> list[str]:
    """What glibc hands out in the same namespace with the same files."""
    with tempfile.TemporaryDirectory() as folder:
        nsswitch = Path(folder, "nsswitch.conf")
        nsswitch.write_text("hosts: files dns\n")
        mounts = "".join(
            f"mount --bind {shlex.quote(str(file))} /etc/{file.name};"
            for file in (box.root / "etc/hosts", box.root / "etc/resolv.conf", nsswitch)
        )
        inner = f"{mounts} getent ahosts {shlex.quote(name)} || test $? = 2"
        enter = f"nsenter --net=/run/netns/{wire.client.name} unshare --mount"
        lines = sh(f"{enter} /bin/sh -ec {shlex.quote(inner)}").splitlines()
    return [line.split()[0] for line in lines if "STREAM" in line]


@pytest.mark.usefixtures("dnsmasq")
@pytest.mark.parametrize("options", ["", "search corp.internal none.example\n"])
@pytest.mark.parametrize(
    "name",
    [
        "localhost",
        "two",
        "pair.example",
        "far.example",
        "near.example",
        "wild",
        "wild.corp.internal",
        "nobody.corp.internal",
    ],
)
async def test_glibc_agrees(wire: Wire, box: Box, name: str, options: str) -> None:
    box.write("etc/resolv.conf", f"nameserver {SERVER4}\n{options}")
    box.write(
        "etc/hosts",
        "127.0.0.1 localhost\n::1 localhost ip6-localhost\n"
        "10.9.0.9 two\nfd00:9::9 Two\n10.9.0.3 x two\n",
    )
    box.write("lib64/ld-linux-x86-64.so.2", "the mark of glibc")
    found = await ask(box, name)
    assert list(found.addresses) == getent(wire, box, name)
