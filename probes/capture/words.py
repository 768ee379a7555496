"""The words of a filter as a person types them: tcpdump's, and plainer ones beside.

tcpdump's own words mean what pcap-filter(7) says, always. Beside them stand

- a container's name: everything from or to it (`pg`), also after tcpdump's `host`,
  `src` and `dst`, and with a port (`pg:5432`). `@pg` is a name even where tcpdump, or
  this list, has a word like it;
- `3000` or `:3000`: that port; a bare address: that host;
- `dns`, `http`, `tls`, `ping`, `syn`, `fin`, `rst`: what people call so;
- `errors`: nothing for the kernel; of what is captured only problems are shown.

Plain words side by side mean *and*: `order pg` is what goes between the two.

Whatever is no known word, number or address is refused here and never reaches the
compiler, which would go and ask name servers for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from netwiz.probes.capture.filters import BadFilterError
from netwiz.probes.capture.grammar import (
    ALONE,
    KEYWORDS,
    LOGIC,
    SHORTHANDS,
    TAKES_HOST,
    TAKES_PORT,
    TAKES_VALUE,
)
from netwiz.probes.capture.place import Piece, check
from netwiz.probes.capture.spelling import (
    Token,
    by_name,
    host_and_port,
    is_service,
    spelled,
    tokens,
)
from netwiz.probes.text import plain

ERRORS = frozenset({"errors", "error", "problems"})
_LONGEST = 4000


@dataclass(frozen=True, slots=True)
class Filter:
    """What a person asked to see."""

    text: str
    """As it was written."""
    source: str
    """In tcpdump's words alone; empty when everything is wanted."""
    errors: bool = False
    """Whether only problems are to be shown."""
    inner: bool = False
    """Whether the kernel cannot choose: it takes VLAN tags off before it looks."""
    both_ways: bool = True
    """Whether answers are taken where questions are; if not, silence is no news."""
    refusals: bool = False
    """Whether ICMP errors about what it takes are missing from it: `refusals`."""
    notes: tuple[str, ...] = ()
    """What was understood in a way that somebody might not expect."""


def parse(text: str, names: Mapping[str, str]) -> Filter:
    """Understand a filter; `names` gives the name that each address is called by.

    Raises BadFilterError, which knows the place.
    """
    if len(text) > _LONGEST:
        raise BadFilterError("the filter is too long", _LONGEST, text)
    spelt, errors = _without_errors(text, tokens(text))
    translator = _Translator(text, spelt, names)
    pieces = translator.pieces()
    check(text, pieces)
    lows = {token.low for token in spelt}
    # Without ICMP, too, an answer may be missed: a refusal.
    both_ways = not lows & _ONE_WAY and not (lows & _ICMP and lows & {"not", "!"})
    return Filter(
        text=text,
        source=" ".join(piece.out for piece in pieces),
        errors=errors,
        inner="vlan" in lows,
        both_ways=both_ways,
        refusals=bool(pieces) and both_ways,
        notes=tuple(dict.fromkeys(translator.notes)),
    )


def _without_errors(text: str, tokens: list[Token]) -> tuple[list[Token], bool]:
    """Take out `errors` and the `and` that joins it to the rest."""
    kept: list[Token] = []
    depth, found, skip = 0, False, False
    for n, token in enumerate(tokens):
        depth += (token.text in {"(", "["}) - (token.text in {")", "]"})
        if skip and token.low in {"and", "&&"}:
            skip = False
            continue
        skip = False
        if token.low not in ERRORS:
            kept.append(token)
            continue
        after = tokens[n + 1].low if n + 1 < len(tokens) else ""
        before = kept[-1].low if kept else ""
        if depth or before in {"or", "||", "not", "!"} or after in {"or", "||"}:
            what = f"`{token.text}` chooses what is shown: it stands beside a filter"
            raise BadFilterError(
                f"{what} (joined by `and`), not within it",
                token.at,
                text,
                len(token.text),
            )
        found = True
        if before in {"and", "&&"}:
            kept.pop()
        elif not kept:
            skip = True
    return kept, found


class _Translator:
    """Turns tokens into tcpdump's words, one piece for each."""

    def __init__(
        self, text: str, tokens: Sequence[Token], names: Mapping[str, str]
    ) -> None:
        self.text = text
        self.tokens = tokens
        self.notes: list[str] = []
        self._addresses = by_name(names)
        self._out: list[Piece] = []
        self._before = ""
        """The token before, lower case; empty where a new term begins."""
        self._whole = False
        """Whether a term has ended that may stand alone."""
        self._plain = False
        """Whether that term was one of our own words."""
        self._chain = ""
        """What a bare value after `or` would be one more of, as tcpdump reads it."""

    def pieces(self) -> list[Piece]:
        bracket = 0
        for n, token in enumerate(self.tokens):
            if bracket or token.text == "[":
                bracket += (token.text == "[") - (token.text == "]")
                self._known_or_raise(token)
                self._keep(token, whole=token.text == "]")
            elif token.sign or token.low in LOGIC:
                self._sign(token)
            else:
                after = self.tokens[n + 1] if n + 1 < len(self.tokens) else None
                self._word(token, after)
        return self._out

    def _sign(self, token: Token) -> None:
        if token.text in {"(", "!"} or token.low == "not":
            self._join(token)
        whole = token.text == ")"
        keep = self._chain if token.low in {"or", "and", "||", "&&"} else ""
        self._keep(token, whole=whole)
        self._chain = keep
        if token.text != ")":
            logic = token.low in LOGIC or token.text in {"(", "!", "&&", "||"}
            self._before = "" if logic else token.text

    def _word(self, token: Token, after: Token | None) -> None:
        low = token.low
        alone = after is None or after.low in LOGIC or after.text in {")", "&&", "||"}
        if (
            (alone and low in ALONE)
            and token.text in self._addresses
            and self._before not in TAKES_VALUE
        ):
            self.notes.append(
                f"`{low}` is tcpdump's word; the container of that name is `@{low}`"
            )
        named, host, port = self._named(token)
        if token.text[0] == "@" and not named:
            self._unknown(token, "no container is called")
        taken = low in KEYWORDS and token.text[0] != "@"
        if self._before in TAKES_HOST and named and not taken:
            self._keep(token, self._either(named), whole=True)
        elif low in KEYWORDS or (
            self._before in TAKES_VALUE and self._value_fits(token)
        ):
            self._keyword(token)
        elif low in SHORTHANDS and token.text[0] != "@":
            self._own(token, f"({SHORTHANDS[low]})")
        elif named:
            self._own(token, f"(host {self._either(named)})")
        elif self._is_relation(after) or self._before in _ARITHMETIC:
            self._known_or_raise(token)
            self._keep(token, whole=True)
        elif host or port:
            self._end(token, host, port)
        else:
            self._known_or_raise(token)
            self._keep(token, whole=True)

    def _end(self, token: Token, host: str, port: str) -> None:
        """`3000`, `:3000`, `172.18.0.3`, `172.18.0.3:80`, `pg:5432`."""
        bare = token.text in {host, port}
        if bare and self._chain == ("host" if host else "port"):
            chain = self._chain
            self._keep(token, whole=True)
            self._chain = chain
            return
        if port and int(port) > 65535:
            raise BadFilterError(
                f"{port} is no port: the highest is 65535", token.at, self.text,
                len(token.text),
            )  # fmt: skip
        parts = [f"host {host}"] if host else []
        parts += [f"port {port}"] if port else []
        self._own(token, f"({' and '.join(parts)})")

    def _keyword(self, token: Token) -> None:
        if self._plain:
            self._join(token)
        before, low = self._before, token.low
        value = low not in KEYWORDS
        self._keep(token, whole=value or low in ALONE)
        if value:
            self._chain = (
                "host"
                if before in TAKES_HOST
                else "port"
                if before in TAKES_PORT
                else ""
            )

    def _own(self, token: Token, out: str) -> None:
        low = token.low
        if low in SHORTHANDS and token.text in self._addresses:
            self.notes.append(f"`{low}` is what is called so on the wire; the"
                              f" container of that name is `@{low}`")  # fmt: skip
        self._join(token)
        self._keep(token, out, whole=True)
        self._plain, self._chain = True, ""

    def _join(self, token: Token) -> None:
        """Say `and` where a person left it out between two whole terms."""
        if self._whole:
            self._out.append(Piece("and", token.at, len(token.text)))

    def _keep(self, token: Token, out: str = "", *, whole: bool = False) -> None:
        self._out.append(Piece(out or token.text, token.at, len(token.text)))
        self._before = token.low
        self._whole, self._plain, self._chain = whole, False, ""

    def _named(self, token: Token) -> tuple[list[str], str, str]:
        """Addresses of a container of this name; else host and port that it spells."""
        text = token.text.removeprefix("@")
        if text in self._addresses:
            return self._addresses[text], "", ""
        host, port = host_and_port(text)
        if not host and ":" in text[1:]:
            name, _, port = text.rpartition(":")
            found = self._addresses.get(name)
            if found and port.isdecimal() and int(port) <= 65535:
                return [], self._either(found), port
            port = ""
        folded = [k for k in self._addresses if k.lower() == text.lower()]
        if not host and not port and len(folded) == 1:
            return self._addresses[folded[0]], "", ""
        return [], host, port

    def _either(self, addresses: Sequence[str]) -> str:
        v6 = "ip6" in self._qualifiers()
        v4 = not v6 and bool({"ip", "arp", "rarp"} & set(self._qualifiers()))
        fit = [a for a in addresses if not ((v6 and ":" not in a) or (v4 and ":" in a))]
        fit = fit or list(addresses)
        return fit[0] if len(fit) == 1 else f"({' or '.join(fit)})"

    def _qualifiers(self) -> list[str]:
        """The words of tcpdump right before, which narrow what a name may mean."""
        words: list[str] = []
        for piece in reversed(self._out):
            if piece.out.lower() not in {*TAKES_HOST, "ip", "ip6", "arp", "rarp"}:
                break
            words.append(piece.out.lower())
        return words

    def _is_relation(self, after: Token | None) -> bool:
        return after is not None and after.text in _RELATIONS

    def _value_fits(self, token: Token) -> bool:
        """Whether this is something that the keyword before may take."""
        if spelled(token.text):
            return True
        return self._before in TAKES_PORT and is_service(token.text)

    def _known_or_raise(self, token: Token) -> None:
        if token.sign or token.low in KEYWORDS or token.low in LOGIC:
            return
        if all(map(spelled, re.split(r"[/:-]", token.text))) or spelled(token.text):
            return
        if all(
            p.lower() in KEYWORDS or spelled(p) for p in re.split(r"[/:]", token.text)
        ):
            return
        if self._before in TAKES_PORT:
            self._unknown(token, "no port and no service is called")
        self._unknown(token, "neither a container nor a word of tcpdump is called")

    def _unknown(self, token: Token, what: str) -> None:
        import difflib

        word = token.text.removeprefix("@")
        known: Iterable[str] = [
            *self._addresses, *SHORTHANDS, *KEYWORDS, *LOGIC, *ERRORS,
        ]  # fmt: skip
        near = difflib.get_close_matches(word, list(known), 3, 0.6)
        hint = f"; near it: {', '.join(map(plain, near))}" if near else ""
        raise BadFilterError(
            f"{what} `{plain(word, 80)}`{hint}", token.at, self.text, len(token.text)
        )


_ONE_WAY = {"src", "dst", "inbound", "outbound", "[", "len", "greater", "less",
            "syn", "fin", "rst"}  # fmt: skip
_ICMP = {"icmp", "icmp6", "ping"}

_RELATIONS = {"<", ">", "<=", ">=", "=", "==", "!=", "+", "-", "*", "/", "%", "^",
              "&", "|", "<<", ">>"}  # fmt: skip
_ARITHMETIC = _RELATIONS | {"[", ":"}
