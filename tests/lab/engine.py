"""The lab: one engine, one host, one outside world, restored between scenarios."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from tests.lab import dockerd, image, leftovers, namespaces, outside, state, swarm
from tests.lab.baseline import Baseline
from tests.lab.scenario import Options
from tests.lab.state import COMMAND_SECONDS, LabBusyError, LabError, Names

T = TypeVar("T")

USUAL = Options()
HOST_PLACES = ("host", "engine")
"""Two words for one place; scenarios say which of its tools they mean."""


class Lab:
    """A running lab. Make one with `Lab.up()`, end it with `down()`."""

    def __init__(self, names: Names, by_hand: bool, options: Options = USUAL) -> None:
        self.names = names
        self.options = options
        """What the engine is running with."""
        self.boot_seconds = 0.0
        self._by_hand = by_hand
        self._lock = state.Lock(names)
        self._baseline: Baseline | None = None
        self._spawned: list[subprocess.Popen[bytes]] = []
        self.swarm: swarm.Swarm | None = None
        """With a second machine, where the options ask for it."""

    # -- life ------------------------------------------------------------

    @classmethod
    def up(
        cls,
        by_hand: bool = False,
        wait_seconds: float = 900.0,
        say: Callable[[str], None] = print,
        options: Options = USUAL,
    ) -> Lab:
        """Raise a lab, after clearing away what a killed run has left."""
        lab = cls(Names.from_environment(), by_hand, options)
        lab._lock.take(wait_seconds, say)
        try:
            lab._refuse_to_take_a_playground()
            lab._clear()
            lab._boot()
        except BaseException:
            lab._lock.release()
            raise
        return lab

    def _refuse_to_take_a_playground(self) -> None:
        if state.read_holder(self.names).get("kind") == "by hand":
            who = state.describe_holder(self.names)
            raise LabBusyError(
                f"a lab raised by hand is up, {who}: "
                "end it with `python -m tests.lab down`"
            )

    @classmethod
    def attach(cls) -> Lab:
        """The lab that somebody raised by hand, for looking and for `down`."""
        lab = cls(Names.from_environment(), by_hand=True)
        if not state.read_holder(lab.names):
            raise LabError("no lab is up")
        return lab

    def _boot(self) -> None:
        begun = time.monotonic()
        self.names.folder.mkdir(parents=True, exist_ok=True)
        kind = "by hand" if self._by_hand else "test run"
        state.write_holder(self.names, kind=kind)
        outside.make_namespaces(self.names)
        engine = dockerd.start(
            self.names, self.options, dies_with_parent=not self._by_hand
        )
        self._spawned.append(engine)
        outside.start_services(self.names, self._service)
        images = image.archive()
        dockerd.wait_for(self.names)
        subprocess.run(
            ["docker", "load", "--quiet"],
            input=images,
            env=self.env(),
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=COMMAND_SECONDS,
        )
        self.swarm = swarm.Swarm(self) if self.options.swarm else None
        if self.swarm:
            second = self.swarm.raise_(images, dies_with_parent=not self._by_hand)
            self._spawned.append(second)
        self._baseline = Baseline.take(self)
        self.boot_seconds = time.monotonic() - begun

    def _service(self, argv: list[str], on: str) -> int:
        return self.spawn(argv, on, part="services").pid

    def restart_engine(self) -> None:
        """Stop and start the engine, as a service manager would."""
        done = self.run(["systemctl", "restart", "docker"])
        if done.returncode:
            raise LabError(f"the engine did not come back: {done.stderr}")

    def _clear(self) -> None:
        """Remove every trace of a lab of this name, however it ended."""
        state.kill_group(self.names)
        for process in self._spawned:
            process.wait(timeout=state.PATIENCE_SECONDS)
        self._spawned.clear()
        state.remove_groups(self.names)
        outside.remove_namespaces(self.names)
        if self.names.folder.exists():
            shutil.rmtree(self.names.folder)
        for made in ("/run/containerd", "/run/docker/plugins", "/run/docker"):
            with suppress(OSError):
                Path(made).rmdir()  # only if empty: of no other engine

    def down(self) -> None:
        """End the lab and leave nothing."""
        with suppress(LabError, subprocess.SubprocessError):
            self._remove_containers()
        self._clear()
        self.names.lock.unlink(missing_ok=True)
        self._lock.release()

    def reboot(self, options: Options = USUAL) -> None:
        """A fresh lab: other options, or more wrecked than can be mended."""
        self.options = options
        self._clear()
        self._boot()

    # -- places ----------------------------------------------------------

    def env(self, on: str = "host") -> dict[str, str]:
        """The environment of somebody logged in on the lab's host, or the second."""
        own = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.names.folder / "home"),
            "LANG": "C.UTF-8",
            "DOCKER_HOST": f"unix://{self.names.socket}",
        }
        return own | swarm.environment(self.names) if on == "second" else own

    @property
    def places(self) -> tuple[str, ...]:
        """The namespaces that are not a container's."""
        return ("host", "outside", *(("second",) if self.swarm else ()))

    @property
    def has_private_tmp(self) -> bool:
        return dockerd.private_tmp(self.names)

    def engine_pid(self) -> int:
        return dockerd.pid(self.names)

    def pid_of(self, container: str) -> int:
        words = ("inspect", "-f", "{{.State.Pid}}", container)
        number = int(self.docker(*words, on=self.home_of(container)))
        if not number:
            raise LabError(f"container {container} is not running")
        return number

    def home_of(self, container: str) -> str:
        """The machine that a container is on: host, or second."""
        if not swarm.stands(self.names):
            return "host"
        listed = self.docker("ps", "-a", "--format", "{{.Names}}", on="second")
        return "second" if container in listed.split() else "host"

    def netns_of(self, place: str) -> Path:
        """The network namespace of host, outside, second, or a container."""
        if place == "second":
            return namespaces.path_of(self.names.second_netns)
        if place in HOST_PLACES:
            return namespaces.path_of(self.names.host_netns)
        if place == "outside":
            return namespaces.path_of(self.names.outside_netns)
        return Path(f"/proc/{self.pid_of(place)}/ns/net")

    def in_namespace(self, place: str, function: Callable[[], T]) -> T:
        """Run a Python function in the network namespace of a place."""
        return namespaces.call_in(self.netns_of(place), function)

    def command(self, argv: Sequence[str], on: str = "host") -> list[str]:
        """`argv` wrapped to run as on the lab's host, outside, or with the
        host's tools in a container's network namespace."""
        if on == "outside":
            return ["nsenter", f"--net={self.netns_of(on)}", "--", *argv]
        if on == "second":
            number = str(swarm.pid(self.names))
            return ["nsenter", "-t", number, "-m", "-n", "-u", "--", *argv]
        host = ["nsenter", "-t", str(self.engine_pid()), "-m", "-n", "--"]
        if on in HOST_PLACES:
            return [*host, *argv]
        inside = ["nsenter", "-t", str(self.pid_of(on)), "-n", "--"]
        return [*host, *inside, *argv]

    def run(
        self,
        argv: Sequence[str],
        on: str = "host",
        timeout: float = COMMAND_SECONDS,
        part: str = "scenario",
    ) -> subprocess.CompletedProcess[str]:
        """Run to its end and hand back what it said; its exit code is not
        judged. A background child it leaves is found by its control group."""
        env = self.env(on)
        env["PATH"] = f"{self.names.folder}/bin:{env['PATH']}"
        with (
            (self.names.folder / "run.out").open("w+") as out,
            (self.names.folder / "run.err").open("w+") as err,
        ):
            # Files, not pipes: a child in the background would hold a pipe open.
            done = subprocess.run(
                state.into_group(self.names, part, self.command(argv, on)),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=env,
                timeout=timeout,
                check=False,
            )
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess(
                done.args, done.returncode, out.read(), err.read()
            )

    def spawn(
        self, argv: Sequence[str], on: str, part: str = "scenario"
    ) -> subprocess.Popen[bytes]:
        """Start a process that stays; `restore()` ends those of a scenario."""
        wrapped = self.command(argv, on)
        if not self._by_hand:
            wrapped = ["setpriv", "--pdeathsig", "KILL", *wrapped]
        with (self.names.folder / "processes.log").open("ab") as log:
            process = subprocess.Popen(
                state.into_group(self.names, part, wrapped),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.env(on),
                cwd="/",
                start_new_session=True,
            )
        self._spawned.append(process)
        return process

    def docker(self, *words: str, on: str = "host") -> str:
        """One docker command that must succeed; its output, stripped."""
        done = subprocess.run(
            ["docker", *words],
            env=self.env(on),
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        if done.returncode:
            raise LabError(f"docker {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout.strip()

    # -- between scenarios -----------------------------------------------

    def _remove_containers(self) -> None:
        if self.swarm:
            self.swarm.clear()
            return
        containers = self.docker("ps", "-aq", "--no-trunc").split()
        if containers:
            self.docker("rm", "-f", "-v", *containers)
        networks = self.docker("network", "ls", "-q", "--filter", "type=custom").split()
        if networks:
            self.docker("network", "rm", *networks)

    def restore(self, options: Options = USUAL) -> None:
        """Back to the state after boot; by a reboot if nothing else helps.

        An engine with other options is another host: its rules, bridges and sysctls
        are what a first start with them makes, not what a restart leaves of the last.
        """
        if self._baseline is None:
            raise LabError("this lab was not raised here: it has no baseline")
        for part in ("scenario", leftovers.PART):
            # What one test left of netwiz would end in the midst of the next one.
            state.kill_group(self.names, part)
        self._reap()
        if options != self.options:
            self.reboot(options)
            return
        reason = "the engine has died"
        if dockerd.running(self.names):
            try:
                if self.swarm:
                    self._baseline.clear_ways(self)
                    self.swarm.check()
                self._remove_containers()
                self._baseline.restore(self)
            except (LabError, subprocess.TimeoutExpired) as error:
                reason = str(error)
            else:
                return
        print(f"lab: reboot, because {reason}")
        self.reboot(options)

    def _reap(self) -> None:
        """Collect the ended processes, so that no zombie is left of them."""
        self._spawned = [p for p in self._spawned if p.poll() is None]

    def summary(self) -> str:
        return (
            f"lab {self.names.label}: engine pid {self.engine_pid()}, "
            f"up in {self.boot_seconds:.2f} s, state in {self.names.folder}"
        )


def why_impossible() -> str | None:
    """Why this machine cannot raise a lab, or None if it can."""
    if os.geteuid() != 0:
        return "the lab needs root (network namespaces, a Docker Engine)"
    for program in ("dockerd", "docker", "iptables", "nft", "dnsmasq", "ip", "busybox"):
        if not shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin"):
            return f"the lab needs {program}, which is not installed"
    return None
