"""A filter as people type it: what it becomes, and where a bad one goes wrong."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwiz.probes.capture.filters import BadFilterError, compiled
from netwiz.probes.capture.grammar import KEYWORDS, SHORTHANDS
from netwiz.probes.capture.words import Filter, parse

NAMES = {
    "172.18.0.2": "pg",
    "fd00::2": "pg",
    "172.18.0.3": "order",
    "172.18.0.4": "dns",
    "172.18.0.5": "tcp",
    "172.18.0.6": "Shop-api_1.x",
    "172.18.0.7": "port",
    "not an address; or port 22": "evil",
    "172.18.0.9": "a) or (b",
}


def source(text: str) -> str:
    return parse(text, NAMES).source


def bad(text: str) -> BadFilterError:
    with pytest.raises(BadFilterError) as caught:
        parse(text, NAMES)
    return caught.value


PG = "(host (172.18.0.2 or fd00::2))"
ORDER = "(host 172.18.0.3)"


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("", ""),
        ("port 3000", "port 3000"),
        ("3000", "(port 3000)"),
        (":3000", "(port 3000)"),
        ("pg", PG),
        ("order pg", f"{ORDER} and {PG}"),
        ("pg order 80", f"{PG} and {ORDER} and (port 80)"),
        ("pg and port 3000", f"{PG} and port 3000"),
        ("port 3000 pg", f"port 3000 and {PG}"),
        ("pg 3000", f"{PG} and (port 3000)"),
        ("pg:5432", "(host (172.18.0.2 or fd00::2) and port 5432)"),
        ("172.18.0.3:80", "(host 172.18.0.3 and port 80)"),
        ("fd00::2", "(host fd00::2)"),
        ("not pg", f"not {PG}"),
        ("pg not 80", f"{PG} and not (port 80)"),
        ("(pg or order) 80", f"( {PG} or {ORDER} ) and (port 80)"),
        ("src pg", "src (172.18.0.2 or fd00::2)"),
        ("dst host order", "dst host 172.18.0.3"),
        ("ip host pg", "ip host 172.18.0.2"),
        ("ip6 src host pg", "ip6 src host fd00::2"),
        ("host order or pg", f"host 172.18.0.3 or {PG}"),
        ("tcp pg", f"tcp and {PG}"),
        ("port 80 or 443", "port 80 or 443"),
        ("tcp port 80 or 443", "tcp port 80 or 443"),
        ("src 10.0.0.1 or 10.0.0.2", "src 10.0.0.1 or 10.0.0.2"),
        ("pg or 80", f"{PG} or (port 80)"),
        ("dns", "(port 53)"),
        ("@dns", "(host 172.18.0.4)"),
        ("@tcp and tcp", "(host 172.18.0.5) and tcp"),
        ("shop-API_1.x", "(host 172.18.0.6)"),
        ("tcp[13] & 2 != 0", "tcp [ 13 ] & 2 != 0"),
        ("tcp[2:2] > 100 and pg", f"tcp [ 2 : 2 ] > 100 and {PG}"),
        ("len > 100", "len > 100"),
        ("net 10.0.0.0/8", "net 10.0.0.0/8"),
        ("!port 22", "! port 22"),
        ("ether host 00:11:22:33:44:55", "ether host 00:11:22:33:44:55"),
        ("ip proto \\tcp", "ip proto \\tcp"),
        ("portrange 80-90", "portrange 80-90"),
        ("port http", "port http"),
    ],
)
def test_words_become_those_of_tcpdump(text: str, becomes: str) -> None:
    assert source(text) == becomes


@pytest.mark.parametrize("word", sorted(SHORTHANDS))
def test_every_shorthand_is_a_filter_that_can_be_joined(word: str) -> None:
    assert compiled(source(word))
    assert compiled(source(f"not {word} and pg or {word}"))


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("errors", ""),
        ("errors pg", PG),
        ("pg errors", PG),
        ("pg and errors", PG),
        ("errors and pg", PG),
        ("pg and errors and order", f"{PG} and {ORDER}"),
        ("ERRORS && port 80", "port 80"),
    ],
)
def test_errors_is_for_the_screen_and_never_for_the_kernel(
    text: str, rest: str
) -> None:
    found = parse(text, NAMES)
    assert found.errors
    assert found.source == rest


@pytest.mark.parametrize("text", ["pg or errors", "not errors", "(errors)", "!errors"])
def test_errors_within_a_filter_has_no_meaning(text: str) -> None:
    error = bad(text)
    assert "stands beside a filter" in error.message
    assert text[error.at :].startswith("errors")


def test_a_name_that_is_tcpdumps_word_is_said_not_taken() -> None:
    assert parse("tcp", NAMES).source == "tcp"
    assert parse("tcp", NAMES).notes == (
        "`tcp` is tcpdump's word; the container of that name is `@tcp`",
    )
    assert parse("tcp port 80", NAMES).notes == ()
    assert "@dns" in parse("dns", NAMES).notes[0]
    assert parse("port 80", NAMES).notes == ()


def test_what_takes_one_direction_says_so() -> None:
    for text in ("src pg", "dst port 80", "tcp[13] = 2", "syn", "inbound", "len > 9"):
        assert not parse(text, NAMES).both_ways, text
    for text in ("", "pg", "port 80", "order pg 80", "dns", "net 10.0.0.0/8", "tcp"):
        assert parse(text, NAMES).both_ways, text


def test_vlan_is_left_to_us_for_the_kernel_takes_tags_off() -> None:
    assert parse("vlan 10 and port 80", NAMES).inner
    assert not parse("port 80", NAMES).inner


# Where a bad one goes wrong: the caret stands under these words.
@pytest.mark.parametrize(
    ("text", "under", "says"),
    [
        ("port 30 andd foo", "andd", "near it: and"),
        ("ordr", "ordr", "near it: order"),
        ("host nobody", "nobody", "neither a container nor a word"),
        ("@nix", "@nix", "no container"),
        ("port foo", "foo", "no port and no service"),
        ("port 99999", "99999", "illegal port number"),
        ("99999", "99999", "65535"),
        ("pg:99999", "pg:99999", "neither"),
        ("tcp and and udp", "and udp", "`and` cannot stand after `and`"),
        ("port 80 443", "443", "`443` cannot stand after `80`"),
        ("port 80)", ")", "`)` cannot stand after `80`"),
        ("src 1.2.3.4 port 80", "port 80", "cannot stand after `1.2.3.4`"),
        ("or pg", "or pg", "at the beginning"),
        ("host host", "host", "cannot stand after `host`"),
        ("ip6 host 1.2.3.4", "1.2.3.4", "'ip6' modifier applied to ip host"),
        ("pg and ip6 host 1.2.3.4", "1.2.3.4", "'ip6' modifier"),
        ("net 1.2.3.4/24", "1.2.3.4/24", "non-network bits set"),
        ("tcp and udp and arp", "udp", "rejects all packets"),
        ("gateway foo", "foo", "neither"),
        ("net nowhere", "nowhere", "neither"),
        ("ether host foo", "foo", "neither"),
        ("host 1.2.3.400", "1.2.3.400", "invalid IPv4 address"),
        ("pg; rm -rf /", "; rm", "no filter has the character ;"),
        ("pg\x1b[31m", "\x1b", "no filter has the character \\x1b"),
        ("pg\x00", "\x00", "\\x00"),
        ("tcp[0:5]=1", "5", "data size must be 1, 2, or 4"),
        ("(pg or order) and (port", "", "breaks off after `port`"),
        ("port", "", "breaks off after `port`"),
        ("(port 3", "", "breaks off after `3`"),
        ("tcp[13", "", "breaks off after `13`"),
        ("tcp[13]", "", "breaks off after `]`"),
        ("not", "", "breaks off after `not`"),
        ("pg or", "", "breaks off after `or`"),
        ("pg and (order or", "", "breaks off after `or`"),
    ],
)
def test_a_bad_filter_says_where_and_what(text: str, under: str, says: str) -> None:
    error = bad(text)
    assert says in error.message
    if under:
        rest = text[error.at :]
        assert rest.startswith(under) or under.startswith(rest[: error.length]), rest
    else:
        assert error.at == len(text)


def test_the_caret_stands_under_the_word() -> None:
    line, caret = bad("port 30 andd foo").picture()
    assert line == "port 30 andd foo"
    assert caret == "        ^^^^"


def test_of_a_long_filter_the_part_around_the_place_is_shown() -> None:
    line, caret = bad("port 80 or " * 40 + "nonsense or " + "port 1 or " * 40).picture()
    assert len(line) <= 72
    assert line[caret.index("^") :].startswith("nonsense")
    assert caret.count("^") == len("nonsense")


def test_the_picture_is_plain_whatever_was_typed() -> None:
    line, caret = bad("pg \x1b[31m \u202e").picture()
    assert line.isprintable()
    assert line[caret.index("^") :].startswith("\\x1b")


def test_no_name_server_is_asked_for_a_word_that_nobody_knows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """libpcap looks names up: nothing that it would look up may come to it."""
    given_on: list[str] = []

    def watched(text: str, *rest: int) -> object:
        given_on.append(text)
        return compiled(text, *rest)

    monkeypatch.setattr("netwiz.probes.capture.place.compiled", watched)
    for text in (
        "example.org", "host example.org", "net example", "ether host example",
        "src example.org", "gateway example", "ip proto example", "vlan example",
        "host example.org and port 80", "not example", "port 80 or example",
    ):  # fmt: skip
        bad(text)
    assert not [text for text in given_on if "example" in text]


def test_a_name_never_brings_in_words_of_its_own() -> None:
    with pytest.raises(BadFilterError):
        parse("a) or (b", NAMES)
    with pytest.raises(BadFilterError):
        parse("evil", NAMES)


WORDS = st.sampled_from(
    [*sorted(KEYWORDS), *SHORTHANDS, *NAMES.values(), "errors", "and", "or", "not",
     "(", ")", "[", "]", "80", "1.2.3.4", "10.0.0.0/8", "fd00::2", "pg:80", ":53", "&",
     "!=", "0x2", "@pg", "00:11:22:33:44:55", "80-90", "=", "<", "-", "\\tcp", "\u202e"]
)  # fmt: skip


@given(st.lists(WORDS, max_size=12).map(" ".join) | st.text(max_size=60))
def test_any_words_are_a_filter_or_are_refused_with_their_place(text: str) -> None:
    try:
        found: Filter | BadFilterError = parse(text, NAMES)
    except BadFilterError as error:
        found = error
    if isinstance(found, Filter):
        compiled(found.source)
    else:
        assert 0 <= found.at <= len(text)
        line, caret = found.picture()
        assert line.isprintable()
        assert caret.index("^") <= len(line)


@pytest.mark.parametrize(
    "text",
    ["tcp port 80 or 443", "pg and not port 22", "order pg", "tls", "http", "syn"],
)
def test_tcpdump_makes_the_same_of_it(text: str) -> None:
    """What is handed to the kernel is what tcpdump -d shows for the same words."""
    tcpdump = shutil.which("tcpdump")
    assert tcpdump is not None
    found = source(text)
    told = subprocess.run(
        [tcpdump, "-y", "EN10MB", "-ddd", "-s", "262144", found],
        capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    lines = told.stdout.splitlines()
    theirs = [tuple(map(int, line.split())) for line in lines[1:]]
    ours = list(compiled(found))
    returns = {step[3] for step in theirs if step[0] == 6}
    assert {step[3] for step in ours if step[0] == 6} == returns
    assert len(ours) == len(theirs)
