"""Whom a line with a network error is about: host and port, read from its text. Pure.

The forms are tried from the most exact one to the vaguest, so that a proxy's client, a
local address or the place in a program is not taken for the target.
"""

from __future__ import annotations

import ipaddress
import re

_HOST = r"(\[[0-9A-Fa-f:.%\w]{2,60}\]|[A-Za-z0-9_][\w.-]{0,252})"
_HOST_OR_V6 = rf"(?:{_HOST}|([0-9A-Fa-f]{{0,4}}:[0-9A-Fa-f:.]{{1,45}}))"
_PORT = r"(\d{1,5})\b"
_NAME = r"([A-Za-z0-9_][\w.-]{0,252})"
_KEY = "(?:address|addr|host|target|server|upstream|backend|peer)"
_QUOTE = r"['\"]?"

GO_LOOKUP = re.compile(rf"\blookup {_NAME}(?: on [\w.:\[\]-]{{1,80}})?: ")

_NAME_TARGETS = (
    GO_LOOKUP,
    *(
        re.compile(pattern, re.IGNORECASE)
        for pattern in (
            rf"\b(?:ENOTFOUND|EAI_AGAIN|EAI_NONAME|EAI_NODATA) {_NAME}",
            rf"\bUnknownHostException: {_NAME}",
            rf"\bresolve host address {_QUOTE}{_NAME}",
            rf"\bresolve (?:host|proxy|server|address|name):? {_QUOTE}{_NAME}",
            rf"\bcould not translate host name {_QUOTE}{_NAME}",
            rf"\b(?:bad address|failed to resolve|host not found in upstream) '{_NAME}",
            rf"\bhost not found in upstream \"{_NAME}",
            rf"\bunknown (?:mysql server )?host:? {_QUOTE}{_NAME}",
            rf"\bcould not resolve:? {_QUOTE}{_NAME}",
            rf"\bError -\d connecting to {_NAME}",
            rf"\bgetaddrinfo for {_NAME} failed",
            rf"\b{_NAME} could not be resolved",
            rf"\b{_NAME}: (?:Name or service|Temporary failure|Name does not)",
            rf"\bhost ['\"]{_NAME}['\"]",
        )
    ),
)

_TARGETS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # nginx: the client and the server of the line are not the target.
        rf"\bupstream: \"\w{{1,12}}://{_HOST}:{_PORT}",
        # psycopg, libpq: the address was what it dialled, the name what was meant.
        rf"\bserver at \"([^\"]{{1,255}})\"(?: \([^)]{{1,60}}\))?, port {_PORT}",
        rf"\bhost \"([^\"]{{1,255}})\"[^?]{{1,120}} on port {_PORT}",
        # urllib3 and requests.
        rf"\bhost=['\"]([^'\"]{{1,255}})['\"], port={_PORT}",
        # Go: the address behind the arrow is the peer.
        rf"\b(?:dial|read|write) (?:tcp|udp)[46]? (?:\S{{1,80}}->)?{_HOST}:{_PORT}",
        # Node.
        rf"\bE[A-Z]{{6,14}} {_HOST_OR_V6}:{_PORT}",
        # curl, nc, ssh.
        rf"\bconnect to (?:host )?{_HOST} port {_PORT}",
        rf"\bconnect to {_HOST} \([^)]{{1,60}}\) port {_PORT}",
        # wget.
        rf"\bConnecting to {_HOST} \([^)]{{1,255}}\)\|[^|]{{1,255}}\|:{_PORT}",
        # redis-py, redis-cli, MySQL, aiohttp, Ruby, Java.
        rf"\bconnecting to {_HOST}:{_PORT}",
        rf"\bRedis at {_HOST}:{_PORT}",
        rf"\bserver on ['\"]{_HOST}:{_PORT}",
        rf"\bconnect to host {_HOST}:{_PORT}",
        rf"\bconnect\(2\) for \"?{_HOST}(?:\" port |:){_PORT}",
        rf"\bconnect(?:ion)? (?:to|with) ['\"/]?(?:[\w.-]{{1,253}}/)?{_HOST}:{_PORT}",
        rf"\bConnect call failed \(['\"]([^'\"]{{1,60}})['\"], {_PORT}",
        # Netty and the JDK: name/address:port.
        rf"\b[\w.-]{{1,253}}/{_HOST}:{_PORT}",
        # URLs, with or without a password in them; .NET; key and value.
        rf"\b\w{{1,12}}://(?:[^\s/@]{{1,200}}@)?{_HOST}:{_PORT}",
        rf"\({_HOST}:{_PORT}\)",
        rf"\b{_KEY}[=: ]{{1,2}}['\"/]?{_HOST}:{_PORT}",
    )
)

_HOST_ONLY = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\bserver on ['\"]{_HOST}['\"]",
        rf"\bconnect to remote host \({_HOST}\)",
        rf"\btarget host name '{_HOST}'",
        rf"\bhttps?://{_HOST}(?![\w:])",
    )
)
_ADDRESS = re.compile(r"(?<![\w.])((?:\d{1,3}\.){3}\d{1,3})(?::(\d{1,5}))?(?![\w.])")
_PLAIN = re.compile(r"(?<![\w.:-])([A-Za-z_][\w.-]{0,252}):(\d{2,5})(?![\w.]|:\d)")

_POOL_PORT = re.compile(rf"\bHTTPS?ConnectionPool\(host='[^']{{1,255}}', port={_PORT}")
_URL = re.compile(rf"\b(https?)://{_HOST}(?::{_PORT})?", re.IGNORECASE)

_NO_HOST = re.compile(
    r"host|name|or|address|failed|error|getaddrinfo|pid|line|code|status|errno|id|took"
    r"|time|thread|req|request|port|level|exit|server|client",
    re.IGNORECASE,
)
"""Words that stand where a host could."""
_FILES = (".go", ".py", ".js", ".ts", ".java", ".rs", ".c", ".rb", ".php", ".cs")
"""``main.go:42`` is a place in a program, not a target."""


def looked_up(text: str) -> tuple[str, int | None]:
    """The name that a resolver's error is about, and its port if the line has one."""
    for pattern in _NAME_TARGETS:
        found = pattern.search(text)
        host = found[1].strip(".") if found else ""
        if host and not host.isdigit() and not _NO_HOST.fullmatch(host):
            behind = re.search(rf"\b{re.escape(host)}:(\d{{1,5}})\b", text)
            behind = behind or _POOL_PORT.search(text)
            return host, _port(behind[1]) if behind else None
    return "", None


def dialled(text: str) -> tuple[str, int | None]:
    """Host and port that were dialled, from the most exact form in the line."""
    for pattern in (*_TARGETS, *_HOST_ONLY, _ADDRESS, _PLAIN):
        for found in pattern.finditer(text):
            *hosts, port = (
                found.groups() if pattern not in _HOST_ONLY else (found[1], "")
            )
            host = next(filter(None, hosts), "")
            if _is_host(host) and (not port or _port(port)):
                return _host(host), _port(port)
    return "", None


def url_of(text: str, host: str, port: int | None) -> tuple[str, int | None]:
    """Scheme and port of the URL that names this host; empty and None without one."""
    for found in _URL.finditer(text):
        same = found[2].strip("[]").rstrip(".").lower() == host.lower()
        at = _port(found[3]) or {"http": 80, "https": 443}[found[1].lower()]
        if host and same and port in (None, at):
            return found[1].lower(), at
    return "", None


def _port(digits: str | None) -> int | None:
    value = int(digits) if digits else 0
    return value if 0 < value < 65_536 else None


def _host(text: str) -> str:
    return text.strip("[]").rstrip(".")


def _is_host(text: str) -> bool:
    """Whether it can be one: what looks like an address must be one."""
    bare = _host(text)
    if ":" in bare or not re.search(r"[A-Za-z]", bare):
        try:
            ipaddress.ip_address(bare.partition("%")[0])
        except ValueError:
            return False
        return True
    return not _NO_HOST.fullmatch(bare) and not bare.lower().endswith(_FILES)
