"""The measured figures: each is a median with its samples, or a single number. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

Value = float | dict[str, float] | None


class Figures:
    """`values`, and where there are any `samples` and `parts`, by the name of the figure."""

    def __init__(self) -> None:
        self.values: dict[str, Value] = {}
        self.samples: dict[str, list[float]] = {}
        self.parts: dict[str, dict[str, float]] = {}

    def median(self, name: str, samples: Sequence[float], digits: int = 4) -> None:
        """Add a figure that is the median of its samples."""
        self.samples[name] = [round(sample, digits) for sample in samples]
        self.values[name] = round(statistics.median(samples), digits)

    def median_parts(self, name: str, parts: Sequence[Mapping[str, float]]) -> None:
        """Add the parts of a figure: the median of each, in the order of the first sample."""
        self.parts[name] = {
            part: round(statistics.median(sample[part] for sample in parts), 4) for part in (parts[0] if parts else ())
        }

    def number(self, name: str, value: Value) -> None:
        """Add a figure that is not a median; None if it is unknown on this machine."""
        self.values[name] = value
