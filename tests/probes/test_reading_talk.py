"""What is said over connections: HTTP, TLS and the first words of services."""

from __future__ import annotations

import ssl

import pytest

from netwiz.probes.facts.packets import Level
from netwiz.probes.reading.tls_hello import client_hello, server_hello, version_name
from tests.probes.lines import MS, A, B, Lines, S, Talk, told

GET = b"GET /orders?x=1 HTTP/1.1\r\nUser-Agent: t\r\nHost: shop.lan\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


def opened(port: int) -> Talk:
    talk = Talk(Lines(), server=(B, port))
    talk.open()
    return talk


def hello(name: str | None = "pay.lan", alpn: tuple[str, ...] = ("h2",)) -> bytes:
    """A real ClientHello."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(list(alpn))
    out = ssl.MemoryBIO()
    tls = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return out.read()


def record(kind: int, body: bytes, version: int = 0x0303) -> bytes:
    return bytes([kind]) + version.to_bytes(2) + len(body).to_bytes(2) + body


def answer(version: int, cipher: int = 0x1302, random: bytes = bytes(32)) -> bytes:
    """A ServerHello."""
    extension = b""
    if version == 0x0304:
        extension = b"\x00\x2b\x00\x02\x03\x04"
    body = b"\x03\x03" + random + b"\0" + cipher.to_bytes(2) + b"\0"
    body += len(extension).to_bytes(2) + extension
    return record(22, b"\x02" + len(body).to_bytes(3) + body)


def test_a_request_and_its_answer() -> None:
    talk = opened(3000)
    asked = talk.say(0, GET)
    assert told(asked) == ("HTTP", "NOTE", "GET /orders?x=1 (Host: shop.lan)")
    talk.ack(1)
    answered = talk.say(1, OK, after=11 * MS)
    assert told(answered) == ("HTTP", "NOTE", "200 OK after 12 ms")
    assert answered.about == asked.number
    assert told(talk.say(1, b"x" * 500)) == ("HTTP", "PLAIN", "500 B")


def test_failures_say_what_was_asked() -> None:
    talk = opened(3000)
    talk.say(0, GET)
    row = talk.say(1, b"HTTP/1.1 404 Not Found\r\n\r\n")
    assert told(row) == (
        "HTTP",
        "ODD",
        "404 Not Found after 1.0 ms: GET /orders?x=1",
    )
    talk.say(0, b"POST /pay HTTP/1.1\r\n\r\n")
    row = talk.say(1, b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
    assert told(row)[1:] == ("PROBLEM", "502 Bad Gateway after 1.0 ms: POST /pay")


def test_requests_that_do_not_wait_are_answered_in_order() -> None:
    talk = opened(3000)
    first, second = talk.say(0, GET), talk.say(0, GET)
    talk.say(1, b"HTTP/1.1 100 Continue\r\n\r\n")
    rows = [talk.say(1, OK), talk.say(1, OK), talk.say(1, OK)]
    assert [row.about for row in rows] == [first.number, second.number, 0]
    assert rows[2].text == "200 OK"


def test_a_request_in_pieces_is_told_once() -> None:
    talk = opened(3000)
    assert talk.say(0, b"GET /" + b"a" * 300).text == f"GET /{'a' * 99}…"
    assert told(talk.say(0, b"aa HTTP/1.1\r\nHost: x\r\n\r\n"))[1] == "PLAIN"


def test_http_that_began_before_the_capture() -> None:
    talk = Talk(Lines())
    talk.say(1, b"\x00\x01binary")
    assert talk.say(1, OK).text == "200 OK"
    assert talk.say(0, GET).text.startswith("GET /orders")


def test_after_a_gap_no_answer_is_given_to_the_wrong_request() -> None:
    talk = opened(3000)
    talk.say(0, GET)
    talk.lines.reader.gap()
    row = talk.say(1, OK)
    assert (row.text, row.about) == ("200 OK", 0)


@pytest.mark.parametrize(
    "data",
    [b"GETTING on\r\n", b"GET \r\n", b"HTTP is fine", b"GET a b c\r\n", b"PUTS"],
)
def test_what_only_begins_like_http(data: bytes) -> None:
    row = opened(3000).say(0, data)
    assert told(row) == ("TCP", "PLAIN", f"{len(data)} B")


def test_http2_is_named() -> None:
    talk = opened(3000)
    assert talk.say(0, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").text == "begins HTTP/2"
    assert talk.say(1, b"\0" * 9).text == "HTTP/2, 9 B"


def test_plain_http_to_a_port_for_tls() -> None:
    talk = opened(443)
    row = talk.say(0, GET)
    assert told(row)[1] == "ODD"
    assert row.text.endswith(": plain HTTP to port 443")
    row = talk.say(1, record(21, b"\x02\x46"))
    assert told(row) == (
        "HTTP",
        "PROBLEM",
        "answers plain HTTP with a TLS alert: this port speaks TLS",
    )


def test_a_server_that_says_it_wants_tls() -> None:
    talk = opened(8000)
    talk.say(0, GET)
    page = b"<html>The plain HTTP request was sent to HTTPS port</html>"
    row = talk.say(1, b"HTTP/1.1 400 Bad Request\r\n\r\n" + page)
    assert told(row)[1:] == (
        "PROBLEM",
        "400: plain HTTP was sent, this port speaks TLS",
    )


def test_hellos_of_tls() -> None:
    talk = opened(443)
    asked = talk.say(0, hello(alpn=("h2", "http/1.1")))
    assert told(asked) == (
        "TLS",
        "NOTE",
        "TLS hello for pay.lan (TLS 1.2-1.3; h2, http/1.1)",
    )
    row = talk.say(1, answer(0x0304), after=800_000)
    assert told(row) == ("TLS", "NOTE", "takes TLS 1.3, AES_256_GCM_SHA384 (0.8 ms)")
    assert row.about == asked.number
    row = talk.say(1, record(20, b"\1") + record(23, b"x" * 900))
    assert told(row) == ("TLS", "PLAIN", f"{6 + 905} B")


def test_a_hello_in_pieces() -> None:
    data = hello()
    talk = opened(443)
    assert talk.say(0, data[:100]).level is Level.PLAIN
    assert talk.say(0, data[100:150]).level is Level.PLAIN
    row = talk.say(0, data[150:])
    assert row.text == "TLS hello for pay.lan (TLS 1.2-1.3; h2)"


def test_a_hello_that_came_byte_by_byte_from_its_sixth_on() -> None:
    data = hello()
    talk = opened(443)
    talk.say(0, data[:6])
    for at in range(6, len(data) - 1):
        assert talk.say(0, data[at : at + 1]).level is Level.PLAIN
    assert talk.say(0, data[-1:]).text.startswith("TLS hello for pay.lan")


def test_a_hello_that_nobody_answers() -> None:
    talk = opened(443)
    asked = talk.say(0, hello())
    talk.ack(1)
    (missed,) = talk.lines.wait(3 * S)
    assert told(missed)[:2] == ("ABSENCE", "ODD")
    assert missed.text == "no answer to the TLS hello for 3.0 s"
    assert missed.about == asked.number
    talk = opened(443)
    talk.say(0, hello())
    talk.say(1, answer(0x0304))
    assert not talk.lines.wait(60 * S)


def test_an_alert_is_all_that_is_said() -> None:
    talk = opened(6443)
    talk.say(0, b"no TLS")
    row = talk.say(1, record(21, b"\x02\x32"))
    assert row.text == "alert from the server: decode error"


def test_a_hello_without_a_name() -> None:
    row = opened(443).say(0, hello(None))
    assert row.text == "TLS hello without a name (TLS 1.2-1.3; h2)"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (45, "alert: the client refuses the certificate: it has expired"),
        (48, "alert: the client refuses the certificate: unknown CA, not trusted"),
        (40, "alert from the client: handshake failure"),
        (99, "alert from the client: number 99"),
    ],
)
def test_alerts_of_the_client(code: int, words: str) -> None:
    talk = opened(443)
    talk.say(0, hello())
    talk.say(1, answer(0x0303, 0xC02F))
    row = talk.say(0, record(21, bytes([2, code])))
    assert told(row) == ("TLS", "PROBLEM", words)


def test_alerts_of_the_server() -> None:
    talk = opened(443)
    talk.say(0, hello())
    row = talk.say(1, record(21, b"\x02\x46"))
    assert told(row)[1:] == (
        "PROBLEM",
        "alert from the server: takes no TLS version that was offered",
    )
    talk = opened(443)
    talk.say(0, hello())
    row = talk.say(1, record(21, b"\x01\x70"))
    assert told(row)[1] == "ODD"
    assert told(talk.say(1, record(21, b"\x01\x00"))) == ("TLS", "PLAIN", "closes TLS")


def test_an_encrypted_alert_is_not_read_into() -> None:
    talk = opened(443)
    talk.say(0, hello())
    talk.say(1, answer(0x0303, 0xC02F))
    for side in (0, 1):
        talk.say(side, record(20, b"\1") + record(22, b"x" * 40))
    talk.say(0, record(23, b"x" * 100))
    row = talk.say(0, record(21, b"x" * 26))
    assert told(row) == ("TLS", "PLAIN", "an encrypted alert")


def test_tls_1_3_turned_down_under_encryption() -> None:
    """Nothing but an alert is so short where a handshake message must come."""
    talk = opened(443)
    talk.say(0, hello())
    talk.say(1, answer(0x0304) + record(23, b"x" * 900))
    row = talk.say(0, record(20, b"\1") + record(23, b"x" * 19))
    assert told(row) == (
        "TLS",
        "PROBLEM",
        "the client turns the handshake down (an encrypted alert)",
    )


def test_tls_1_3_turned_down_for_want_of_a_client_certificate() -> None:
    """By size and place it is an alert, but it could be two bytes of data: odd."""
    talk = opened(443)
    talk.say(0, hello())
    talk.say(1, answer(0x0304) + record(23, b"x" * 900))
    talk.say(0, record(20, b"\1") + record(23, b"x" * 53))
    row = talk.say(1, record(23, b"x" * 19))
    assert told(row) == ("TLS", "ODD", "an alert, by its size: turns the client down?")
    assert told(talk.raw(1, "RA"))[1:] == ("NOTE", "RST after the alert")


def test_tls_1_3_that_is_closed_unused() -> None:
    """A connection kept in store, closed by the server after a while, or by both."""
    for side, after in ((1, 60_000 * MS), (0, MS)):
        talk = opened(443)
        talk.say(0, hello())
        talk.say(1, answer(0x0304) + record(23, b"x" * 900))
        talk.say(0, record(20, b"\1") + record(23, b"x" * 53))
        talk.say(side, record(23, b"x" * 19), after=after)
        talk.say(1 - side, record(23, b"x" * 19))
        assert not talk.lines.alarms


def test_tls_1_3_short_data_and_closing_are_nothing() -> None:
    talk = opened(443)
    talk.say(0, hello())
    talk.say(1, answer(0x0304) + record(23, b"x" * 900))
    talk.say(0, record(20, b"\1") + record(23, b"x" * 53))
    talk.say(1, record(23, b"ticket" * 40))
    for side in (0, 1):
        assert talk.say(side, record(23, b"x" * 19)).level is Level.PLAIN
    talk.lines.reader.gap()
    assert talk.say(1, record(23, b"x" * 19)).level is Level.PLAIN
    assert not talk.lines.alarms


def test_a_server_that_wants_other_keys() -> None:
    retry = bytes.fromhex(
        "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c"
    )
    talk = opened(443)
    talk.say(0, hello())
    row = talk.say(1, answer(0x0304, random=retry))
    assert row.text == "asks for another hello: other keys (1.0 ms)"
    talk.say(0, record(20, b"\1") + hello())
    assert talk.say(1, answer(0x0304)).text.startswith("takes TLS 1.3")


def test_tls_to_a_port_without() -> None:
    talk = opened(80)
    talk.say(0, hello())
    row = talk.say(1, b"HTTP/1.1 400 Bad Request\r\n\r\n")
    assert told(row) == (
        "TLS",
        "PROBLEM",
        "answers the TLS hello in plain HTTP (400): no TLS here",
    )
    talk = opened(6379)
    talk.say(0, hello())
    row = talk.say(1, b"-ERR Protocol error\r\n")
    assert row.text == "answers the TLS hello with something else: no TLS here"


def test_tls_goes_on_after_something_was_missed() -> None:
    talk = opened(443)
    talk.say(0, hello())
    talk.say(1, answer(0x0303, 0xC02F))
    talk.seq[1] += 5000
    talk.say(1, b"\xff" * 100)
    talk.say(1, record(23, b"x" * 100) + b"\x17")
    talk.say(1, b"\x03\x03\x00\x0a" + b"x" * 10)
    row = talk.say(1, record(21, b"\x02\x2d"))
    assert row.level is not Level.PROBLEM
    assert not talk.lines.alarms


def test_versions_and_ciphers_that_nobody_knows() -> None:
    assert version_name(0x7F1C) == "version 0x7f1c"
    assert client_hello(b"").versions == "version 0x0000"
    assert server_hello(b"\x02").cipher == "cipher 0x0000"
    greased = client_hello(hello()[5:])
    assert "0x" not in greased.versions


def test_hostile_texts_are_harmless() -> None:
    talk = opened(3000)
    row = talk.say(0, b"GET /\x1b[2J\xe2\x80\xae HTTP/1.1\r\nHost: \x07x\r\n\r\n")
    assert row.text.isprintable()
    row = talk.say(1, b"HTTP/1.1 500 " + b"\x1b]0;x\x07" * 5 + b"\r\n\r\n")
    assert row.text.isprintable()
    assert A in row.destination
