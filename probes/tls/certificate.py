"""A certificate as people read it (RFC 5280), from its bytes as sent.

Who is trusted is never decided here: OpenSSL does that. What is read here explains its
verdict, so a certificate that cannot be read is told of and is no reason to stop.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable
from datetime import UTC, datetime

from netwiz.probes.facts.tls import Certificate
from netwiz.probes.text import plain
from netwiz.probes.tls import der
from netwiz.probes.tls.der import Element

LARGEST = 64 * 1024
"""Bytes of a certificate that are read; real ones have one to four thousand."""
_MOST_NAMES = 100
_TEXT = 120

_ATTRIBUTES = {
    "2.5.4.3": "CN",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "0.9.2342.19200300.100.1.25": "DC",
}
_SIGNATURES = {
    "1.2.840.113549.1.1.4": "md5WithRSAEncryption",
    "1.2.840.113549.1.1.5": "sha1WithRSAEncryption",
    "1.2.840.113549.1.1.10": "rsassaPss",
    "1.2.840.113549.1.1.11": "sha256WithRSAEncryption",
    "1.2.840.113549.1.1.12": "sha384WithRSAEncryption",
    "1.2.840.113549.1.1.13": "sha512WithRSAEncryption",
    "1.2.840.10045.4.1": "ecdsa-with-SHA1",
    "1.2.840.10045.4.3.2": "ecdsa-with-SHA256",
    "1.2.840.10045.4.3.3": "ecdsa-with-SHA384",
    "1.2.840.10045.4.3.4": "ecdsa-with-SHA512",
    "1.3.101.112": "Ed25519",
    "1.3.101.113": "Ed448",
}
_CURVES = {
    "1.2.840.10045.3.1.7": "P-256",
    "1.3.132.0.34": "P-384",
    "1.3.132.0.35": "P-521",
    "1.3.132.0.10": "secp256k1",
}
_RSA, _EC = "1.2.840.113549.1.1.1", "1.2.840.10045.2.1"
_SUBJECT_ALT_NAME, _BASIC_CONSTRAINTS = "2.5.29.17", "2.5.29.19"
_AUTHORITY_INFORMATION, _CA_ISSUERS = "1.3.6.1.5.5.7.1.1", "1.3.6.1.5.5.7.48.2"
_DNS_NAME, _URI, _IP_ADDRESS = 0x82, 0x86, 0x87


def parse(data: bytes) -> Certificate:
    """What the certificate says; `malformed` says why where it cannot be read."""
    print_ = hashlib.sha256(data).hexdigest()
    found: dict[str, object] = {"fingerprint": print_, "size": len(data)}
    try:
        _certificate(data, found)
    except (ValueError, IndexError, OverflowError) as error:
        found["malformed"] = f"malformed: {plain(str(error), 100)}"
    return Certificate(**found)  # type: ignore[arg-type]


def parse_name(data: bytes) -> str:
    """A distinguished name alone, as people call it; raises ValueError for none."""
    return _label(_name(der.read(data)))


def _certificate(data: bytes, found: dict[str, object]) -> None:
    if len(data) > LARGEST:
        raise ValueError("too large to be one")
    outer = der.read(data).wanted(der.SEQUENCE).parts()
    if len(outer) < 2:
        raise ValueError("not the parts of a certificate")
    body = list(outer[0].wanted(der.SEQUENCE).parts())
    if body and body[0].tag == 0xA0:
        body.pop(0)
    if len(body) < 6:
        raise ValueError("not the fields of a certificate")
    serial, _, issuer, validity, subject, key = body[:6]
    found["serial"] = serial.wanted(der.INTEGER).content[:32].hex()
    algorithm = _first_oid(outer[1])
    found["signature"] = _SIGNATURES.get(algorithm, algorithm)
    issued, own = _name(issuer), _name(subject)
    found["issuer"], found["subject"] = _text(issued), _text(own)
    found["self_signed"] = issuer.whole == subject.whole
    found["issued_by"] = _label(issued)
    found["name"] = _label(own)
    begin, end = validity.wanted(der.SEQUENCE).parts()[:2]
    found["not_before"], found["not_after"] = _time(begin), _time(end)
    found["key"] = _key(key)
    for extra in body[6:]:
        if extra.tag == 0xA3:
            _extensions(der.read(extra.content).wanted(der.SEQUENCE), found)
    names = found.get("names")
    if not found["name"] and isinstance(names, tuple) and names:
        found["name"] = names[0]


Pairs = list[tuple[str, str]]


def _name(element: Element) -> Pairs:
    pairs: Pairs = []
    for group in element.wanted(der.SEQUENCE).parts()[:_MOST_NAMES]:
        for pair in group.wanted(der.SET).parts()[:8]:
            kind, value = pair.wanted(der.SEQUENCE).parts()[:2]
            key = der.oid(kind.wanted(der.OID).content)
            pairs.append((_ATTRIBUTES.get(key, key), _string(value)))
    return pairs


def _string(value: Element) -> str:
    if value.tag == 0x1E:
        return plain(value.content.decode("utf-16-be", "replace"), _TEXT)
    return plain(value.content, _TEXT)


def _text(pairs: Iterable[tuple[str, str]]) -> str:
    """Most telling first, as ``CN=pay.example, O=Lab``."""
    first = ("CN", "O", "OU")
    known = sorted(
        (p for p in pairs if p[0] in _ATTRIBUTES.values()),
        key=lambda p: first.index(p[0]) if p[0] in first else len(first),
    )
    return plain(", ".join(f"{key}={value}" for key, value in known), 300)


def _label(pairs: Pairs) -> str:
    """The last common name, as verifiers take it; else organisation or unit."""
    for wanted in ("CN", "O", "OU"):
        for key, value in reversed(pairs):
            if key == wanted and value:
                return value
    return _text(pairs)


def _time(element: Element) -> datetime:
    """RFC 5280, 4.1.2.5: always to the second, always UTC."""
    digits = element.content.decode("ascii", "replace")
    if element.tag == der.UTC_TIME and len(digits) == 13:
        century = "19" if digits[:2] >= "50" else "20"
        digits = century + digits
    elif element.tag != der.GENERALIZED_TIME:
        raise ValueError("a date that is none")
    if len(digits) != 15 or not digits.endswith("Z"):
        raise ValueError("a date that is none")
    return datetime.strptime(digits[:-1], "%Y%m%d%H%M%S").replace(tzinfo=UTC)


def _first_oid(element: Element) -> str:
    parts = element.wanted(der.SEQUENCE).parts()
    if not parts:
        raise ValueError("an algorithm without a name")
    return der.oid(parts[0].wanted(der.OID).content)


def _key(element: Element) -> str:
    algorithm, bits = element.wanted(der.SEQUENCE).parts()[:2]
    kind = _first_oid(algorithm)
    if kind == _RSA:
        numbers = der.read(bits.wanted(der.BITS).content[1:]).parts()
        return f"RSA {int.from_bytes(numbers[0].content).bit_length()}"
    if kind == _EC:
        parts = algorithm.parts()
        curve = der.oid(parts[1].content) if len(parts) > 1 else ""
        return f"EC {_CURVES.get(curve, curve)}".strip()
    return _SIGNATURES.get(kind, kind)


def _extensions(listed: Element, found: dict[str, object]) -> None:
    for extension in listed.parts():
        parts = extension.wanted(der.SEQUENCE).parts()
        if len(parts) < 2:
            raise ValueError("an extension without a value")
        kind = der.oid(parts[0].wanted(der.OID).content)
        value = parts[-1].wanted(der.OCTETS).content
        if kind == _SUBJECT_ALT_NAME:
            found["names"], found["addresses"] = _alt_names(der.read(value))
        elif kind == _BASIC_CONSTRAINTS:
            inner = der.read(value).parts()
            found["authority"] = bool(
                inner and inner[0].tag == der.BOOLEAN and any(inner[0].content)
            )
        elif kind == _AUTHORITY_INFORMATION:
            found["fetch_issuer"] = _issuer_place(der.read(value))


def _alt_names(listed: Element) -> tuple[tuple[str, ...], tuple[str, ...]]:
    parts = listed.wanted(der.SEQUENCE).parts()
    names = [plain(p.content, _TEXT) for p in parts if p.tag == _DNS_NAME]
    addresses = [
        str(ipaddress.ip_address(p.content))
        for p in parts
        if p.tag == _IP_ADDRESS and len(p.content) in (4, 16)
    ]
    return tuple(names[:_MOST_NAMES]), tuple(addresses[:_MOST_NAMES])


def _issuer_place(listed: Element) -> str:
    for access in listed.wanted(der.SEQUENCE).parts():
        method, place = access.wanted(der.SEQUENCE).parts()[:2]
        if der.oid(method.content) == _CA_ISSUERS and place.tag == _URI:
            return plain(place.content, 300)
    return ""
