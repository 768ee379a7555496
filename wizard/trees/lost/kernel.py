"""No rule took the packet: did the kernel's own checks, or a full queue?"""

from __future__ import annotations

from netwiz.probes.facts import (
    HOST,
    Attempted,
    KernelCounters,
    LinkTable,
    Listener,
    Place,
    RouteDecision,
)
from netwiz.probes.requests import AskRoute, ReadCounters, ReadLinks
from netwiz.wizard.path import where
from netwiz.wizard.scene import Scene, Unseen
from netwiz.wizard.tree import Branch, Node, Ruling, fault, undetermined
from netwiz.wizard.trees.attempts import counted, plain_try
from netwiz.wizard.trees.lost.passage import passages
from netwiz.wizard.trees.lost.where import Stage, Trail, trail
from netwiz.wizard.trees.wire.table import table_full
from netwiz.wizard.trees.words import listed, process_of, server_name, sysctl_key
from netwiz.wizard.verdict import Mark

FULL = 0.95
"""A connection table filled this far turns new ones away in bursts."""
AGAIN = 20
"""Number of the last probe, which waits for a repeated packet as well."""
REVERSE_PATH = "TcpExtIPReversePathFilter"
OVERFLOWS = ("TcpExtListenOverflows", "TcpExtListenDrops")
CHECKSUMS = ("TcpInCsumErrors", "UdpInCsumErrors")
TRACKING = ("nf_conntrack.drop", "nf_conntrack.early_drop")


def kernel_drop(scene: Scene) -> Ruling:
    """Whether a check of the kernel's own took the probe, by its counters."""
    found = scene.look(counted(scene, scene.focus), Attempted)
    way = trail(scene, found)
    for judge in (
        _reverse_path,
        _checksum,
        _backlog,
        _tracking,
        table_full,
        _other_door,
        _not_forwarded,
    ):
        ruling = judge(scene, found, way)
        if ruling is not None:
            return ruling
    # What comes and goes is no rule's doing: a lost packet must not become a blame.
    once_more = scene.look(plain_try(scene, scene.focus, nth=AGAIN), Attempted)
    if once_more.connection.works:
        ms = once_more.connection.connect_ms
        said = f"no, and a further probe got through after {ms:.0f} ms"
        return Ruling("unsteady", said, Mark.ODD)
    values = {"last_seen": way.text, "server": server_name(scene)}
    return Ruling("none", "none of its counters says so", Mark.ODD, values=values)


def _reverse_path(scene: Scene, found: Attempted, way: Trail) -> Ruling | None:
    """Strict reverse path filtering, where packets come by another way than they go."""
    for passage in passages(scene, found, way):
        place, forth = passage.place, passage.state == "NEW"
        rose = found.rose(place, REVERSE_PATH)
        seen = [s for s in (way.forward if forth else way.replies) if s.place == place]
        if not rose or not seen:
            continue
        source = seen[-1].packet.source
        back = scene.look(AskRoute(place, source), RouteDecision)
        links = scene.look(ReadLinks(place), LinkTable)
        doors = passage.came_by or {seen[-1].device}
        for device in sorted(doors):
            mode = effective(links, device)
            if mode and back.device != device and links.interface(device):
                return _filtered(place, device, mode, rose, back)
    return None


def _checksum(scene: Scene, found: Attempted, way: Trail) -> Ruling | None:
    """A packet that came with a wrong checksum: its sender's device made it so."""
    focus = scene.focus
    if way.stage is not Stage.ARRIVED:
        return None
    place = focus.place or HOST
    rises = [(n, found.rose(place, n)) for n in CHECKSUMS]
    counts = ", ".join(f"{name} +{by}" for name, by in rises if by)
    if not counts:
        return None
    devices = [s.device for s in way.forward if s.place == HOST]
    return Ruling(
        "checksum",
        f"yes: its checksum is wrong ({counts})",
        Mark.BAD,
        evidence=(
            f"around the probe {counts} in {place.label}",
            f"{way.text}, and no answer was born",
        ),
        values={
            "server": server_name(scene),
            "checksum_device": devices[-1] if devices else "the sending device",
        },
    )


def effective(links: LinkTable, device: str) -> int:
    """The mode that holds for a device: the greater of its own and that for all.

    (Documentation/networking/ip-sysctl.rst, rp_filter.)
    """
    names = (f"net.ipv4.conf.{name}.rp_filter" for name in ("all", device))
    values = [links.sysctl(name) for name in names]
    return max((int(v) for v in values if v.isdigit()), default=0)


def _filtered(
    place: Place, device: str, mode: int, rose: int, back: RouteDecision
) -> Ruling:
    way = f"by {back.device}" if back.device else "nowhere"
    return Ruling(
        "rp_filter",
        f"yes: the reverse path filter of {device}",
        Mark.BAD,
        evidence=(
            f"TcpExtIPReversePathFilter of {place.label} rose by {rose} around the "
            "probe",
            f"rp_filter of {device} is {mode}, and the way back to {back.address} "
            f"leads {way}, not by {device}",
        ),
        values={
            "rp_device": device,
            "rp_setting": sysctl_key(f"net.ipv4.conf.{device}.rp_filter"),
            "rp_place": "this host" if place == HOST else place.label,
            "rp_mode": str(mode),
            "rp_back": way,
            "rp_source": back.address,
            "rp_on_host": "yes" if place == HOST else "",
        },
    )


def _backlog(scene: Scene, found: Attempted, way: Trail) -> Ruling | None:
    """A listener whose queue is full, so that the kernel drops what comes."""
    focus = scene.focus
    if way.stage not in (Stage.ARRIVED, Stage.INPUT):
        return None
    place = focus.place or HOST
    full = full_listeners(scene)
    if not full:
        return None
    rises = [(n, found.rose(place, n)) for n in OVERFLOWS]
    counts = ", ".join(f"{name} +{by}" for name, by in rises if by)
    first = full[0]
    return Ruling(
        "backlog",
        f"yes: {listed(full)} has {first.queued} waiting",
        Mark.BAD,
        evidence=tuple(
            filter(
                None,
                (
                    f"{listed(full)}: {first.queued} connections wait to be accepted, "
                    f"its backlog is {first.backlog}",
                    f"around the probe: {counts}" if counts else "",
                    f"{way.text}, and no SYN-ACK was born",
                ),
            )
        ),
        values={
            "server": server_name(scene),
            "listeners": listed(full),
            "process": process_of(full),
            "queued": str(first.queued),
            "backlog": str(first.backlog),
            "server_is_container": "yes" if focus.server else "",
        },
    )


def full_listeners(scene: Scene) -> tuple[Listener, ...]:
    """Those that should take the connection and have more waiting than they hold."""
    focus = scene.focus
    try:
        held = scene.sockets(focus.place).accepting(
            focus.inner_address or focus.address, focus.inner_port or focus.port
        )
    except Unseen:
        return ()
    return tuple(s for s in held if s.queued > s.backlog > 0)


def _tracking(scene: Scene, found: Attempted, way: Trail) -> Ruling | None:
    """A connection table that is full."""
    if way.stage in (Stage.BLIND, Stage.WIRE):
        return None
    places = dict.fromkeys(p.place for p in passages(scene, found, way))
    for place in places:
        rises = [(n, found.rose(place, n)) for n in TRACKING]
        if not any(by for _, by in rises):
            continue
        now = scene.look(ReadCounters(place), KernelCounters)
        if not now.tracked_max or now.tracked < FULL * now.tracked_max:
            continue
        counts = ", ".join(f"{name} +{by}" for name, by in rises if by)
        return Ruling(
            "tracking",
            f"yes: {now.tracked} of {now.tracked_max} connections are tracked",
            Mark.BAD,
            evidence=(
                f"nf_conntrack_count is {now.tracked}, nf_conntrack_max "
                f"{now.tracked_max}",
                f"{counts} in {place.label} around the probe",
            ),
            values={
                "tracked": str(now.tracked),
                "tracked_max": str(now.tracked_max),
                "more_tracked": str(max(4 * now.tracked_max, 262144)),
            },
        )
    return None


def _other_door(scene: Scene, found: Attempted, way: Trail) -> Ruling | None:
    """An answer that leaves the server by another device than the probe came by."""
    place = scene.focus.place
    if way.stage is not Stage.REPLY or place in (None, HOST):
        return None
    came = [s for s in way.forward if s.place == place and s.inbound]
    left = [s for s in way.replies if s.place == place and not s.inbound]
    if not came or not left or came[0].device == left[0].device:
        return None
    return Ruling(
        "gateway",
        f"no, but the answer left by {left[0].device}, not by {came[0].device}",
        Mark.BAD,
        evidence=(
            f"the {came[0].packet.kind} came in at {where(came[0])}, the "
            f"{left[0].packet.kind} left at {where(left[0])} and never came back to "
            f"{found.connection.source}",
        ),
        values={
            "server": server_name(scene),
            "came_device": came[0].device,
            "left_device": left[0].device,
        },
    )


def _not_forwarded(scene: Scene, found: Attempted, way: Trail) -> Ruling | None:
    """A host that was told to forward nothing, or nothing that comes in there."""
    if way.stage is not Stage.FORWARD:
        return None
    for passage in passages(scene, found, way):
        family = passage.family
        links = scene.try_look(ReadLinks(HOST), LinkTable)
        for device in sorted(passage.came_by - passage.leaves_by):
            switch = f"net.ipv{family}.conf.{device}.forwarding"
            if links is not None and links.sysctl(switch) == "0":
                return Ruling("forwarding", f"{switch} = 0", Mark.ODD)
    return None


NODES = (
    Node(
        "kernel_drop",
        "did the kernel itself drop it?",
        kernel_drop,
        {
            "rp_filter": Branch(
                "the reverse path filter", fault("rp-filter-asymmetric")
            ),
            "checksum": Branch(
                "its checksum is wrong", fault("tx-checksum-offload-bug")
            ),
            "backlog": Branch("a listener's queue is full", "why_full"),
            "tracking": Branch(
                "the table of connections is full", fault("conntrack-table-full")
            ),
            "table": Branch(
                "the table of neighbours is full", fault("neighbour-table-overflow")
            ),
            "gateway": Branch(
                "no: the answer took another door", fault("container-wrong-gateway")
            ),
            "forwarding": Branch("it forwards nothing that comes there", "forwarding"),
            "unsteady": Branch("no: another probe got through", "unsteady"),
            "none": Branch(
                "not known to have",
                undetermined(
                    "{client} to {target}: {met}; {last_seen}; {rules}",
                    "what stands right behind the last hop of the path above took the "
                    "packet: its rules and counters are where to look",
                ),
            ),
        },
    ),
)
