"""The installed `netwiz capture` on a real engine: what it sees, writes and leaves."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.bench import shop
from tests.bench.capture_readers import count
from tests.bench.ssh_seat import seated
from tests.lab import namespaces
from tests.lab.engine import Lab
from tests.lab.judge import netwiz_command
from tests.lab.state import wait_until
from tests.project import NOBODY, ROOT
from tests.tui.cli_helpers import command, environment

pytestmark = pytest.mark.lab
VALIDATOR = Draft202012Validator(
    json.loads((ROOT / "docs/capture.schema.json").read_text())
)
PATIENCE_S = 60
REFUSED = re.compile(r"✗ .*bad:3000 → order:\d+ +refused")


@pytest.fixture(scope="module")
def raised(lab: Lab) -> Lab:
    lab.restore()
    shop.raise_shop(lab)
    return lab


@pytest.fixture(scope="module")
def folder(raised: Lab) -> Path:
    """Where the lab's host and we see the same files: its /tmp is its own."""
    made = raised.names.folder / "captures"
    made.mkdir()
    return made


def argv(lab: Lab, *words: str) -> list[str]:
    own = f"DOCKER_HOST=unix://{lab.names.socket}"
    return lab.command(["env", own, *netwiz_command(), "capture", *words])


@dataclass
class Running:
    """The command, listening; what it says goes to files, so that it never waits."""

    process: subprocess.Popen[bytes]
    out: Path
    err: Path

    def said(self) -> str:
        return self.out.read_text()

    def wait_for(self, pattern: str) -> None:
        seen = re.compile(pattern)
        wait_until(lambda: seen.search(self.said()), pattern, PATIENCE_S)

    def end(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=PATIENCE_S)


@contextmanager
def listening(lab: Lab, folder: Path, *words: str) -> Iterator[Running]:
    out, err = folder / "out", folder / "err"
    with out.open("wb") as told, err.open("wb") as noted:
        process = subprocess.Popen(
            argv(lab, *words),
            stdin=subprocess.DEVNULL,
            stdout=told,
            stderr=noted,
            env=lab.env(),
            cwd="/",
        )
    running = Running(process, out, err)

    def begun() -> bool:
        assert process.poll() is None, err.read_text()
        return "listening to" in err.read_text() or b'"started"' in out.read_bytes()

    try:
        wait_until(begun, "it listens", PATIENCE_S)
        yield running
    finally:
        process.kill()
        process.wait()


def connect(lab: Lab, server: str) -> None:
    """One attempt from order, whatever comes of it."""
    lab.docker("exec", "order", "sh", "-c", f"nc -w 2 {server} 3000 </dev/null; true")


def sockets_of(lab: Lab, place: str) -> list[str]:
    """Packet sockets that are open there (proc(5), net/packet)."""

    def read() -> list[str]:
        return Path("/proc/thread-self/net/packet").read_text().splitlines()[1:]

    return lab.in_namespace(place, read)


def _no_more(lab: Lab, place: str, most: int) -> bool:
    return len(sockets_of(lab, place)) <= most


def children_of(pid: int) -> set[int]:
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = path.read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue
        if int(parent) == pid:
            found.add(int(path.parent.name))
    return found


def written(file: Path) -> int:
    """Packets in a file; none as long as it is not there."""
    return count(file) if file.exists() else 0


def test_a_refused_connection_is_a_line(raised: Lab, folder: Path) -> None:
    with listening(raised, folder, "order", "port", "3000") as running:
        connect(raised, "bad")
        running.wait_for(REFUSED.pattern)
        assert running.end() == 0
    lines = running.said().splitlines()
    assert len(lines) == 2
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d\.\d{6} · order:\d+ → bad:3000 +asks for a connection", lines[0]
    )
    assert running.err.read_text().splitlines() == [
        "netwiz: listening to order; filter: port 3000; told of as well: "
        "ICMP errors about it; Ctrl-C ends it",
        "netwiz: 2 packets (128 B), 0 dropped by the kernel",
    ]


def test_several_places_are_told_apart(raised: Lab, folder: Path) -> None:
    with listening(raised, folder, "order,bad,shop", "port 3000") as running:
        connect(raised, "bad")
        wait_until(
            lambda: running.said().count("refused") == 3, "three see it", PATIENCE_S
        )
        assert running.end() == 0
    taps = {line[18:23].strip() for line in running.said().splitlines()}
    assert taps == {"order", "bad", "shop"}


def test_errors_leave_out_what_is_well(raised: Lab, folder: Path) -> None:
    with listening(raised, folder, "--all", "errors", "and", "tcp") as running:
        connect(raised, "good")
        connect(raised, "bad")
        running.wait_for(REFUSED.pattern)
        assert running.end() == 0
    assert {line[16] for line in running.said().splitlines()} == {"✗"}


def test_json_keeps_to_the_schema(raised: Lab, folder: Path) -> None:
    file = str(folder / "told.pcapng")
    with listening(raised, folder, "order", "--json", "-w", file) as running:
        connect(raised, "bad")
        running.wait_for("refused")
        assert running.end() == 0
    told = [json.loads(line) for line in running.said().splitlines()]
    for one in told:
        VALIDATOR.validate(one)
    assert running.err.read_text() == ""
    (refused,) = [one for one in told if "refused" in one.get("text", "")]
    assert refused["level"] == "problem"
    assert refused["source_name"] == "bad"
    assert refused["about"] in {one.get("number") for one in told}
    assert told[-1]["type"] == "ended"
    assert told[-1]["dropped"] == 0
    assert told[-1]["written"] == told[-1]["seen"]
    assert told[0]["file"] == file


def read(lab: Lab, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv(lab, "-r", *words),
        env=lab.env(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


@pytest.fixture(scope="module")
def kept(raised: Lab, folder: Path) -> Path:
    """A file of what order and bad saw of a refused connection."""
    file = folder / "kept.pcapng"
    with listening(raised, folder, "order,bad", "port 3000", "-w", str(file)) as it:
        connect(raised, "bad")
        wait_until(lambda: written(file) >= 4, "it is written", PATIENCE_S)
        assert it.end() == 0
        assert it.said() == ""
        assert "4 written to" in it.err.read_text()
    return file


def test_a_file_is_read_as_it_was_seen(raised: Lab, kept: Path) -> None:
    done = read(raised, str(kept))
    assert done.returncode == 0, done.stderr
    assert len(REFUSED.findall(done.stdout)) == 2
    day, *lines = done.stdout.splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", day)
    assert len(lines) == 4
    assert done.stderr == "netwiz: 4 packets (256 B), 0 dropped by the kernel\n"


def test_on_a_terminal_a_file_opens_in_the_packet_view(raised: Lab, kept: Path) -> None:
    with seated(argv(raised, "-r", str(kept)), raised.env(), (100, 30)) as seat:
        seat.until(lambda text: text.count("refused") == 2, "both refusals")
        assert "kept.pcapng" in seat.shown()
        seat.press("q")
        assert seat.ended() == 0


def test_on_a_terminal_packets_are_lines_with_colour(raised: Lab) -> None:
    with seated(argv(raised, "order"), raised.env(), (100, 30)) as seat:
        seat.until(lambda text: "listening to order" in text, "it listens")
        connect(raised, "bad")
        seat.until(lambda text: REFUSED.search(text) is not None, "the refusal")
        seat.press("\x03")
        assert seat.ended() == 0


def test_tcpdump_reads_it(raised: Lab, kept: Path) -> None:
    done = namespaces.run(["tcpdump", "-nr", str(kept)])
    assert len(done.splitlines()) == 4
    assert done.count("Flags [R.]") == 2


def test_packets_may_go_to_a_pipe(raised: Lab, folder: Path) -> None:
    out = folder / "out"
    with listening(raised, folder, "order,bad", "port 3000", "-w", "-") as running:
        connect(raised, "bad")
        wait_until(lambda: written(out) >= 4, "it is written", PATIENCE_S)
        assert running.end() == 0
    done = namespaces.run(["sh", "-c", f"tcpdump -nr - < {out}"])
    assert done.count("Flags [R.]") == 2
    assert len(REFUSED.findall(read(raised, str(out)).stdout)) == 2


def test_a_file_is_filtered_by_name_and_word(raised: Lab, kept: Path) -> None:
    done = read(raised, str(kept), "--json", "-c", "1", "--errors", "order")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["type"] for one in told if one["type"] != "counts"] == [
        "started",
        "packet",
        "ended",
    ]
    for one in told:
        VALIDATOR.validate(one)
    assert "refused" in told[1]["text"]
    assert done.returncode == 0


def test_a_file_needs_neither_root_nor_engine(kept: Path) -> None:
    readable = Path("/var/tmp") / f"netwiz-{os.getpid()}.pcapng"
    try:
        readable.write_bytes(kept.read_bytes())
        readable.chmod(0o644)
        done = subprocess.run(
            [*NOBODY, *command("capture", "-r", str(readable))],
            env=environment(PYTHONDONTWRITEBYTECODE="1"),
            cwd="/",
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
    finally:
        readable.unlink()
    assert done.returncode == 0, done.stderr
    assert len(REFUSED.findall(done.stdout)) == 2


def test_without_root_nothing_is_listened_to() -> None:
    done = subprocess.run(
        [*NOBODY, *command("capture", "host")],
        env=environment(PYTHONDONTWRITEBYTECODE="1"),
        cwd="/",
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 4
    assert done.stdout == ""
    assert "needs root; run it as root: sudo " in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("what", ["missing", "no capture", "a folder", "gzip"])
def test_a_file_that_is_none_is_told_in_one_line(
    what: str, raised: Lab, kept: Path, folder: Path
) -> None:
    file = folder / what
    if what == "no capture":
        file.write_text("root:x:0:0\n")
    elif what == "a folder":
        file.mkdir()
    elif what == "gzip":
        import gzip

        file.write_bytes(gzip.compress(kept.read_bytes()))
    done = read(raised, str(file))
    assert done.returncode == 2, done.stdout
    assert done.stdout == ""
    assert done.stderr.startswith("netwiz: ")
    assert done.stderr.count("\n") == 1
    assert ("gunzip" in done.stderr) is (what == "gzip")


def test_a_reader_may_leave_early(raised: Lab, kept: Path) -> None:
    line = " ".join(f"'{word}'" for word in argv(raised, "-r", str(kept)))
    done = subprocess.run(
        ["bash", "-c", f"{line} | true; echo ${{PIPESTATUS[0]}}"],
        env=raised.env(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.stdout == "141\n"
    assert done.stderr == ""


@pytest.mark.parametrize("whole", [True, False], ids=["command", "child"])
def test_killed_it_leaves_nothing_but_its_file(
    whole: bool, raised: Lab, folder: Path
) -> None:
    before = {place: sockets_of(raised, place) for place in ("order", "host")}
    file = folder / f"cut-{whole}.pcapng"
    words = ("order,shop", "port", "3000", "-w", str(file))
    with listening(raised, folder, *words) as running:
        connect(raised, "bad")
        wait_until(lambda: written(file) >= 4, "it is written", PATIENCE_S)
        pid = running.process.pid
        (child,) = children_of(pid)
        os.kill(pid if whole else child, signal.SIGKILL)
        status = running.process.wait(timeout=PATIENCE_S)
    gone = lambda: not Path(f"/proc/{child}").exists()  # noqa: E731 - said once
    wait_until(gone, "the child has ended", PATIENCE_S)
    if not whole:
        assert status == 3
        assert "was killed (SIGKILL)" in running.err.read_text()
    for place, sockets in before.items():
        left = partial(_no_more, raised, place, len(sockets))
        wait_until(left, f"no socket is left in {place}", PATIENCE_S)
    assert "PROMISC" not in raised.run(["ip", "link"]).stdout
    assert len(REFUSED.findall(read(raised, str(file)).stdout)) == 2


def test_a_container_that_goes_ends_the_capture(raised: Lab, folder: Path) -> None:
    raised.docker("run", "-d", "--network", "shop", "--name", "gone", "lab/busybox",
                  "sleep", "86400")  # fmt: skip
    with listening(raised, folder, "gone") as running:
        raised.docker("rm", "-f", "gone")
        status = running.process.wait(timeout=PATIENCE_S)
    assert "gone" in running.err.read_text()
    assert status in {0, 3}
