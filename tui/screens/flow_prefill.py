"""What a flow already answers of the wizard's questions."""

from __future__ import annotations

from netwiz.probes.facts.flows import Flow, FlowEnd, TroubleKind
from netwiz.tui.prefill import Prefill

SYMPTOMS = {
    TroubleKind.UNANSWERED: "timeout",
    TroubleKind.HALF_OPEN: "timeout",
    TroubleKind.SILENT: "timeout",
    TroubleKind.ZERO_WINDOW: "slow",
    TroubleKind.UNREAD: "slow",
    TroubleKind.LOSSY: "slow",
    TroubleKind.SLOW: "slow",
}
"""What the wizard calls it; a connection that is left open has no symptom there."""


def prefill_of_flow(flow: Flow) -> Prefill:
    """A case for the wizard: the address that is really talked to, not a name for it.

    What the application looked up is not known any more, and a name that does not
    resolve would be taken for the fault.
    """
    symptom = SYMPTOMS.get(flow.troubles[0].kind, "") if flow.troubles else ""
    target = flow.dialled or flow.server.text
    return Prefill(client=_client(flow.client), target=target, symptom=symptom)


def _client(end: FlowEnd) -> str:
    """As the wizard names it: a container, ``host``, ``outside``, a namespace."""
    if end.place is not None:
        return end.place.label
    return end.name if end.here else "outside"
