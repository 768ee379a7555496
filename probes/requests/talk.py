"""Of what is said once a connection stands."""

from __future__ import annotations

from dataclasses import dataclass

from netwiz.probes.facts.base import Place
from netwiz.probes.facts.tls import Trust


@dataclass(frozen=True, slots=True)
class Converse:
    """Connect, say something, and listen to the answer. Answer: Conversation.

    What is said is what any client of the scheme would say first: ``http`` a GET of /,
    ``tls`` a ClientHello, ``silence`` nothing at all. `size` pads the words (http only)
    to at least so many bytes; `mss` bounds the segments of both sides.
    """

    place: Place
    address: str
    port: int
    words: str = "http"
    host: str = ""
    """What the words call the server; the address when empty."""
    size: int = 0
    mss: int = 0
    other: bool = False
    """Other words of the same length (a filler of letters instead)."""
    taps: tuple[Place, ...] = ()
    counters: tuple[Place, ...] = ()
    server: Place | None = None
    """Where the server's socket should be, when known."""
    server_port: int = 0
    """Its port there, behind any mapping; 0: as dialled."""
    budget_ms: int = 2500
    nth: int = 1


@dataclass(frozen=True, slots=True)
class TalkTls:
    """A TLS handshake from a place, and the first answer. Answer: TlsTalk.

    `lenient` offers every version and cipher there is, to learn what the server would
    rather have; `http` says what any HTTP client says first, once the handshake is
    done.
    """

    place: Place
    address: str
    port: int
    server_name: str = ""
    """Sent as SNI and looked for in the certificate; empty: the address."""
    trust: Trust = Trust.CLIENT
    http: bool = True
    sni: bool = True
    lenient: bool = False
    budget_ms: int = 2000


@dataclass(frozen=True, slots=True)
class FetchIssuer:
    """Whether the certificate that a server left out completes its chain.

    Had from where the last certificate sent says that it can be had (RFC 5280,
    4.2.2.1), as browsers do. Answer: IssuerFetched.
    """

    place: Place
    url: str
    talk: TalkTls


@dataclass(frozen=True, slots=True)
class AskProxy:
    """What a proxy says to a request for a target. Answer: ProxyAnswer."""

    place: Place
    proxy: str
    port: int
    target: str
    """``pg:3000``."""
    scheme: str = "http"
