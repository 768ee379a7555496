"""Of names: what they mean, and who says so."""

from __future__ import annotations

from dataclasses import dataclass

from netwiz.probes.facts.base import Place


@dataclass(frozen=True, slots=True)
class Resolve:
    """What a name means to an application in a place. Answer: Resolution."""

    place: Place
    name: str


@dataclass(frozen=True, slots=True)
class ReadResolver:
    """A place's resolv.conf, hosts and nsswitch.conf. Answer: ResolverRead."""

    place: Place


@dataclass(frozen=True, slots=True)
class AskServer:
    """One question to one name server, over one transport. Answer: ServerAnswer.

    `name` is taken as complete: no search list. Nothing else is tried when the answer
    is cut off or fails, for how each way fares is what is asked for.
    """

    place: Place
    server: str
    name: str
    record: str = "A"
    over_tcp: bool = False
    budget_ms: int = 900
    times: int = 1
    """Asked that often, each question by itself: for what fails only now and then."""
    watch: bool = False
    """Look meanwhile to whom the place passes the question on."""


@dataclass(frozen=True, slots=True)
class WatchAsking:
    """Who waits for a name server in a place. Answer: NameQuestions."""

    place: Place
    budget_ms: int = 3000
    nth: int = 1
