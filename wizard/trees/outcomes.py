"""What remains when nothing was refused: works now, works partly, lost, silent."""

from __future__ import annotations

import re
from datetime import timedelta

from netwiz.probes.facts import (
    Attempted,
    Container,
    LogErrors,
    Restarts,
)
from netwiz.probes.requests import CountRestarts, ReadLogErrors
from netwiz.wizard.case import Symptom
from netwiz.wizard.path import where
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import (
    Branch,
    Node,
    Ruling,
    fault,
    undetermined,
)
from netwiz.wizard.trees.attempts import plain_try, said_of
from netwiz.wizard.trees.lost.drops import filtered_at
from netwiz.wizard.trees.published.seen_as import answered_astray
from netwiz.wizard.trees.refused.not_listening import LOOPING_DEATHS, restart_values
from netwiz.wizard.trees.stalls.stuck import restarting
from netwiz.wizard.trees.words import (
    YOUNG_S,
    age_s,
    listed,
    server_name,
    sockets_of,
    uptime,
)
from netwiz.wizard.verdict import Mark

RECENT_S = 180.0
"""A server started this lately may have been asked too early."""


def worked(scene: Scene) -> Ruling:
    """Whether a connection that works now failed a while ago, and why."""
    server = scene.focus.server
    if server is not None and server.restart_count:
        runs = scene.look(CountRestarts(server.id), Restarts)
        if runs.deaths > LOOPING_DEATHS and not _outlived(scene, server, runs):
            return Ruling(
                "looping",
                f"{server.name} runs at the moment, restarted {runs.count} times",
                Mark.BAD,
                evidence=(
                    f"{server.name} was restarted {runs.count} times (RestartCount), "
                    f"with {runs.deaths} die events within ten minutes; last exit code "
                    f"{runs.last_exit}",
                ),
                values=restart_values(server, runs),
            )
    if scene.from_outside:
        return Ruling("outside", "it works from the host itself", quiet=True)
    complained = scene.case.symptom in (
        Symptom.REFUSED,
        Symptom.RESET,
        Symptom.TIMEOUT,
    )
    if not complained or server is None or scene.client is None:
        return Ruling("healthy", "nothing says so", quiet=True)
    if age_s(server, scene) > RECENT_S or server.started_at is None:
        return Ruling("healthy", f"it works, and {server.name} is up for long")
    return _asked_too_early(scene, server, scene.client)


def _outlived(scene: Scene, server: Container, runs: Restarts) -> bool:
    """Whether it has stayed up for much longer than it used to.

    Runs that end at random, at the rate seen, last twice their mean in one case of
    seven; the deaths may also lie close together, long ago.
    """
    return age_s(server, scene) > 2 * runs.window_s / runs.deaths


def _asked_too_early(scene: Scene, server: Container, client: Container) -> Ruling:
    started = server.started_at
    log = scene.try_look(ReadLogErrors(client.id), LogErrors)
    if log is None or started is None:
        return Ruling("healthy", "it works")
    until = started + timedelta(seconds=RECENT_S)
    names = {scene.case.target.host, *server.addresses}
    early = [
        line
        for line in log.lines
        if started <= line.at <= until and _is_about(scene, line.text, names)
    ]
    if not early:
        return Ruling("healthy", "it works, and the log holds no error since its start")
    first = early[0]
    after = (first.at - started).total_seconds()
    race = f"refused {after:.1f} s after {server.name}'s start, and accepted now"
    return Ruling(
        "early",
        race,
        Mark.BAD,
        evidence=(f"{client.name}'s log: {first.text}", race),
        values={
            "server": server.name,
            "inner_port": str(scene.focus.inner_port or scene.focus.port),
            "uptime": uptime(server, scene),
            "race": race,
        },
    )


def _is_about(scene: Scene, text: str, names: set[str]) -> bool:
    """Whether a log line speaks of this server, and of no other port of it."""
    for name in names:
        for found in re.finditer(rf"(?<![\w.:-]){re.escape(name)}(?![\w.-]\w)", text):
            port = re.match(r"\]?:(\d+)", text[found.end() :])
            if port is None or int(port[1]) == scene.case.target.port:
                return True
    return False


def silent(scene: Scene) -> Ruling:
    """A datagram without an answer: did it arrive, and would somebody read it?"""
    focus, found = scene.focus, scene.attempted
    port = focus.inner_port or focus.port
    values = {"address": focus.address, "server": server_name(scene)}
    if focus.place is None:
        said = "nobody known has that address"
        key = "lost" if found.tapped else "unknown"
        return Ruling(key, said, Mark.ODD, values=values)
    held = scene.sockets(focus.place).accepting(
        focus.inner_address or focus.address, port, "udp"
    )
    arrived = [s for s in found.forward if s.place == focus.place]
    astray = answered_astray(scene, found)
    if astray is not None:
        return astray
    if found.tapped and (not arrived or filtered_at(scene, focus.place)):
        return Ruling("lost", "no: not seen there", Mark.ODD, values=values)
    if held and arrived:
        values["worked"] = (
            f"the datagram reached {server_name(scene)}, where {listed(held)} reads it"
        )
        return Ruling(
            "arrived",
            values["worked"],
            values=values,
            assumptions=(
                "UDP has no answer of its own: that the datagram arrived at an open "
                "socket is all that can be seen from here",
            ),
        )
    seen = where(found.forward[-1]) if found.forward else "nowhere"
    said = f"last seen at {seen}; open there: {sockets_of(held)}"
    return Ruling("unknown", said, Mark.ODD, (said,), values)


def again(scene: Scene) -> Ruling:
    """One more try, since nothing explains the refusal."""
    server = scene.focus.server
    link = scene.look(plain_try(scene, scene.focus, nth=3), Attempted).connection
    name = server_name(scene)
    address = scene.focus.address
    meets = f"{name} refuses at {address}"
    if scene.focus.place is not None:
        meets = f"{address} refuses, though {name} listens there"
    if link.hung_up:
        meets = f"{name} accepts at {address} and hangs up ({link.after.value})"
    values = {"address": address, "server": name, "meets": meets}
    young = server is not None and age_s(server, scene) <= YOUNG_S * 4
    if link.works and young and server is not None:
        race = "refused a moment ago, accepted now"
        values |= {"race": race, "uptime": uptime(server, scene)}
        values["inner_port"] = str(scene.focus.inner_port or scene.focus.port)
        return Ruling("opened", race, Mark.BAD, (f"{server.name}: {race}",), values)
    if link.works:
        return Ruling("changes", "accepted now", Mark.ODD, values=values)
    if link.hung_up and (restarts := restarting(scene)) is not None:
        return restarts
    return Ruling("still", said_of(link), Mark.ODD, values=values)


NODES = (
    Node(
        "worked",
        "did it fail before?",
        worked,
        {
            "healthy": Branch("nothing says so", "handed_on"),
            "early": Branch(
                "yes, right after the server's start", fault("startup-race")
            ),
            "looping": Branch(
                "yes, the server keeps ending", fault("container-restart-loop")
            ),
            "outside": Branch("it works from the host itself", "forwarded"),
        },
    ),
    Node(
        "silent",
        "did the datagram arrive?",
        silent,
        {
            "astray": Branch(
                "yes, and the answer comes from another address",
                fault("udp-reply-wrong-source"),
            ),
            "arrived": Branch("yes, at an open socket", "datagrams"),
            "lost": Branch("not seen, or a filter stands there", "lost"),
            "unknown": Branch(
                "not seen",
                undetermined(
                    "a datagram to {address} got no answer and was not seen at an open "
                    "socket",
                    "is a service bound to that UDP port in {server}?",
                ),
            ),
        },
    ),
    Node(
        "again",
        "is it still refused?",
        again,
        {
            "opened": Branch(
                "no, the server has opened its port", fault("startup-race")
            ),
            "changes": Branch(
                "no",
                undetermined(
                    "{address} refused and then accepted, and nothing seen explains it",
                    "repeat the probe: a fault that comes and goes needs several",
                ),
            ),
            "restarts": Branch(
                "it hangs up, and keeps ending", fault("container-restart-loop")
            ),
            "still": Branch("yes", "by_source"),
        },
    ),
)
