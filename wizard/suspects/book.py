"""The book of suspects: signs in, ranked suspects out. No I/O; time is given."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from netwiz.probes.facts.signs import SeenBy, Sign, SignKind
from netwiz.wizard.suspects import rules
from netwiz.wizard.suspects.about import About, symptom_of
from netwiz.wizard.suspects.awaited import awaited
from netwiz.wizard.suspects.life import Lives
from netwiz.wizard.suspects.suspect import Standing, Suspect
from netwiz.wizard.suspects.trouble import Trouble
from netwiz.wizard.suspects.who import Directory, End

if TYPE_CHECKING:
    from netwiz.probes.facts import Snapshot
    from netwiz.probes.facts.signs import Awaited

MOST = 500
"""Clients and targets that are remembered; the stalest are forgotten first."""
DNS_PORT = 53
_SILENT = (SignKind.HALF_OPEN, SignKind.UNREACHABLE, SignKind.UNANSWERED)
_ORDER = {
    Standing.ACTIVE: 0,
    Standing.QUIET: 1,
    Standing.HEALED: 2,
    Standing.GONE: 3,
}


class Book:
    """Remembers what failed for whom, and says what of it is worth a person's time."""

    def __init__(self) -> None:
        self._directory = Directory()
        self._troubles: dict[str, Trouble] = {}
        self._vague: set[str] = set()
        """Keys of those that may turn out to be the same as a better known one."""
        self._worked: dict[str, datetime] = {}
        """When something was last seen to work, by what it was about."""
        self._counted: dict[str, list[Sign]] = {}
        """By client: connects that failed lately, nobody saw whereto."""
        self.lives = Lives()

    def know(self, snapshot: Snapshot) -> None:
        """Names and states by the newest snapshot; whoever is not there has gone."""
        self._directory = Directory(snapshot, self._directory)
        self.lives.know(snapshot)
        if snapshot.engine is None:
            return
        for trouble in self._troubles.values():
            key = trouble.about.client.container_id
            if key and key not in snapshot.by_id and trouble.gone is None:
                trouble.gone = snapshot.taken_at

    def note(self, signs: Iterable[Sign]) -> None:
        """Take signs in."""
        for sign in signs:
            if sign.kind is SignKind.WORKED:
                self._work(sign)
            elif sign.kind is SignKind.COUNTED:
                self._count(sign)
            else:
                self._fail(sign)
        if len(self._troubles) > MOST:
            stalest = sorted(self._troubles.values(), key=lambda t: t.last)
            # Some more than there must: a flood would have each of them sorted.
            for trouble in stalest[: len(stalest) - MOST * 4 // 5]:
                self._forget(trouble)

    def suspects(self, now: datetime) -> tuple[Suspect, ...]:
        """What is worth knowing now, the gravest first, what is over at the end."""
        found: list[Suspect] = []
        for trouble in list(self._troubles.values()):
            idents = self._involved(trouble)
            if not any(self.lives.in_transition(x, now) for x in idents):
                self._excuse(trouble, idents)
                trouble.settle(now)
            if now - trouble.last > rules.LATELY + rules.REMEMBERED:
                self._forget(trouble)
                continue
            if not trouble.raised and trouble.healed is None:
                continue
            suspect = trouble.suspect(now)
            over = suspect.since is not None and now - suspect.since > rules.REMEMBERED
            if not (over and not suspect.active):
                found.append(suspect)
        found += self.lives.suspects(now)
        return tuple(sorted(found, key=lambda s: (_ORDER[s.standing], -s.score, s.key)))

    def awaited(self, now: datetime) -> tuple[Awaited, ...]:
        """What would heal those that are active."""
        return awaited(self._troubles.values(), self._directory, now)

    # Inside

    def _remember(self, trouble: Trouble) -> None:
        self._troubles[trouble.about.key] = trouble
        if trouble.about.vague:
            self._vague.add(trouble.about.key)

    def _forget(self, trouble: Trouble) -> None:
        self._vague.discard(trouble.about.key)
        del self._troubles[trouble.about.key]

    def _involved(self, trouble: Trouble) -> list[str]:
        """The server, or a client that asks itself: nothing counts while they move."""
        about = trouble.about
        idents = [(about.server or about.client).container_id]
        if about.layer == "dns" and about.name:
            # The engine knows no name of a container that is down, or comes up.
            idents += [c.id for c in self._directory.called(about.name)]
        return [x for x in idents if x]

    def _excuse(self, trouble: Trouble, idents: list[str]) -> None:
        """Leave out what failed while those were away, or only just came up."""
        ends = {x: end for x in idents if (end := self.lives.excused_until(x))}
        back = [end for x, end in ends.items() if self.lives.was_away(x)]
        if ends:
            trouble.excuse(max(ends.values()), max(back, default=None))

    def _fail(self, sign: Sign) -> None:
        if sign.protocol == "udp" and sign.port == DNS_PORT:
            sign = _refused_question(sign)
        client = self._client(sign)
        server, port = self._server(client, sign)
        about = About(_layer(sign), client, server, port, _asked(sign))
        if self._lost_in_transit(about, sign):
            return
        if sign.protocol == "arp":
            self._bear_out(about, sign)
            return
        self._trouble(about, sign).fail(sign)

    def _lost_in_transit(self, about: About, sign: Sign) -> bool:
        """Whether others got through since this was sent: then a packet was lost."""
        if sign.kind not in _SILENT or not sign.age_s:
            return False
        key = _server_key(about.client, sign.server) if sign.server else about.key
        worked = self._worked.get(key)
        return worked is not None and sign.at - timedelta(seconds=sign.age_s) < worked

    def _bear_out(self, about: About, sign: Sign) -> None:
        """An ARP question without an answer: old neighbours are asked for in health."""
        for trouble in self._troubles.values():
            if about.is_vaguer_than(trouble.about):
                trouble.bear_out(sign)

    def _trouble(self, about: About, sign: Sign) -> Trouble:
        """The trouble that this is about, though one of the two may know less."""
        known = self._troubles.get(about.key)
        if known is not None:
            return known
        at, symptom = sign.at, symptom_of(sign)
        for known in [self._troubles[key] for key in self._vague]:
            if known.symptom == symptom and known.about.is_vaguer_than(about):
                self._forget(known)
                known.about = about
                self._remember(known)
                return known
        if about.vague:
            lately = [
                known
                for known in self._troubles.values()
                if about.is_vaguer_than(known.about)
                and known.symptom == symptom
                and at - known.last < rules.HALF_LIFE
            ]
            if lately:
                return max(lately, key=lambda t: t.last)
        made = Trouble(about, at, at)
        self._remember(made)
        if about.layer == "connect":
            for counted in self._counted.pop(about.client.key, ()):
                if at - counted.at < rules.COUNTED:
                    made.fail(counted)
        return made

    def _work(self, sign: Sign) -> None:
        client = self._client(sign)
        server, port = self._server(client, sign)
        about = About(_layer(sign), client, server, port, _asked(sign))
        self._recall(
            _server_key(client, sign.server) if sign.server else about.key, sign.at
        )
        for trouble in self._troubles.values():
            if trouble.about.client.key != client.key:
                continue
            if _is_fallback(sign, trouble, port):
                trouble.forgive()
            if trouble.about.key == about.key or _answers_for(sign, trouble):
                trouble.work(sign)

    def _recall(self, key: str, at: datetime) -> None:
        self._worked.pop(key, None)
        self._worked[key] = at
        if len(self._worked) > MOST:
            del self._worked[next(iter(self._worked))]

    def _count(self, sign: Sign) -> None:
        """Counters tell of a client only: they bear out what is known of it."""
        client = self._client(sign)
        own = [t for t in self._troubles.values() if t.about.client.key == client.key]
        own = [t for t in own if t.about.layer == "connect"]
        lately = [t for t in own if sign.at - t.last < rules.COUNTED]
        for trouble in lately:
            if trouble.raised:
                trouble.bear_out(sign)
        if not lately:
            # The next one that is seen was most likely tried then as well.
            before = self._counted.get(client.key, [])
            recent = [s for s in before if sign.at - s.at < rules.COUNTED]
            self._counted[client.key] = [*recent, sign]

    def _client(self, sign: Sign) -> End:
        if sign.kind is SignKind.QUEUE_FULL:
            # Whoever wants to go there: nobody in particular was seen.
            return End("", "")
        return self._directory.client(sign.place, sign.client)

    def _server(self, client: End, sign: Sign) -> tuple[End | None, int]:
        if sign.kind is SignKind.QUEUE_FULL:
            return self._directory.client(sign.place, sign.target), sign.port
        if not sign.target or _layer(sign) == "dns":
            return None, sign.port
        return self._directory.target(client, sign.target, sign.port)


def _layer(sign: Sign) -> str:
    """What failed: names, TLS, or the connection; each is a trouble of its own."""
    if sign.protocol == "dns" or sign.symptom == "dns":
        return "dns"
    if sign.symptom == "tls":
        return "tls"
    return "host" if sign.kind is SignKind.TRACKING_FULL else "connect"


def _refused_question(sign: Sign) -> Sign:
    """A name server that is not there: a name could not be asked for."""
    return replace(
        sign,
        kind=SignKind.NAME_FAILED,
        protocol="dns",
        server=sign.target,
        target="",
        port=0,
    )


def _server_key(client: End, server: str) -> str:
    return f"dns {client.key} @{server}"


def _asked(sign: Sign) -> str:
    """The name that a question was about."""
    return sign.target.lower() if _layer(sign) == "dns" else ""


def _answers_for(sign: Sign, trouble: Trouble) -> bool:
    """Whether an answer to one name speaks for another: their server is alive."""
    if sign.protocol != "dns" or trouble.about.layer != "dns":
        return False
    return sign.server in trouble.servers and trouble.only_silent


def _is_fallback(sign: Sign, trouble: Trouble, port: int) -> bool:
    """Whether it works at another address, right after this one refused."""
    if sign.seen is not SeenBy.PACKETS or trouble.about.layer != "connect":
        return False
    soon = sign.at - trouble.last < rules.FALLBACK
    other = sign.target != trouble.dialled
    return soon and other and trouble.about.port == port
