"""A real sshd on a lab's host, with keys of its own, and a client.

It listens on one address, within the lab's network namespace only. Its folder for the
separation of privileges, which Debian's service would make in /run, is made in a view
of /run that only it has.
"""

from __future__ import annotations

import shlex
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.lab import namespaces, state
from tests.lab.engine import Lab
from tests.lab.state import wait_until

PORT = 2222
LOOPBACK = "127.0.0.1"
PART = "sshd"
"""The control group of it and of all that comes in by it."""
_CONFIG = """\
Port {port}
ListenAddress {address}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PidFile none
StrictModes no
UsePAM no
UseDNS no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
PrintMotd no
PrintLastLog no
"""
_VIEW = """\
set -e
mount --rbind /run /mnt
mount -t tmpfs nwssh-run /run
for path in /mnt/*; do
    name=/run/${path##*/}
    if [ -L "$path" ]; then cp -P "$path" "$name"; continue; fi
    if [ -d "$path" ]; then mkdir -p "$name"; else touch "$name"; fi
    mount --rbind "$path" "$name"
done
umount -l /mnt
mount -t tmpfs nwssh-log /var/log
mkdir -m 755 /run/sshd
exec "$@"
"""


@dataclass(frozen=True, slots=True)
class Sshd:
    """A server that runs, and the words of a client that may log in."""

    lab: Lab
    folder: Path
    process: subprocess.Popen[bytes]
    address: str

    def client(
        self, *words: str, environ: Mapping[str, str] | None = None
    ) -> list[str]:
        """How a person runs a command over SSH, on a terminal: on the lab's host
        itself, or from outside where that is how it is reached."""
        told = {"LANG": "C.UTF-8"} | dict(environ or {})
        remote = ["exec", "env", *(f"{k}={v}" for k, v in told.items()), *words]
        options = {
            "StrictHostKeyChecking": "yes",
            "UserKnownHostsFile": f"{self.folder}/known_hosts",
            "IdentitiesOnly": "yes",
            "LogLevel": "ERROR",
            "EscapeChar": "none",
        }
        settings = [word for k, v in options.items() for word in ("-o", f"{k}={v}")]
        to = ["-i", f"{self.folder}/key", "-p", str(PORT), f"root@{self.address}"]
        argv = ["ssh", "-F", "none", *settings, "-tt", *to, shlex.join(remote)]
        on = "host" if self.address == LOOPBACK else "outside"
        return self.lab.command(argv, on)

    def netwiz(self, program: Sequence[str]) -> list[str]:
        """netwiz over SSH, as on a login to the lab's host."""
        own = self.lab.env()
        kept = {name: own[name] for name in ("HOME", "DOCKER_HOST", "PATH")}
        return self.client(*program, environ=kept)

    def members(self) -> set[int]:
        """Everything that runs on this server's behalf, itself included."""
        return state.group_members(self.lab.names, PART)


def _keys(folder: Path, address: str) -> None:
    for name in ("host_key", "key"):
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab"]
        namespaces.run([*words, "-f", str(folder / name)])
    shutil.copy(folder / "key.pub", folder / "authorized_keys")
    kind, key, _ = (folder / "host_key.pub").read_text().split(" ", 2)
    (folder / "known_hosts").write_text(f"[{address}]:{PORT} {kind} {key}\n")


@contextmanager
def served(lab: Lab, address: str = LOOPBACK) -> Iterator[Sshd]:
    """A server on the lab's host, ended with all that came by it."""
    folder = lab.names.folder / "ssh"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _keys(folder, address)
    (folder / "config").write_text(
        _CONFIG.format(port=PORT, folder=folder, address=address)
    )
    server = ["/usr/sbin/sshd", "-D", "-e", "-f", str(folder / "config")]
    view = ["unshare", "--mount", "--propagation", "private", "--"]
    shown = ["sh", "-c", _VIEW, "view", *server]
    died = ["setpriv", "--pdeathsig", "KILL", "--"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            state.into_group(lab.names, PART, lab.command([*died, *view, *shown])),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=lab.env(),
            cwd="/",
            start_new_session=True,
        )
    made = Sshd(lab, folder, process, address)
    try:
        wait_until(lambda: _answers(made), "sshd answers")
        yield made
    finally:
        process.send_signal(signal.SIGTERM)
        state.kill_group(lab.names, PART)
        process.wait(timeout=state.PATIENCE_SECONDS)
        shutil.rmtree(folder, ignore_errors=True)


def _answers(server: Sshd) -> bool:
    if server.process.poll() is not None:
        log = (server.folder / "log").read_text(errors="replace")
        raise state.LabError(f"sshd ended: {log}")

    def ask() -> bool:
        try:
            with socket.create_connection((server.address, PORT), timeout=5) as asked:
                return asked.recv(4) == b"SSH-"
        except OSError:
            return False

    return server.lab.in_namespace("host", ask)
