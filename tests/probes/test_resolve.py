from __future__ import annotations

import asyncio
import contextlib
import shlex
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import pytest

from netwiz.probes import dns_search
from netwiz.probes.errors import ProbeError
from netwiz.probes.facts import Failure, NameOutcome, Place, Resolution
from netwiz.probes.requests import Resolve
from netwiz.probes.resolve import raw_answers, resolve
from tests.probes.little_net import needs_root, sh
from tests.probes.wire import SERVER4, SERVER6, Box, Wire, rules, until
from tests.probes.zone import answer, saying, silent, zone

pytestmark = needs_root

SECOND = "10.9.0.3"
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


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    with Wire() as made:
        made.server.run(f"ip addr add {SECOND}/24 dev e0")
        yield made


@pytest.fixture
def box(wire: Wire, tmp_path: Path) -> Iterator[Box]:
    with contextlib.closing(Box(wire, tmp_path)) as made:
        made.write("etc/resolv.conf", f"nameserver {SERVER4}\n")
        made.write("etc/hosts", "127.0.0.1 localhost\n::1 localhost ip6-localhost\n")
        yield made


@pytest.fixture
async def server(wire: Wire) -> AsyncIterator[None]:
    async with wire.answering(zone(NAMES), port=53):
        yield


async def ask(box: Box, name: str) -> Resolution:
    return await resolve(box.ground, Resolve(box.place, name))


def told(found: Resolution) -> list[tuple[str, str, str]]:
    return [(a.question, a.record, a.outcome.name) for a in found.answers]


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("10.9.0.2", "10.9.0.2"),
        ("FD00:0::1", "fd00::1"),
        ("127.1", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
    ],
)
async def test_an_address_is_its_own_answer(
    wire: Wire, name: str, address: str
) -> None:
    found = await resolve(wire.ground, Resolve(wire.client.place, name))
    assert (found.outcome, found.addresses) == (NameOutcome.LITERAL, (address,))


async def test_localhost_is_both_and_ipv6_comes_first(box: Box) -> None:
    found = await ask(box, "localhost")
    assert found.outcome is NameOutcome.HOSTS
    assert found.addresses == ("::1", "127.0.0.1")
    assert found.answers == ()
    assert found.command.startswith("grep -w localhost /proc/")


@pytest.mark.usefixtures("server")
async def test_a_name_is_asked_of_the_containers_own_server(box: Box) -> None:
    found = await ask(box, "db")
    assert (found.outcome, found.addresses) == (NameOutcome.ANSWERED, ("10.9.0.2",))
    assert told(found) == [("db.", "A", "ANSWERED"), ("db.", "AAAA", "NODATA")]
    assert found.files.servers == (SERVER4,)
    assert all(answer.ms > 0 for answer in found.answers)
    assert found.command.endswith(f"nslookup db {SERVER4}")


@pytest.mark.usefixtures("server")
async def test_a_stale_hosts_entry_shows_beside_what_dns_says(box: Box) -> None:
    box.write("etc/hosts", "10.9.0.250 DB\n")
    found = await ask(box, "db")
    assert (found.outcome, found.addresses) == (NameOutcome.HOSTS, ("10.9.0.250",))
    assert [a.addresses for a in found.answers] == [("10.9.0.2",), ()]


@pytest.mark.usefixtures("server")
async def test_nsswitch_can_ask_dns_first(box: Box) -> None:
    box.write("etc/hosts", "10.9.0.250 db\n")
    box.write("etc/nsswitch.conf", "hosts: dns files\n")
    assert (await ask(box, "db")).addresses == ("10.9.0.2",)
    box.write("etc/nsswitch.conf", "hosts: files\n")
    assert (await ask(box, "nobody")).outcome is NameOutcome.NXDOMAIN


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("nobody.example", NameOutcome.NXDOMAIN),
        ("mail.example", NameOutcome.NODATA),
    ],
)
async def test_no_address_has_its_reason(
    box: Box, name: str, outcome: NameOutcome
) -> None:
    found = await ask(box, name)
    assert (found.outcome, found.addresses) == (outcome, ())


@pytest.mark.usefixtures("server")
async def test_the_search_list_is_shown_at_work(box: Box) -> None:
    conf = f"nameserver {SERVER4}\nsearch none.example corp.internal\n"
    box.write("etc/resolv.conf", conf)
    found = await ask(box, "db")
    assert found.addresses == ("203.0.113.66",)
    assert [q for q, record, _ in told(found) if record == "A"] == [
        "db.none.example.",
        "db.corp.internal.",
    ]
    complete = await ask(box, "db.")
    assert complete.addresses == ("10.9.0.2",)


@pytest.mark.usefixtures("server")
async def test_ndots_decides_what_is_tried_first(box: Box) -> None:
    lines = f"nameserver {SERVER4}\nsearch corp.internal\n"
    box.write("etc/resolv.conf", lines + "options ndots:0\n")
    assert (await ask(box, "db")).addresses == ("10.9.0.2",)
    box.write("etc/resolv.conf", lines + "options ndots:5\n")
    found = await ask(box, "pair.example")
    assert [q for q, record, _ in told(found) if record == "A"] == [
        "pair.example.corp.internal.",
        "pair.example.",
    ]


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (saying(dns.rcode.SERVFAIL), NameOutcome.SERVFAIL),
        (saying(dns.rcode.REFUSED), NameOutcome.REJECTED),
        (saying(dns.rcode.NOTIMP), NameOutcome.SERVFAIL),
    ],
)
async def test_a_failing_server_is_passed_over_and_shown(
    wire: Wire,
    box: Box,
    reply: Callable[[bytes], list[bytes]],
    outcome: NameOutcome,
) -> None:
    async with wire.answering(reply, port=53):
        assert (await ask(box, "db")).outcome is outcome
        box.write("etc/resolv.conf", f"nameserver {SERVER4}\nnameserver {SECOND}\n")
        async with wire.answering(zone(NAMES), SECOND, 53):
            found = await ask(box, "db")
    assert found.addresses == ("10.9.0.2",)
    assert [(a.server, a.outcome) for a in found.answers if a.record == "A"] == [
        (SERVER4, outcome),
        (SECOND, NameOutcome.ANSWERED),
    ]


async def test_nothing_on_port_53_is_a_refused_connection(box: Box) -> None:
    found = await ask(box, "db")
    assert found.outcome is NameOutcome.REFUSED
    assert all(answer.ms < 1000 for answer in found.answers)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns_search, "PATIENCE_S", 0.2)
    monkeypatch.setattr(dns_search, "LAST_PATIENCE_S", 0.4)


@pytest.mark.usefixtures("impatient")
async def test_silence_is_told_from_refusal_and_leads_to_the_next_server(
    wire: Wire, box: Box
) -> None:
    async with wire.answering(silent, port=53):
        assert (await ask(box, "db")).outcome is NameOutcome.TIMEOUT
        box.write("etc/resolv.conf", f"nameserver {SERVER4}\nnameserver {SECOND}\n")
        async with wire.answering(zone(NAMES), SECOND, 53):
            found = await ask(box, "db")
    assert found.addresses == ("10.9.0.2",)
    assert [a.outcome for a in found.answers if a.record == "A"] == [
        NameOutcome.TIMEOUT,
        NameOutcome.ANSWERED,
    ]


@pytest.mark.usefixtures("impatient")
async def test_who_kept_silent_is_asked_last_from_then_on(wire: Wire, box: Box) -> None:
    servers = f"nameserver {SERVER4}\nnameserver {SECOND}\n"
    box.write("etc/resolv.conf", f"{servers}search none.example\n")
    async with (
        wire.answering(silent, port=53),
        wire.answering(zone(NAMES), SECOND, 53),
    ):
        found = await ask(box, "db")
    assert [(a.question, a.server) for a in found.answers if a.record == "A"] == [
        ("db.none.example.", SERVER4),
        ("db.none.example.", SECOND),
        ("db.", SECOND),
    ]


async def test_a_firewall_before_the_server_is_no_silence(wire: Wire, box: Box) -> None:
    with rules(wire.server, "input udp dport 53 reject with icmp type host-prohibited"):
        found = await ask(box, "db")
    assert found.outcome is NameOutcome.UNREACHABLE
    assert all(answer.ms < 1000 for answer in found.answers)


@pytest.mark.usefixtures("impatient")
async def test_a_lost_datagram_is_sent_again(wire: Wire, box: Box) -> None:
    seen: set[bytes] = set()

    def deaf_at_first(data: bytes) -> list[bytes]:
        if data in seen:
            return zone(NAMES)(data)
        seen.add(data)
        return []

    async with wire.answering(deaf_at_first, port=53):
        found = await ask(box, "db")
    assert found.addresses == ("10.9.0.2",)


async def test_the_budget_holds_whatever_the_servers_do(
    wire: Wire, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netwiz.probes.resolve.BUDGET_S", 0.5)
    conf = f"nameserver {SERVER4}\nnameserver {SECOND}\nsearch a.example b.example\n"
    box.write("etc/resolv.conf", conf)
    start = time.monotonic()
    async with wire.answering(silent, port=53), wire.answering(silent, SECOND, 53):
        found = await ask(box, "db")
    assert found.outcome is NameOutcome.TIMEOUT
    assert time.monotonic() - start < 2


async def test_an_unreachable_server_is_said_to_be_so(box: Box) -> None:
    box.write("etc/resolv.conf", "nameserver 198.51.100.53\n")
    assert (await ask(box, "db")).outcome is NameOutcome.UNREACHABLE
    box.write("etc/resolv.conf", "nameserver fe80::1%nope\n")
    assert (await ask(box, "db")).outcome is NameOutcome.UNREACHABLE


async def test_no_server_at_all_is_said_to_be_so(wire: Wire, box: Box) -> None:
    box.write("etc/resolv.conf", "# empty\n")
    found = await ask(box, "db")
    assert found.outcome is NameOutcome.NO_SERVER
    assert {answer.server for answer in found.answers} == {"127.0.0.1"}


async def test_a_server_on_ipv6_answers(wire: Wire, box: Box) -> None:
    box.write("etc/resolv.conf", f"nameserver {SERVER6}\n")
    async with wire.answering(zone(NAMES), SERVER6, 53):
        assert (await ask(box, "db")).addresses == ("10.9.0.2",)


@pytest.mark.usefixtures("server")
async def test_addresses_come_in_the_order_they_are_tried(box: Box) -> None:
    assert (await ask(box, "pair.example")).addresses == ("10.9.0.2", "fd00:9::2")
    # No route to the IPv6 address: it is handed out, but last.
    assert (await ask(box, "far6.example")).addresses == ("10.9.0.2", "2001:db8::5")


@pytest.mark.usefixtures("server")
async def test_ipv6_is_dropped_where_there_is_none(wire: Wire, box: Box) -> None:
    kept = wire.client.run("ip -6 -o addr show dev e0 scope link").split()[3]
    wire.client.run("ip -6 addr flush dev e0")
    try:
        mixed, only6 = await ask(box, "pair.example"), await ask(box, "only6.example")
        local = await ask(box, "localhost")
    finally:
        wire.client.run(
            f"ip addr add {kept} dev e0 nodad; ip addr add fd00:9::1/64 dev e0 nodad"
        )
    assert mixed.addresses == ("10.9.0.2",)
    assert (only6.outcome, only6.addresses) == (NameOutcome.NODATA, ())
    assert ("only6.example.", "AAAA", "ANSWERED") in told(only6)
    assert local.addresses == ("::1", "127.0.0.1")


@contextlib.asynccontextmanager
async def over_tcp(wire: Wire, reply: Callable[[bytes], bytes]) -> AsyncIterator[None]:
    async def talk(r: asyncio.StreamReader, w: asyncio.StreamWriter) -> None:
        size = int.from_bytes(await r.readexactly(2), "big")
        w.write(reply(await r.readexactly(size)))
        await w.drain()

    async with wire.serving(talk, port=53):
        yield


def framed(message: dns.message.Message) -> bytes:
    data = message.to_wire()
    return len(data).to_bytes(2, "big") + data


BIG = {"big.example A": [f"10.9.1.{n}" for n in range(1, 60)]}


def cut(data: bytes) -> list[bytes]:
    reply = answer(BIG, data)
    reply.answer.clear()
    reply.flags |= dns.flags.TC
    return [reply.to_wire()]


async def test_a_truncated_answer_is_fetched_over_tcp(wire: Wire, box: Box) -> None:
    async with (
        wire.answering(cut, port=53),
        over_tcp(wire, lambda data: framed(answer(BIG, data))),
    ):
        found = await ask(box, "big.example")
    assert sorted(found.addresses) == sorted(BIG["big.example A"])
    assert all(answer.over_tcp for answer in found.answers)


async def test_blocked_tcp_after_truncation_is_no_success(wire: Wire, box: Box) -> None:
    async with wire.answering(cut, port=53):
        found = await ask(box, "big.example")
        assert found.outcome is NameOutcome.REFUSED
        assert all(answer.over_tcp for answer in found.answers)
        with rules(wire.server, "input tcp dport 53 drop"):
            (one,) = await raw_answers(
                box.ground,
                box.place,
                "big.example",
                [SERVER4],
                records=("A",),
                patience_s=0.2,
            )
    assert (one.outcome, one.over_tcp) == (NameOutcome.TIMEOUT, True)


@pytest.mark.parametrize(
    "reply", [b"", b"\0", b"\0\0", b"\xff\xff" + b"x" * 65535, b"\0\x0c" + b"\0" * 12]
)
async def test_nonsense_over_tcp_is_no_answer(
    wire: Wire, box: Box, reply: bytes
) -> None:
    box.write("etc/resolv.conf", f"nameserver {SERVER4}\noptions use-vc\n")
    async with over_tcp(wire, lambda _: reply):
        found = await ask(box, "db")
    assert found.outcome is NameOutcome.SERVFAIL


def wrong_id(data: bytes) -> bytes:
    reply = answer(NAMES, data)
    reply.id ^= 1
    return reply.to_wire()


def wrong_question(data: bytes) -> bytes:
    other = dns.message.make_query("db.evil.example", "A", id=data[0] << 8 | data[1])
    reply = dns.message.make_response(other)
    return reply.to_wire()


@pytest.mark.parametrize(
    "junk",
    [
        wrong_id,
        wrong_question,
        lambda data: data,
        lambda data: data[:2] + b"\x81\x80" + b"\xff" * 500,
        lambda data: data[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + b"\xc0\x0c" * 400,
        lambda _: b"",
        lambda _: b"\0" * 60_000,
    ],
)
async def test_a_hostile_answer_does_not_hide_the_honest_one(
    wire: Wire, box: Box, junk: Callable[[bytes], bytes]
) -> None:
    def both(data: bytes) -> list[bytes]:
        return [junk(data)] * 3 + zone(NAMES)(data)

    async with wire.answering(both, port=53):
        found = await ask(box, "db")
    assert (found.outcome, found.addresses) == (NameOutcome.ANSWERED, ("10.9.0.2",))


@pytest.mark.usefixtures("impatient")
async def test_a_flood_of_junk_ends_as_silence(wire: Wire, box: Box) -> None:
    async with wire.answering(lambda _: [b"junk"] * 200, port=53):
        found = await ask(box, "db")
    assert found.outcome is NameOutcome.TIMEOUT


@pytest.mark.usefixtures("server")
async def test_files_that_are_traps_are_no_files(box: Box) -> None:
    etc = box.root / "etc"
    (etc / "hosts").unlink()
    (etc / "hosts").symlink_to("/proc/1/root/etc/hosts")
    (etc / "nsswitch.conf").symlink_to("/etc/nsswitch.conf")
    found = await ask(box, "db")
    assert found.addresses == ("10.9.0.2",)
    assert found.files.hosts == ()


@pytest.mark.usefixtures("server")
async def test_a_domain_in_the_hostname_is_searched(wire: Wire, tmp_path: Path) -> None:
    root = tmp_path / "named"
    with contextlib.closing(Box(wire, root, "app.corp.internal")) as box:
        box.write("etc/resolv.conf", f"nameserver {SERVER4}\n")
        found = await ask(box, "db")
    assert found.addresses == ("203.0.113.66",)


@pytest.mark.parametrize("name", ["", "a b", "x" * 64, "a..b", "\x1b[2J", "$(id)\n"])
async def test_what_is_no_name_is_not_asked(box: Box, name: str) -> None:
    with pytest.raises(ProbeError, match="is not a valid host name"):
        await ask(box, name)


async def test_a_name_that_its_domain_makes_too_long_is_asked_alone(
    wire: Wire, box: Box
) -> None:
    name = ".".join(["x" * 60] * 4)
    domain = "y" * 60
    box.write("etc/resolv.conf", f"nameserver {SERVER4}\nsearch {domain}\n")
    async with wire.answering(zone({f"{name} A": ["10.9.0.2"]}), port=53):
        found = await ask(box, name)
    assert found.addresses == ("10.9.0.2",)


async def test_a_shell_cannot_be_reached_through_the_command(box: Box) -> None:
    found = await ask(box, "$(reboot)")
    assert "'$(reboot)'" in found.command


async def test_a_container_that_is_gone_is_said_to_be_gone(wire: Wire) -> None:
    with pytest.raises(ProbeError) as caught:
        await resolve(wire.ground, Resolve(Place.container("d" * 64, "old"), "db"))
    assert caught.value.kind is Failure.GONE


async def test_raw_answers_name_server_and_record(wire: Wire, box: Box) -> None:
    names = {"2.0.9.10.in-addr.arpa PTR": ["db.example."], **NAMES}
    async with wire.answering(zone(names), port=53):
        pointer = await raw_answers(
            box.ground, box.place, "2.0.9.10.in-addr.arpa", [SERVER4], records=("PTR",)
        )
        both = await raw_answers(box.ground, box.place, "db", [SERVER4, SECOND])
    assert [a.addresses for a in pointer] == [("db.example.",)]
    assert [(a.server, a.record, a.outcome) for a in both] == [
        (SERVER4, "A", NameOutcome.ANSWERED),
        (SERVER4, "AAAA", NameOutcome.NODATA),
        (SECOND, "A", NameOutcome.REFUSED),
        (SECOND, "AAAA", NameOutcome.REFUSED),
    ]


# The last word is glibc's own: the same files, the same server, getent beside us.


@pytest.fixture
def dnsmasq(wire: Wire) -> Iterator[None]:
    options = [
        "--keep-in-foreground",
        "--conf-file=/dev/null",
        "--no-resolv",
        "--no-hosts",
        "--pid-file=",
        "--user=root",
        f"--listen-address={SERVER4}",
        "--bind-interfaces",
        "--address=/pair.example/10.9.0.2",
        "--address=/pair.example/fd00:9::2",
        "--address=/far.example/2001:db8::5",
        "--address=/far.example/203.0.113.5",
        "--address=/wild.corp.internal/203.0.113.66",
        "--host-record=near.example,10.9.0.200",
        "--host-record=near.example,10.9.0.3",
        "--local=/corp.internal/",
    ]
    enter = ["nsenter", f"--net=/run/netns/{wire.server.name}"]
    with subprocess.Popen([*enter, "dnsmasq", *options]) as process:
        bound = f"ss -Hlun src {SERVER4} sport = 53"
        try:
            until(lambda: SERVER4 in wire.server.run(bound))
            yield
        finally:
            process.terminate()


def getent(wire: Wire, box: Box, name: str) -> list[str]:
    """What glibc hands out in the same namespace with the same files."""
    with tempfile.TemporaryDirectory() as folder:
        nsswitch = Path(folder, "nsswitch.conf")
        nsswitch.write_text("hosts: files dns\n")
        mounts = "".join(
            f"mount --bind {shlex.quote(str(file))} /etc/{file.name};"
            for file in (box.root / "etc/hosts", box.root / "etc/resolv.conf", nsswitch)
        )
        inner = f"{mounts} getent ahosts {shlex.quote(name)} || test $? = 2"
        enter = f"nsenter --net=/run/netns/{wire.client.name} unshare --mount"
        lines = sh(f"{enter} /bin/sh -ec {shlex.quote(inner)}").splitlines()
    return [line.split()[0] for line in lines if "STREAM" in line]


@pytest.mark.usefixtures("dnsmasq")
@pytest.mark.parametrize("options", ["", "search corp.internal none.example\n"])
@pytest.mark.parametrize(
    "name",
    [
        "localhost",
        "two",
        "pair.example",
        "far.example",
        "near.example",
        "wild",
        "wild.corp.internal",
        "nobody.corp.internal",
    ],
)
async def test_glibc_agrees(wire: Wire, box: Box, name: str, options: str) -> None:
    box.write("etc/resolv.conf", f"nameserver {SERVER4}\n{options}")
    box.write(
        "etc/hosts",
        "127.0.0.1 localhost\n::1 localhost ip6-localhost\n"
        "10.9.0.9 two\nfd00:9::9 Two\n10.9.0.3 x two\n",
    )
    box.write("lib64/ld-linux-x86-64.so.2", "the mark of glibc")
    found = await ask(box, name)
    assert list(found.addresses) == getent(wire, box, name)
