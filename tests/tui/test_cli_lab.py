"""The installed command on a real engine: in text, and when things go away."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.bench import shop
from tests.lab.engine import Lab
from tests.lab.judge import netwiz_command
from tests.tui.cli_helpers import ROOT
from tests.tui.engine_proxy import EngineProxy, proxied

pytestmark = pytest.mark.lab
SCHEMA = json.loads((ROOT / "docs/report.schema.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA)


@pytest.fixture(scope="module")
def raised(lab: Lab) -> Lab:
    lab.restore()
    shop.raise_shop(lab)
    return lab


@pytest.fixture
def proxy(raised: Lab, tmp_path: Path) -> Iterator[EngineProxy]:
    with proxied(raised.names.socket, raised.names.folder / "proxy.sock") as made:
        yield made


def ask(
    lab: Lab, *arguments: str, engine: Path | None = None
) -> subprocess.CompletedProcess[str]:
    own = [f"DOCKER_HOST=unix://{engine or lab.names.socket}"]
    return lab.run(["env", *own, *netwiz_command(), "diagnose", *arguments])


def test_healthy(raised: Lab) -> None:
    done = ask(raised, *shop.HEALTHY)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\nHealthy: order reaches good:3000" in done.stdout
    assert done.stderr == ""


def test_a_fault_as_text(raised: Lab) -> None:
    done = ask(raised, *shop.REFUSED)
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stderr == ""
    head, _, rest = done.stdout.partition("\n\n")
    assert head.startswith("order -> bad:3000")
    sections = ("The packet", "Root cause: ", "Evidence", "Mend it", "Prove it")
    places = [rest.find(f"\n{title}") for title in sections]
    assert places == sorted(places)
    assert -1 not in places
    assert f"  [{shop.REFUSED_CAUSE}]\n" in rest
    assert "127.0.0.1:3000" in rest


@pytest.mark.parametrize(
    ("case", "status"), [(shop.HEALTHY, 0), (shop.REFUSED, 1)], ids=["healthy", "fault"]
)
def test_real_reports_keep_to_the_schema(
    case: tuple[str, str], status: int, raised: Lab
) -> None:
    done = ask(raised, *case, "--json")
    assert done.returncode == status
    VALIDATOR.validate(json.loads(done.stdout))
    assert done.stderr == ""


def test_the_error_line_alone_will_do(raised: Lab) -> None:
    line = "Error: dial tcp: connect ECONNREFUSED bad:3000"
    done = ask(raised, "order", "--error", line, "--json")
    told = json.loads(done.stdout)
    assert told["case"]["to"] == "bad:3000"
    assert told["case"]["symptom"] == "refused"
    assert told["cause"]["id"] == shop.REFUSED_CAUSE


def test_an_id_prefix_will_do(raised: Lab) -> None:
    prefix = raised.docker("inspect", "-f", "{{.Id}}", "order")[:12]
    assert ask(raised, prefix, "good:3000").returncode == 0


def test_an_unknown_container_is_told_with_its_neighbours(raised: Lab) -> None:
    done = ask(raised, "oder", "good:3000", "--json")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "did you mean order" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_engine_goes_while_it_is_asked(raised: Lab, proxy: EngineProxy) -> None:
    proxy.at(b"/networks", proxy.vanish)
    done = ask(raised, *shop.HEALTHY, engine=proxy.path)
    assert done.returncode == 4, done.stdout
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1


def test_the_engine_goes_during_the_walk(raised: Lab, proxy: EngineProxy) -> None:
    proxy.at(b"/info", lambda: None)
    done = ask(raised, *shop.HEALTHY, "--json", engine=proxy.path)
    assert done.returncode == 0
    # From here on the snapshot is taken; the rest needs no engine, or says so.
    proxy.at(b"/info", proxy.vanish)
    done = ask(raised, *shop.HEALTHY, "--json", engine=proxy.path)
    assert done.returncode in {0, 3, 4}, done.stderr
    told = json.loads(done.stdout)
    VALIDATOR.validate(told)
    assert told["cause"] is None


def test_the_client_goes_during_the_walk(raised: Lab, proxy: EngineProxy) -> None:
    raised.docker("run", "-d", "--network", "shop", "--name", "gone", "lab/busybox")
    proxy.at(b"/info", lambda: raised.docker("rm", "-f", "gone"))
    done = ask(raised, "gone", "good:3000", "--json", engine=proxy.path)
    assert done.returncode == 3, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["outcome"] == "undetermined"
    assert told["missing"]
    VALIDATOR.validate(told)


def test_the_server_goes_during_the_walk(raised: Lab, proxy: EngineProxy) -> None:
    shown = ("run", "-d", "--network", "shop", "--name", "gone", "lab/busybox")
    raised.docker(*shown, "sh", "-c", "httpd -f -p 127.0.0.1:3000")
    proxy.at(b"/info", lambda: raised.docker("rm", "-f", "gone"))
    done = ask(raised, "order", "gone:3000", "--json", engine=proxy.path)
    told = json.loads(done.stdout)
    VALIDATOR.validate(told)
    # It was there when we began to look: what it was is not to be blamed.
    assert told["outcome"] == "undetermined", told["cause"]
    assert done.returncode == 3
