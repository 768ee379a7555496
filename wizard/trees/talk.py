"""The connection stands. What else was complained of?"""

from __future__ import annotations

from netwiz.wizard.case import Symptom
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Branch, Node, Ruling
from netwiz.wizard.trees.denied import by_denial
from netwiz.wizard.trees.lost.where import accepted_in_vain
from netwiz.wizard.trees.pinged import by_ping
from netwiz.wizard.verdict import Mark


def talk(scene: Scene) -> Ruling:
    """What to look at beyond the handshake of TCP."""
    case = scene.case
    if case.target.protocol.value == "udp":
        return Ruling("datagrams", "an answer came", quiet=True)
    if by_ping(case):
        return Ruling("pinged", "that ping fails", quiet=True)
    if by_denial(case):
        return Ruling("denied", "that a system call was denied", quiet=True)
    if accepted_in_vain(scene.attempted if scene.focus.attempt else None):
        said = "who accepted asks the server itself, and gets no answer"
        return Ruling("behind", said, Mark.ODD)
    if case.intermittent:
        return Ruling("slow", "time and again", quiet=True)
    if case.symptom is Symptom.TLS or case.target.scheme == "https":
        return Ruling("tls", "TLS", quiet=True)
    if case.target.scheme == "http":
        return Ruling("http", "HTTP", quiet=True)
    asks = case.symptom in (Symptom.RESET, Symptom.TIMEOUT)
    if asks:
        return Ruling("exchange", "what follows the handshake", quiet=True)
    return Ruling("enough", "nothing", quiet=True)


NODES = (
    Node(
        "talk",
        "what else was complained of?",
        talk,
        {
            "pinged": Branch("that ping fails", "pinged"),
            "denied": Branch("that a system call is denied", "denied"),
            "behind": Branch("that nobody is behind who accepted", "lost"),
            "tls": Branch("TLS", "tls"),
            "http": Branch("HTTP", "tongue"),
            "exchange": Branch("what is said after connecting", "exchange"),
            "slow": Branch("that it is slow, or fails at times", "unsteady"),
            "datagrams": Branch("where datagrams lead", "datagrams"),
            "enough": Branch("nothing", "served"),
        },
    ),
)
