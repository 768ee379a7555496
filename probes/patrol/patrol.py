"""The patrol: goes round through all namespaces, listens, and tells what it saw."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self

from netwiz.probes.errors import ProbeError
from netwiz.probes.facts.base import HOST, Place
from netwiz.probes.facts.signs import SeenBy, Sign, SignKind, Signs
from netwiz.probes.patrol.closer import Closer, Why
from netwiz.probes.patrol.counters import Layout
from netwiz.probes.patrol.ears import DNS_PORT
from netwiz.probes.patrol.listener import Listener
from netwiz.probes.patrol.mind import Mind
from netwiz.probes.patrol.pace import LONGEST_S, Pace
from netwiz.probes.patrol.post import HOT_S, Post, Reading
from netwiz.probes.patrol.round import Round, go_round, places_of, register

if TYPE_CHECKING:
    from netwiz.probes.facts.engine import Snapshot
    from netwiz.probes.facts.signs import Awaited
    from netwiz.probes.machine import Ground

RESTLESS_S = 0.4
"""Between two looks at namespaces where something is under way."""
MOST_RESTLESS = 16
BLIND_S = 5.0
GATHER_S = 0.05
"""Signs of one moment are told together."""
TWICE_S = 0.3
"""Two taps hand over the same packet within this."""
MOST_TOLD = 1024
MOST_WAITING = 5000
"""Signs that wait for a reader."""
_FAILED = {SignKind.REFUSED, SignKind.UNREACHABLE}
_WATCHED = {*_FAILED, SignKind.HALF_OPEN}
NEARLY_FULL = 0.98
"""Of connection tracking: the kernel begins to drop when it is full."""


class Patrol:
    """``async with Patrol(ground) as patrol: async for signs in patrol: ...``.

    Without the rights to look it says so once, and then nothing.
    """

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._posts: dict[int, Post] = {}
        self._minds: dict[int, Mind] = {}
        self._layout = Layout()
        self._pace = Pace()
        self._closer = Closer(ground, self._tell)
        self._listener = Listener(ground, self._tell)
        self._group = asyncio.TaskGroup()
        self._task: asyncio.Task[None] | None = None
        self._signs: list[Sign] = []
        self._ready = asyncio.Event()
        self._stale = True
        self._of_address: dict[str, int] = {}
        self._heard: dict[int, int] = {}
        """Failed connects that packets told of since the last round, by namespace."""
        self._told: OrderedDict[tuple[object, ...], float] = OrderedDict()
        self._blind: list[str] = []
        self._lost = 0
        self._cost_s = self._interval_s = 0.0

    async def __aenter__(self) -> Self:
        """Open the tap of the host and begin."""
        if blind := await self._listener.open():
            self._note_blind(blind)
        await self._group.__aenter__()
        self._task = self._group.create_task(self._walk())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Give everything back."""
        if self._task is not None:
            self._task.cancel()
        await self._group.__aexit__(None, None, None)
        await self._closer.close()
        await self._listener.close()
        for post in self._posts.values():
            post.close()
        self._posts.clear()

    def place_changed(self, snapshot: Snapshot) -> None:  # noqa: ARG002
        """Containers came or went: the next round goes by the newest snapshot."""
        self._stale = True

    def awaits(self, awaited: Iterable[Awaited]) -> None:
        """Tell when these work; they are forgotten unless it is asked for again."""
        now = time.monotonic()
        posts = {post.place: post for post in self._posts.values()}
        for one in awaited:
            post = posts.get(one.place)
            mind = self._minds.get(post.inode) if post is not None else None
            if post is None or mind is None:
                continue
            if not one.target:
                self._closer.ask(one.place, Why.NAMES)
                continue
            post.awaited_until = now + HOT_S
            if mind.expect(one.target, one.port, now):
                # What is connected already is no news: that is to be known first.
                post.hot_until = max(post.hot_until, now + HOT_S)
            self._listener.watch(one.target, one.port)

    async def __aiter__(self) -> AsyncIterator[Signs]:
        """What was seen, in batches, without end."""
        while True:
            await self._ready.wait()
            await asyncio.sleep(GATHER_S)
            self._ready.clear()
            signs, self._signs = self._signs, []
            yield Signs(
                command="nstat -az; ss -tn state syn-sent",
                at=datetime.now(UTC),
                signs=tuple(signs),
                cost_ms=self._cost_s * 1000,
                interval_s=self._interval_s,
                places=len(self._posts),
                lost=self._lost + self._listener.lost + self._closer.lost,
                blind=tuple(self._blind),
            )

    # Rounds

    async def _walk(self) -> None:
        while True:
            begun = time.monotonic()
            try:
                self._cost_s = await self._go(self._round)
                self._interval_s = self._pace.interval(self._cost_s)
                end = begun + self._interval_s
                # Where something is under way, a second look is soon due.
                while end - time.monotonic() > 2 * RESTLESS_S and self._restless():
                    await asyncio.sleep(RESTLESS_S)
                    await self._go(self._restless_round)
            except ProbeError as error:
                self._note_blind(error.what)
                end = begun + BLIND_S
            await asyncio.sleep(max(end - time.monotonic(), 0.1))

    async def _go(self, do: Callable[[], Round]) -> float:
        """Go round and think of it; seconds of processor time that it took."""
        made = await self._ground.namespaces.call(HOST, do)
        begun = time.thread_time()
        self._think(made)
        return made.cost_s + time.thread_time() - begun

    def _round(self) -> Round:
        """In a worker thread: mend the list of posts, then go round."""
        if self._stale:
            self._stale = False
            self._settle()
        return go_round(self._ground, list(self._posts.values()), self._layout)

    def _restless_round(self) -> Round:
        return go_round(self._ground, self._restless(), self._layout)

    def _restless(self) -> list[Post]:
        now = time.monotonic()
        posts = [p for p in self._posts.values() if p.restless(now)]
        return posts[:MOST_RESTLESS]

    def _settle(self) -> None:
        """A post in every namespace that there is now, and none elsewhere."""
        posts: dict[int, Post] = {}
        known = {(p.place, p.inode): p for p in self._posts.values()}
        for place in places_of(self._ground):
            with contextlib.suppress(ProbeError, OSError):
                inode = self._ground.namespaces.inode(place)
                if inode in posts:
                    continue  # shares another's namespace
                post = known.get((place, inode))
                posts[inode] = post or register(self._ground, place)
        gone = [p for p in self._posts.values() if p not in posts.values()]
        self._posts = posts
        for post in gone:
            post.close()
        self._minds = {i: self._minds.get(i) or Mind() for i in posts}
        self._of_address = _addresses(self._ground, posts)

    def _think(self, made: Round) -> None:
        at, now = datetime.now(UTC), time.monotonic()
        for reading in made.readings:
            post = reading.post
            mind = self._minds.get(post.inode)
            if mind is None:
                continue
            signs = mind.signs(reading, now, at)
            if any(s.kind is not SignKind.WORKED for s in signs):
                post.hot_until = now + HOT_S
            if any(s.kind is SignKind.UNANSWERED for s in signs) or reading.names:
                self._closer.ask(post.place, Why.NAMES)
            signs += self._unexplained(reading, now, at)
            self._tell(signs)
        if made.tracked_max and made.tracked >= NEARLY_FULL * made.tracked_max:
            self._tell([_tracking(made, at)])
        self._heard.clear()
        self._listener.rest(at)
        self._closer.tick(at)
        for post in made.gone:
            self._stale = True
            post.raw = b""
        # An empty batch tells that somebody looked: what is quiet stays quiet.
        self._ready.set()

    def _unexplained(self, reading: Reading, now: float, at: datetime) -> list[Sign]:
        """Failed connects that no packet told of: of those, look closer."""
        post, rise = reading.post, reading.rise
        failed = max(rise.failed, rise.icmp_errors)
        left = failed - self._heard.get(post.inode, 0)
        if left <= 0:
            return []
        post.hot_until = now + HOT_S
        self._closer.ask(post.place, Why.CONNECTS)
        if not rise.failed:
            return []
        connects = "connect" if rise.failed == 1 else "connects"
        text = f"{rise.failed} failed {connects} counted (TcpAttemptFails)"
        return [
            Sign(
                SignKind.COUNTED,
                SeenBy.COUNTERS,
                # It was some time since the last reading: in the middle, as a rule.
                at - timedelta(seconds=min(reading.within_s, LONGEST_S) / 2),
                post.place,
                text=text,
                count=left,
            )
        ]

    def _expect(self, sign: Sign, now: float) -> None:
        """Something failed: from now on a success at the same target is news."""
        inode = self._inode_of(sign)
        post, mind = self._posts.get(inode), self._minds.get(inode)
        if post is not None and mind is not None:
            post.hot_until = now + HOT_S
            mind.expect(sign.target, sign.port, now)
        if sign.seen is not SeenBy.PACKETS:
            self._listener.watch(sign.target, sign.port)

    def _ask_for_names(self, sign: Sign) -> None:
        """A name server refuses: which names are asked for is seen in there only."""
        post = self._posts.get(self._inode_of(sign))
        if post is not None and post.place != HOST:
            self._closer.ask(post.place, Why.NAMES)

    def _inode_of(self, sign: Sign) -> int:
        if sign.place is None:
            return self._of_address.get(sign.client, 0)
        return next((i for i, p in self._posts.items() if p.place == sign.place), 0)

    # Telling

    def _tell(self, signs: list[Sign]) -> None:
        if not signs:
            return
        now = time.monotonic()
        signs = [sign for sign in signs if not self._told_already(sign, now)]
        for sign in signs:
            if sign.kind in _FAILED and sign.seen is SeenBy.PACKETS:
                inode = self._inode_of(sign)
                self._heard[inode] = self._heard.get(inode, 0) + 1
            if sign.protocol == "udp" and sign.port == DNS_PORT:
                self._ask_for_names(sign)
            elif sign.port and sign.kind in _WATCHED:
                self._expect(sign, now)
        room = MOST_WAITING - len(self._signs)
        self._signs += signs[:room]
        self._lost += max(0, len(signs) - room)
        self._ready.set()

    def _told_already(self, sign: Sign, now: float) -> bool:
        """Whether another tap has just seen the same packet."""
        if sign.seen is not SeenBy.PACKETS:
            return False
        key = (sign.kind, sign.client_port, sign.target, sign.port)
        before = self._told.pop(key, -TWICE_S)
        self._told[key] = now
        if len(self._told) > MOST_TOLD:
            self._told.popitem(last=False)
        return now - before < TWICE_S

    def _note_blind(self, what: str) -> None:
        if what not in self._blind:
            self._blind.append(what)
            self._ready.set()


def _addresses(ground: Ground, posts: dict[int, Post]) -> dict[str, int]:
    """Whose namespace an address leads to."""
    snapshot = ground.snapshot
    if snapshot is None:
        return {}
    inodes: dict[Place, int] = {post.place: i for i, post in posts.items()}
    found: dict[str, int] = {}
    for _, address in snapshot.host.addresses:
        found[address.partition("/")[0]] = inodes.get(HOST, 0)
    for container in snapshot.containers:
        inode = inodes.get(snapshot.place(container), 0)
        found |= dict.fromkeys(container.addresses, inode) if inode else {}
    return found


def _tracking(made: Round, at: datetime) -> Sign:
    return Sign(
        SignKind.TRACKING_FULL,
        SeenBy.COUNTERS,
        at,
        HOST,
        text=f"{made.tracked} of {made.tracked_max} connections are tracked",
    )
