"""What has been measured: each figure a median (or a single number), with the samples behind it."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

Value = float | dict[str, float] | None


class Figures:
    """`values` by the figure's name; `samples` and `parts` for those that have them."""

    def __init__(self) -> None:
        self.values: dict[str, Value] = {}
        self.samples: dict[str, list[float]] = {}
        self.parts: dict[str, dict[str, float]] = {}

    def median(self, name: str, samples: Sequence[float], digits: int = 4) -> None:
        """Note a figure as the median of its samples."""
        self.samples[name] = [round(sample, digits) for sample in samples]
        self.values[name] = round(statistics.median(samples), digits)

    def median_parts(self, name: str, parts: Sequence[Mapping[str, float]]) -> None:
        """Note of what a figure consists: the median of each part, in the order of the first sample."""
        self.parts[name] = {
            part: round(statistics.median(sample[part] for sample in parts), 4) for part in (parts[0] if parts else ())
        }

    def number(self, name: str, value: Value) -> None:
        """Note a figure that is no median; None where this machine cannot tell."""
        self.values[name] = value
