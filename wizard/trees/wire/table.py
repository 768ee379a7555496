"""A neighbour table that is full: nobody new can be asked for."""

from __future__ import annotations

from netwiz.probes.facts import HOST, Attempted, LinkTable
from netwiz.probes.requests import ReadLinks
from netwiz.wizard.scene import Scene
from netwiz.wizard.tree import Ruling
from netwiz.wizard.trees.lost.where import Stage, Trail
from netwiz.wizard.verdict import Mark

_NEEDS_NEIGHBOUR = (Stage.WITHIN, Stage.FORWARD, Stage.EGRESS, Stage.ARRIVED)
"""Stages in which a packet ends if the entry for its next hop cannot be made."""


def table_full(scene: Scene, found: Attempted, way: Trail) -> Ruling | None:
    """Whether an entry was refused for want of room just when the probe needed one.

    The kernel has one table for all namespaces, and counts refusals in the first one
    (``table_fulls`` of /proc/net/stat/arp_cache and ndisc_cache).
    """
    if way.stage not in _NEEDS_NEIGHBOUR:
        return None
    six = ":" in scene.focus.address
    name = f"{'ndisc' if six else 'arp'}_cache.table_fulls"
    rose = found.rose(HOST, name)
    if not rose:
        return None
    family = "ipv6" if six else "ipv4"
    links = scene.try_look(ReadLinks(HOST), LinkTable)
    limit = links.sysctl(f"net.{family}.neigh.default.gc_thresh3") if links else ""
    known = int(limit) if limit.isdigit() else 1024
    high = max(4 * known, 8192)
    return Ruling(
        "table",
        f"yes: its neighbour table is full ({name} +{rose})",
        Mark.BAD,
        evidence=(
            f"{name} of this machine rose by {rose} around the probe: an entry was "
            "refused for want of room",
            f"gc_thresh3 is {limit or 'not known'}; {way.text}",
        ),
        values={
            "gc_limit": limit or "not known",
            "gc_family": family,
            "gc1": str(high // 4),
            "gc2": str(high // 2),
            "gc3": str(high),
        },
    )
