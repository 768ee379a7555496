"""The registry of root causes: one entry each, found by id."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from netwiz.wizard.causes import (
    egress,
    forwarding,
    host,
    http,
    listener,
    load,
    mapping,
    names,
    neighbours,
    netfilter,
    outside,
    overlay,
    platform,
    publishing,
    routing,
    state,
    swarm,
    talk,
    target,
    tls,
    tls_refusals,
)
from netwiz.wizard.causes.model import Cause

_ALL = (
    *target.CAUSES,
    *listener.CAUSES,
    *state.CAUSES,
    *publishing.CAUSES,
    *mapping.CAUSES,
    *host.CAUSES,
    *netfilter.CAUSES,
    *forwarding.CAUSES,
    *routing.CAUSES,
    *egress.CAUSES,
    *neighbours.CAUSES,
    *names.CAUSES,
    *tls.CAUSES,
    *http.CAUSES,
    *tls_refusals.CAUSES,
    *talk.CAUSES,
    *load.CAUSES,
    *overlay.CAUSES,
    *swarm.CAUSES,
    *outside.CAUSES,
    *platform.CAUSES,
)

CAUSES: Mapping[str, Cause] = MappingProxyType({cause.id: cause for cause in _ALL})

if len(CAUSES) != len(_ALL):
    raise RuntimeError("a cause id stands twice in the registry")

__all__ = ["CAUSES", "Cause"]
