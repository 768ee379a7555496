"""From what the reader says of real packets to the wizard's answers."""

from __future__ import annotations

from collections.abc import Callable

import dns.rcode
import pytest

from netwiz.probes.capture.batch import Batch
from netwiz.probes.facts.packets import PacketRow
from netwiz.tui.screens.packet_prefill import prefill_of_row
from netwiz.widgets.packets.view import PacketsView
from tests.probes.lines import MS, NAMES, A, B, Lines, S, Talk, udp
from tests.probes.test_reading_names import answers, asks
from tests.probes.test_reading_packets import quoting

Story = Callable[[Lines], PacketRow]


def refused(lines: Lines) -> PacketRow:
    talk = Talk(lines)
    talk.say(0, flags="S")
    return talk.raw(1, "RA", seq=0)


def asks_again(lines: Lines) -> PacketRow:
    talk = Talk(lines)
    talk.raw(0, "S")
    return talk.raw(0, "S", after=S)


def unanswered(lines: Lines) -> PacketRow:
    asks_again(lines)
    return lines.wait(60 * S)[-1]


def aborted(lines: Lines) -> PacketRow:
    talk = Talk(lines)
    talk.open()
    talk.say(0, b"x" * 9)
    talk.say(1, b"y" * 9)
    return talk.raw(1, "RA")


def hung_up(lines: Lines) -> PacketRow:
    talk = Talk(lines)
    talk.open()
    return talk.raw(1, "RA")


def sent_again(lines: Lines) -> PacketRow:
    talk = Talk(lines)
    talk.open()
    packet = talk.packet(0, "PA", b"x" * 900)
    lines.read(packet, after=MS)
    return talk.raw(0, "PA", b"x" * 900, after=300 * MS)


def taken_back(lines: Lines) -> PacketRow:
    talk = Talk(lines)
    talk.say(0, flags="S")
    return talk.raw(0, "R")


def unreachable(lines: Lines) -> PacketRow:
    syn = Talk(lines).packet(0, "S")
    lines.read(syn)
    return lines.read(quoting(syn, code=1), after=MS)


def unreachable_unseen(lines: Lines) -> PacketRow:
    return lines.read(quoting(Talk(lines).packet(0, "S"), code=1))


def port_refused(lines: Lines) -> PacketRow:
    return lines.read(quoting(Talk(lines).packet(0, "S")))


def too_large(lines: Lines) -> PacketRow:
    return lines.read(quoting(Talk(lines).packet(0, "PA"), code=4, mtu=1400))


def no_such_name(lines: Lines) -> PacketRow:
    query = asks("db.lan")
    lines.read(udp(query.to_wire(), (A, 5000), (B, 53)))
    reply = answers(query, rcode=dns.rcode.NXDOMAIN)
    return lines.read(udp(reply, (B, 53), (A, 5000)), after=MS)


def no_such_name_unseen(lines: Lines) -> PacketRow:
    reply = answers(asks("db.lan"), rcode=dns.rcode.NXDOMAIN)
    return lines.read(udp(reply, (B, 53), (A, 5000)))


def server_fails(lines: Lines) -> PacketRow:
    reply = answers(asks("db.lan"), rcode=dns.rcode.SERVFAIL)
    return lines.read(udp(reply, (B, 53), (A, 5000)))


def name_unanswered(lines: Lines) -> PacketRow:
    lines.read(udp(asks("db.lan").to_wire(), (A, 5000), (B, 53)))
    return lines.wait(60 * S)[-1]


def accepted(lines: Lines) -> PacketRow:
    return Talk(lines).open()[1]


PG = f"{B}:3000"


@pytest.mark.parametrize(
    ("story", "target", "symptom"),
    [
        (refused, PG, "refused"),
        (asks_again, PG, "timeout"),
        (unanswered, PG, "timeout"),
        (aborted, PG, "reset"),
        (hung_up, PG, "reset"),
        (taken_back, PG, "reset"),
        (sent_again, PG, "slow"),
        (unreachable, PG, "unreachable"),
        (unreachable_unseen, "pg:3000", "unreachable"),
        (port_refused, "pg:3000", "refused"),
        (too_large, "pg:3000", "timeout"),
        (no_such_name, "db.lan", "dns"),
        (no_such_name_unseen, "db.lan", "dns"),
        (server_fails, "db.lan", "dns"),
        (name_unanswered, "db.lan", "dns"),
        (accepted, PG, ""),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_the_reader_says_answers_the_wizard(
    story: Story, target: str, symptom: str
) -> None:
    lines = Lines()
    row = story(lines)
    view = PacketsView()
    view.ends.names = NAMES
    view.store.add(Batch.of(lines.rows))
    found = prefill_of_row(row, view)
    assert (found.client, found.target, found.symptom) == ("order", target, symptom)
    assert found.error == (row.text if symptom else "")
