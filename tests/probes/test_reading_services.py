"""The first words and the errors of services that speak in plain text."""

from __future__ import annotations

from netwiz.probes.facts.packets import Level
from tests.probes.lines import told
from tests.probes.test_reading_talk import answer, hello, opened


def test_redis() -> None:
    talk = opened(6379)
    assert told(talk.say(0, b"*1\r\n$4\r\nPING\r\n"))[1] == "PLAIN"
    row = talk.say(1, b"-NOAUTH Authentication required.\r\n")
    assert told(row) == ("TCP", "PROBLEM", "Redis: NOAUTH Authentication required.")
    assert told(talk.say(1, b"-ERR unknown command\r\n"))[1] == "ODD"
    assert told(talk.say(1, b"-MOVED 1 10.0.0.1:6379\r\n"))[1] == "NOTE"
    assert told(talk.say(1, b"-1\r\n"))[1] == "PLAIN"


def test_postgres() -> None:
    talk = opened(5432)
    assert talk.say(0, b"\0\0\0\x08\x04\xd2\x16\x2f").text == "Postgres: asks for TLS"
    assert talk.say(1, b"N").text == "Postgres: takes no TLS"
    start = b"\0\x03\0\0user\0shop\0database\0orders\0\0"
    row = talk.say(0, (len(start) + 4).to_bytes(4) + start)
    assert row.text == "Postgres: logs in as shop, database orders"
    fields = b"SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed\0\0"
    row = talk.say(1, b"E" + (len(fields) + 4).to_bytes(4) + fields)
    assert told(row) == (
        "TCP",
        "PROBLEM",
        "Postgres FATAL: password authentication failed (28P01)",
    )


def test_postgres_over_tls() -> None:
    talk = opened(5432)
    talk.say(0, b"\0\0\0\x08\x04\xd2\x16\x2f")
    assert talk.say(1, b"S").text == "Postgres: takes TLS"
    assert talk.say(0, hello()).text.startswith("TLS hello for pay.lan")
    assert talk.say(1, answer(0x0304)).text.startswith("takes TLS 1.3")


def test_mysql() -> None:
    talk = opened(3306)
    greeting = b"\x0a8.0.36\0" + bytes(60)
    row = talk.say(1, len(greeting).to_bytes(3, "little") + b"\0" + greeting)
    assert row.text == "MySQL 8.0.36 greets"
    error = b"\xff\x15\x04#28000Access denied for user 'shop'@'10.0.0.3'"
    row = talk.say(1, len(error).to_bytes(3, "little") + b"\x02" + error)
    assert told(row)[1:] == (
        "PROBLEM",
        "MySQL error 1045: Access denied for user 'shop'@'10.0.0.3'",
    )


def test_mail() -> None:
    talk = opened(25)
    assert talk.say(1, b"220 mx.lan ESMTP\r\n").text == "SMTP 220 mx.lan ESMTP"
    assert talk.say(1, b"554 5.7.1 no\r\n").level is Level.PROBLEM
