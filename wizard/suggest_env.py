"""Targets in a container's environment, found without ever giving away a password."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from netwiz.wizard.case import DEFAULT_PORTS, BadInput, Target, parse_target

KNOWN_PORTS = {
    **DEFAULT_PORTS,
    "amqp": 5672,
    "amqps": 5671,
    "cassandra": 9042,
    "consul": 8500,
    "elasticsearch": 9200,
    "etcd": 2379,
    "kafka": 9092,
    "ldap": 389,
    "ldaps": 636,
    "mariadb": 3306,
    "memcached": 11211,
    "mongo": 27017,
    "mongodb": 27017,
    "mqtt": 1883,
    "mysql": 3306,
    "nats": 4222,
    "pg": 5432,
    "postgres": 5432,
    "postgresql": 5432,
    "rabbitmq": 5672,
    "redis": 6379,
    "rediss": 6379,
    "smtp": 25,
    "vault": 8200,
}
"""Ports by URL scheme, and by the word in a variable's name."""

_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<rest>\S+)")
_PAIR = re.compile(r"(?P<what>.+?)_?(?:HOST|HOSTNAME|ADDR|ADDRESS|SERVER)")
_HOST_PORT = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(?P<port>\d+)")
_OWN = re.compile(r"PATH|PWD|HOSTNAME|NO_PROXY|(LISTEN|BIND)(_.*)?|.*_(LISTEN|BIND)")
"""Variables that name no place to go to: where it is itself, and where it listens."""
_SECRET = re.compile(r"PASS|SECRET|TOKEN|CRED|AUTH|LOGIN|USER|_KEY")
_ANY = ("0.0.0.0", "::", "[::]", "*")


def targets_of_env(env: Iterable[str]) -> tuple[tuple[str, Target], ...]:
    """(variable, target) for every place that the environment names.

    URLs first, and then in the order of the names: the engine shuffles variables
    whenever it makes a container, and the list should not be another one after that.
    """
    variables = dict(line.partition("=")[::2] for line in env)
    found: list[tuple[str, Target]] = []

    def order(item: tuple[str, str]) -> tuple[bool, str]:
        return _URL.search(item[1]) is None, item[0]

    for name, value in sorted(variables.items(), key=order):
        if not value or _ignored(name):
            continue
        targets = _of_variable(name, value, variables)
        found.extend((name, target) for target in targets if target.host not in _ANY)
    return tuple(found)


def _ignored(name: str) -> bool:
    upper = name.upper()
    return bool(_SECRET.search(upper) or _OWN.fullmatch(upper))


def _of_variable(
    name: str, value: str, variables: Mapping[str, str]
) -> Iterator[Target]:
    url = _URL.search(value)
    if url:
        yield from _of_url(url["scheme"].lower(), url["rest"])
        return
    pieces = value.split(",")
    matches = [_HOST_PORT.fullmatch(piece.strip()) for piece in pieces]
    if all(matches):
        for piece in pieces:
            yield from _parsed(piece.strip())
        return
    yield from _of_pair(name, value, variables)


def _of_url(scheme: str, rest: str) -> Iterator[Target]:
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    # An at sign behind the authority may belong to a password with a slash in it: what
    # looks like the host would then be a piece of the password.
    if "@" in rest[len(authority) :]:
        return
    hosts = authority.rpartition("@")[2]
    prefix = f"{scheme}://" if scheme in ("http", "https") else ""
    known = KNOWN_PORTS.get(scheme.split("+", maxsplit=1)[0])
    for host in hosts.split(","):
        if _HOST_PORT.fullmatch(host):
            yield from _parsed(prefix + host)
        elif host and known:
            yield from _parsed(f"{prefix}{host}:{known}")


def _of_pair(name: str, host: str, variables: Mapping[str, str]) -> Iterator[Target]:
    pair = _PAIR.fullmatch(name.upper())
    if pair is None:
        return
    upper = {key.upper(): value for key, value in variables.items()}
    what = pair["what"]
    port = upper.get(f"{what}_PORT") or upper.get(f"{what}PORT") or _known_port(what)
    # Kubernetes and old links write `tcp://10.0.0.1:5432` into a _PORT variable.
    if port and port.isdecimal():
        yield from _parsed(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")


def _known_port(what: str) -> str:
    for word in what.lower().split("_"):
        if word in KNOWN_PORTS:
            return str(KNOWN_PORTS[word])
    return ""


def _parsed(text: str) -> Iterator[Target]:
    try:
        yield parse_target(text)
    except BadInput:
        return
