"""DNS messages: questions made, answers judged. Pure; nothing is sent here.

A name server may be hostile: an answer counts only with our id, our question and
well-formed records, and what is taken from it is bounded and plain text.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING

from netwiz.probes.errors import ProbeError
from netwiz.probes.facts.base import Failure
from netwiz.probes.facts.names import NameOutcome
from netwiz.probes.text import plain

if TYPE_CHECKING:
    import dns.message

MOST_ADDRESSES = 64
MOST_BYTES = 16 * 1024
"""Of one answer over TCP. Parsing time grows with the square of a hostile size."""

MOST_RECORDS = 512


@dataclass(frozen=True, slots=True)
class Reply:
    """What an answer says."""

    outcome: NameOutcome
    addresses: tuple[str, ...] = ()
    truncated: bool = False
    """The TC bit: ask again over TCP (RFC 5966)."""
    rcode: str = field(default="", compare=False)
    flags: tuple[str, ...] = field(default=(), compare=False)
    """Of tc, aa and ra, those that are set."""
    size: int = field(default=0, compare=False)


def check_name(name: str) -> str:
    """The name as it is put on the wire, without its final dot.

    Names beyond ASCII become their IDNA form, as applications do it before they call
    the resolver. Raises ProbeError for what can be no host name (RFC 1035, 2.3.4: at
    most 63 bytes in a label and 253 in all).
    """
    shown = plain(name, 80)
    ascii_name = name
    if not name.isascii():
        try:
            ascii_name = name[:1024].encode("idna").decode("ascii")
        except UnicodeError:
            raise ProbeError(
                Failure.BROKEN, f"{shown!r} is not a valid host name"
            ) from None
    bare = ascii_name.removesuffix(".")
    labels = bare.split(".")
    if (
        len(bare) > 253
        or not all(0 < len(label) <= 63 for label in labels)
        or not all("!" <= char <= "~" for char in bare)
    ):
        raise ProbeError(Failure.BROKEN, f"{shown!r} is not a valid host name")
    return bare


def question(name: str, record: str) -> dns.message.Message:
    """A recursive query with a random id, without EDNS, as glibc asks by default."""
    import dns.message
    import dns.name

    # Made of labels: from_text() would read backslashes as escapes.
    labels = [label.encode("ascii") for label in check_name(name).split(".")]
    full = dns.name.Name([*labels, b""])
    return dns.message.make_query(full, record, use_edns=False)


def judge(asked: dns.message.Message, wire: bytes) -> Reply | None:
    """What the answer says; None when it is no answer to this question."""
    import dns.message

    if not 12 <= len(wire) <= MOST_BYTES or _records(wire) > MOST_RECORDS:
        return None
    try:
        reply = dns.message.from_wire(wire, ignore_trailing=True)
        if not asked.is_response(reply):
            return None
        read = _read(asked, reply)
        return replace(
            read,
            rcode=_rcode(reply),
            flags=_flags(reply),
            size=len(wire),
        )
    except Exception:  # noqa: BLE001 - whatever hostile bytes bring a parser to
        return None


def _rcode(reply: dns.message.Message) -> str:
    import dns.rcode

    return plain(dns.rcode.to_text(reply.rcode()), 16)


def _flags(reply: dns.message.Message) -> tuple[str, ...]:
    import dns.flags

    known = (("tc", dns.flags.TC), ("aa", dns.flags.AA), ("ra", dns.flags.RA))
    return tuple(name for name, bit in known if reply.flags & bit)


def _records(wire: bytes) -> int:
    """How many records the header announces."""
    return sum(int.from_bytes(wire[at : at + 2], "big") for at in (6, 8, 10))


def _read(asked: dns.message.Message, reply: dns.message.Message) -> Reply:
    import dns.flags
    import dns.rcode

    truncated = bool(reply.flags & dns.flags.TC)
    rcode = reply.rcode()
    if rcode == dns.rcode.NXDOMAIN:
        return Reply(NameOutcome.NXDOMAIN, truncated=truncated)
    if rcode == dns.rcode.REFUSED:
        return Reply(NameOutcome.REJECTED, truncated=truncated)
    if rcode != dns.rcode.NOERROR:
        # FORMERR, NOTIMP and the rest: the server could not do it.
        return Reply(NameOutcome.SERVFAIL, truncated=truncated)
    addresses = _values(asked, reply)
    outcome = NameOutcome.ANSWERED if addresses else NameOutcome.NODATA
    return Reply(outcome, addresses, truncated)


def _values(asked: dns.message.Message, reply: dns.message.Message) -> tuple[str, ...]:
    """The records at the end of the chain of CNAMEs that starts at the question."""
    import dns.rdatatype
    import dns.rrset

    wanted = asked.question[0]
    by_name: dict[tuple[object, int], dns.rrset.RRset] = {
        (rrset.name, rrset.rdtype): rrset
        for rrset in reply.answer
        if rrset.rdclass == wanted.rdclass
    }
    name = wanted.name
    for _ in range(16):
        if found := by_name.get((name, wanted.rdtype)):
            texts = (plain(rdata.to_text(), 255) for rdata in found)
            return tuple(islice(texts, MOST_ADDRESSES))
        alias = by_name.get((name, dns.rdatatype.CNAME))
        if not alias:
            break
        name = alias[0].target
    return ()
