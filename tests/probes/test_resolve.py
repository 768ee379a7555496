from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from netwiz.probes.errors import ProbeError
from netwiz.probes.facts import Failure, NameOutcome, Place
from netwiz.probes.names.resolve import raw_answers, resolve
from netwiz.probes.requests import Resolve
from tests.probes.little_net import needs_root
from tests.probes.wire import SECOND4, SERVER4, Box, Wire
from tests.probes.zone import NAMES, ask, told, zone

pytestmark = needs_root


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
        both = await raw_answers(box.ground, box.place, "db", [SERVER4, SECOND4])
    assert [a.addresses for a in pointer] == [("db.example.",)]
    assert [(a.server, a.record, a.outcome) for a in both] == [
        (SERVER4, "A", NameOutcome.ANSWERED),
        (SERVER4, "AAAA", NameOutcome.NODATA),
        (SECOND4, "A", NameOutcome.REFUSED),
        (SECOND4, "AAAA", NameOutcome.REFUSED),
    ]
