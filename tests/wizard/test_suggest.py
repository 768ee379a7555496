"""Which targets are suggested, in what order, and what is never shown."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwiz.probes.facts import Container, Listener, SocketTable, Stream
from netwiz.wizard.case import Client, ClientKind
from netwiz.wizard.suggest import suggest
from netwiz.wizard.suggest_env import targets_of_env
from tests.screens import samples, shop

ORDER = samples.CASE.client


LISTENERS = (Listener("::", 9187), Listener("127.0.0.11", 37421))


def targets(*env: str) -> list[str]:
    return [target.text for _, target in targets_of_env(env)]


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ("DATABASE_URL=postgres://shop:hunter2@pg:5432/db", "pg:5432"),
        ("DATABASE_URL=postgresql+asyncpg://shop@pg/db", "pg:5432"),
        ("JDBC_URL=jdbc:mysql://db/shop", "db:3306"),
        ("REDIS=redis://:p%40ss@cache/0", "cache:6379"),
        ("API=https://api.example/v1", "https://api.example:443"),
        ("API=http://u:p@ss@gateway:8080", "http://gateway:8080"),
        ("V6=http://[fd00::2]:8080/", "http://[fd00::2]:8080"),
        ("BROKERS=kafka:9092", "kafka:9092"),
        ("PGHOST=pg", "pg:5432"),
        ("MYSQL_HOST=db", "db:3306"),
        ("API_URL=http://localhost:3000", "http://localhost:3000"),
    ],
)
def test_a_variable_names_a_target(env: str, expected: str) -> None:
    assert targets(env) == [expected]


def test_a_host_and_its_port_are_one_target() -> None:
    assert targets("CACHE_HOST=cache", "CACHE_PORT=6380") == ["cache:6380"]
    assert targets("PGHOST=pg", "PGPORT=5433") == ["pg:5433"]
    assert targets("db_host=fd00::2", "db_port=1") == ["[fd00::2]:1"]


def test_several_hosts_are_several_targets() -> None:
    expected = ["b:1", "a:2", "j:80", "k1:9092", "k2:9093"]
    env = ("K=k1:9092,k2:9093", "M=mongodb://b:1,a:2/x", "J=j:80")
    # The engine's own order of variables is as good as random.
    assert targets(*env) == targets(*reversed(env)) == expected


@pytest.mark.parametrize(
    "env",
    [
        "PATH=/usr/bin",
        "HOSTNAME=a1b2c3",
        "HOST=0.0.0.0",
        "LISTEN=0.0.0.0:80",
        "BIND_ADDR=10.0.0.1:80",
        "GRPC_LISTEN=10.0.0.1:80",
        "NO_PROXY=pg:5432",
        "TIME=12:30",
        "EMPTY=",
        "NOTHING",
        "WHAT_HOST=nobody",
        "DB_PASSWORD=abc:123",
        "BASIC_AUTH=admin:1234",
        "API_TOKEN=http://x:1",
        "DB=postgres://shop:12/34@pg:5432/db",
        "DB=postgres://shop:a@x/34@pg:5432/db",
        "BAD=http://pg:99999/",
        "BAD=http://",
    ],
)
def test_what_is_no_target_is_not_suggested(env: str) -> None:
    assert targets(env) == []


@given(st.text(alphabet="abc123:/@?#%", min_size=8, max_size=20))
def test_no_piece_of_a_password_becomes_a_target(password: str) -> None:
    secret = f"zz{password}zz"
    for text in targets(f"DB=postgres://shop:{secret}@pg:5432/db"):
        assert text == "pg:5432"


@given(st.lists(st.text(max_size=60)))
def test_no_environment_is_too_strange(env: list[str]) -> None:
    targets_of_env(env)


def test_the_socket_that_tries_right_now_comes_first() -> None:
    found = suggest(shop.snapshot(), ORDER, sockets=shop.SOCKETS)
    assert [s.target.text for s in found] == [
        "172.18.0.9:9092",
        "pg:5432",
        "cache:6379",
        "172.18.0.2:3000",
        "pg:3000",
        "172.18.0.1:3000",
    ]
    assert all(s.reason for s in found)
    assert "hunter2" not in "".join(s.reason for s in found)


def test_connections_that_others_made_to_the_client_are_no_targets() -> None:
    sockets = SocketTable(
        place=shop.ORDER.place,
        listeners=(Listener("0.0.0.0", 8080),),
        streams=(Stream("172.18.0.3", 8080, "172.18.0.1", 40000, "ESTAB"),),
    )
    found = suggest(shop.snapshot(), ORDER, sockets=sockets)
    assert "172.18.0.1:40000" not in [s.target.text for s in found]


def test_a_neighbour_is_suggested_by_what_it_really_listens_on() -> None:
    table = SocketTable(place=shop.PG.place, listeners=LISTENERS)
    found = suggest(shop.snapshot(), ORDER, listening={shop.PG_ID: table})
    reasons = {s.target.text: s.reason for s in found}
    assert "pg:37421" not in reasons
    assert reasons["pg:9187"] == "pg listens there on shop_default"


def test_a_neighbour_that_does_not_run_says_so() -> None:
    order = replace(shop.ORDER, env=())
    snapshot = shop.snapshot()
    snapshot = replace(snapshot, containers=(order, *snapshot.containers[1:]))
    caveats = {s.target.text: s.caveat for s in suggest(snapshot, ORDER)}
    assert caveats["cache:6379"] == "cache is exited"
    assert caveats["pg:3000"] == ""


def test_a_port_on_a_loopback_says_so_whoever_suggests_it() -> None:
    own = (Listener("127.0.0.1", 5432), Listener("::1", 5432, family=6))
    table = SocketTable(place=shop.PG.place, listeners=(*own, *LISTENERS))
    found = suggest(shop.snapshot(), ORDER, listening={shop.PG_ID: table})
    of_env = next(s for s in found if s.target.text == "pg:5432")
    assert of_env.reason == "DATABASE_URL of order"
    assert of_env.caveat == "pg listens on 127.0.0.1 and ::1 only"
    reachable = next(s for s in found if s.target.text == "pg:9187")
    assert reachable.caveat == ""


def test_the_host_is_offered_its_own_published_ports() -> None:
    found = suggest(shop.snapshot(), Client(ClientKind.HOST, "host"))
    assert [s.target.text for s in found] == ["127.0.0.1:3000"]


def test_a_client_outside_is_offered_an_address_of_the_host() -> None:
    found = suggest(shop.snapshot(), Client(ClientKind.OUTSIDE, "outside"))
    assert [s.target.text for s in found] == ["10.99.0.1:3000"]


def test_on_the_default_bridge_a_neighbour_has_no_name() -> None:
    def moved(c: Container) -> Container:
        places = tuple(replace(a, network="bridge") for a in c.attachments)
        return replace(c, attachments=places, env=(), published=())

    snapshot = shop.snapshot()
    snapshot = replace(snapshot, containers=tuple(map(moved, snapshot.containers)))
    found = suggest(snapshot, ORDER)
    assert [s.target.text for s in found] == ["172.18.0.2:3000"]
