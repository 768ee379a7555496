"""`netwiz capture` in process: what it asks for, what it prints, how it ends."""

import json
import os
import signal
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from netwiz.probes.capture.batch import Batch
from netwiz.probes.capture.wanted import Said, TapWanted
from netwiz.probes.errors import ProbeError
from netwiz.probes.facts import Failure, Place
from netwiz.probes.facts.packets import (
    CaptureCounts,
    CaptureEnded,
    CaptureStarted,
    CaptureTapGone,
    Level,
)
from netwiz.tui.capture_lines import beginning
from netwiz.tui.cli import main
from tests.project import ROOT
from tests.tui.capture_world import (
    AGAIN,
    COUNTS,
    ENDED,
    HERE,
    REFUSED,
    SYN,
    CaptureWorld,
    DeafStream,
    row,
)

SCHEMA = json.loads((ROOT / "docs/capture.schema.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA)


BAD = {
    "nothing": ([], "NAME is missing"),
    "an empty name": ([""], "NAME is empty"),
    "an empty name of several": (["order,"], "NAME is empty"),
    "nobody's name": (["oder"], "did you mean order"),
    "a filter for a name": (["port", "3000"], "is named 'port'"),
    "an ambiguous prefix": (["bbbb"], "pg, pgbouncer"),
    "the other kind": (["network:order"], "no network is named 'order'"),
    "a network without a device": (["none"], "no device to listen to"),
    "a bad filter": (["order", "prot 3000"], "is wrong at character 1"),
    "a filter that breaks off": (["order", "port"], "is wrong at its end"),
    "no such file": (["-r", "/nonexistent/x.pcap"], "/nonexistent/x.pcap"),
    "a file and a file": (["-r", "x.pcap", "-w", "y"], "-w is for listening"),
    "a file and all": (["-r", "x.pcap", "--all"], "--all is for listening"),
    "a file and a time": (["-r", "x", "--seconds", "1"], "--seconds is for"),
    "an empty file": (["-r", ""], "file's name is empty"),
    "JSON and packets": (["order", "-w", "-", "--json"], "and nothing else"),
    "sizes without a file": (["order", "--files", "3"], "the file of -w"),
    "no count": (["order", "-c", "0"], "is no number from 1"),
    "no number": (["order", "-c", "٣"], "is no number from 1"),
    "no time": (["order", "--seconds", "-1"], "is no time from"),
    "not a time": (["order", "--seconds", "nan"], "is no time from"),
    "no device": (["order", "--device", "../../etc"], "is no name of a device"),
    "an unknown option": (["order", "--jsn"], "unrecognized arguments"),
    "escapes": (["\x1b]0;owned\x07"], r"\x1b]0;owned\x07"),
    "escapes in a filter": (["order", "\x1b[2J"], r"\x1b[2J"),
    "a very long name": (["x" * 100_000], "is named"),
    "a very long filter": (["order", "x" * 100_000], "the filter is too long"),
}


@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
@pytest.mark.parametrize("what", BAD)
def test_bad_input(
    what: str,
    as_json: bool,
    capture_world: CaptureWorld,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments, said = BAD[what]
    assert main(["capture", *arguments, *(["--json"] if as_json else [])]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("netwiz: ")
    assert said in err
    assert err.count("\n") == 1
    assert err.rstrip("\n").isprintable()
    assert len(err) < 1200
    assert capture_world.wanted == []


def test_lines(capture_world: CaptureWorld, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["capture", "order", "port", "3000"]) == 0
    out, err = capsys.readouterr()
    ends = "order:40312 → pg:3000           "
    assert out.splitlines() == [
        f"09:12:53.123456   {ends} SYN, wants to connect",
        f"09:12:53.123457 ✗ {ends} refused by pg: nobody listens on 3000",
        f"09:12:53.123458 ! {ends} SYN sent again",
    ]
    assert err.splitlines() == [
        "netwiz: listening to order; filter: port 3000; Ctrl-C ends it",
        "netwiz: 3 packets (222 B), 0 dropped by the kernel",
    ]
    assert capture_world.wanted[0].taps == (
        TapWanted(Place.container("a" * 64, "order"), "order"),
    )
    assert capture_world.wanted[0].names["172.18.0.3"] == "pg"
    assert (capture_world.left, capture_world.closed) == (1, 1)


@pytest.mark.parametrize(
    "arguments", [["order", "errors"], ["order", "--errors"]], ids=["word", "option"]
)
def test_errors_only(
    arguments: list[str],
    capture_world: CaptureWorld,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["capture", *arguments]) == 0
    out, err = capsys.readouterr()
    assert [line[16] for line in out.splitlines()] == ["✗", "!"]
    assert "3 packets (222 B), 2 shown" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["order,pg", "port", "3000", "--json", "-w", "x"],
        ["-w", "x", "order,pg", "--json", "port 3000"],
        ["--json", "order,pg", "port", "-w", "x", "3000"],
    ],
)
def test_words_and_options_may_be_mixed(
    arguments: list[str], capture_world: CaptureWorld
) -> None:
    assert main(["capture", *arguments]) == 0
    (wanted,) = capture_world.wanted
    assert [tap.name for tap in wanted.taps] == ["order", "pg"]
    assert wanted.filter == "port 3000"
    assert wanted.file is not None
    assert wanted.file.path == "x"


def test_the_tap_is_told_where_there_are_several(
    capture_world: CaptureWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    capture_world.says = (Batch.of([row(1, "one"), row(2, "two", tap=1)]), COUNTS)
    assert main(["capture", "order,pg"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[18:23] for line in lines] == ["order", "pg   "]


def test_json_keeps_to_its_schema(
    capture_world: CaptureWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    hostile = replace(row(4, "\x1b]0;owned\x07"), source="", destination="fe80::1")
    gone = CaptureTapGone(tap=0, why="the container\nis gone")
    capture_world.says = (*capture_world.says, Batch.of([hostile]), gone)
    assert main(["capture", "order", "--json", "-w", "out.pcapng"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.isascii()
    told = [json.loads(line) for line in out.splitlines()]
    for one in told:
        VALIDATOR.validate(one)
    kinds = [one["type"] for one in told]
    assert kinds == [
        "started",
        *["packet"] * 3,
        "counts",
        "packet",
        "tap_gone",
        "ended",
    ]
    assert told[0]["file"] == "out.pcapng"
    assert told[1] == {
        "type": "packet",
        "number": 1,
        "at": "2026-11-21T09:12:53.123456789Z",
        "at_ns": 1_795_252_373_123_456_789,
        "tap": "order",
        "kind": "tcp",
        "level": "plain",
        "size": 74,
        "source": "172.18.0.2:40312",
        "destination": "172.18.0.3:3000",
        "source_name": "order",
        "destination_name": "pg",
        "text": "SYN, wants to connect",
        "about": None,
    }
    assert told[2]["about"] == 1
    assert told[-1]["why"] == "stopped"
    assert told[-1]["told"] == 4


def test_the_schema_refuses_what_is_something_else() -> None:
    for wrong in ({}, {"type": "packet"}, {"type": "counts", "seen": -1}):
        assert not VALIDATOR.is_valid(wrong)


def test_enough_packets_end_it(
    capture_world: CaptureWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    capture_world.ends = None
    assert main(["capture", "order", "-c", "2"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_enough_time_ends_it(capture_world: CaptureWorld) -> None:
    capture_world.ends = None
    assert main(["capture", "order", "--seconds", "0.1"]) == 0
    assert capture_world.left == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_in_order(
    number: signal.Signals,
    capture_world: CaptureWorld,
    capsys: pytest.CaptureFixture[str],
) -> None:
    capture_world.ends = None

    def says() -> Iterator[Said]:
        yield COUNTS
        os.kill(os.getpid(), number)

    capture_world.says = says()
    before = signal.getsignal(number)
    assert main(["capture", "order", "--json"]) == 0
    assert signal.getsignal(number) == before
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["type"] == "ended"


def test_who_insists_does_not_wait(capture_world: CaptureWorld) -> None:
    capture_world.ends = None
    capture_world.stream = DeafStream
    assert main(["capture", "order", "--seconds", "0.1"]) == 130
    assert capture_world.left == 1


def test_what_is_incomplete_is_said(
    capture_world: CaptureWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = CaptureCounts(seen=900, read=3, dropped=7, bytes=90_000)
    capture_world.says = (Batch.of([SYN, REFUSED, AGAIN]), counts, counts)
    assert main(["capture", "order"]) == 0
    err = capsys.readouterr().err
    assert err.count("the kernel drops packets") == 1
    assert err.count("these are a sample") == 1
    assert "900 packets (87.9 KiB), 3 shown, 7 dropped by the kernel" in err
    assert "897 only counted" in err


def test_a_file_is_told_of_and_nothing_else(
    capture_world: CaptureWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = replace(COUNTS, written=3, file_bytes=500, full="the disk is full")
    capture_world.says = (Batch.of([SYN, REFUSED, AGAIN]), counts)
    assert (
        main(["capture", "order", "-w", "x", "--file-size", "5", "--files", "9"]) == 0
    )
    out, err = capsys.readouterr()
    assert out == ""
    assert "3 written to x (500 B), no more is written: the disk is full" in err
    (wanted,) = capture_world.wanted
    assert wanted.file is not None
    assert (wanted.file.rotate_bytes, wanted.file.keep) == (5_000_000, 9)


def test_a_pipe_gets_what_the_filter_takes_and_no_more(
    capture_world: CaptureWorld, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["capture", "order", "-w", "-"]) == 0
    assert main(["capture", "order"]) == 0
    assert capsysbinary.readouterr().out
    assert [wanted.refusals for wanted in capture_world.wanted] == [False, True]


def test_what_is_told_beside_the_filter_is_said() -> None:
    started = CaptureStarted(taps=(), filter="tcp", left_in=("ICMP errors about it",))
    assert "; told of as well: ICMP errors about it; " in beginning(started)


def test_a_file_is_read_without_a_machine(
    capture_world: CaptureWorld, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(tmp_path / "shop.pcap")
    # The head of a file without packets (pcap-savefile(5)).
    Path(file).write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
    capture_world.ends = CaptureEnded(why="end of file")
    assert main(["capture", "-r", file, "prot", "3000"]) == 2
    assert "is wrong at character 1" in capsys.readouterr().err
    assert main(["capture", "-r", file, "port", "3000"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("2026-11-21\n09:12:53.123456   172.18.0.2:40312 → ")
    assert err == "netwiz: 3 packets (222 B), 0 dropped by the kernel\n"
    assert capture_world.wanted[0].source == file
    assert capture_world.wanted[0].filter == "port 3000"
    assert capture_world.closed == 0


@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
def test_an_end_that_nobody_wanted_is_no_success(
    as_json: bool, capture_world: CaptureWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    capture_world.ends = CaptureEnded(
        why="the process that captures was killed", wrong=True
    )
    assert main(["capture", "order", *(["--json"] if as_json else [])]) == 3
    out, err = capsys.readouterr()
    assert "netwiz: the process that captures was killed\n" in err
    if as_json:
        assert json.loads(out.splitlines()[-1])["wrong"] is True


@pytest.mark.parametrize(
    ("kind", "status"),
    [(Failure.RIGHTS, 4), (Failure.ENGINE, 4), (Failure.GONE, 2), (Failure.BROKEN, 3)],
)
def test_what_cannot_begin_is_told_in_one_line(
    kind: Failure,
    status: int,
    capture_world: CaptureWorld,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refuses(*_: object) -> None:
        raise ProbeError(kind, "no such device", "look at ip link")

    monkeypatch.setattr("netwiz.probes.capture.stream.open_capture", refuses)
    assert main(["capture", "order"]) == status
    assert capsys.readouterr() == ("", "netwiz: no such device; look at ip link\n")


def test_without_rights(
    capture_world: CaptureWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    capture_world.snapshot = replace(HERE, host=replace(HERE.host, root=False))
    assert main(["capture", "order"]) == 4
    err = capsys.readouterr().err
    assert err.startswith("netwiz: listening to packets needs root; run it as root: ")


def test_without_an_engine(
    capture_world: CaptureWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    capture_world.snapshot = replace(HERE, engine=None, containers=(), networks=())
    assert main(["capture", "order"]) == 4
    assert main(["capture", "--all"]) == 4
    assert "nothing named 'order' can be looked up" in capsys.readouterr().err
    assert main(["capture", "host"]) == 0


def test_help_fits_and_tells_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["capture", "--help"]) == 0
    out, err = capsys.readouterr()
    assert "4 cannot look" in out
    assert "netwiz capture -r FILE" in out
    assert err == ""
    assert max(map(len, out.splitlines())) <= 88


def test_levels_have_signs_of_their_own() -> None:
    from netwiz.tui.capture_lines import SIGNS

    assert set(SIGNS) == set(Level)
    assert len(set(SIGNS.values())) == len(Level)
    assert ENDED.wrong is False
