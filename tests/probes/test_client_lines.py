"""Lines as real clients print them, and all that is to be read from each."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwiz.probes.logs.neterror_clients import client_in, program_in
from netwiz.probes.logs.neterrors import read_error


@dataclass(frozen=True)
class Told:
    """What a line says; whatever is left out, it does not tell."""

    program: str
    symptom: str
    host: str = ""
    port: int | None = None
    scheme: str = ""
    client: str = ""


POOL = (
    "requests.exceptions.{error}: HTTP{s}ConnectionPool(host='pay.example', "
    "port={port}): {rest}"
)
NGINX = (
    "2026/11/21 02:14:07 [error] 29#29: *7 {what}, client: 10.0.0.9, server: shop, "
    'request: "POST /pay HTTP/1.1", upstream: "{scheme}://172.18.0.4:{port}/pay", '
    'host: "shop.example"'
)
NETTY = "io.netty.channel.AbstractChannel$AnnotatedConnectException: "

LINES: dict[str, Told] = {
    # curl
    "curl: (7) Failed to connect to pg port 5432 after 0 ms: Connection refused": Told(
        "curl", "refused", "pg", 5432
    ),
    "curl: (7) Failed to connect to pay.example port 443 after 2 ms: Couldn't connect "
    "to server": Told("curl", "refused", "pay.example", 443),
    "curl: (6) Could not resolve host: pay.example": Told("curl", "dns", "pay.example"),
    "curl: (28) Failed to connect to 203.0.113.10 port 80 after 5001 ms: Connection "
    "timed out": Told("curl", "timeout", "203.0.113.10", 80),
    "curl: (28) Operation timed out after 3000 milliseconds with 0 bytes received": (
        Told("curl", "timeout")
    ),
    "curl: (35) error:0A00010B:SSL routines::wrong version number": Told("curl", "tls"),
    "curl: (35) OpenSSL/3.0.15: error:0A000438:SSL routines::tlsv1 alert internal "
    "error": Told("curl", "tls"),
    "curl: (51) SSL: no alternative certificate subject name matches target host name "
    "'pg'": Told("curl", "tls", "pg"),
    "curl: (52) Empty reply from server": Told("curl", "reset"),
    "curl: (56) Recv failure: Connection reset by peer": Told("curl", "reset"),
    "curl: (60) SSL certificate problem: certificate has expired": Told("curl", "tls"),
    "curl: (5) Could not resolve proxy: proxy.corp.example": Told(
        "curl", "dns", "proxy.corp.example"
    ),
    # wget, GNU and busybox
    "Connecting to api (api)|172.18.0.5|:8080... failed: Connection refused.": Told(
        "wget", "refused", "api", 8080
    ),
    "wget: unable to resolve host address 'api'": Told("wget", "dns", "api"),
    "wget: can't connect to remote host (172.18.0.5): Host is unreachable": Told(
        "wget", "unreachable", "172.18.0.5"
    ),
    "wget: bad address 'api:8080'": Told("wget", "dns", "api", 8080),
    # Go
    'Get "http://api:8080/x": dial tcp 172.18.0.5:8080: connect: connection refused': (
        Told("Go", "refused", "172.18.0.5", 8080)
    ),
    'Post "https://pay.example/v1": dial tcp: lookup pay.example on 127.0.0.11:53: no '
    "such host": Told("Go", "dns", "pay.example", 443, "https"),
    "dial tcp: lookup pg on 127.0.0.11:53: read udp 172.18.0.3:49152->127.0.0.11:53: "
    "i/o timeout": Told("Go", "dns", "pg", client="172.18.0.3"),
    "dial tcp 203.0.113.1:443: i/o timeout": Told("Go", "timeout", "203.0.113.1", 443),
    "dial tcp [2001:db8::10]:443: connect: cannot assign requested address": Told(
        "Go", "unreachable", "2001:db8::10", 443
    ),
    "dial tcp 198.51.100.7:25: connect: network is unreachable": Told(
        "Go", "unreachable", "198.51.100.7", 25
    ),
    "read tcp 172.18.0.3:52814->172.18.0.2:5432: read: connection reset by peer": Told(
        "Go", "reset", "172.18.0.2", 5432, client="172.18.0.3"
    ),
    'Get "https://pay.example": tls: failed to verify certificate: x509: certificate '
    "signed by unknown authority": Told("Go", "tls", "pay.example", 443, "https"),
    'Get "https://pg:8443/": http: server gave HTTP response to HTTPS client': Told(
        "Go", "tls", "pg", 8443, "https"
    ),
    'Get "http://api:8080/": context deadline exceeded (Client.Timeout exceeded while '
    "awaiting headers)": Told("Go", "timeout", "api", 8080, "http"),
    "tls: first record does not look like a TLS handshake": Told("Go", "tls"),
    # Node
    "Error: connect ECONNREFUSED 127.0.0.1:6379": Told(
        "Node", "refused", "127.0.0.1", 6379
    ),
    "Error: connect EHOSTUNREACH 172.18.0.9:80 - Local (172.18.0.3:47110)": Told(
        "Node", "unreachable", "172.18.0.9", 80, client="172.18.0.3"
    ),
    "Error: getaddrinfo EAI_AGAIN pg": Told("Node", "dns", "pg"),
    "Error: getaddrinfo ENOTFOUND host.docker.internal": Told(
        "Node", "dns", "host.docker.internal"
    ),
    "Error: connect ETIMEDOUT 203.0.113.10:443": Told(
        "Node", "timeout", "203.0.113.10", 443
    ),
    "Error: connect EADDRNOTAVAIL 2001:db8::10:80": Told(
        "Node", "unreachable", "2001:db8::10", 80
    ),
    "Error: read ECONNRESET": Told("Node", "reset"),
    "code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'": Told("Node", "tls"),
    "Error: unable to verify the first certificate": Told("Node", "tls"),
    "TypeError: fetch failed cause: ConnectTimeoutError UND_ERR_CONNECT_TIMEOUT": Told(
        "Node", "timeout"
    ),
    # Python
    POOL.format(
        error="ConnectionError",
        s="",
        port=8080,
        rest="Failed to establish a new connection: [Errno 111] Connection refused",
    ): Told("Python", "refused", "pay.example", 8080),
    POOL.format(
        error="SSLError",
        s="S",
        port=443,
        rest="[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to "
        "get local issuer certificate (_ssl.c:1006)",
    ): Told("Python", "tls", "pay.example", 443),
    POOL.format(
        error="ReadTimeout", s="S", port=443, rest="Read timed out. (read timeout=5)"
    ): Told("Python", "timeout", "pay.example", 443),
    POOL.format(
        error="ConnectionError",
        s="",
        port=80,
        rest="Failed to resolve 'pay.example' ([Errno -3] Temporary failure in name "
        "resolution)",
    ): Told("Python", "dns", "pay.example", 80),
    "asyncpg.exceptions.ConnectionDoesNotExistError: connection reset by peer": Told(
        "Python", "reset"
    ),
    "OSError: [Errno 111] Connect call failed ('172.18.0.2', 5432)": Told(
        "Python", "refused", "172.18.0.2", 5432
    ),
    "redis.exceptions.ConnectionError: Error 111 connecting to redis:6379. Connection "
    "refused.": Told("Python", "refused", "redis", 6379),
    "redis.exceptions.ConnectionError: Error -3 connecting to redis:6379. Temporary "
    "failure in name resolution.": Told("Python", "dns", "redis", 6379),
    "redis.exceptions.TimeoutError: Timeout connecting to server redis:6379": Told(
        "Python", "timeout", "redis", 6379
    ),
    "socket.gaierror: [Errno -2] Name or service not known": Told("Python", "dns"),
    "http.client.RemoteDisconnected: Remote end closed connection without response": (
        Told("", "reset")
    ),
    "ssl.SSLError: [SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)": (
        Told("Python", "tls")
    ),
    "pymongo.errors.ServerSelectionTimeoutError: mongo:27017: [Errno 111] Connection "
    "refused": Told("Python", "refused", "mongo", 27017),
    # Java
    "java.net.ConnectException: Connection refused (Connection refused)": Told(
        "Java", "refused"
    ),
    "org.postgresql.util.PSQLException: Connection to pg:5432 refused. Check that the "
    "hostname and port are correct": Told("Java", "refused", "pg", 5432),
    "java.net.UnknownHostException: pay.example: Name or service not known": Told(
        "Java", "dns", "pay.example"
    ),
    "java.net.NoRouteToHostException: No route to host (Host unreachable)": Told(
        "Java", "unreachable"
    ),
    "java.net.SocketTimeoutException: connect timed out": Told("Java", "timeout"),
    NETTY + "Connection refused: redis/172.18.0.6:6379": Told(
        "Java", "refused", "172.18.0.6", 6379
    ),
    "javax.net.ssl.SSLHandshakeException: PKIX path building failed: sun.security."
    "provider.certpath.SunCertPathBuilderException": Told("Java", "tls"),
    # nginx: the upstream is meant, not the one who asked
    NGINX.format(
        what="connect() failed (111: Connection refused) while connecting to upstream",
        scheme="http",
        port=3000,
    ): Told("nginx", "refused", "172.18.0.4", 3000, "http"),
    NGINX.format(
        what="upstream timed out (110: Connection timed out) while connecting to "
        "upstream",
        scheme="http",
        port=3000,
    ): Told("nginx", "timeout", "172.18.0.4", 3000, "http"),
    NGINX.format(
        what="recv() failed (104: Connection reset by peer) while reading response "
        "header from upstream",
        scheme="http",
        port=3000,
    ): Told("nginx", "reset", "172.18.0.4", 3000, "http"),
    NGINX.format(
        what="SSL_do_handshake() failed (SSL: error:0A00010B:SSL routines::wrong "
        "version number) while SSL handshaking to upstream",
        scheme="https",
        port=3000,
    ): Told("nginx", "tls", "172.18.0.4", 3000, "https"),
    'nginx: [emerg] host not found in upstream "order" in /etc/nginx/conf.d/a.conf:3': (
        Told("nginx", "dns", "order")
    ),
    "2026/11/21 02:14:07 [error] 29#29: *9 order could not be resolved (3: Host not "
    "found), client: 10.0.0.9, server: shop": Told("nginx", "dns", "order"),
    # OpenSSL
    "verify error:num=20:unable to get local issuer certificate": Told(
        "OpenSSL", "tls"
    ),
    "40E7A9F8:error:0A000126:SSL routines:ssl3_read_n:unexpected eof while reading": (
        Told("OpenSSL", "tls")
    ),
    "00D2:error:0A000410:SSL routines:ssl3_read_bytes:sslv3 alert handshake failure:": (
        Told("OpenSSL", "tls")
    ),
    # psql, redis-cli, mysql
    'psql: error: connection to server at "pg" (172.18.0.2), port 5432 failed: '
    "Connection refused": Told("psql", "refused", "pg", 5432),
    'psql: error: connection to server at "pg" (172.18.0.2), port 5432 failed: '
    "No route to host": Told("psql", "unreachable", "pg", 5432),
    'psql: error: could not translate host name "pg" to address: Temporary failure in '
    "name resolution": Told("psql", "dns", "pg"),
    'psql: error: connection to server at "pg" (172.18.0.2), port 5432 failed: timeout '
    "expired": Told("psql", "timeout", "pg", 5432),
    'connection to server at "pg" (172.18.0.2), port 5432 failed: server closed the '
    "connection unexpectedly": Told("psql", "reset", "pg", 5432),
    "Could not connect to Redis at redis:6379: Connection refused": Told(
        "redis-cli", "refused", "redis", 6379
    ),
    "Could not connect to Redis at redis:6379: Name or service not known": Told(
        "redis-cli", "dns", "redis", 6379
    ),
    "ERROR 2003 (HY000): Can't connect to MySQL server on 'db:3306' (110)": Told(
        "mysql", "timeout", "db", 3306
    ),
    # resolvers: musl, glibc
    "ping: bad address 'pg'": Told("ping", "dns", "pg"),
    "getaddrinfo: pg: Name does not resolve": Told("musl", "dns", "pg"),
    "ping: pg: Temporary failure in name resolution": Told("ping", "dns", "pg"),
    "getent: pg: Name or service not known": Told("glibc", "dns", "pg"),
    # .NET
    "System.Net.Http.HttpRequestException: Connection refused (api:8080)": Told(
        ".NET", "refused", "api", 8080
    ),
    "System.Net.Sockets.SocketException (0xFFFDFFFF): Name or service not known "
    "(api:80)": Told(".NET", "dns", "api", 80),
    "System.Net.Http.HttpRequestException: The SSL connection could not be "
    "established, see inner exception. The remote certificate is invalid": Told(
        ".NET", "tls"
    ),
    "Npgsql.NpgsqlException: Failed to connect to 172.18.0.2:5432 ---> System.Net."
    "Sockets.SocketException (110): Connection timed out": Told(
        ".NET", "timeout", "172.18.0.2", 5432
    ),
    # who printed it
    "order-1  | Error: connect ECONNREFUSED 172.18.0.2:5432": Told(
        "Node", "refused", "172.18.0.2", 5432, client="order-1"
    ),
    "shop_order_1   | curl: (6) Could not resolve host: pg": Told(
        "curl", "dns", "pg", client="shop_order_1"
    ),
    "Nov 21 02:14:07 prod docker/order[4711]: dial tcp 172.18.0.2:5432: connect: no "
    "route to host": Told("Go", "unreachable", "172.18.0.2", 5432, client="order"),
    # others
    "Errno::ECONNREFUSED: Failed to open TCP connection to pg:5432 (Connection refused "
    '- connect(2) for "pg" port 5432)': Told("Ruby", "refused", "pg", 5432),
    "SQLSTATE[HY000] [2002] Connection refused": Told("PHP", "refused"),
    "error sending request for url (http://api:3000/): tcp connect error: Connection "
    "refused (os error 111)": Told("Rust", "refused", "api", 3000, "http"),
}


@pytest.mark.parametrize(("line", "told"), LINES.items())
def test_all_that_a_line_tells_is_read(line: str, told: Told) -> None:
    seen = read_error(line)
    assert seen is not None
    assert told == Told(
        seen.program, seen.symptom, seen.host, seen.port, seen.scheme, seen.client
    )


def test_the_table_is_as_long_as_promised() -> None:
    assert len(LINES) >= 60
    programs = {told.program for told in LINES.values()}
    asked = "curl wget Go Node Python Java nginx OpenSSL psql redis-cli glibc musl .NET"
    assert set(asked.split()) <= programs


@given(st.text(max_size=300), st.sampled_from(list(LINES)), st.text(max_size=300))
def test_noise_around_a_line_never_breaks_the_reading(
    before: str, line: str, after: str
) -> None:
    client_in(before + line + after)
    program_in(before + line + after)
    assert read_error(before[:200] + " " + line + " " + after) is not None
