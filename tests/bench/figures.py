"""What was measured: samples with a unit, the bar they are held against, a table."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Json = dict[str, object]


@dataclass(frozen=True)
class Figure:
    """One thing that was measured, some times, in one run."""

    name: str
    unit: str
    samples: tuple[float, ...]
    bar: float | None = None
    """What DESIGN promises: not more than this."""
    against: tuple[str, ...] = ()
    """Names of netwiz's own figures for the same answer."""
    note: str = ""

    @property
    def median(self) -> float:
        """Of this run."""
        return statistics.median(self.samples)

    @property
    def within(self) -> bool | None:
        """Whether the promise is kept; None where nothing was promised."""
        return None if self.bar is None else self.median <= self.bar


class Figures:
    """All figures of a run."""

    def __init__(self) -> None:
        self.all: list[Figure] = []

    def add(
        self,
        name: str,
        unit: str,
        samples: Iterable[float],
        *,
        bar: float | None = None,
        against: tuple[str, ...] = (),
        note: str = "",
    ) -> Figure:
        """Keep a figure; a measurement without samples is an error of the bench."""
        figure = Figure(name, unit, tuple(samples), bar, against, note)
        if not figure.samples:
            raise ValueError(f"nothing was measured for: {name}")
        self.all.append(figure)
        return figure

    def ratios(self, figure: Figure) -> dict[str, float]:
        """How many times the cost of netwiz's own answers, by their names."""
        own = {known.name: known.median for known in self.all}
        return {
            name: figure.median / own[name] for name in figure.against if own.get(name)
        }

    def as_json(self) -> list[Json]:
        """For keeping and comparing."""
        return [
            {
                "name": figure.name,
                "unit": figure.unit,
                "median": round(figure.median, 4),
                "samples": [round(sample, 4) for sample in figure.samples],
                "bar": figure.bar,
                "within": figure.within,
                "ratios": {
                    name: round(ratio, 3) for name, ratio in self.ratios(figure).items()
                },
                "note": figure.note,
            }
            for figure in self.all
        ]

    def table(self) -> list[str]:
        """For people; what is compared follows the figures."""
        head = ("", "median", "min", "max", "n", "bar", "")
        rows = [head, *map(_row, self.all)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
        return [_line(row, widths) for row in rows] + [
            f"{ratio:4.1f} x {name} = {figure.name}"
            for figure in self.all
            for name, ratio in self.ratios(figure).items()
        ]


def _row(figure: Figure) -> tuple[str, ...]:
    kept = {None: "", True: "kept", False: "MISSED"}[figure.within]
    return (
        figure.name + (f" ({figure.note})" if figure.note else ""),
        f"{_short(figure.median)} {figure.unit}",
        _short(min(figure.samples)),
        _short(max(figure.samples)),
        str(len(figure.samples)),
        "" if figure.bar is None else _short(figure.bar),
        kept,
    )


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = (
        text.ljust(width) if not column else text.rjust(width)
        for column, (text, width) in enumerate(zip(row, widths, strict=True))
    )
    return "  ".join((first, *rest)).rstrip()
