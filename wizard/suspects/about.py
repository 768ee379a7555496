"""Whom and what a sign speaks of, in the words of the wizard. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from netwiz.probes.facts.signs import Sign, SignKind

if TYPE_CHECKING:
    from netwiz.wizard.suspects.who import End

SYMPTOMS = {
    SignKind.HALF_OPEN: "timeout",
    SignKind.NOT_ACCEPTED: "timeout",
    SignKind.QUEUE_FULL: "timeout",
    SignKind.TRACKING_FULL: "timeout",
    SignKind.REFUSED: "refused",
    SignKind.UNREACHABLE: "unreachable",
    SignKind.NO_ROUTE: "unreachable",
    SignKind.UNANSWERED: "dns",
    SignKind.NAME_FAILED: "dns",
}


def symptom_of(sign: Sign) -> str:
    """What the wizard would call what a sign tells; empty when it names nothing."""
    return sign.symptom or SYMPTOMS.get(sign.kind, "")


@dataclass(frozen=True, slots=True)
class About:
    """Whom and what a trouble is about, as far as it is known."""

    layer: str
    """connect, dns, tls or host: what fails."""
    client: End
    server: End | None = None
    port: int = 0
    name: str = ""
    """The name that was asked for, where names fail."""

    @property
    def key(self) -> str:
        """Tells it from others."""
        where = f"{self.server.key} {self.port}" if self.server else self.name
        return f"{self.layer} {self.client.key} {where}"

    @property
    def vague(self) -> bool:
        """Whether something of it is not known."""
        if self.layer == "dns":
            return not self.name
        return self.server is None or not self.port

    def is_vaguer_than(self, other: About) -> bool:
        """Whether it may be the same, known with less."""
        if (self.layer, self.client.key) != (other.layer, other.client.key):
            return False
        if self.layer == "dns":
            return not self.name and bool(other.name)
        if self.server is None:
            return other.server is not None
        same = other.server is not None and self.server.key == other.server.key
        return same and not self.port and other.port > 0
