"""Where the engine listens: what the docker command line would use, by its own rules.

DOCKER_HOST wins over DOCKER_CONTEXT, that over ``currentContext`` of the configuration
file, that over the default socket (docker CLI, "Docker contexts"). Nothing is connected
to here, and nothing raises: what is wrong is said by the first call.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from netwiz.probes.sockets.processes import read_small
from netwiz.probes.text import plain

DEFAULT = "unix:///var/run/docker.sock"
_ADVICE = "use unix:///path or tcp://host:port"


@dataclass(frozen=True, slots=True)
class Tls:
    """Files of a TLS connection; an empty one is not there."""

    ca: str = ""
    certificate: str = ""
    key: str = ""
    verify: bool = True


@dataclass(frozen=True, slots=True)
class EngineEndpoint:
    """Where an engine listens, taken apart."""

    url: str
    origin: str = "the default"
    """What named it: DOCKER_HOST, a context, the default."""
    context: str = ""
    path: str = ""
    """Of its unix socket; empty for TCP."""
    host: str = ""
    port: int = 0
    tls: Tls | None = None
    problem: str = ""
    """Why it can never be used; empty when it may be tried."""
    remedy: str = ""

    @property
    def base_url(self) -> str:
        """As the docker SDK wants it."""
        return self.url if self.path else f"tcp://{self._authority}"

    @property
    def _authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def find_endpoint(environ: Mapping[str, str]) -> EngineEndpoint:
    """The engine that the environment means."""
    folder = _config_folder(environ)
    host = environ.get("DOCKER_HOST", "").strip()
    if host:
        return parse_endpoint(host, "DOCKER_HOST", tls=_tls_of(environ, folder))
    name = environ.get("DOCKER_CONTEXT", "").strip()
    if not name:
        stored = _read_json(folder / "config.json").get("currentContext")
        name = stored.strip() if isinstance(stored, str) else ""
    if name and name != "default":
        return _of_context(folder, name)
    return parse_endpoint(DEFAULT, "the default", context=name)


def parse_endpoint(
    url: str, origin: str, *, context: str = "", tls: Tls | None = None
) -> EngineEndpoint:
    """An endpoint from its URL, with the problem named when it cannot be used."""
    shown = plain(url, 200)

    def bad(problem: str, remedy: str = _ADVICE) -> EngineEndpoint:
        return EngineEndpoint(
            shown,
            origin,
            context,
            problem=f"{origin} names {shown}: {problem}",
            remedy=remedy,
        )

    if url.startswith("/"):
        url = shown = f"unix://{shown}"
    scheme, separator, rest = url.partition("://")
    scheme = scheme.lower() if separator else "tcp"
    if scheme == "unix":
        path = rest if rest.startswith("/") else f"/{rest}"
        return EngineEndpoint(shown, origin, context, path=path)
    if scheme == "ssh":
        return bad(
            "the namespaces to be looked into are on that machine",
            "log in there and run netwiz on it",
        )
    if scheme not in ("tcp", "http", "https"):
        return bad(f"{plain(scheme, 40)}:// is not supported")
    try:
        parts = urlsplit(url if separator else f"tcp://{url}")
        secure = tls is not None or scheme == "https"
        host, port = parts.hostname or "", parts.port or (2376 if secure else 2375)
    except ValueError:
        return bad("that is no address")
    if not host:
        return bad("no host in it")
    return EngineEndpoint(
        shown,
        origin,
        context,
        host=host,
        port=port,
        tls=tls or (Tls() if scheme == "https" else None),
    )


def _of_context(folder: Path, name: str) -> EngineEndpoint:
    """Endpoint of a context, kept in ``contexts/meta/<sha256 of name>/meta.json``."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    origin = f"the docker context {plain(name, 80)}"
    meta = _read_json(folder / "contexts" / "meta" / digest / "meta.json")
    endpoints = meta.get("Endpoints")
    docker = endpoints.get("docker") if isinstance(endpoints, dict) else None
    host = docker.get("Host") if isinstance(docker, dict) else None
    if not isinstance(host, str) or not host:
        return EngineEndpoint(
            "",
            origin,
            plain(name, 80),
            problem=f"{origin} does not exist, or names no endpoint",
            remedy="docker context ls shows the ones there are",
        )
    files = folder / "contexts" / "tls" / digest / "docker"
    tls = None
    if files.is_dir():
        skip = isinstance(docker, dict) and docker.get("SkipTLSVerify") is True
        tls = _tls_files(files, verify=not skip)
    return parse_endpoint(host, origin, context=plain(name, 80), tls=tls)


def _tls_of(environ: Mapping[str, str], folder: Path) -> Tls | None:
    """TLS as DOCKER_TLS_VERIFY, DOCKER_TLS and DOCKER_CERT_PATH say."""
    verify = bool(environ.get("DOCKER_TLS_VERIFY"))
    if not verify and not environ.get("DOCKER_TLS"):
        return None
    files = Path(environ.get("DOCKER_CERT_PATH") or folder)
    return _tls_files(files, verify=verify)


def _tls_files(folder: Path, *, verify: bool) -> Tls:
    def file(name: str) -> str:
        path = folder / name
        return str(path) if path.is_file() else ""

    return Tls(file("ca.pem"), file("cert.pem"), file("key.pem"), verify)


def _config_folder(environ: Mapping[str, str]) -> Path:
    named = environ.get("DOCKER_CONFIG")
    if named:
        return Path(named)
    home = environ.get("HOME")
    return (Path(home) if home else Path("/")) / ".docker"


def _read_json(path: Path) -> dict[str, object]:
    """A small JSON object from a file; empty when it is not there or not one."""
    try:
        found = json.loads(read_small(path, 1 << 20))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
