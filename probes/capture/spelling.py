"""How the words of a filter are spelt: where each begins, and what it looks like."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass

from netwiz.probes.capture.filters import BadFilterError
from netwiz.probes.text import plain

_SIGNS = r"(?P<sign>&&|\|\||<<|>>|<=|>=|==|!=|[()\[\]!&|<>=+*/%^,:-])"
_SPELLING = re.compile(
    r"(?P<space>\s+)|(?P<word>[@:]?[A-Za-z0-9_\\][A-Za-z0-9_.:/\\-]*|::[0-9A-Fa-f:.]*)|"
    + _SIGNS
)
_INNER = re.compile(r"(?P<space>\s+)|(?P<word>[A-Za-z0-9_][A-Za-z0-9_.-]*)|" + _SIGNS)
"""Between brackets, where a colon parts offset and size."""
_NUMBER = re.compile(r"(0[xX][0-9A-Fa-f]+|\d+)$")
_MAC = re.compile(r"([0-9A-Fa-f]{1,2}([:.-][0-9A-Fa-f]{1,2}){5}|[0-9A-Fa-f]{12})$")
_RANGE = re.compile(r"\d+-\d+$")
_DOTTED = re.compile(r"\d{1,3}(\.\d{1,3}){0,3}(/\d{1,2})?$")


@dataclass(frozen=True, slots=True)
class Token:
    """A word or a sign, where it stands."""

    text: str
    at: int
    sign: bool = False

    @property
    def low(self) -> str:
        """For comparing: words are the same in capitals."""
        return self.text.lower()


def tokens(text: str) -> list[Token]:
    """Words and signs; raises BadFilterError at what is neither."""
    words: list[Token] = []
    at = depth = 0
    while at < len(text):
        found = (_INNER if depth else _SPELLING).match(text, at)
        if found is None:
            shown = plain(text[at])
            raise BadFilterError(f"no filter has the character {shown}", at, text)
        if found.lastgroup != "space":
            words.append(Token(found[0], at, found.lastgroup == "sign"))
            depth += (found[0] == "[") - (found[0] == "]" and depth > 0)
        at = found.end()
    return words


def by_name(names: Mapping[str, str]) -> dict[str, list[str]]:
    """Addresses by name; what is no address is left out, wherever it came from."""
    found: dict[str, list[str]] = {}
    for address, name in names.items():
        try:
            good = str(ipaddress.ip_address(address.partition("%")[0]))
        except ValueError:
            continue
        found.setdefault(name, []).append(good)
    return found


def host_and_port(text: str) -> tuple[str, str]:
    """What `3000`, `:3000`, `10.0.0.1` and `10.0.0.1:80` name; empty for neither."""
    if text.startswith(":") and text[1:].isdecimal() and text.isascii():
        return "", text[1:]
    if text.isdecimal() and text.isascii():
        return "", text
    host, _, port = text.rpartition(":")
    for address, number in ((text, ""), (host, port)):
        try:
            good = str(ipaddress.ip_address(address))
        except ValueError:
            continue
        if not number or (number.isdecimal() and number.isascii()):
            return good, number
    return "", ""


def spelled(text: str) -> bool:
    """Whether it is a number, an address, a network or a range, by its looks."""
    if any(p.match(text) for p in (_NUMBER, _MAC, _RANGE, _DOTTED)):
        return True
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def is_service(text: str) -> bool:
    """Whether the machine's list of services knows it (getservbyname(3))."""
    import socket

    for protocol in ("tcp", "udp"):
        try:
            socket.getservbyname(text, protocol)
        except OSError:
            continue
        return True
    return False
