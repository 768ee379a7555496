"""The kernel accepts, and the service does not."""

from __future__ import annotations

from netwiz.wizard.causes.model import Cause, FixPlan

GROUP = "Listener and container state"
RESTART = FixPlan(
    "Restart {server_container}, and find out what it waits for: a thread dump, its "
    "log, or the stack of its processes (cat /proc/PID/stack).",
    ("docker restart {server_container!q}",),
    when="server_container",
    lasting=False,
    interrupts="{server_container} while it restarts",
)
RESTART_PROCESS = FixPlan(
    "Restart {process} (pid {server_process}) on this host, and find out what it waits "
    "for.",
    when="server_process",
)

CAUSES = (
    Cause(
        id="container-paused",
        group=GROUP,
        title="{asleep}: connections are accepted and nobody answers",
        explanation=(
            "{asleep}. The kernel still completes every handshake at {address} in its "
            "name, so connecting works; nothing in it runs that could read or answer."
        ),
        decisive=(
            "State.Paused of the container, or every process that holds the listener "
            "is in state T"
        ),
        fixes=(
            FixPlan(
                "Let it go on.",
                ("docker unpause {paused_container!q}",),
                when="paused_container",
            ),
            FixPlan(
                "Let its processes go on, and find out who stopped them (a debugger, "
                "a shell's job control, a backup).",
                ("kill -CONT {stopped_pids}",),
                when="stopped_pids",
            ),
        ),
        look_alikes=(
            ("app-hung-not-accepting", "there its processes run, and wait"),
            ("mtu-blackhole-path", "there small answers come"),
            ("dpi-silent-drop", "there the words never arrive"),
        ),
        references=("https://docs.docker.com/reference/cli/docker/container/pause/",),
    ),
    Cause(
        id="app-hung-not-accepting",
        group=GROUP,
        title="{server} is up but does not take what comes",
        explanation=(
            "The kernel completes the handshakes and keeps what is said, but {process} "
            "fetches neither connections nor words: {queued} wait, and none was taken "
            "in {watched}. It hangs, or is busy with something else."
        ),
        decisive=(
            "connections stay in the listener's accept queue, or bytes unread at the "
            "server's socket, and none is taken while it is watched"
        ),
        fixes=(
            RESTART,
            RESTART_PROCESS,
        ),
        look_alikes=(
            ("container-paused", "there no process of it runs"),
            ("accept-backlog-full", "the same, until its queue is full"),
            ("mtu-blackhole-path", "there the words or the answer are lost on the way"),
            ("dpi-silent-drop", "there the words never arrive"),
        ),
        references=("listen(2)", "accept(2)"),
    ),
    Cause(
        id="fd-exhausted",
        group=GROUP,
        title="{process} in {server} has no descriptor left for a connection",
        explanation=(
            "{process} has {open_files} files and sockets open, and may have "
            "{max_files}. accept(2) fails with EMFILE, so connections stay in the "
            "kernel's queue."
        ),
        decisive=(
            "the process that holds the listener has as many open descriptors as its "
            "limit allows, and its accept queue does not move"
        ),
        fixes=(
            FixPlan(
                "Give it a higher limit: make {server_container} anew with --ulimit "
                "nofile={more_files}, and find out whether it forgets to close.",
                ("prlimit --pid {pid} --nofile={more_files}",),
                lasting=False,
                snippet=(
                    "services:\n  {server_container}:\n    ulimits:\n      "
                    "nofile: {more_files}\n"
                ),
            ),
        ),
        look_alikes=(
            ("accept-backlog-full", "there descriptors are left"),
            ("app-hung-not-accepting", "there descriptors are left"),
        ),
        references=(
            "accept(2), EMFILE",
            "https://docs.docker.com/reference/cli/docker/container/run/#ulimit",
        ),
    ),
)
