"""Lines that carry a network error: what failed, and towards whom. Pure.

Each client library writes in its own way; what they share is a phrase that names the
symptom, and near it a target. The phrases decide; the target is taken from the most
exact form that the line holds, else left empty. Everything is linear in the length of
the line: no expression has nested or adjacent unbounded repetitions.
"""

from __future__ import annotations

import re

from netwiz.probes.facts.logs import ErrorSeen
from netwiz.probes.logs.neterror_clients import client_in, program_in
from netwiz.probes.logs.neterror_targets import GO_LOOKUP, dialled, looked_up, url_of
from netwiz.probes.logs.neterror_words import may_tell

INPUT_LIMIT = 4096
"""Characters of a line that are looked at."""


def looks_like_network_error(text: str) -> bool:
    """Whether a line carries a network error."""
    return _symptom(text[:INPUT_LIMIT]) is not None


def read_error(text: str) -> ErrorSeen | None:
    """Symptom and target of the network error in a line; None when it carries none.

    A pasted text of several lines is read as one; a proxy's line (nginx) names the
    client as well, and the upstream is meant.
    """
    text = text[:INPUT_LIMIT]
    found = _symptom(text)
    if found is None:
        return None
    symptom, matched = found
    host, port = looked_up(text) if symptom == "dns" else ("", None)
    if not host:
        host, port = dialled(text)
    scheme, at = url_of(text, host, port)
    return ErrorSeen(
        symptom,
        host,
        port or at,
        matched,
        scheme=scheme,
        client=client_in(text),
        program=program_in(text),
    )


# In this order: a line on a name often holds the words of other symptoms as well.
_PHRASES: dict[str, tuple[str, ...]] = {
    "dns": (
        r"\bENOTFOUND\b",
        r"\bEAI_(?:AGAIN|NONAME|NODATA|FAIL)\b",
        r"\bno such host\b",
        r"\bserver misbehaving\b",
        r"\bcould ?n[o']t resolve (?:host|proxy|server)",
        r"\bcould not resolve\b",
        r"\bunable to resolve (?:host|address|name)",
        r"\bcould not translate host name\b",
        r"\bname or service not known\b",
        r"\bnodename nor servname\b",
        r"\btemporary failure in name resolution\b",
        r"\bname does not resolve\b",
        r"\bname resolution (?:failed|failure|error)\b",
        r"\bNameResolutionError\b",
        r"\bUnknownHostException\b",
        r"\bgetaddrinfo (?:failed|failure)\b",
        r"\bfailed to resolve '",
        r"\bno address associated with hostname\b",
        r"\bunknown (?:mysql server )?host\b",
        r"\bbad address '",
        r"\bhost not found\b",
        r"\bcould not be resolved\b",
        r"\bNXDOMAIN\b",
        r"\bfailed to lookup address information\b",
    ),
    "tls": (
        r"\bx509: ",
        r"\bcertificate[ _]verify[ _]failed\b",
        r"\bSSL_ERROR_\w{1,40}",
        r"\bSSLHandshakeException\b",
        r"\bPKIX path building failed\b",
        r"\btls: (?:handshake failure|failed to verify|bad certificate|first record)",
        r"\bremote error: tls: ",
        r"\bself[- ]signed certificate in certificate chain\b",
        # Servers also announce that they made one; that is no error.
        r"\b(?:error|failed|problem|reason)\W[^\n]{0,40}self[- ]signed certificate\b",
        r"\bunable to get (?:local )?issuer certificate\b",
        r"\bunable to verify the first certificate\b",
        r"\bcertificate has expired\b",
        r"\bwrong version number\b",
        r"\b(?:ssl|tls) handshake (?:failed|failure|error)\b",
        r"\bSSL certificate problem\b",
        r"\b(?:sslv3|tlsv1) alert\b",
        r"\bDEPTH_ZERO_SELF_SIGNED_CERT\b",
        r"\bUNABLE_TO_(?:VERIFY|GET)_\w{1,40}",
        r"\bERR_TLS_\w{1,40}",
        r"\bCERT_HAS_EXPIRED\b",
        r"\bSSL_do_handshake\(\) failed\b",
        r"\bSSL connection could not be established\b",
        r"\bThe remote certificate is invalid\b",
        r"\bno alternative certificate subject name matches\b",
        r"\bserver gave HTTP response to HTTPS client\b",
        r"\balert unknown ca\b",
        r"\bSSL routines:",
        r"\bverify error:num=\d",
    ),
    "refused": (
        r"\bECONNREFUSED\b",
        r"\bconnection refused\b",
        r"\bconnection to \S{1,255} refused\b",
        r"\bactively refused\b",
        r"\bConnectionRefusedError\b",
        r"\bErrno[:= ]{0,2} ?111\b",
        r"\bError 111 connecting\b",
        r"\b(?:os error|connect error:) 111\b",
        r"\bMySQL server on '[^']{1,255}' \(111\b",
        r"\bcould ?n[o']t connect to (?:server|host)\b",
        r"\bNo connection could be made\b",
        r"\[Connect call failed\b",
    ),
    "reset": (
        r"\bECONNRESET\b",
        r"\bconnection reset\b",
        r"\bConnectionResetError\b",
        r"\bEPIPE\b",
        r"\bbroken pipe\b",
        r"\bsocket hang up\b",
        r"\bempty reply from server\b",
        r"\bserver closed the connection unexpectedly\b",
        r"\bforcibly closed by\b",
        r"\bRemoteDisconnected\b",
        r"\bRemote end closed connection\b",
        r"\bprematurely closed\b",
        r"\bRecv failure\b",
        r"\bConnection closed by server\b",
        r"\bterminated the connection unexpectedly\b",
    ),
    "unreachable": (
        r"\bEHOSTUNREACH\b",
        r"\bENETUNREACH\b",
        r"\bEADDRNOTAVAIL\b",
        r"\bcannot assign requested address\b",
        r"\bno route to host\b",
        r"\b(?:host|network) (?:is )?unreachable\b",
        r"\bNoRouteToHostException\b",
        r"\bdestination (?:host|net|network|port) unreachable\b",
        r"\bErrno[:= ]{0,2} ?(?:99|1(?:01|13))\b",
        r"\bError 1(?:01|13) connecting\b",
        r"\bos error 1(?:01|13)\b",
        r"\bMySQL server on '[^']{1,255}' \(1(?:01|13)\b",
    ),
    "timeout": (
        r"\bE(?:SOCKET)?TIMEDOUT\b",
        r"\bUND_ERR_\w{1,20}_TIMEOUT\b",
        r"\bi/o timeout\b",
        r"\b(?:connection|connect|operation|request) timed out\b",
        r"\b(?:read|download|upstream) timed out\b",
        r"\b[\w.-]{1,253}:\d{2,5}: timed out\b",
        r"\b(?:SocketTimeout|ConnectTimeout|ReadTimeout)(?:Exception|Error)\b",
        r"\bexceptions\.(?:Connect|Read)Timeout\b",
        r"\bcontext deadline exceeded\b",
        r"\b(?:failed|error|connection): timeout expired\b",
        r"\bTLS handshake timeout\b",
        # Not the line of a configuration that names a time.
        r"\bconnect(?:ion)? timeout\b(?!\W{0,3}(?:is|of|set|to|=)?\W{0,3}\d)",
        r"\bTimeout connecting to\b",
        r"\bTimeout exceeded while awaiting headers\b",
        r"\bdid not properly respond after a period\b",
        r"\bErrno[:= ]{0,2} ?110\b",
        r"\bError 110 connecting\b",
        r"\bos error 110\b",
        r"\bMySQL server on '[^']{1,255}' \(110\b",
    ),
}

_PATTERNS = tuple(
    (symptom, re.compile("|".join(phrases), re.IGNORECASE))
    for symptom, phrases in _PHRASES.items()
)


def _symptom(text: str) -> tuple[str, str] | None:
    if not may_tell(text):
        return None
    for symptom, pattern in _PATTERNS:
        found = pattern.search(text)
        if found:
            # A look-up that got no answer is about names, whatever else it says.
            unanswered = symptom in ("timeout", "refused", "unreachable")
            if unanswered and GO_LOOKUP.search(text):
                return "dns", found[0]
            return symptom, found[0]
    return None
