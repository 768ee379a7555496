"""The plain text: the same on every terminal, within its width, harmless."""

import dataclasses
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from netwiz.wizard.report import to_json, to_markdown, to_text
from netwiz.wizard.report_layout import cells, clip, pad, wrap
from netwiz.wizard.verdict import Diagnosis, Fix, RuledOut
from tests.wizard.report_samples import (
    HEALTHY,
    REFUSED,
    UNDETERMINED,
    diagnoses,
    texts,
)

GOLDEN = """\
outside -> 10.99.0.1:8080   refused
  said: connect ECONNREFUSED 10.99.0.1:8080

 ✓ Is pg running?  up 3 h
 ○ Which firewall rule?  not asked: the RST is pg's
 ✗ Who listens on port 3000 in pg?  127.0.0.1:3000 (node), which takes
   connections from pg itself only

The packet: refused by pg itself
  there ✓ host  eth0             SYN 10.99.0.2:41234 > 10.99.0.1:8080, born here
        ✓ host  br-4f1d2c3b4a59  SYN 10.99.0.2:41234 > 172.18.0.2:3000, DNAT
        ✓ pg    eth0             as before
        ✗ pg    lo               not seen, never came so far
  back  ✓ pg    eth0             RST 172.18.0.2:3000

Seen from
  ✓ pg, its own loopback  127.0.0.1:3000   answers: the service answers inside
  ✗ this host             172.18.0.2:3000  refused: refused here, too

Root cause: the service in pg listens on 127.0.0.1:3000 only
  [service-bound-loopback]
  pg accepts connections on 127.0.0.1:3000. Inside a container that address is
  the container itself, so nobody else can reach it.

Evidence
  - the only listener on port 3000 in pg is 127.0.0.1:3000 (node, pid 4121)
  - the RST was born in pg: its SYN reached eth0

Mend it
  1. Let node listen on 0.0.0.0.
     (interrupts: pg while it restarts)
     $ docker compose up -d pg
     | environment:
     |   HOST: 0.0.0.0
  2. Until then, forward the port inside the container.
     (not lasting: a restart of the engine or the host may undo it)
     $ nsenter -t 4121 -n socat TCP-LISTEN:3000,fork TCP:127.0.0.1:3000 &

Prove it
  netwiz diagnose outside 10.99.0.1:8080

Also wrong
  - cache is published on 127.0.0.1 only [published-on-loopback-only]
      docker-proxy listens on 127.0.0.1:6379
      mend it: Publish it. $ docker compose up -d cache

Ruled out
  - service-not-listening: 127.0.0.1:3000 is open

Taken for granted
  - the host stands in for the client outside

Not looked at
  - what the router in front does

3 steps, 0.21 s
"""
COMMANDS = ("$ ", "| ", "  ")
"""How a line begins that may be wider: it is there to be copied."""


def harmless(text: str) -> bool:
    kinds = {unicodedata.category(char) for char in text if char != "\n"}
    return not kinds & {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def test_a_fault_reads_like_this() -> None:
    assert to_text(REFUSED) == GOLDEN


def test_undetermined_says_what_would_settle_it() -> None:
    assert to_text(UNDETERMINED) == (
        "outside -> 10.99.0.1:8080   refused\n"
        "  said: connect ECONNREFUSED 10.99.0.1:8080\n"
        "\n"
        "Undetermined: the SYN left this host and nothing came back\n"
        "\n"
        "Not known\n"
        "  - what the router in front of 10.99.0.1 did\n"
        "  - a capture there\n"
        "\n"
        "0 steps, 1.51 s\n"
    )


def test_healthy_says_so() -> None:
    assert "\nHealthy: outside reaches 10.99.0.1:8080\n" in to_text(HEALTHY)


@given(diagnoses())
def test_no_text_from_outside_can_act(diagnosis: Diagnosis) -> None:
    assert harmless(to_text(diagnosis))


@given(diagnoses(), st.integers(40, 120))
def test_prose_keeps_within_the_width(diagnosis: Diagnosis, width: int) -> None:
    # What is meant to be copied is not broken; it is left out here.
    bare = dataclasses.replace(diagnosis, cause=None)
    for row in to_text(bare, width).splitlines():
        assert cells(row) <= width, row


def test_a_command_is_not_broken() -> None:
    command = "docker run " + "--label x=y " * 20 + "image"
    assert REFUSED.cause is not None
    cause = dataclasses.replace(REFUSED.cause, fixes=(Fix("Do:", (command,)),))
    text = to_text(dataclasses.replace(REFUSED, cause=cause))
    assert f"\n     $ {command}\n" in text


def test_one_reason_that_excludes_many_is_said_once() -> None:
    outs = [RuledOut(f"cause-{n}", "no rule counted it") for n in range(17)]
    outs.insert(3, RuledOut("other", "it is up"))
    told = dataclasses.replace(HEALTHY, ruled_out=tuple(outs))
    shown = to_text(told).partition("Ruled out\n")[2].partition("\n\n")[0]
    assert " ".join(shown.split()) == (
        "- cause-0, cause-1, cause-2, cause-3, cause-4, cause-5 and 11 more: no rule "
        "counted it - other: it is up"
    )
    assert to_markdown(told).count("no rule counted it") == 1
    assert to_json(told)["ruled_out"] == [
        {"id": out.id, "because": out.because} for out in outs
    ]


@given(texts, st.integers(4, 60), st.sampled_from(["", "  ", " - "]))
@example("東京 " * 9, 5, " - ")
def test_wrapping_loses_nothing_but_blanks(text: str, width: int, first: str) -> None:
    flat = "".join(char for char in text if char.isprintable())
    rows = wrap(flat, width + 3, first)
    assert all(cells(row) <= width + 3 for row in rows)
    joined = "".join(row[len(first) :] for row in rows)
    assert joined.replace(" ", "") == flat.replace(" ", "")


@pytest.mark.parametrize(
    ("text", "width"), [("abc", 3), ("東京", 4), ("e\u0301", 1), ("", 0)]
)
def test_cells(text: str, width: int) -> None:
    assert cells(text) == width
    assert cells(pad(text, 8)) == 8


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [("abcdef", 4, "abc…"), ("東京都", 4, "東…"), ("abc", 3, "abc"), ("abc", 0, "…")],
)
def test_clip(text: str, width: int, shown: str) -> None:
    assert clip(text, width) == shown
