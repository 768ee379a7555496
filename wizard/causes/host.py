"""A service of the host itself, asked for from a container."""

from __future__ import annotations

from netwiz.wizard.causes.model import Cause, FixPlan

CAUSES = (
    Cause(
        id="host-service-bound-loopback",
        group="Container to host",
        title="the service on this host listens on {listeners} only",
        explanation=(
            "{process} on this host listens on {listeners} only. Nobody but the host "
            "itself can reach that, and {client} {dials}."
        ),
        decisive="the host's only listener on the port is bound to a loopback address",
        fixes=(
            FixPlan(
                "Let {process} listen on 0.0.0.0, or only on the address that is "
                "dialled if nobody else shall reach it.",
                interrupts="that service while it restarts",
            ),
        ),
        look_alikes=(
            ("port-not-published", "there a container should serve the port"),
            ("host-input-firewall-reject", "there a rule refuses"),
        ),
        references=("https://github.com/docker/for-linux/issues/1536",),
    ),
)
