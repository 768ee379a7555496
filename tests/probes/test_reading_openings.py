"""How connections come about, are refused and are torn, in words."""

from __future__ import annotations

from netwiz.probes.facts.packets import Level, PacketKind
from tests.probes.lines import A6, B6, MS, A, B, Lines, S, Talk, told


def test_a_handshake_is_told_in_three_steps() -> None:
    lines = Lines()
    talk = Talk(lines)
    syn, accepted, done = talk.open()
    assert told(syn) == ("TCP", "NOTE", "asks for a connection")
    assert told(accepted) == ("TCP", "NOTE", "accepted after 1.0 ms")
    assert told(done) == ("TCP", "PLAIN", "connected")
    assert (syn.source, syn.destination) == (f"{A}:40312", f"{B}:3000")
    assert (accepted.source, accepted.destination) == (f"{B}:3000", f"{A}:40312")
    assert [row.number for row in lines.rows] == [1, 2, 3]
    assert (accepted.about, done.about) == (1, 1)
    assert not lines.wait(60 * S)


def test_ipv6_is_told_alike() -> None:
    lines = Lines()
    talk = Talk(lines, client=(A6, 40312), server=(B6, 3000))
    syn, accepted, _ = talk.open()
    assert syn.source == f"[{A6}]:40312"
    assert accepted.text == "accepted after 1.0 ms"


def test_a_refusal_says_from_which_address_it_came_and_no_more() -> None:
    lines = Lines()
    talk = Talk(lines)
    talk.say(0, flags="S")
    refused = talk.raw(1, "RA", seq=0)
    assert told(refused) == (
        "TCP",
        "PROBLEM",
        f"refused: RST from pg ({B}:3000) after 1.0 ms",
    )
    assert refused.about == 1
    assert not lines.wait(60 * S)


def test_a_refusal_by_nobody_known() -> None:
    lines = Lines(names={})
    talk = Talk(lines)
    talk.say(0, flags="S")
    assert talk.raw(1, "RA", seq=0).text.startswith(f"refused: RST from {B}:3000")


def test_names_may_come_later() -> None:
    lines = Lines(names={})
    talk = Talk(lines)
    talk.say(0, flags="S")
    lines.reader.names = {B: "db"}
    assert "from db (" in talk.raw(1, "RA", seq=0).text


def test_unanswered_syns_are_counted_and_missed() -> None:
    lines = Lines()
    talk = Talk(lines)
    talk.raw(0, "S")
    assert not lines.wait(900 * MS)
    again = talk.raw(0, "S", after=100 * MS)
    assert told(again) == (
        "TCP",
        "ODD",
        "asks again (2nd time, 1.0 s without an answer)",
    )
    assert again.about == 1
    (missed,) = lines.wait(600 * MS)
    assert missed.kind is PacketKind.ABSENCE
    assert missed.level is Level.PROBLEM
    assert missed.text == "no answer to 2 SYNs in 1.6 s"
    assert (missed.source, missed.destination) == (f"{A}:40312", f"{B}:3000")
    assert (missed.about, missed.size, missed.number) == (1, 0, 3)
    # The third comes at 3 s, the fourth at 7: it is said again, but sparingly.
    talk.raw(0, "S", after=1400 * MS)
    assert not lines.wait(3900 * MS)
    talk.raw(0, "S", after=100 * MS)
    (later,) = lines.wait(S)
    assert later.text == "no answer to 4 SYNs in 8.0 s"
    assert len(lines.wait(30 * S)) == 1
    assert not lines.wait(600 * S)


def test_one_syn_alone_blames_nobody_but_many_do() -> None:
    """A bridge floods what it does not know: then one SYN is seen, and no answer."""
    lines = Lines()
    found = []
    for port in range(40000, 40004):
        Talk(lines, client=(A, port)).raw(0, "S")
        found += lines.wait(4 * S)
    (missed,) = found
    assert missed.text == "no answer to 4 SYNs, none of them repeated"


def test_lone_syns_far_apart_blame_nobody() -> None:
    lines = Lines()
    for port in range(40000, 40010):
        Talk(lines, client=(A, port)).raw(0, "S")
        assert not lines.wait(90 * S)


def test_whoever_goes_on_was_answered() -> None:
    lines = Lines()
    talk = Talk(lines)
    talk.say(0, flags="S")
    talk.seq[1] += 1  # its answer goes by another way
    talk.say(0, b"GET", after=10 * MS)
    assert not lines.wait(60 * S)


def test_an_answer_between_other_ends_is_one_all_the_same() -> None:
    """A hairpin: the gateway asks with its own address, and the answer goes to it."""
    lines = Lines()
    inside = Talk(lines)
    outside = Talk(lines, client=("172.18.0.1", 33333))
    inside.say(0, flags="S")
    outside.say(0, flags="S", after=0)
    outside.say(1, flags="SA")
    outside.say(0, flags="A")
    for port in range(1000, 1010):
        again = Talk(lines, client=(A, port))
        twin = Talk(lines, client=("172.18.0.1", port))
        again.say(0, flags="S")
        twin.say(0, flags="S", after=0)
        twin.say(1, flags="SA")
        assert not lines.wait(5 * S)


def test_each_tap_is_on_its_own() -> None:
    """The answer is lost between two taps: the one it did not reach misses it."""
    lines = Lines()
    there, here = Talk(lines, tap=1), Talk(lines, tap=0)
    here.raw(0, "S")
    there.say(0, flags="S", after=0)
    there.say(1, flags="SA")
    here.raw(0, "S", after=S)
    (missed,) = lines.wait(S)
    assert missed.tap == 0


def test_a_connection_that_is_taken_at_the_second_try() -> None:
    lines = Lines()
    talk = Talk(lines)
    talk.raw(0, "S")
    talk.say(0, flags="S", after=S)
    accepted = talk.say(1, flags="SA")
    assert accepted.text == "accepted after 1.0 s, at the 2nd time"


def test_a_server_that_accepts_again_has_no_use_for_what_it_got() -> None:
    lines = Lines()
    talk = Talk(lines)
    talk.say(0, flags="S")
    talk.raw(1, "SA")
    talk.raw(0, "A", ack=talk.seq[1] + 1, seq=talk.seq[0])
    again = talk.raw(1, "SA", after=S)
    assert told(again)[:2] == ("TCP", "ODD")
    assert again.text.startswith("accepts again (2nd time)")


def test_an_answer_without_a_question_is_learned_quietly() -> None:
    lines = Lines()
    talk = Talk(lines)
    talk.seq[0] += 1
    assert told(talk.say(1, flags="SA")) == ("TCP", "NOTE", "accepts a connection")
    assert told(talk.say(0, flags="A"))[1] == "PLAIN"


def test_an_abort_says_who_and_after_what() -> None:
    lines = Lines()
    talk = Talk(lines)
    talk.open()
    talk.say(0, b"q" * 300)
    talk.say(1, b"a" * 1200)
    aborted = talk.raw(1, "RA", after=335 * MS)
    assert told(aborted) == (
        "TCP",
        "PROBLEM",
        "aborts (RST) after 339 ms: sent 1.2 kB, got 300 B",
    )
    assert aborted.source == f"{B}:3000"


def test_a_port_check_is_no_abort() -> None:
    lines = Lines()
    talk = Talk(lines)
    talk.open()
    row = talk.raw(0, "RA")
    assert told(row) == ("TCP", "ODD", "hangs up by RST after 3.0 ms without a word")


def test_a_rst_after_closing_is_harmless() -> None:
    lines = Lines()
    talk = Talk(lines)
    talk.open()
    talk.say(0, b"question")
    talk.say(1, b"answer")
    talk.say(0, flags="FA")
    late = talk.say(1, b"more")
    assert late.level is Level.PLAIN
    assert told(talk.raw(0, "R", seq=late.number))[1] == "NOTE"
    assert told(talk.raw(0, "R", seq=late.number)) == ("TCP", "PLAIN", "RST again")


def test_a_rst_instead_of_an_answer() -> None:
    lines = Lines()
    talk = Talk(lines)
    talk.open()
    talk.say(0, b"question")
    talk.say(0, flags="FA")
    row = talk.raw(1, "RA")
    assert told(row) == ("TCP", "ODD", "was asked, answers with nothing but a RST")


def test_a_rst_by_who_lost_its_memory() -> None:
    """So answers a service that was restarted, and so a rule that rejects."""
    lines = Lines()
    talk = Talk(lines)
    talk.say(0, b"SELECT 1")
    row = talk.raw(1, "R")
    assert told(row) == (
        "TCP",
        "PROBLEM",
        "cut off by RST: connection unknown there, or a firewall",
    )


def test_a_rst_of_nothing_that_was_seen() -> None:
    lines = Lines()
    row = Talk(lines).raw(1, "RA")
    assert told(row)[1] == "ODD"
    assert "before this capture" in row.text


def test_a_port_that_is_used_again_is_a_new_connection() -> None:
    lines = Lines()
    talk = Talk(lines)
    talk.open()
    talk.say(0, b"x")
    talk.say(0, flags="FA")
    talk.say(1, flags="FA")
    talk.seq = [777_000, 888_000]
    syn, accepted, _ = talk.open()
    assert syn.text == "asks for a connection"
    assert accepted.text == "accepted after 1.0 ms"
    assert not lines.alarms


def test_a_flood_of_syns_is_folded_and_forgotten() -> None:
    lines = Lines()
    for port in range(1000, 1200):
        Talk(lines, client=(A, port)).raw(0, "S", after=0)
    for port in range(1000, 1200):
        Talk(lines, client=(A, port)).raw(0, "S", after=0)
    assert not lines.wait(S)
    for port in range(1000, 1200):
        Talk(lines, client=(A, port)).raw(0, "S", after=0)
    (row,) = lines.wait(600 * MS)
    assert row.text.startswith("the same of 200 connections; the last: no answer to 2")
    assert row.destination == f"{B}:3000"
    for number in range(60_000):
        client = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        if number % 20 == 0:
            Talk(lines, client=(client, 999)).raw(0, "S", after=0)
    lines.rows.clear()
    assert Talk(lines).say(0, flags="S").text == "asks for a connection"


def test_flags_that_no_stack_sends() -> None:
    for flags in ("SF", "SR"):
        row = Talk(Lines()).raw(0, flags)
        assert told(row)[1] == "ODD"
        assert "no TCP stack" in row.text


def test_a_filter_that_sees_one_way_misses_nobody() -> None:
    lines = Lines()
    lines.reader.both_ways = False
    talk = Talk(lines)
    talk.raw(0, "S")
    talk.raw(0, "S", after=S)
    assert not lines.wait(60 * S)


def test_a_flood_of_data_does_not_hide_who_is_silent() -> None:
    lines = Lines()
    talk = Talk(lines)
    talk.raw(0, "S")
    lines.reader.gap(plain=True)
    talk.raw(0, "S", after=S)
    lines.reader.gap(plain=True)
    (missed,) = lines.wait(S)
    assert missed.text == "no answer to 2 SYNs in 2.0 s"
    # One that begins between two such gaps, and one that is answered after them.
    later, good = (Talk(lines, client=(A, port)) for port in (50000, 50001))
    later.raw(0, "S")
    good.raw(0, "S")
    lines.reader.gap(plain=True)
    good.raw(1, "SA")
    later.raw(0, "S", after=S)
    assert len(lines.wait(S)) == 1
    # What was known before a real gap is not known after it.
    last = Talk(lines, client=(A, 50002))
    last.raw(0, "S")
    last.raw(0, "S", after=S)
    lines.reader.gap()
    lines.reader.gap(plain=True)
    assert not lines.wait(2 * S)


def test_after_a_gap_of_data_no_answer_to_data_is_missed() -> None:
    lines = Lines()
    talk = Talk(lines)
    talk.open()
    talk.say(0, bytes.fromhex("160301000a01000006") + bytes(6))
    lines.reader.gap(plain=True)
    assert not lines.wait(60 * S)


def test_after_a_gap_nobody_is_silent() -> None:
    lines = Lines()
    talk = Talk(lines)
    talk.raw(0, "S")
    talk.raw(0, "S", after=S)
    lines.reader.gap()
    assert not lines.wait(60 * S)
    later = Talk(lines, client=(A, 50000))
    later.raw(0, "S")
    later.raw(0, "S", after=S)
    assert len(lines.wait(S)) == 1
