"""Rates and counts in few columns, as people say them."""

from __future__ import annotations


def rate(per_second: float) -> str:
    """Bytes per second in SI units: ``0``, ``812 B/s``, ``1.2 MB/s``."""
    if per_second < 0.5:
        return "0"
    value, unit = per_second, "B/s"
    for bigger in ("kB/s", "MB/s", "GB/s"):
        if value < 999.5:
            break
        value, unit = value / 1000, bigger
    digits = 1 if value < 9.95 and unit != "B/s" else 0
    return f"{value:.{digits}f} {unit}"


def both_ways(into: float, out: float) -> str:
    """``↓ 1.2 MB/s ↑ 12 kB/s``; nothing when nothing moves."""
    if into + out <= 0:
        return ""
    return f"↓ {rate(into)} ↑ {rate(out)}"
