"""The resolver's configuration as a container has it: resolv.conf, hosts, nsswitch.

Parsed as glibc does (resolv.conf(5), hosts(5), nsswitch.conf(5)): keywords at the
beginning of a line, the last ``search`` or ``domain`` wins, at most three servers,
what is malformed is passed over. The files belong to the container and may hold
anything.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import socket

from netwiz.probes.facts.names import ResolverFiles
from netwiz.probes.names.rootfs import RootFiles
from netwiz.probes.text import plain

MOST_SERVERS = 3
"""MAXNS of resolv.h."""

MOST_SEARCH = 16
MOST_NDOTS = 15
_MOST_HOSTS = 2000
_MOST_NAMES = 32
_NAME = 255

CA_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
"""Where Debian, Fedora, SUSE and Alpine keep the certificates they trust."""

LOADERS = (
    # musl first: its images may carry a glibc loader for compatibility.
    ("musl", "/lib/ld-musl-x86_64.so.1"),
    ("musl", "/lib/ld-musl-aarch64.so.1"),
    ("musl", "/lib/ld-musl-armhf.so.1"),
    ("glibc", "/lib64/ld-linux-x86-64.so.2"),
    ("glibc", "/lib/ld-linux-aarch64.so.1"),
    ("glibc", "/lib/ld-linux-armhf.so.3"),
    ("glibc", "/lib64/ld64.so.2"),
    ("glibc", "/lib/ld64.so.1"),
    ("glibc", "/lib/ld-linux-riscv64-lp64d.so.1"),
)
"""The program that starts every dynamically linked one, by library and machine."""

_EXT_SERVERS = re.compile(r"#\s*ExtServers:\s*\[([^\]]*)\]")
_HOST_SERVER = re.compile(r"host\(([^)]*)\)")


def read_resolver_files(
    root: RootFiles, overlay: RootFiles | None = None
) -> ResolverFiles:
    """All files at once. Blocks: call it in a worker thread.

    `overlay` is looked into first: ``ip netns exec`` lays /etc/netns/NAME over /etc
    (ip-netns(8)).
    """

    def text(name: str) -> str:
        data = overlay.read(f"/{name}") if overlay else None
        if data is None:
            data = root.read(f"/etc/{name}")
        return (data or b"").decode("utf-8", "replace")

    servers, search, ndots, options, upstreams = parse_resolv_conf(text("resolv.conf"))
    return ResolverFiles(
        servers=servers,
        search=search,
        ndots=ndots,
        options=options,
        hosts=parse_hosts(text("hosts")),
        hosts_order=parse_nsswitch(text("nsswitch.conf")),
        has_ca_bundle=any(root.has(path) for path in CA_BUNDLES),
        upstreams=upstreams,
        libc=next((libc for libc, path in LOADERS if root.has(path)), ""),
    )


Words = tuple[str, ...]


def parse_resolv_conf(text: str) -> tuple[Words, Words, int, Words, Words]:
    """Servers, search list, ndots, options, and the engine's note of its upstreams."""
    servers: list[str] = []
    search: list[str] = []
    options: list[str] = []
    upstreams: list[str] = []
    for line in text.split("\n"):
        if line.startswith(("#", ";")):
            if note := _EXT_SERVERS.match(line):
                upstreams = _upstreams(note[1])
            continue
        # Only blanks and tabs part the words; a keyword starts in the first column.
        words = re.split(r"[ \t\r]+", line.rstrip(" \t\r"))
        keyword, values = words[0], words[1:]
        if keyword == "nameserver" and values:
            if (server := _server(values[0])) and len(servers) < MOST_SERVERS:
                servers.append(server)
        elif keyword == "domain" and values:
            search = [plain(values[0], _NAME)]
        elif keyword == "search" and values:
            search = [plain(value, _NAME) for value in values[:MOST_SEARCH]]
        elif keyword == "options":
            options += [plain(value, 64) for value in values[: 64 - len(options)]]
    return (
        tuple(servers),
        tuple(search),
        _ndots(options),
        tuple(options),
        tuple(upstreams),
    )


def _upstreams(note: str) -> list[str]:
    """What Docker >= 26 writes for people: ``# ExtServers: [host(10.0.0.2) 9.9.9.9]``.

    ``host(...)`` is asked from the host's namespace.
    """
    words = (_HOST_SERVER.sub(r"\1", word) for word in note.split()[:8])
    return [server for word in words if (server := _server(word))]


def _server(text: str) -> str | None:
    bare, percent, zone = text.partition("%")
    try:
        found = ipaddress.ip_address(bare)
    except ValueError:
        # Old spellings such as 127.1 are fine with glibc (inet_aton(3)).
        return _old_spelling(text)
    if zone and found.version == 6 and len(zone) < 16 and zone.isprintable():
        return f"{found}%{plain(zone, 16)}"
    return None if percent else str(found)


def _old_spelling(text: str) -> str | None:
    if not re.fullmatch(r"[0-9a-fA-FxX.]{1,64}", text):
        return None
    try:
        return socket.inet_ntoa(socket.inet_aton(text))
    except OSError:
        return None


def _ndots(options: list[str]) -> int:
    ndots = 1
    for option in options:
        if match := re.fullmatch(r"ndots:(\d{1,9})", option, re.ASCII):
            ndots = min(int(match[1]), MOST_NDOTS)
    return ndots


def parse_hosts(text: str) -> tuple[tuple[str, Words], ...]:
    """(address, names) pairs in file order."""
    pairs: list[tuple[str, Words]] = []
    for line in text.split("\n"):
        words = line.partition("#")[0].split()
        if len(words) < 2 or len(pairs) >= _MOST_HOSTS:
            continue
        with contextlib.suppress(ValueError):
            address = str(ipaddress.ip_address(words[0]))
            names = tuple(plain(w, _NAME) for w in words[1 : _MOST_NAMES + 1])
            pairs.append((plain(address, 80), names))
    return tuple(pairs)


def parse_nsswitch(text: str) -> Words:
    """The services of the ``hosts:`` line; ``files dns`` without one.

    Without the file glibc since 2.35 and musl always look at files, then at DNS.
    Actions in brackets are left out.
    """
    order: Words = ()
    for line in text.split("\n"):
        database, colon, rest = line.partition("#")[0].partition(":")
        if colon and database.strip() == "hosts":
            services = re.sub(r"\[[^\]]*\]", " ", rest).split()
            order = tuple(plain(service, 32) for service in services[:16])
    return order or ("files", "dns")
