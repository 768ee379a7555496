"""What the kernel can do for a swarm, read without loading anything."""

from __future__ import annotations

import os
import re
import socket
import struct
from pathlib import Path

from netwiz.probes.facts.overlay import KernelSupport
from netwiz.probes.netlink.dump import Dumper
from netwiz.probes.text import plain

NETLINK_XFRM = 6
_XFRM_NEWSA, _XFRM_GETSA = 0x10, 0x12
_XFRM_NEWPOLICY, _XFRM_GETPOLICY = 0x13, 0x15
_POLICY_INFO = 168
"""Octets of struct xfrm_userpolicy_info; its last 8 begin with the direction."""
_POLICY_DIRECTION = 160
_OUT = 1
_SELECTOR_DESTINATION = 0
_SELECTOR_FAMILY = 40
_STATE_DESTINATION = 56
"""Where struct xfrm_usersa_info has its id, after the selector of 56 octets."""
_STATE_FAMILY = 212
_ALGORITHMS = ("rfc4106(gcm(aes))", "seqiv(rfc4106(gcm(aes)))")


def kernel_support() -> KernelSupport:
    """Whether IPVS and ESP are in the running kernel, or lie ready as modules."""
    release = plain(os.uname().release, 100)
    installed = Path("/lib/modules")
    try:
        kernels = sorted(p.name for p in installed.iterdir() if p.is_dir())
    except OSError:
        kernels = []
    ready = _ready(installed / os.uname().release)
    loaded = _loaded()
    ipvs = Path("/proc/net/ip_vs").exists() or "ip_vs" in loaded
    return KernelSupport(
        ipvs=ipvs or ("ip_vs" in ready and "builtin" in ready["ip_vs"]),
        ipvs_module="ip_vs" in ready,
        esp="esp4" in loaded or "builtin" in ready.get("esp4", "") or None,
        esp_module="esp4" in ready,
        release=release,
        modules=tuple(plain(k, 100) for k in kernels[:20]),
    )


def _loaded() -> set[str]:
    try:
        lines = Path("/proc/modules").read_text().splitlines()
    except OSError:
        return set()
    return {line.partition(" ")[0] for line in lines}


def _ready(folder: Path) -> dict[str, str]:
    """The two modules by the kernel's own lists: name to ``module`` or ``builtin``."""
    found: dict[str, str] = {}
    for file, kind in (("modules.dep", "module"), ("modules.builtin", "builtin")):
        try:
            text = (folder / file).read_text(errors="replace")
        except OSError:
            continue
        for name in ("ip_vs", "esp4"):
            if re.search(rf"(?:^|/){name}\.ko", text, re.MULTILINE):
                found[name] = kind
    return found


def associations() -> tuple[str, ...]:
    """Destinations of the security associations here (``ip xfrm state``)."""
    found = []
    for body in _dump(_XFRM_GETSA, _XFRM_NEWSA):
        if len(body) >= _STATE_DESTINATION + 16:
            family = _family(body, _STATE_FAMILY)
            found.append(_address(body[_STATE_DESTINATION:], family))
    return tuple(dict.fromkeys(filter(None, found)))


def policies() -> tuple[str, ...]:
    """Destinations for which packets that leave must be encrypted."""
    found = []
    for body in _dump(_XFRM_GETPOLICY, _XFRM_NEWPOLICY):
        if len(body) >= _POLICY_INFO and body[_POLICY_DIRECTION] == _OUT:
            family = _family(body, _SELECTOR_FAMILY)
            found.append(_address(body[_SELECTOR_DESTINATION:], family))
    return tuple(dict.fromkeys(filter(None, found)))


def unsent() -> int:
    """XfrmOutNoStates of the thread's namespace; 0 without XFRM."""
    try:
        text = Path("/proc/thread-self/net/xfrm_stat").read_text()
    except OSError:
        return 0
    found = re.search(r"^XfrmOutNoStates\s+(\d+)", text, re.MULTILINE)
    return int(found[1]) if found else 0


def _dump(ask: int, answer: int) -> list[bytes]:
    try:
        with Dumper(NETLINK_XFRM) as dumper:
            return [body for kind, body in dumper.dump(ask, b"") if kind == answer]
    except OSError:
        return []  # a kernel without XFRM has neither


def _family(body: bytes, at: int) -> int:
    if len(body) < at + 2:
        return socket.AF_INET
    family: int = struct.unpack_from("=H", body, at)[0]
    return family


def _address(body: bytes, family: int) -> str:
    if family == socket.AF_INET6:
        return socket.inet_ntop(socket.AF_INET6, body[:16])
    return socket.inet_ntop(socket.AF_INET, body[:4])
