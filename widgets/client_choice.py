"""Step 2: who cannot connect."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from textual import on
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from netwiz.probes.facts import Container, Snapshot, State
from netwiz.widgets.choice_list import ChoiceList, Entry
from netwiz.widgets.columns import row
from netwiz.widgets.lines import Line, clip
from netwiz.widgets.type_ahead import TypeAhead
from netwiz.wizard.case import Client, ClientKind

NAME_COLUMN = 30
_STATE_MARKS = {
    State.RUNNING: ("●", "good"),
    State.PAUSED: ("‖", "odd"),
    State.RESTARTING: ("↻", "odd"),
}


@dataclass(frozen=True, slots=True)
class Offer:
    """A client that can be chosen, and what is said of it."""

    client: Client
    mark: tuple[str, str]
    words: str
    """Also searched by what is typed."""


def offers(snapshot: Snapshot) -> tuple[Offer, ...]:
    """All who could be the client: running containers first."""
    return (*_containers(snapshot), *_beyond(snapshot))


def _containers(snapshot: Snapshot) -> Iterator[Offer]:
    def order(c: Container) -> tuple[bool, str]:
        return not c.running, c.name

    for container in sorted(snapshot.containers, key=order):
        mark = _STATE_MARKS.get(container.state, ("○", "dim"))
        client = Client(ClientKind.CONTAINER, container.name, container.id)
        yield Offer(client, mark, _container_words(container))


def _container_words(container: Container) -> str:
    networks = [
        " ".join(part for part in (place.network, place.ipv4 or place.ipv6) if part)
        for place in container.attachments
    ]
    if container.on_host_network:
        networks = ["the host's network"]
    if container.rides_on:
        networks = ["shares another container's network"]
    words = ", ".join(networks) or "no network"
    return words if container.running else f"{container.state.value} · {words}"


def _beyond(snapshot: Snapshot) -> Iterator[Offer]:
    hostname = snapshot.host.hostname
    words = f"this machine, {hostname}" if hostname else "this machine"
    yield Offer(Client(ClientKind.HOST, "host"), ("▪", ""), words)
    outside = Client(ClientKind.OUTSIDE, "outside")
    yield Offer(outside, ("▫", ""), "a client beyond this machine")
    for name in snapshot.host.namespaces:
        netns = Client(ClientKind.NETNS, name)
        yield Offer(netns, ("▪", ""), "network namespace")


class ClientChoice(TypeAhead):
    """Asks who the client is."""

    QUESTION: ClassVar[str] = "Who cannot connect?"
    PLACEHOLDER: ClassVar[str] = "type to narrow: a name, a network, an address"

    @dataclass
    class Chosen(Message):
        """A client was chosen."""

        widget: ClientChoice
        client: Client

        @property
        def control(self) -> ClientChoice:
            """Who says so; `@on` selects by it."""
            return self.widget

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._offers: tuple[Offer, ...] = ()
        self._missing = ""

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Offer whom the machine knows of."""
        self._offers = offers(snapshot)
        self._missing = snapshot.missing
        self._narrow()

    def prefill(self, client: Client) -> None:
        """Put the cursor on a client."""
        self.input.value = ""
        self._narrow()
        self.choices.move_to(_key(client))

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._narrow()

    def _narrow(self) -> None:
        wanted = self.input.value.casefold().split()
        found = [o for o in self._offers if _matches(o, wanted)]
        entries = [Entry(_key(o.client), partial(_draw, o)) for o in found]
        self.choices.show(entries)
        if self.choices.highlighted is None and entries:
            self.choices.highlighted = 0
        shown = f"{len(found)} of {len(self._offers)}" if wanted else self._missing
        self.query_one("#below", Static).update(Content(shown))

    @on(Input.Submitted)
    @on(ChoiceList.OptionSelected)
    def _choose(self, event: Input.Submitted | ChoiceList.OptionSelected) -> None:
        event.stop()
        for offer in self._offers:
            if _key(offer.client) == self.choices.chosen:
                self.post_message(self.Chosen(self, offer.client))


def _key(client: Client) -> str:
    return f"{client.kind} {client.container_id or client.name}"


def _matches(offer: Offer, wanted: list[str]) -> bool:
    text = f"{offer.client.name} {offer.words} {offer.client.container_id[:12]}"
    return all(word in text.casefold() for word in wanted)


def _draw(offer: Offer, width: int) -> Content:
    mark, style = offer.mark
    name = clip(offer.client.name, NAME_COLUMN - 4)
    head: Line = ((f"{mark} ", style), (name, "strong"))
    return row(head, ((offer.words, "dim"),), (), width, NAME_COLUMN)
