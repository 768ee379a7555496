"""A name server of the tests: a table of names, and every way to misbehave."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

Records = Mapping[str, list[str]]
"""``"db A"`` to its values; a name without the asked type exists, others do not."""


def answer(records: Records, wire: bytes) -> dns.message.Message:
    asked = dns.message.from_wire(wire)
    wanted = asked.question[0]
    name = wanted.name.to_text().removesuffix(".").lower()
    kind = dns.rdatatype.to_text(wanted.rdtype)
    reply = dns.message.make_response(asked)
    reply.flags |= dns.flags.RA
    values = records.get(f"{name} {kind}", [])
    if values:
        reply.answer.append(dns.rrset.from_text(wanted.name, 60, "IN", kind, *values))
    elif not any(key.startswith(f"{name} ") for key in records):
        reply.set_rcode(dns.rcode.NXDOMAIN)
    return reply


def zone(records: Records) -> Callable[[bytes], list[bytes]]:
    """Answers from the table."""
    return lambda wire: [answer(records, wire).to_wire()]


def saying(rcode: dns.rcode.Rcode) -> Callable[[bytes], list[bytes]]:
    """Nothing but an rcode."""

    def reply(wire: bytes) -> list[bytes]:
        made = dns.message.make_response(dns.message.from_wire(wire))
        made.set_rcode(rcode)
        return [made.to_wire()]

    return reply


def silent(_: bytes) -> list[bytes]:
    return []
