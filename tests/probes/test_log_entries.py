"""What programs print, as a person reads it: levels, fields, blocks, errors."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwiz.probes.facts import LogLevel, LogLine
from netwiz.probes.logs.entries import EntryReader
from netwiz.probes.logs.frames import LINE_LIMIT, RawLine
from netwiz.probes.logs.grouping import MAX_LINES
from netwiz.probes.logs.levels import level_of, named_level
from netwiz.probes.logs.structured import pretty, read_fields
from tests.probes.fake_engine import key

UNKNOWN, DEBUG, INFO = LogLevel.UNKNOWN, LogLevel.DEBUG, LogLevel.INFO
WARN, ERROR, FATAL = LogLevel.WARN, LogLevel.ERROR, LogLevel.FATAL


def entries(text: str, *, stream: str = "stdout", apart_us: int = 50) -> list[LogLine]:
    """A program's output, a line every few microseconds."""
    return read(
        [
            (stream, stamped(line, number * apart_us))
            for number, line in enumerate(text.strip("\n").split("\n"))
        ]
    )


def stamped(line: str, at_us: int) -> bytes:
    second, rest = divmod(at_us, 1_000_000)
    stamp = f"2024-01-05T10:{second // 60:02}:{second % 60:02}.{rest:06}000Z "
    return stamp.encode() + line.encode()


def read(raw: list[RawLine]) -> list[LogLine]:
    reader = EntryReader(key(1))
    return [*reader.feed(raw), *reader.rest()]


# -- levels ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "level"),
    [
        # nginx
        ("2024/01/05 10:00:00 [error] 29#29: *1 open() failed", ERROR),
        ("2024/01/05 10:00:00 [notice] 1#1: start worker processes", INFO),
        ("2024/01/05 10:00:00 [emerg] 1#1: host not found in upstream", FATAL),
        ('172.18.0.1 - - [05/Jan/2024] "GET /error HTTP/1.1" 500 12', UNKNOWN),
        # redis
        ("1:M 05 Jan 2024 10:00:00.000 * Ready to accept connections", INFO),
        ("1:M 05 Jan 2024 10:00:00.000 # WARNING overcommit_memory is 0", WARN),
        # PostgreSQL
        (
            "2024-01-05 10:00:00.000 UTC [1] LOG:  listening on IPv4 address",
            INFO,
        ),
        ('2024-01-05 10:00:00 UTC [55] ERROR:  relation "x" does not exist', ERROR),
        ("2024-01-05 10:00:00 UTC [55] FATAL:  password authentication failed", FATAL),
        ("2024-01-05 10:00:00 UTC [55] WARNING:  there is no transaction", WARN),
        # klog, zap, logrus, glog
        ("E0105 10:00:00.000000       1 reflector.go:138] Failed to watch", ERROR),
        ("I0105 10:00:00.000000       1 main.go:10] up", INFO),
        ("2024-01-05T10:00:00Z\tERROR\tserver/main.go:10\tboom", ERROR),
        # Java
        ("2024-01-05 10:00:00.123  WARN 1 --- [main] c.e.App : slow", WARN),
        ("10:00:00.123 [main] INFO  com.example.App - started", INFO),
        ("SEVERE: Servlet.service() threw", FATAL),
        ('Exception in thread "main" java.lang.IllegalStateException: no', ERROR),
        # Python, Ruby, .NET, Rust, MySQL, Apache, npm, shell
        ("ERROR:root:it broke", ERROR),
        ("[2024-01-05 10:00:00 +0000] [7] [INFO] Booting worker", INFO),
        ("ConnectionRefusedError: [Errno 111] Connection refused", ERROR),
        ("W, [2024-01-05T10:00:00 #1]  WARN -- : deprecated", WARN),
        ("fail: Microsoft.AspNetCore.Server.Kestrel[13]", ERROR),
        ("warn: Microsoft.Hosting.Lifetime[0]", WARN),
        ("[2024-01-05T10:00:00Z ERROR app::net] refused", ERROR),
        ("thread 'main' panicked at src/main.rs:4:10:", ERROR),
        ("2024-01-05T10:00:00.0Z 0 [Warning] [MY-010055] [Server]", WARN),
        ("[Fri Jan 05 10:00:00.0 2024] [core:error] [pid 7] AH00126", ERROR),
        ("npm ERR! code ELIFECYCLE", ERROR),
        ("panic: runtime error: index out of range", ERROR),
        ("error: cannot open file", ERROR),
        ("level=warn msg=x", WARN),
        # Words in a sentence are none.
        ("no error was found, all is well", UNKNOWN),
        ("0 errors, 3 warnings", UNKNOWN),
        ("listening on 0.0.0.0:3000", UNKNOWN),
        ("", UNKNOWN),
    ],
)
def test_a_line_says_how_grave_it_is(text: str, level: LogLevel) -> None:
    assert level_of(text) is level


@pytest.mark.parametrize(
    ("value", "level"),
    [
        (10, DEBUG),
        (20, INFO),
        (30, INFO),
        (40, WARN),
        (50, ERROR),
        (60, FATAL),
        ("30", INFO),
        (3, ERROR),
        (7, DEBUG),
        ("WARNING", WARN),
        ("E", ERROR),
        ("nonsense", UNKNOWN),
        (True, UNKNOWN),
        (None, UNKNOWN),
        (-1, UNKNOWN),
        (1e300, UNKNOWN),
        ([], UNKNOWN),
    ],
)
def test_a_field_says_how_grave_it_is(value: object, level: LogLevel) -> None:
    assert named_level(value) is level


# -- fields ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "text", "level"),
    [
        (
            '{"level":30,"time":1704448800000,"pid":1,"hostname":"a","reqId":7,'
            '"msg":"request completed"}',
            "request completed  reqId=7",
            INFO,
        ),
        (
            '{"level":"error","ts":1704448800.1,"caller":"net/main.go:7",'
            '"msg":"dial failed","error":"dial tcp 10.0.0.7:5432: i/o timeout"}',
            "dial failed  error=dial tcp 10.0.0.7:5432: i/o timeout  "
            "caller=net/main.go:7",
            ERROR,
        ),
        (
            '{"level":50,"err":{"type":"Error","message":"connect ECONNREFUSED '
            '127.0.0.1:3000","stack":"Error: x\\n    at y","code":"ECONNREFUSED"},'
            '"msg":"order failed"}',
            "order failed  err=connect ECONNREFUSED 127.0.0.1:3000  "
            "err.code=ECONNREFUSED",
            ERROR,
        ),
        (
            '{"t":{"$date":"2024-01-05"},"s":"W","c":"NETWORK","id":5,"ctx":"conn1",'
            '"msg":"Connection ended","attr":{"remote":"127.0.0.1:5"}}',
            "Connection ended  c=NETWORK  id=5  ctx=conn1  attr.remote=127.0.0.1:5",
            WARN,
        ),
        (
            '{"@timestamp":"x","log.level":"WARN","message":"slow","a b":"c d"}',
            "slow  a b=c d",
            WARN,
        ),
        ('{"severity":"INFO","message":"up"}', "up", INFO),
        ('{"@t":"2024","@l":"Warning","@m":"Disk low"}', "Disk low", WARN),
        (
            'time="2024-01-05T10:00:00Z" level=warning msg="no route \\"x\\"" n=3',
            'no route "x"  n=3',
            WARN,
        ),
        ("ts=2024 lvl=eror msg=boom", "boom", ERROR),
    ],
)
def test_fields_become_words(line: str, text: str, level: LogLevel) -> None:
    found = read_fields(line)
    assert found is not None
    assert (found.text, found.level) == (text, level)


@pytest.mark.parametrize(
    "line",
    [
        '{"orders": [1, 2, 3], "total": 6}',
        "{not json}",
        "{}",
        "[1, 2]",
        '{"msg": "cut of',
        "a = b and c = d",
        "GET /?level=info&msg=x",
        '{"a":' * 3000 + "1" + "}" * 3000,
        '{"msg":"x","n":' + "9" * 5000 + "}",
    ],
)
def test_what_is_no_log_line_of_fields_stays_as_it_is(line: str) -> None:
    assert read_fields(line) is None
    assert entries(line)[0].text[:40] == line[:40]


def test_a_flood_of_fields_is_bounded() -> None:
    many = {f"key{n}": "x" * 1000 for n in range(200)}
    found = read_fields(json.dumps({"msg": "hello", **many}))
    assert found is not None
    assert len(found.text) <= 2001
    few = read_fields(json.dumps({"msg": "hello", **dict.fromkeys(many, 1)}))
    assert few is not None
    assert few.text.endswith("… 176 more fields")


def test_the_whole_of_json_is_laid_out_for_reading() -> None:
    laid = pretty('{"msg":"x","stack":"Error\\n    at y"}')
    assert '  "msg": "x"' in laid
    assert "\n          at y" in laid
    assert pretty("no json") == "no json"


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists))
def test_no_value_of_a_field_breaks_the_reading(value: object) -> None:
    line = json.dumps({"msg": value, "level": value, "err": value, "x": {"y": value}})
    found = read_fields(line)
    assert found is None or found.text.isprintable()


@given(st.text(max_size=200))
def test_no_line_breaks_the_reading(text: str) -> None:
    for line in (text, "{" + text + "}", "level=" + text, "{" + json.dumps(text)):
        for one in entries(line.replace("\n", " ") or " "):
            assert one.text.isprintable()
            assert all(x.isprintable() for x in one.more)


# -- blocks ---------------------------------------------------------------

JAVA = """
2024-01-05 10:00:00.123 ERROR 1 --- [main] c.e.Orders : order 7 failed
org.springframework.web.client.ResourceAccessException: I/O error on POST
\tat org.springframework.web.client.RestTemplate.doExecute(RestTemplate.java:785)
\tat com.example.Orders.place(Orders.java:42)
\tSuppressed: java.lang.IllegalStateException: no
\t\tat com.example.Orders.close(Orders.java:50)
Caused by: java.net.ConnectException: Connection refused
\tat java.base/sun.nio.ch.Net.connect0(Native Method)
\t... 12 more
"""
PYTHON = """
Traceback (most recent call last):
  File "/app/main.py", line 7, in <module>
    sock.connect(("pg", 5432))
ConnectionRefusedError: [Errno 111] Connection refused

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/app/main.py", line 9, in <module>
    raise RuntimeError("no database")
RuntimeError: no database
"""
GO = """
panic: dial tcp 172.18.0.2:5432: connect: connection refused

goroutine 1 [running]:
main.connect(...)
\t/src/main.go:12
main.main()
\t/src/main.go:7 +0x1d
exit status 2
"""
NODE = """
node:events:497
      throw er; // Unhandled 'error' event
      ^

Error: connect ECONNREFUSED 127.0.0.1:3000
    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1555:16) {
  errno: -111,
  code: 'ECONNREFUSED',
  port: 3000
}
"""
RUST = """
thread 'main' panicked at src/main.rs:4:51:
called `Result::unwrap()` on an `Err` value: Os { code: 111, kind: ConnectionRefused }
stack backtrace:
   0: rust_begin_unwind
             at /rustc/library/std/src/panicking.rs:647:5
note: run with `RUST_BACKTRACE=full` environment variable to display a backtrace
"""
DOTNET = """
fail: Orders.Worker[0]
      Order failed
      System.Net.Http.HttpRequestException: Connection refused (pg:5432)
       ---> System.Net.Sockets.SocketException (111): Connection refused
         at System.Net.Sockets.Socket.ConnectAsync()
         --- End of inner exception stack trace ---
"""


@pytest.mark.parametrize(
    ("text", "symptom", "telling"),
    [
        (JAVA, "refused", "Caused by: java.net.ConnectException: Connection refused"),
        (PYTHON, "refused", "ConnectionRefusedError: [Errno 111] Connection refused"),
        (GO, "refused", ""),
        (NODE, "refused", "Error: connect ECONNREFUSED 127.0.0.1:3000"),
        (RUST, "", ""),
        (DOTNET, "refused", "HttpRequestException: Connection refused (pg:5432)"),
    ],
    ids=["java", "python", "go", "node", "rust", "dotnet"],
)
def test_a_stack_trace_is_one_entry(text: str, symptom: str, telling: str) -> None:
    before, after = "one line before", "and one after it"
    first, block, last = entries(f"{before}\n{text.strip()}\n{after}")
    assert (first.text, last.text) == (before, after)
    lines = text.strip("\n").split("\n")
    assert block.text == lines[0]
    assert block.whole.split("\n") == [x.replace("\t", "    ") for x in lines]
    assert block.level is ERROR
    assert (block.error.symptom if block.error else "") == symptom
    assert telling in block.telling


def test_the_exception_is_what_a_traceback_tells() -> None:
    (found,) = entries("Traceback (most recent call last):\n  File\nKeyError: 'x'")
    assert found.telling == "KeyError: 'x'"
    assert found.error is None
    assert found.level is ERROR


def test_ordinary_lines_stay_apart() -> None:
    text = "GET / 200\nGET /x 200\nlistening\nValueError: by itself\nTraceback"
    assert len(entries(text)) == 5


def test_what_was_written_later_is_not_joined() -> None:
    assert len(entries("a\n  b", apart_us=1_500_000)) == 2
    # A trace by itself does not belong to whatever complained long before.
    late = "ERROR x\nTraceback (most recent call last):\n  File\nKeyError: 1"
    assert len(entries(late, apart_us=20_000)) == 2
    assert len(entries(late)) == 1


def test_two_streams_do_not_mix() -> None:
    out = [("stdout", stamped(f"GET {n}", n * 10)) for n in range(3)]
    trace = ["Traceback (most recent call last):", "  File", "KeyError: 1"]
    err = [("stderr", stamped(x, n * 10 + 5)) for n, x in enumerate(trace)]
    mixed = [line for pair in zip(out, err, strict=True) for line in pair]
    found = read(mixed)
    assert sorted(len(one.more) for one in found) == [0, 0, 0, 2]


def test_a_block_without_end_is_bounded_and_counted() -> None:
    text = "head\n" + "\n".join(f"  line {n}" for n in range(10_000))
    (found,) = entries(text)
    assert len(found.more) <= MAX_LINES
    assert len(found.more) + found.cut == 10_000
    assert found.whole.endswith(f"… {found.cut} more lines")
    wide = "head\n" + "\n".join("  " + "x" * 15_000 for n in range(300))
    (found,) = entries(wide)
    assert sum(map(len, found.more)) < 200_000


def test_blank_lines_alone_say_nothing() -> None:
    assert [x.text for x in entries("\n\n \na\n\n\nb\n\n")] == ["a", "b"]


# -- hostile --------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"\x1b[31mred\x1b[0m \x1b]0;title\x07", "red \\x1b]0;title\\x07"),
        (b"nul\0nul", "nul\\x00nul"),
        (b"\xff\xfe\x80", "\ufffd\ufffd\ufffd"),
        (b'{"msg":"\\u001b[2Jx"}', "\\x1b[2Jx"),
        (b'{"msg":"a\\u202eb"}', "a\\u202eb"),
        (b"[/]markup[red]", "[/]markup[red]"),
    ],
)
def test_nothing_from_outside_is_an_escape(raw: bytes, text: str) -> None:
    (found,) = read([("stdout", stamped("", 1) + raw)])
    assert found.text == text
    assert found.whole.isprintable()


def test_a_line_of_a_megabyte_is_cut() -> None:
    (found,) = read([("stdout", stamped("", 1) + b"x" * 1_000_000)])
    assert len(found.text) <= LINE_LIMIT + 1


def test_times_are_exact_and_what_has_none_is_of_now() -> None:
    raw = b"2024-01-05T10:00:00.123456789Z a"
    reader = EntryReader(key(1))
    reader.feed([("stdout", raw), ("stdout", raw.replace(b"123456", b"999999"))])
    (last,) = reader.rest()
    assert last.at.isoformat() == "2024-01-05T10:00:00.999999+00:00"
    assert reader.told_ns % 1_000_000_000 == 999_999_789
    (odd,) = read([("stdout", b"no time")])
    assert odd.text == "no time"
    assert odd.at.year >= 2024
