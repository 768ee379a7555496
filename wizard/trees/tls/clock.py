"""A certificate out of its dates, or a clock out of its time?

One server's clock proves nothing: it may be the one that is wrong. So a second server
is asked, and only where both agree with each other and not with us is the clock here to
blame.
"""

from __future__ import annotations

from dataclasses import replace

from netwiz.probes.facts import (
    Certificate,
    Container,
    SocketTable,
    TlsTalk,
    Trust,
)
from netwiz.probes.facts.tls import days
from netwiz.probes.requests import ReadSockets, TalkTls
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Branch, Node, Ruling, fault, undetermined
from netwiz.wizard.trees.tls.words import asking, taking_all, values_of
from netwiz.wizard.verdict import Mark

AGREE_S = 300.0
"""Clocks that differ by less are taken as equal."""
TLS_PORTS = (443, 8443, 9443)
MOST_WITNESSES = 3
MOST_LOOKED_AT = 8


def dates(scene: Scene) -> Ruling:
    """Whose clock is right, where a certificate is out of its dates."""
    mine = scene.look(asking(scene), TlsTalk)
    bad = _out_of_date(mine)
    early = bool(bad.early_s(mine.at))
    key = "early" if early else "expired"
    values = dict(values_of(scene, mine))
    values |= {"which": bad.name or bad.subject, "dates": bad.dates(mine.at)}
    values["our_time"] = f"{mine.at:%Y-%m-%d %H:%M} UTC"
    heard = scene.look(taking_all(scene), TlsTalk)
    line = f"{bad.name}: {bad.dates(mine.at)}; our clock: {values['our_time']}"
    ahead = heard.peer_ahead_s
    if ahead is None or heard.http_date is None:
        note = "the server told no time of its own: the clock here was taken as right"
        return Ruling(
            key, values["dates"], Mark.BAD, (line,), values, assumptions=(note,)
        )
    theirs = f"{heard.http_date:%Y-%m-%d %H:%M} UTC"
    if abs(ahead) < AGREE_S or not bad.valid_at(heard.http_date):
        lines = (line, f"the server's own clock (HTTP Date): {theirs}")
        return Ruling(key, values["dates"], Mark.BAD, lines, values)
    values |= {"their_time": theirs, "off": _off(ahead)}
    line = f"{line}; the server's (HTTP Date): {theirs}, {_off(ahead)}"
    return _by_witnesses(scene, heard, line, key, values)


def _by_witnesses(
    scene: Scene, heard: TlsTalk, line: str, key: str, values: dict[str, str]
) -> Ruling:
    ahead = heard.peer_ahead_s or 0.0
    for who, other in _others(scene, heard):
        theirs = other.peer_ahead_s
        if theirs is None or other.http_date is None:
            continue
        told = f"{who} (HTTP Date): {other.http_date:%Y-%m-%d %H:%M} UTC"
        if abs(theirs - ahead) < AGREE_S:
            own = other.leaf or Certificate()
            if own.valid_at(other.at) or not own.valid_at(other.http_date):
                told += f", {_off(theirs)}"
            else:
                told += f", {_off(theirs)}; its certificate, too, is valid only then"
            said = "two servers agree, and not with us"
            return Ruling("clock", said, Mark.BAD, (line, told), values)
        if abs(theirs) < AGREE_S:
            agrees = f"{told}, as here: the clock of {values['server']} is wrong"
            return Ruling(key, values["dates"], Mark.BAD, (line, agrees), values)
    return Ruling("unclear", "two clocks, and no third", Mark.ODD, (line,), values)


def _out_of_date(found: TlsTalk) -> Certificate:
    for one in found.certificates:
        if not one.valid_at(found.at):
            return one
    # All that was sent is in its dates: it is the root, which is not sent.
    return Certificate(name="its root, which the client has")


def _off(ahead_s: float) -> str:
    return f"{days(abs(ahead_s))} {'ahead' if ahead_s > 0 else 'behind'}"


def _others(scene: Scene, heard: TlsTalk) -> list[tuple[str, TlsTalk]]:
    """Other servers that tell the time: running containers that the client can see."""
    servers = [c for c in scene.snapshot.containers if _visible(scene, c)]
    asked: list[tuple[str, TalkTls]] = []
    tables = scene.look_all(
        tuple(ReadSockets(scene.snapshot.place(c)) for c in servers[:MOST_LOOKED_AT]),
        SocketTable,
    )
    for server, table in zip(servers, tables, strict=False):
        address = _shared_address(scene, server)
        for port in dict.fromkeys((heard.port, *TLS_PORTS)):
            if address and table.accepting(address, port):
                talk = TalkTls(scene.place, address, port, server.name)
                asked.append((server.name, replace(talk, trust=Trust.ANYONE)))
                break
    asked = asked[:MOST_WITNESSES]
    found = scene.look_all(tuple(talk for _, talk in asked), TlsTalk)
    return [(name, talk) for (name, _), talk in zip(asked, found, strict=True)]


def _visible(scene: Scene, server: Container) -> bool:
    client, own = scene.client, scene.focus.server
    if not server.running or (client is not None and server.id == client.id):
        return False
    if own is not None and server.id == own.id:
        return False
    return bool(_shared_address(scene, server))


def _shared_address(scene: Scene, server: Container) -> str:
    """An address of it on a network of the client; any, where the host asks."""
    client = scene.client
    mine = {n.network_id for n in client.attachments} if client is not None else None
    return next(
        (
            n.addresses[0]
            for n in server.attachments
            if n.addresses and (mine is None or n.network_id in mine)
        ),
        "",
    )


NODES = (
    Node(
        "tls_dates",
        "is the certificate out of its time, or the clock?",
        dates,
        {
            "expired": Branch("the certificate has expired", fault("tls-expired")),
            "early": Branch(
                "the certificate is not valid yet", fault("tls-not-yet-valid")
            ),
            "clock": Branch("the clock here is wrong", fault("clock-skew")),
            "unclear": Branch(
                "two clocks disagree",
                undetermined(
                    "the certificate of {server} is {dates} by the clock here "
                    "({our_time}), but valid by the server's own ({their_time}): one "
                    "of the two clocks is wrong",
                    "compare with a third: chronyc tracking, or timedatectl status",
                ),
            ),
        },
    ),
)
