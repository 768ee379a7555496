"""From the words on the command line to a case, or to the reason why there is none."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from netwiz.probes.facts import Snapshot
from netwiz.probes.text import plain
from netwiz.wizard.case import (
    BadInput,
    Case,
    Client,
    ClientKind,
    Symptom,
    Target,
    check_port,
    client_hinted,
    parse_client,
    parse_target,
)

_SUDO_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where sudo looks for commands by default (secure_path of sudoers)."""
_ENGINE_VARIABLES = (
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_CONFIG",
    "DOCKER_TLS_VERIFY",
    "DOCKER_CERT_PATH",
)


class CannotLookError(Exception):
    """Rights or the engine are missing; says what, and how to get it."""

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what)
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for, understood as far as that goes without looking."""

    client: str
    """Empty: whoever printed the error line."""
    target: Target
    symptom: Symptom | None = None
    error: str = ""
    hint: str = ""
    """Who printed the error line, by what it says; used where `client` is empty."""
    repeat: int = 0
    wait_s: float | None = None
    tried: bool = False

    @property
    def stand_in(self) -> Case:
        """The case as long as nobody has looked who the client is."""
        kinds = {"host": ClientKind.HOST, "outside": ClientKind.OUTSIDE}
        kind = kinds.get(self.client, ClientKind.CONTAINER)
        client = Client(kind, plain(self.client or self.hint, 80))
        return self.case(client)

    def case(self, client: Client) -> Case:
        """The case of this client."""
        return Case(
            client,
            self.target,
            self.symptom,
            self.error,
            self.repeat,
            self.wait_s,
            self.tried,
        )


def read_wish(
    client: str | None, target: str | None, symptom: str | None, error: str | None
) -> Wish:
    """Understand the arguments. Raises BadInput with the one line to print."""
    hint = ""
    if client is None:
        hint = _hinted(error)
    elif not client.strip():
        raise BadInput("FROM is empty: name a container, host or outside")
    if error is None:
        if target is None:
            raise BadInput(
                "TO is missing: say where to, as in pg:3000, or give the error line "
                "with --error"
            )
        seen_symptom, seen_target = None, None
    else:
        if not error.strip():
            raise BadInput("--error is empty: paste the line that was printed")
        seen_symptom, seen_target = _read_error(error, wanted=target is None)
    wanted = parse_target(target) if target is not None else seen_target
    if wanted is None:
        raise BadInput("the error line names no target: give TO, as in pg:3000")
    meant = Symptom(symptom) if symptom else seen_symptom
    return Wish(
        (client or "").strip(),
        check_port(wanted, meant),
        meant,
        plain(error, 1000) if error else "",
        hint,
    )


def _hinted(error: str | None) -> str:
    """Who printed the error line, where FROM was left to it."""
    from netwiz.probes.logs.neterror_clients import client_in

    if error is None:
        raise BadInput("FROM is missing: name a container, host or outside")
    hint = client_in(error)
    if not hint:
        raise BadInput(
            "the error line does not tell who printed it: give FROM, as in "
            "netwiz diagnose order --error '...'"
        )
    return hint


def _read_error(text: str, *, wanted: bool) -> tuple[Symptom | None, Target | None]:
    from netwiz.probes.logs.neterrors import read_error

    seen = read_error(text)
    if seen is None:
        return None, None
    symptom = Symptom(seen.symptom) if seen.symptom else None
    if not wanted or not seen.host:
        return symptom, None
    host = f"[{seen.host}]" if ":" in seen.host else seen.host
    if seen.port:
        scheme = f"{seen.scheme}://" if seen.scheme else ""
        return symptom, parse_target(f"{scheme}{host}:{seen.port}")
    if symptom is Symptom.DNS:
        return symptom, parse_target(f"dns://{seen.host}")
    raise BadInput(
        f"the error line names {plain(seen.host, 80)} but no port: "
        f"give TO, as in {plain(seen.host, 80)}:3000"
    )


def case_for(wish: Wish, snapshot: Snapshot) -> Case:
    """The case on this machine. Raises BadInput; CannotLookError where rights lack."""
    try:
        client = _client(wish, snapshot)
    except BadInput as bad:
        if snapshot.engine is not None:
            raise
        remedy = "" if snapshot.host.root else with_rights()
        raise CannotLookError(str(bad), remedy) from bad
    if client.container_id and snapshot.engine and not snapshot.engine.local:
        raise CannotLookError(
            f"{client.name} does not run on this machine but on that of "
            f"{plain(snapshot.engine.endpoint, 200)}",
            "log in there and run netwiz on it",
        )
    if not snapshot.host.root and _needs_rights(client, snapshot):
        what = f"entering the network namespace of {client.name} needs root"
        raise CannotLookError(what, with_rights())
    return wish.case(client)


def _client(wish: Wish, snapshot: Snapshot) -> Client:
    if wish.client or snapshot.engine is None:
        return parse_client(wish.client or wish.hint, snapshot)
    found = client_hinted(wish.hint, snapshot)
    if found is None:
        raise BadInput(
            f"the error line was printed by '{plain(wish.hint, 80)}', and that is no "
            "container here: give FROM"
        )
    return found


def _needs_rights(client: Client, snapshot: Snapshot) -> bool:
    """Whether its namespace is another than the one we are in already."""
    if client.kind is ClientKind.NETNS:
        return True
    container = client.container(snapshot)
    return container is not None and not container.on_host_network


def with_rights(
    argv: Sequence[str] | None = None, environ: Mapping[str, str] | None = None
) -> str:
    """The command that does the same as root."""
    argv = sys.argv if argv is None else argv
    environ = os.environ if environ is None else environ
    kept = ",".join(name for name in _ENGINE_VARIABLES if environ.get(name))
    words = ["sudo", *([f"--preserve-env={kept}"] if kept else []), *_command(argv[0])]
    return "run it as root: " + plain(shlex.join([*words, *argv[1:]]), 1000)


def _command(called_as: str) -> list[str]:
    """How root would call what was called: sudo does not look into our PATH."""
    path = Path(called_as)
    if path.name == "__main__.py":
        return [sys.executable, "-m", "netwiz"]
    if path.name != "netwiz" or shutil.which("netwiz", path=_SUDO_PATH):
        return ["netwiz"]
    return [str(path.absolute())]
