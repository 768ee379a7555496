import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwiz.probes.logs.neterrors import looks_like_network_error, read_error

NGINX = (
    "2024/01/05 10:00:00 [error] 29#29: *1 {what} while connecting to upstream, client:"
    ' 172.18.0.1, server: localhost, request: "GET / HTTP/1.1",'
    ' upstream: "http://172.18.0.2:3000/", host: "localhost:8080"'
)
POOL = "requests.exceptions.ConnectionError: HTTPConnectionPool(host='pg', port=3000): "

SEEN = [
    # Node
    ("Error: connect ECONNREFUSED 127.0.0.1:3000", "refused", "127.0.0.1", 3000),
    ("Error: connect ECONNREFUSED ::1:3000", "refused", "::1", 3000),
    ("Error: connect ECONNREFUSED fd00::2:3000", "refused", "fd00::2", 3000),
    (
        "connect EHOSTUNREACH 172.18.0.9:80 - Local (172.18.0.3:4711)",
        "unreachable",
        "172.18.0.9",
        80,
    ),
    ("Error: connect ETIMEDOUT 10.0.0.7:5432", "timeout", "10.0.0.7", 5432),
    ("Error: getaddrinfo ENOTFOUND pg", "dns", "pg", None),
    ("Error: getaddrinfo EAI_AGAIN api.shop.test", "dns", "api.shop.test", None),
    ("Error: read ECONNRESET", "reset", "", None),
    ("Error: socket hang up", "reset", "", None),
    ("Error: unable to verify the first certificate", "tls", "", None),
    ("code: 'DEPTH_ZERO_SELF_SIGNED_CERT'", "tls", "", None),
    # Go
    (
        "dial tcp 172.18.0.2:5432: connect: connection refused",
        "refused",
        "172.18.0.2",
        5432,
    ),
    ("dial tcp [fd00::2]:80: connect: no route to host", "unreachable", "fd00::2", 80),
    ("dial tcp: lookup pg on 127.0.0.11:53: no such host", "dns", "pg", None),
    (
        'Get "http://pg:3000/x": dial tcp: lookup pg on 127.0.0.11:53: no such host',
        "dns",
        "pg",
        3000,
    ),
    (
        "lookup pg on 127.0.0.11:53: read udp 172.18.0.3:4->127.0.0.11:53: i/o timeout",
        "dns",
        "pg",
        None,
    ),
    ("lookup pg on 127.0.0.11:53: server misbehaving", "dns", "pg", None),
    ("dial tcp 10.9.9.9:443: i/o timeout", "timeout", "10.9.9.9", 443),
    (
        "read tcp 172.18.0.3:4711->172.18.0.2:5432: read: connection reset by peer",
        "reset",
        "172.18.0.2",
        5432,
    ),
    ('Get "https://pg:8443/": x509: certificate has expired', "tls", "pg", 8443),
    (
        'Post "http://pg:80/": context deadline exceeded (Client.Timeout exceeded)',
        "timeout",
        "pg",
        80,
    ),
    # Python
    ("ConnectionRefusedError: [Errno 111] Connection refused", "refused", "", None),
    ("OSError: [Errno 113] No route to host", "unreachable", "", None),
    ("socket.gaierror: [Errno -2] Name or service not known", "dns", "", None),
    (POOL + "Max retries exceeded with url: /", None, "", None),
    (
        POOL + "Max retries exceeded (Caused by NewConnectionError('<X>: Failed to"
        " establish a new connection: [Errno 111] Connection refused'))",
        "refused",
        "pg",
        3000,
    ),
    (POOL + "Read timed out. (read timeout=5)", "timeout", "pg", 3000),
    (
        "[Errno 111] Connect call failed ('172.18.0.2', 5432)",
        "refused",
        "172.18.0.2",
        5432,
    ),
    (
        "Cannot connect to host pg:3000 ssl:default [Connect call failed"
        " ('172.18.0.2', 3000)]",
        "refused",
        "pg",
        3000,
    ),
    (
        "redis.exceptions.ConnectionError: Error 111 connecting to redis:6379."
        " Connection refused.",
        "refused",
        "redis",
        6379,
    ),
    (
        "Error -2 connecting to cache:6379. Name or service not known.",
        "dns",
        "cache",
        6379,
    ),
    (
        'psycopg.OperationalError: connection to server at "pg" (172.18.0.2), port 5432'
        " failed: Connection refused",
        "refused",
        "pg",
        5432,
    ),
    (
        'could not translate host name "pg" to address: Name or service not known',
        "dns",
        "pg",
        None,
    ),
    (
        "could not connect to server: Connection refused Is the server running on host"
        ' "pg" (172.18.0.2) and accepting TCP/IP connections on port 5432?',
        "refused",
        "pg",
        5432,
    ),
    (
        "Can't connect to MySQL server on 'db' ([Errno 111] Connection refused)",
        "refused",
        "db",
        None,
    ),
    ("Can't connect to MySQL server on 'db:3306' (111)", "refused", "db", 3306),
    (
        "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed",
        "tls",
        "",
        None,
    ),
    ("mongo:27017: [Errno -2] Name or service not known", "dns", "mongo", 27017),
    (
        "errors.ServerSelectionTimeoutError: mongo:27017: timed out, Timeout: 30s",
        "timeout",
        "mongo",
        27017,
    ),
    # Java
    ("java.net.ConnectException: Connection refused", "refused", "", None),
    ("java.net.UnknownHostException: pg: Name or service not known", "dns", "pg", None),
    ("java.net.NoRouteToHostException: No route to host", "unreachable", "", None),
    ("java.net.SocketTimeoutException: Connect timed out", "timeout", "", None),
    ("Connection to pg:5432 refused. Check that the hostname", "refused", "pg", 5432),
    ("javax.net.ssl.SSLHandshakeException: PKIX path building failed", "tls", "", None),
    # curl, wget, nc, ssh, ping
    (
        "curl: (7) Failed to connect to pg port 3000 after 0 ms: Connection refused",
        "refused",
        "pg",
        3000,
    ),
    (
        "curl: (7) Failed to connect to pg port 3000 after 1 ms: Couldn't connect to"
        " server",
        "refused",
        "pg",
        3000,
    ),
    ("curl: (6) Could not resolve host: pg", "dns", "pg", None),
    ("curl: (28) Connection timed out after 5001 milliseconds", "timeout", "", None),
    ("curl: (52) Empty reply from server", "reset", "", None),
    (
        "curl: (60) SSL certificate problem: unable to get local issuer certificate",
        "tls",
        "",
        None,
    ),
    (
        "wget: can't connect to remote host (172.18.0.2): Connection refused",
        "refused",
        "172.18.0.2",
        None,
    ),
    ("wget: bad address 'pg:3000'", "dns", "pg", 3000),
    (
        "Connecting to pg (pg)|172.18.0.2|:3000... failed: Connection refused.",
        "refused",
        "pg",
        3000,
    ),
    (
        "nc: connect to pg (172.18.0.2) port 3000 (tcp) failed: Connection refused",
        "refused",
        "pg",
        3000,
    ),
    ("ssh: connect to host pg port 22: Connection refused", "refused", "pg", 22),
    ("ping: pg: Temporary failure in name resolution", "dns", "pg", None),
    # Proxies
    (
        NGINX.format(what="connect() failed (111: Connection refused)"),
        "refused",
        "172.18.0.2",
        3000,
    ),
    (
        NGINX.format(what="upstream timed out (110: Connection timed out)"),
        "timeout",
        "172.18.0.2",
        3000,
    ),
    (
        NGINX.format(what="connect() failed (113: Host is unreachable)"),
        "unreachable",
        "172.18.0.2",
        3000,
    ),
    (
        'nginx: [emerg] host not found in upstream "api" in /etc/nginx/nginx.conf:12',
        "dns",
        "api",
        None,
    ),
    ("api could not be resolved (3: Host not found)", "dns", "api", None),
    # Others
    (
        "Could not connect to Redis at pg:6379: Connection refused",
        "refused",
        "pg",
        6379,
    ),
    (
        "System.Net.Http.HttpRequestException: Connection refused (pg:3000)",
        "refused",
        "pg",
        3000,
    ),
    (
        "SocketException (0xFFFDFFFF): Name or service not known (pg:80)",
        "dns",
        "pg",
        80,
    ),
    (
        'Connection refused - connect(2) for "pg" port 3000 (Errno::ECONNREFUSED)',
        "refused",
        "pg",
        3000,
    ),
    (
        "php_network: getaddrinfo for pg failed: Name or service not known",
        "dns",
        "pg",
        None,
    ),
    (
        "error sending request for url (http://pg:3000/): tcp connect error: Connection"
        " refused (os error 111)",
        "refused",
        "pg",
        3000,
    ),
    (
        "upstream connect error: delayed connect error: 111",
        "refused",
        "",
        None,
    ),
    (
        "amqp://guest:guest@rabbit:5672/ - connection reset by peer",
        "reset",
        "rabbit",
        5672,
    ),
]


@pytest.mark.parametrize(("line", "symptom", "host", "port"), SEEN)
def test_a_line_names_symptom_and_target(
    line: str, symptom: str | None, host: str, port: int | None
) -> None:
    found = read_error(line)
    assert looks_like_network_error(line) is (symptom is not None)
    if symptom is None:
        assert found is None
        return
    assert found is not None
    assert (found.symptom, found.host, found.port) == (symptom, host, port)
    assert found.matched.lower() in line.lower()


@pytest.mark.parametrize(
    "line",
    [
        "",
        "Server listening on 0.0.0.0:3000",
        "GET /health 200 3 ms",
        '172.18.0.1 - - [05/Jan/2024:10:00:00 +0000] "GET / HTTP/1.1" 504 12',
        "connected to postgres at pg:5432",
        "Connection from 172.18.0.3:4711 accepted",
        "connection timeout: 30 s",
        "connectionTimeout=30000",
        "connect timeout is 5s",
        "Generating self-signed certificate for localhost",
        "TLS enabled, certificate loaded from /etc/ssl/cert.pem",
        "resolving dependencies",
        "error: relation users does not exist",
        "order 111 refused by the customer",
        "password reset requested for user 7",
        "closing idle connections",
        "user session timeout expired",
        "hostname is api-7f",
        "retrying in 5 seconds",
        "host: localhost:8080",
    ],
)
def test_an_ordinary_line_is_left_alone(line: str) -> None:
    assert read_error(line) is None
    assert not looks_like_network_error(line)


@pytest.mark.parametrize(
    "line",
    [
        "main.go:42: connection refused",
        "pid:1234 connection refused",
        "at 12:04:33 connection refused",
        "version 1.2.3.400:80 connection refused",
        "dial tcp pg:99999: connection refused",
    ],
)
def test_what_is_no_target_is_not_taken_for_one(line: str) -> None:
    found = read_error(line)
    assert found is not None
    assert found.port is None


@given(st.text(max_size=200), st.sampled_from([line for line, *_ in SEEN]))
def test_text_around_an_error_never_breaks_the_reading(text: str, line: str) -> None:
    for mixed in (text, text + line, line + text, line[: len(text)] + text):
        found = read_error(mixed)
        assert looks_like_network_error(mixed) is (found is not None)
        if found is not None:
            assert found.port is None or 0 < found.port < 65_536
            assert len(found.host) <= 255


@pytest.mark.parametrize("piece", ["a", "a.", ":", "1.", "connect to ", "(a:", "://a@"])
def test_a_line_made_to_be_slow_is_cut_off(piece: str) -> None:
    line = piece * 100_000 + " connection refused"
    assert read_error(line) is None
    short = (piece * 4000)[:4000] + " connection refused"
    assert read_error(short) is not None


def test_every_symptom_has_a_line() -> None:
    assert {row[1] for row in SEEN if row[1]} == {
        *("refused", "timeout", "dns", "tls", "reset", "unreachable")
    }
