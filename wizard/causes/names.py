"""What a name means, and who says so."""

from __future__ import annotations

from netwiz.wizard.causes.model import Cause
from netwiz.wizard.causes.names_hosts import HOSTS
from netwiz.wizard.causes.names_networks import NETWORKS
from netwiz.wizard.causes.names_servers import SERVERS

CAUSES: tuple[Cause, ...] = (*NETWORKS, *HOSTS, *SERVERS)
