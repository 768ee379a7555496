"""One client and one target: all that was seen to fail there, and to work. Mutable.

The book has one of these for each; it says what they amount to.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from netwiz.probes.facts.signs import SeenBy, Sign, SignKind
from netwiz.wizard.suspects import rules
from netwiz.wizard.suspects.about import About, symptom_of
from netwiz.wizard.suspects.convincing import convincing
from netwiz.wizard.suspects.suspect import Evidence, Standing, Suspect

MOST_TIMES = 256

_BEHIND_THE_HANDSHAKE = (SignKind.NOT_ACCEPTED, SignKind.QUEUE_FULL)
_FIRM = {SignKind.REFUSED, SignKind.UNREACHABLE}
_IN_FLIGHT = {SignKind.HALF_OPEN, SignKind.UNREACHABLE, SignKind.UNANSWERED}


@dataclass(slots=True)
class _Failure:
    at: datetime
    kind: SignKind
    port: int
    """The client's: tells attempts apart."""
    age_s: float
    server: str = ""
    """The name server that was asked."""

    def is_excused(self, until: datetime, back: datetime | None) -> bool:
        """Whether it may come of what was not there until then."""
        if self.kind is SignKind.REPORTED:
            return back is not None and self.at < back
        if self.at < until:
            return True
        age = timedelta(seconds=self.age_s)
        if self.kind not in _IN_FLIGHT or self.at - age >= until:
            return False
        if self.kind is SignKind.UNANSWERED:
            return True  # a datagram is not repeated
        # Not before its SYN was repeated, once more, to one that is there.
        return 2 * (self.at - until) <= age + rules.RESENT_SLACK


@dataclass(slots=True)
class Trouble:
    """What is known of one client and one target."""

    about: About
    first: datetime
    last: datetime
    targets: Counter[tuple[str, int]] = field(default_factory=Counter)
    """Host and port, 0 where nobody told it."""
    count: int = 0
    failures: deque[_Failure] = field(default_factory=lambda: deque(maxlen=MOST_TIMES))
    """Since something worked."""
    refusals: deque[datetime] = field(default_factory=lambda: deque(maxlen=MOST_TIMES))
    """Whatever worked in between."""
    dialled: str = ""
    """The address or name that failed last."""
    dialled_port: int = 0
    servers: set[str] = field(default_factory=set)
    """Name servers that were asked."""
    reported: int = 0
    symptom: str = ""
    error: str = ""
    evidence: dict[tuple[SeenBy, SignKind], Evidence] = field(default_factory=dict)
    longest_gap_s: float = 0.0
    raised: bool = False
    worked: datetime | None = None
    healed: datetime | None = None
    gone: datetime | None = None

    def fail(self, sign: Sign) -> None:
        """Something failed once more."""
        attempt = self._is_attempt(sign)
        if attempt:
            gap = (sign.at - self.last).total_seconds()
            if self.count:
                self.longest_gap_s = max(self.longest_gap_s, gap)
            self.count += sign.count
        self.last = max(self.last, sign.at)
        self.first = min(self.first, sign.at)
        self._note(sign)
        self.failures.append(
            _Failure(sign.at, sign.kind, sign.client_port, sign.age_s, sign.server)
        )
        if sign.kind in _FIRM and sign.seen is SeenBy.PACKETS:
            self.refusals.append(sign.at)
        if sign.kind is SignKind.REPORTED:
            self.reported += 1
            self.error = sign.error
        if sign.target:
            self.dialled = sign.target
            # What a log says is what the application dialled.
            weight = 1000 if sign.kind is SignKind.REPORTED else 1
            self.targets[sign.target, sign.port] += weight
        self.dialled_port = sign.port or self.dialled_port
        if sign.server:
            self.servers.add(sign.server)
        self._name_symptom(sign)

    def forgive(self) -> None:
        """It was a first try at an address that the client does not depend on."""
        self.failures.clear()
        self.refusals.clear()

    def excuse(self, until: datetime, back: datetime | None) -> None:
        """Leave out what failed while the server came up, and had been away before.

        `until` and `back` are when that ended. A server that begins may refuse, but
        what an application reports of it counts, unless it had run before.
        """
        if self.first - rules.FORMER >= until:
            return
        kept = [f for f in self.failures if not f.is_excused(until, back)]
        if len(kept) < len(self.failures):
            self.failures.clear()
            self.failures.extend(kept)
            if not self.raised:
                self.first = min((f.at for f in kept), default=until)
                self.count = len({(f.kind, f.port or f.at) for f in kept})
            if not any(f.kind is SignKind.REPORTED for f in kept):
                self.reported = 0
        while self.refusals and self.refusals[0] < until:
            self.refusals.popleft()

    def bear_out(self, sign: Sign) -> None:
        """Counters rose with it."""
        self._note(sign)

    @property
    def only_silent(self) -> bool:
        """Whether questions just had no answer: then any answer of the server heals."""
        return all(f.kind is SignKind.UNANSWERED for f in self.failures)

    def work(self, sign: Sign) -> None:
        """The same was seen to work: what that disproves does not count any more."""
        if sign.at < self.last:
            return
        kept = () if sign.symptom else _BEHIND_THE_HANDSHAKE
        left = [f for f in self.failures if f.kind in kept]
        self.failures.clear()
        self.failures.extend(left)
        later = self.reported and self.symptom in ("timeout", "reset")
        if left or (later and not sign.symptom):
            # A handshake says nothing of an answer that did not come after it.
            return
        self.reported = 0
        self._note(sign)
        self.worked = sign.at

    def settle(self, now: datetime) -> None:
        """Raise it, or see that it has healed."""
        if self.convincing(now):
            self.raised, self.healed = True, None
        elif self.raised and self.worked is not None and self.worked >= self.last:
            self.raised = False
            self.healed = self.worked

    def _is_attempt(self, sign: Sign) -> bool:
        """Whether it is another attempt, and not one that is still under way."""
        if not sign.client_port:
            return True
        return all(
            f.port != sign.client_port or f.kind is not sign.kind
            for f in list(self.failures)[-8:]
        )

    def _note(self, sign: Sign) -> None:
        key = (sign.seen, sign.kind)
        known = self.evidence.get(key)
        text = sign.error or sign.text
        self.evidence[key] = Evidence(
            sign.seen,
            text,
            (known.count if known else 0) + sign.count,
            known.first if known else sign.at,
            sign.at,
        )

    def _name_symptom(self, sign: Sign) -> None:
        named = symptom_of(sign)
        vague = sign.kind in (SignKind.HALF_OPEN, SignKind.NO_ROUTE)
        # A SYN in flight does not say what will become of it; an answer does.
        if named and (not self.symptom or not vague or not self._firm(sign.at)):
            self.symptom = named

    def _firm(self, now: datetime) -> bool:
        return any(
            f.kind in _FIRM or f.kind is SignKind.REPORTED
            for f in self.failures
            if now - f.at < rules.QUIET_AFTER / 6
        )

    # What it amounts to

    def convincing(self, now: datetime) -> bool:
        """Whether what failed since something worked is more than chance."""
        if self.reported:
            return True
        return convincing(self) or self._unsteady(now)

    def _unsteady(self, now: datetime) -> bool:
        since = now - rules.UNSTEADY_WINDOW
        seconds = {at.replace(microsecond=0) for at in self.refusals if at > since}
        return len(seconds) >= rules.UNSTEADY_SECONDS

    def of(self, *kinds: SignKind) -> list[_Failure]:
        """The failures of these kinds since something worked, in order of time."""
        return [f for f in self.failures if f.kind in kinds]

    def lately(self, *kinds: SignKind) -> list[_Failure]:
        """Of these, the ones that were seen close to the last of them."""
        found = self.of(*kinds)
        return [f for f in found if found[-1].at - f.at < rules.WINDOW]

    def standing(self, now: datetime) -> tuple[Standing, datetime | None, str]:
        """How it stands, since when, and in words."""
        if self.gone is not None:
            return Standing.GONE, self.gone, f"{self.about.client.label} is gone"
        if self.healed is not None and not self.raised:
            again = "answered" if self.about.layer == "dns" else "connected"
            words = f"{again} again at {rules.clock(self.healed)}"
            return Standing.HEALED, self.healed, words
        pause = max(rules.QUIET_AFTER.total_seconds(), rules.GAPS * self.longest_gap_s)
        if self.count < 2 and self.error:
            # Said once: nobody knows when it would be said again.
            pause = rules.LATELY.total_seconds()
        if (now - self.last).total_seconds() > pause:
            words = f"quiet since {rules.clock(self.last)}"
            return Standing.QUIET, self.last, words
        return Standing.ACTIVE, None, ""

    def _target(self) -> str:
        """What the application dialled: by its log, whose port packets may know."""
        most = max(self.targets, key=lambda t: self.targets[t], default=("", 0))
        host, port = most[0], most[1] or self.dialled_port
        if not host or not port:
            return host
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def suspect(self, now: datetime) -> Suspect:
        """As it is shown."""
        standing, since, why = self.standing(now)
        server = self.about.server
        return Suspect(
            container_id=self.about.client.container_id,
            client=self.about.client.label,
            symptom=self.symptom,
            target=self._target(),
            error=self.error,
            at=self.last,
            key=self.about.key,
            server=server.label if server and server.known else "",
            count=self.count,
            first=self.first,
            evidence=tuple(sorted(self.evidence.values(), key=lambda e: e.first)),
            standing=standing,
            since=since,
            why=why,
            score=rules.score(self.symptom, self.count, now - self.last),
        )
