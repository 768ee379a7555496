"""A name server of the tests: a table of names, and every way to misbehave."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from netwiz.probes.facts import Resolution
from netwiz.probes.names.resolve import resolve
from netwiz.probes.requests import Resolve
from tests.probes.wire import Box

Records = Mapping[str, list[str]]
"""``"db A"`` to its values; a name without the asked type exists, others do not."""


NAMES = {
    "db A": ["10.9.0.2"],
    "pair.example A": ["10.9.0.2"],
    "pair.example AAAA": ["fd00:9::2"],
    "db.corp.internal A": ["203.0.113.66"],
    "only6.example AAAA": ["fd00:9::2"],
    "far6.example AAAA": ["2001:db8::5"],
    "far6.example A": ["10.9.0.2"],
    "mail.example MX": ["10 mx.example."],
}


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


async def ask(box: Box, name: str) -> Resolution:
    return await resolve(box.ground, Resolve(box.place, name))


def told(found: Resolution) -> list[tuple[str, str, str]]:
    return [(a.question, a.record, a.outcome.name) for a in found.answers]
