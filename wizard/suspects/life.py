"""How containers live, by what the engine tells: loops, crashes, ill health. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from netwiz.probes.facts import Container, Snapshot, State
from netwiz.probes.facts.signs import SeenBy
from netwiz.wizard.suspects import rules
from netwiz.wizard.suspects.suspect import OWN, Evidence, Standing, Suspect


@dataclass(slots=True)
class _Life:
    """One container's."""

    name: str
    running: bool = True
    changed: datetime | None = None
    """When it last started, ended, was frozen or thawed, or moved between networks."""
    leaving: datetime | None = None
    """When it was told to end, and has not yet."""
    away: bool = False
    """Whether it has ended, or was frozen, at least once."""
    deaths: deque[datetime] = field(default_factory=lambda: deque(maxlen=64))
    exit_code: int = 0
    up_since: datetime | None = None
    symptom: str = ""
    text: str = ""
    first: datetime | None = None
    last: datetime | None = None
    count: int = 0
    over: datetime | None = None
    why: str = ""

    def trouble(self, symptom: str, text: str, at: datetime, count: int) -> None:
        """Something is wrong with the container itself."""
        if self.symptom != symptom or self.over is not None:
            self.first = at
        self.symptom, self.text, self.last, self.count = symptom, text, at, count
        self.over, self.why = None, ""

    def ended(self, at: datetime, why: str) -> None:
        """It is over."""
        if self.symptom and self.over is None:
            self.over, self.why = at, why


class Lives:
    """All containers' lives, by events and snapshots."""

    def __init__(self) -> None:
        self._lives: dict[str, _Life] = {}

    def know(self, snapshot: Snapshot) -> None:
        """States by the newest snapshot."""
        if snapshot.engine is None:
            return
        for container in snapshot.containers:
            life = self._lives.setdefault(container.id, _Life(container.name))
            life.name = container.name
            life.away = life.away or container.finished_at is not None
            if life.changed is None or life.changed <= snapshot.taken_at:
                life.running = container.running
            for at in (container.started_at, container.finished_at):
                if at is not None and (life.changed is None or at > life.changed):
                    life.changed = at
            self._state(life, container, snapshot.taken_at)
        for key, life in list(self._lives.items()):
            if key not in snapshot.by_id:
                self._vanish(key, life, snapshot.taken_at)

    def _state(self, life: _Life, container: Container, now: datetime) -> None:
        if container.health == "unhealthy" and container.running:
            if life.symptom != "unhealthy" or life.over is not None:
                life.trouble("unhealthy", "its health check fails", now, 1)
        elif life.symptom == "unhealthy" and container.health == "healthy":
            life.ended(now, "healthy again")
        if (
            container.state is State.RESTARTING
            and container.restart_count >= rules.LOOPS
        ):
            self._loops(life, container.exit_code, now, container.restart_count)

    def _vanish(self, key: str, life: _Life, now: datetime) -> None:
        """A container that was removed: for a while it may be about to be replaced."""
        if life.changed is not None and life.changed > now:
            return  # the snapshot is older than what was heard of it since
        life.symptom = ""
        if life.changed is None or now - life.changed > rules.FORMER:
            del self._lives[key]

    @staticmethod
    def _loops(life: _Life, exit_code: int, at: datetime, count: int) -> None:
        life.trouble("restarts", f"again and again, exit {exit_code}", at, count)

    def happened(
        self,
        container_id: str,
        action: str,
        name: str,
        attributes: Mapping[str, str],
        at: datetime,
    ) -> None:
        """An event of the engine (``docker events``)."""
        life = self._lives.setdefault(container_id, _Life(name or container_id[:12]))
        word, _, detail = action.partition(":")
        if word in ("start", "die", "pause", "unpause", "destroy"):
            life.changed, life.leaving = at, None
            life.running = word in ("start", "unpause")
            life.away = life.away or not life.running
        if word == "kill" and attributes.get("signal", "") not in rules.NO_END:
            life.leaving = at
        elif word == "die":
            self._died(life, attributes.get("exitCode", ""), at)
        elif word == "oom":
            life.trouble("out of memory", "killed by the kernel", at, life.count + 1)
        elif word == "start":
            life.up_since = at
        elif word == "health_status":
            if detail.strip() == "unhealthy":
                life.trouble("unhealthy", "its health check fails", at, 1)
            elif life.symptom == "unhealthy":
                life.ended(at, "healthy again")
        elif word == "destroy":
            life.symptom = ""

    def _died(self, life: _Life, code: str, at: datetime) -> None:
        life.exit_code = int(code) if code.isdecimal() else 0
        life.up_since = None
        life.deaths.append(at)
        lately = [d for d in life.deaths if at - d < rules.LOOP_WINDOW]
        killed = life.symptom == "out of memory" and life.last is not None
        if killed and life.last and at - life.last < rules.COMING_UP:
            return
        if len(lately) >= rules.LOOPS and life.exit_code not in rules.STOPPED_BY_HAND:
            self._loops(life, life.exit_code, at, len(lately))
        elif life.exit_code not in rules.STOPPED_BY_HAND:
            text = f"ended with exit {life.exit_code}"
            life.trouble("crashed", text, at, len(lately))

    def moved(self, container_id: str, at: datetime) -> None:
        """It was connected to a network, or taken from one.

        A start begins with the one and an end with the other, and either may take the
        engine seconds.
        """
        life = self._lives.get(container_id)
        if life is not None and (life.changed is None or at > life.changed):
            life.changed = at

    def in_transition(self, container_id: str, now: datetime) -> bool:
        """Whether a container only just started or ended, or is about to end."""
        life = self._lives.get(container_id)
        if life is None:
            return False
        if life.leaving is not None and now - life.leaving < rules.GOING_DOWN:
            return True
        if life.changed is None:
            return False
        patience = rules.COMING_UP if life.running else rules.GOING_DOWN
        return now - life.changed < patience

    def excused_until(self, container_id: str) -> datetime | None:
        """What failed at it before this, failed because it went down and came back.

        None where that excuses nothing: of one that is still down.
        """
        life = self._lives.get(container_id)
        if life is None or not life.running:
            return None
        ends = [life.changed + rules.COMING_UP] if life.changed else []
        ends += [life.leaving + rules.GOING_DOWN] if life.leaving else []
        return max(ends, default=None)

    def was_away(self, container_id: str) -> bool:
        """Whether it has run before: then it came back, and did not only just begin."""
        life = self._lives.get(container_id)
        return life is not None and life.away

    def suspects(self, now: datetime) -> list[Suspect]:
        """The containers that are in trouble themselves."""
        found = []
        for key, life in self._lives.items():
            if not life.symptom or life.last is None:
                continue
            up = life.up_since
            if up is not None and up >= life.last and now - up > 3 * rules.COMING_UP:
                life.ended(up, "runs since")
            if life.over is not None and now - life.over > rules.REMEMBERED:
                continue
            found.append(_suspect(key, life, now))
        return found


def _suspect(key: str, life: _Life, now: datetime) -> Suspect:
    last = life.last or now
    first = life.first or last
    healed = life.over is not None
    why = f"{life.why} {rules.clock(life.over)}" if life.over else ""
    return Suspect(
        container_id=key,
        client="",
        symptom=life.symptom,
        target=life.name,
        at=last,
        key=f"{OWN}{key}",
        server=life.name,
        count=life.count,
        first=first,
        evidence=(Evidence(SeenBy.ENGINE, life.text, life.count, first, last),),
        standing=Standing.HEALED if healed else Standing.ACTIVE,
        since=life.over,
        why=why,
        score=rules.score(life.symptom, life.count, now - last),
    )
