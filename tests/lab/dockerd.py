"""A Docker Engine in the lab's host namespace, with a file system view of its own.

The view (a mount namespace) gives the lab's host its own /etc, /tmp and
/run/containerd, so that what a fix writes there never reaches this machine.
There is no pid namespace: a container's pid is valid here, and
/proc/<pid>/ns/net is how tests and netwiz get into its network.
"""

from __future__ import annotations

import http.client
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from tests.lab import namespaces
from tests.lab.outside import SERVICE_IP
from tests.lab.scenario import Options
from tests.lab.state import LabError, Names, group, into_group, kill_group, wait_until

HOSTS = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n"

PING_SECONDS = 5.0

# Commands that a fix may use and that this host has no use for otherwise.
SUDO = '#!/bin/sh\nexec "$@"\n'
SYSTEMCTL = """\
#!/bin/sh
# The lab has no service manager; this is as much of one as Docker needs.
case "$2" in docker|docker.service) ;; *) echo "only docker lives here" >&2; exit 1 ;;
esac
stop() {
    pid=$(cat {folder}/dockerd.pid) && kill -TERM "$pid" || return 0
    while kill -0 "$pid" 2>/dev/null && ! grep -q "^State:.Z" /proc/$pid/status; do
        sleep 0.02
    done
    rm -f {folder}/dockerd.pid
}
start() {
    echo $$ >{procs}
    setsid {engine} >>{folder}/dockerd.log 2>&1 </dev/null &
    i=0
    until docker version >/dev/null 2>&1; do
        i=$((i + 1)); [ $i -lt 1000 ] || exit 1
        sleep 0.05
    done
}
case "$1" in
    restart) stop; start ;;
    stop) stop ;;
    start) start ;;
    is-active) docker version >/dev/null 2>&1 ;;
    *) exit 1 ;;
esac
"""


class _UnixConnection(http.client.HTTPConnection):
    """HTTP to the engine's socket; enough for a ping, no client needed."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=PING_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PING_SECONDS)
        self.sock.connect(str(self._path))


def answers(names: Names) -> bool:
    """Whether the engine answers its ping."""
    connection = _UnixConnection(names.socket)
    try:
        connection.request("GET", "/_ping")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def pid(names: Names) -> int:
    """The engine's process id; its namespaces are the lab's host."""
    try:
        return int((names.folder / "dockerd.pid").read_text())
    except (OSError, ValueError):
        raise LabError("the lab's engine is not running") from None


def _engine(names: Names, options: Options) -> list[str]:
    folder = names.folder
    return [
        "dockerd",
        f"--data-root={folder}/root",
        f"--exec-root={folder}/exec",
        f"--pidfile={folder}/dockerd.pid",
        f"--host=unix://{names.socket}",
        f"--cgroup-parent=/{names.label}/containers",
        "--exec-opt=native.cgroupdriver=cgroupfs",
        "--shutdown-timeout=1",
        *options.args,
    ]


def private_tmp(names: Names) -> bool:
    """A /tmp of its own, unless that would hide the very programs under test."""
    repository = Path(__file__).resolve().parents[2]
    programs = [repository, Path(sys.executable), names.folder]
    programs += [Path(p) for p in [os.environ.get("NETWIZ_BIN")] if p]
    return not any(path.absolute().is_relative_to("/tmp") for path in programs)


def _prepare_files(names: Names, options: Options) -> None:
    folder = names.folder
    for part in ("etc-upper", "etc-work", "exec", "root", "bin", "home"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    upper = folder / "etc-upper"
    (upper / "hosts").write_text(HOSTS)
    (upper / "resolv.conf").unlink(missing_ok=True)
    (upper / "resolv.conf").write_text(f"nameserver {SERVICE_IP}\n")
    (upper / "docker").mkdir(exist_ok=True)
    settings = json.dumps(options.settings, indent=2)
    (upper / "docker/daemon.json").write_text(f"{settings}\n")
    systemctl = SYSTEMCTL
    for word, value in (
        ("{folder}", str(folder)),
        ("{procs}", str(group(names, "engine") / "cgroup.procs")),
        ("{engine}", shlex.join(_engine(names, options))),
    ):
        systemctl = systemctl.replace(word, value)
    for name, text in (("sudo", SUDO), ("systemctl", systemctl)):
        (folder / "bin" / name).write_text(text)
        (folder / "bin" / name).chmod(0o755)


def _script(names: Names, options: Options, dies_with_parent: bool) -> str:
    """What runs inside the fresh mount namespace, ending as dockerd."""
    folder = names.folder
    layers = f"upperdir={folder}/etc-upper,workdir={folder}/etc-work"
    lines = [
        "set -e",
        f"mount -t overlay lab-etc -o lowerdir=/etc,{layers} /etc",
        "mkdir -p /run/containerd",
        "mount -t tmpfs lab-containerd /run/containerd",
        # Whoever looks from the lab's host sees no namespace of this machine,
        # and the outside world is no more at hand than on a real host.
        "mkdir -p /run/netns",
        "mount -t tmpfs lab-netns /run/netns",
    ]
    if names.hostname:
        lines.append(f"hostname {names.hostname}")
    if private_tmp(names):
        lines.append("mount -t tmpfs -o mode=1777 lab-tmp /tmp")
    engine = _engine(names, options)
    if dies_with_parent:
        engine = ["setpriv", "--pdeathsig", "TERM", *engine]
    lines.append(f"exec {shlex.join(engine)}")
    return "\n".join(lines)


def start(
    names: Names, options: Options, dies_with_parent: bool
) -> subprocess.Popen[bytes]:
    """Start the engine without waiting: images can be made meanwhile."""
    _prepare_files(names, options)
    for stale in ("dockerd.pid", "docker.sock"):
        (names.folder / stale).unlink(missing_ok=True)
    argv = [
        "nsenter",
        f"--net={namespaces.path_of(names.host_netns)}",
        *("unshare", "--mount", "--uts", "--propagation", "slave"),
        *("sh", "-c", _script(names, options, dies_with_parent)),
    ]
    with (names.folder / "dockerd.log").open("ab") as log:
        return subprocess.Popen(
            into_group(names, "engine", argv),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"},
            cwd="/",
            start_new_session=True,
        )


def wait_for(names: Names) -> None:
    """Wait for the ping; on failure the log's last words say why."""
    try:
        wait_until(lambda: answers(names), "the engine answers its ping")
    except LabError as error:
        log = (names.folder / "dockerd.log").read_text(errors="replace")
        raise LabError(f"{error}\n{log[-2000:]}") from None


def running(names: Names) -> bool:
    """Whether it lives and answers; one that lives may take its time to."""
    try:
        number = pid(names)
        wait_until(
            lambda: not _alive(number) or answers(names), "the engine answers its ping"
        )
    except LabError:
        return False
    return _alive(number)


def stop(names: Names) -> None:
    """Stop in order if it still can, by force if not; no child survives."""
    with suppress(LabError, ProcessLookupError):
        number = pid(names)
        os.kill(number, signal.SIGTERM)
        with suppress(LabError):
            wait_until(lambda: not _alive(number), "the engine has stopped")
    kill_group(names, "engine")
    kill_group(names, "containers")


def _alive(number: int) -> bool:
    """Whether it still runs; a zombie of ours does not (nobody waits for it)."""
    try:
        status = Path(f"/proc/{number}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"
