"""Figures that `make bench` prints, and where benchmarks register the functions that measure them.

A function declares the names of its figures, and returns a Figure for each:

    @figures("lab.star100.up", "lab.star100.reap")
    def star(build: Path) -> dict[str, Figure]: ...

A ratio over 1 means that ours is better. Ours and the peer are measured in turn in the same run, so that
what else the machine does falls on both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    ours: float
    peer: float | None  # None where there is nothing to compare with
    unit: str
    note: str
    less_is_better: bool = True

    @property
    def ratio(self) -> float | None:
        if self.peer is None or not self.ours or not self.peer:
            return None
        return self.peer / self.ours if self.less_is_better else self.ours / self.peer

    def as_json(self) -> dict[str, float | str | None]:
        return {
            "ours": self.ours,
            "peer": self.peer,
            "ratio": self.ratio,
            "unit": self.unit,
            "note": self.note,
        }


Benchmark = Callable[[Path], dict[str, Figure]]

registered: list[tuple[tuple[str, ...], Benchmark]] = []


def figures(*names: str) -> Callable[[Benchmark], Benchmark]:
    """Registers a function that measures the figures of these names. It is given the build folder."""

    def register(function: Benchmark) -> Benchmark:
        registered.append((names, function))
        return function

    return register
