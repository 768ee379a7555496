"""Images out of this machine's own programs: no registry, no network.

`lab/busybox` is one static program; `lab/servers` adds nginx, redis and
openssl with the libraries they load, so that real servers can misbehave;
`lab/python` adds an interpreter for what none of those can do.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from platform import machine

from tests.lab.state import LabError

APPLETS = """
    sh ash cat cp date dd echo env expr false find grep head hostname httpd id
    ifconfig ip kill ln ls mkdir mkfifo mv nc netstat nslookup ping ping6 printf
    ps rm sed seq sh sleep sort tail test timeout touch tr traceroute true udhcpc
    uname vi wc wget which xargs yes arping route stat awk cut tee
"""

FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33::/:/bin/false\n"
    "nobody:x:65534:65534::/:/bin/false\n",
    "etc/group": "root:x:0:\nwww-data:x:33:\nnogroup:x:65534:\n",
    "etc/nsswitch.conf": "hosts: files dns\n",
    "www/index.html": "netwiz lab\n",
}

NGINX = """\
user root;
daemon off;
pid /run/nginx.pid;
error_log /dev/stderr;
events {}
http {
    access_log off;
    default_type text/plain;
    include /etc/nginx/conf.d/*.conf;
}
"""

PYTHON_PARTS_LEFT_OUT = {
    "__pycache__",
    "test",
    "idlelib",
    "lib2to3",
    "tkinter",
    "turtledemo",
    "ensurepip",
    "distutils",
    "pydoc_data",
    "dist-packages",
    "site-packages",
    "unittest",
    "sqlite3",
    "dbm",
    "curses",
    "config-3.11-x86_64-linux-gnu",
    "config-3.11-aarch64-linux-gnu",
}

IMAGES = ("busybox", "servers", "python")


def _program(name: str) -> Path:
    """A program of the distribution, not a shim of somebody's tool set."""
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if not found:
        raise LabError(f"{name} is not installed; the lab's images need it")
    return Path(found)


def _libraries(programs: Iterable[Path]) -> set[Path]:
    libraries: set[Path] = set()
    for program in programs:
        listed = subprocess.run(
            ["ldd", str(program)], capture_output=True, text=True, check=False
        ).stdout
        libraries.update(Path(p) for p in re.findall(r"(/\S+) \(0x", listed))
    return libraries


class _Tar:
    """A root file system being written, with fixed owners and times."""

    def __init__(self) -> None:
        self._bytes = io.BytesIO()
        self._tar = tarfile.TarFile(fileobj=self._bytes, mode="w")
        self._seen: set[str] = set()

    def folder(self, path: str, mode: int = 0o755) -> None:
        parent = str(Path(path).parent)
        if parent != ".":
            self.folder(parent)
        if path not in self._seen:
            self._seen.add(path)
            entry = tarfile.TarInfo(path)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            self._tar.addfile(entry)

    def file(self, path: str, content: bytes, mode: int = 0o644) -> None:
        self.folder(str(Path(path).parent))
        if path not in self._seen:
            self._seen.add(path)
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), mode
            self._tar.addfile(entry, io.BytesIO(content))

    def link(self, path: str, target: str) -> None:
        self.folder(str(Path(path).parent))
        if path not in self._seen:
            self._seen.add(path)
            entry = tarfile.TarInfo(path)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            self._tar.addfile(entry)

    def program(self, source: Path, path: str) -> None:
        self.file(path, source.read_bytes(), 0o755)

    def bytes(self) -> bytes:
        self._tar.close()
        return self._bytes.getvalue()


def _base(tar: _Tar) -> None:
    tar.program(_program("busybox"), "bin/busybox")
    for applet in APPLETS.split():
        tar.link(f"bin/{applet}", "busybox")
    for path, content in FILES.items():
        tar.file(path, content.encode())
    for path in ("proc", "sys", "dev", "root", "run", "var/run", "var/log"):
        tar.folder(path)
    tar.folder("tmp", 0o1777)


def _programs(tar: _Tar, programs: dict[str, str]) -> None:
    found = {path: _program(name) for name, path in programs.items()}
    for path, source in found.items():
        tar.program(source, path)
    for library in sorted(_libraries(found.values())):
        tar.program(library, str(library).lstrip("/"))


def _servers(tar: _Tar) -> None:
    _programs(
        tar,
        {
            "nginx": "usr/sbin/nginx",
            "redis-server": "usr/bin/redis-server",
            "openssl": "usr/bin/openssl",
        },
    )
    for path in ("var/log/nginx", "var/lib/nginx", "etc/nginx/conf.d", "data"):
        tar.folder(path)
    tar.file("etc/nginx/nginx.conf", NGINX.encode())
    tar.file("usr/lib/ssl/openssl.cnf", b"")


def _python(tar: _Tar) -> None:
    _programs(tar, {"python3": "usr/bin/python3"})
    library = Path("/usr/lib/python3.11")
    needed: set[Path] = set()
    for path in sorted(library.rglob("*")):
        parts = path.relative_to(library).parts
        if PYTHON_PARTS_LEFT_OUT.intersection(parts) or not path.is_file():
            continue
        tar.file(str(path).lstrip("/"), path.read_bytes())
        if path.suffix == ".so" and path.name.startswith(("_ssl", "_hashlib")):
            needed.add(path)
    for path in sorted(_libraries(needed)):
        tar.program(path, str(path).lstrip("/"))


SETTINGS = {
    "Env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
    "Cmd": ["sleep", "86400"],
    # A lab's container has no time to say goodbye: as process 1 a sleep would
    # ignore SIGTERM, and each stop would take ten seconds.
    "StopSignal": "SIGKILL",
}


@cache
def archive() -> bytes:
    """All images as `docker load` reads them; the busybox layer is shared."""
    layers: dict[str, bytes] = {}
    for name, write in (("busybox", _base), ("servers", _servers), ("python", _python)):
        tar = _Tar()
        write(tar)
        layers[name] = tar.bytes()
    whole = _Tar()
    manifest = []
    for name in IMAGES:
        stack = list(dict.fromkeys(("busybox", name)))
        digests = [hashlib.sha256(layers[part]).hexdigest() for part in stack]
        config = json.dumps(
            {
                "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[machine()],
                "os": "linux",
                "config": SETTINGS,
                "rootfs": {
                    "type": "layers",
                    "diff_ids": [f"sha256:{d}" for d in digests],
                },
            }
        ).encode()
        whole.file(f"{name}.json", config)
        manifest.append(
            {
                "Config": f"{name}.json",
                "RepoTags": [f"lab/{name}:latest"],
                "Layers": [f"{part}.layer" for part in stack],
            }
        )
    for name, content in layers.items():
        whole.file(f"{name}.layer", content)
    whole.file("manifest.json", json.dumps(manifest).encode())
    return whole.bytes()
