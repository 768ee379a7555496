"""Who printed a line with a network error: which container, what program. Pure.

Both are hints. A container is named by what gathered the line (compose and syslog put
its name in front) or by the local address that some clients print; a program by the
way it words its errors. The program matters where the words differ in meaning: musl
and glibc, Go and Java look names up each in their own way.
"""

from __future__ import annotations

import re

_LABEL = r"([A-Za-z0-9][\w.-]{1,127})"
_IPV4 = r"((?:\d{1,3}\.){3}\d{1,3})"

_CLIENTS = tuple(
    re.compile(pattern)
    for pattern in (
        # docker compose logs: the name, padded, and a bar.
        rf"^\s{{0,8}}{_LABEL} {{1,40}}\| ",
        # docker service logs: task and node.
        r"^\s{0,8}([A-Za-z0-9][\w-]{1,127}\.\d{1,4})\.[a-z0-9]{25}@\S{1,80} "
        r"{1,8}\| ",
        # The syslog and journald drivers, with the tag that holds the name.
        rf"\bdocker/{_LABEL}\[\d{{1,8}}\]: ",
        # Go says from where to where, Node its own end.
        rf"\b(?:read|write|dial) (?:tcp|udp)4? {_IPV4}:\d{{1,5}}->",
        rf"- Local \({_IPV4}:\d{{1,5}}\)",
    )
)

_MODULES = "requests|urllib3|httpx|aiohttp|asyncpg|redis|psycopg2?|socket|ssl|pymongo"
_PYTHON = (
    rf"\b(?:{_MODULES})\.[\w.]{{1,120}}|\[Errno -?\d{{1,4}}\]|\bConnect call failed\b"
    r"|\b(?:HTTPS?ConnectionPool|Connection\w{1,20}Error)\b"
    r"|\bError -?\d{1,4} connecting to\b|\[SSL: [A-Z_]{1,60}\]"
    r"|\bServerSelectionTimeoutError\b"
)

_PROGRAMS: tuple[tuple[str, str], ...] = (
    ("curl", r"\bcurl: \(\d{1,3}\)"),
    (
        "wget",
        r"\bwget: |^Resolving \S{1,255}|\bConnecting to \S{1,255} \([^)]{1,255}\)",
    ),
    ("redis-cli", r"\bCould not connect to Redis at "),
    ("nginx", r"\[(?:error|emerg|crit|warn)\] (?:\d{1,8}#\d{1,8}: )?|\bupstream: \""),
    ("Envoy", r"\bupstream connect error\b"),
    (
        "Node",
        r"\b(?:connect|read|write|getaddrinfo) E[A-Z_]{3,14}\b|\bsocket hang up\b",
    ),
    ("Node", r"\bUND_ERR_|\bERR_(?:TLS|SSL)_|\b(?:DEPTH_ZERO|UNABLE_TO|CERT_HAS)_"),
    ("Node", r"\bunable to verify the first certificate\b"),
    (".NET", r"\bSystem\.(?:Net|IO|Security)\.|\bNpgsql\.|\bSocketException \("),
    (".NET", r"\bThe SSL connection could not be established\b|RemoteCertificate"),
    ("Java", r"\b(?:java|javax|sun|org|io|com)\.[\w.$]{1,200}(?:Exception|Error)\b"),
    ("Java", r"\bConnection to \S{1,255} refused\. Check that\b"),
    ("Go", r"\bdial (?:tcp|udp)[46]?\b|\blookup \S{1,255}(?: on \S{1,80})?: "),
    ("Go", r"\bx509: |\btls: |\bcontext deadline exceeded\b|\bi/o timeout\b"),
    ("Go", r"\b(?:read|write) (?:tcp|udp)[46]? \S{1,80}->|\bhttp: server gave HTTP\b"),
    ("Python", _PYTHON),
    ("Ruby", r"\bErrno::E[A-Z]{3,14}\b|\bconnect\(2\) for "),
    ("PHP", r"\bphp_network\b|\bSQLSTATE\[|\bPHP (?:Warning|Fatal)"),
    ("Rust", r"\bos error \d{1,4}\b|\berror sending request for url\b"),
    (
        "psql",
        r"\bpsql: |\bconnection to server at \"|\bcould not translate host name\b",
    ),
    ("mysql", r"\bMySQL server\b|\bERROR 2\d{3} \("),
    ("ssh", r"\bssh: |\bkex_exchange_identification\b"),
    ("nc", r"\bnc: |\bncat: "),
    ("ping", r"\bping6?: "),
    ("OpenSSL", r"\bverify error:num=|\b:?error:[0-9A-F]{8}:SSL routines"),
    ("musl", r"\bbad address '|\bName does not resolve\b"),
    (
        "glibc",
        r"\bTemporary failure in name resolution\b|\bName or service not known\b",
    ),
)


_KNOWN = tuple((name, re.compile(pattern)) for name, pattern in _PROGRAMS)


def client_in(text: str) -> str:
    """Name or address of the container that printed a line; empty if it tells none."""
    for pattern in _CLIENTS:
        found = pattern.search(text)
        if found:
            return found[1]
    return ""


def program_in(text: str) -> str:
    """The kind of program that words its errors so; empty where nothing tells."""
    return next((name for name, known in _KNOWN if known.search(text)), "")
