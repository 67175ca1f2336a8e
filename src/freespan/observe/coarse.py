"""Counts of people, published so that nobody can tell from them when somebody came. Pure.

What is published changes only when `publish` is called, which is every ten minutes, and in steps of eight: 8 stands for
8 to 15. So whoever reads the figures again and again learns of no moment, and of no single reader.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class CoarseSettings:
    """How coarse the figures are.

    Attributes:
        step: counts are rounded down to a multiple of this.
        byte_step: the same for bytes that are held for readers: many sessions fit in, since each holds a known amount.
        seconds: how long a figure stays as it is.
    """

    step: int = 8
    byte_step: int = 1 << 24
    seconds: float = 600.0


class CoarseCount:
    """One count; `exact` is for this process alone."""

    def __init__(
        self, settings: CoarseSettings, count: Callable[[], float] | None = None, *, step: int | None = None
    ) -> None:
        self.published = 0
        """What others may read."""
        self._step = settings.step if step is None else step
        self._count = count
        self._exact = 0.0

    @property
    def exact(self) -> float:
        """The count of this moment: what `count` returns, or else what was added."""
        return self._exact if self._count is None else self._count()

    def inc(self, amount: float = 1) -> None:
        """Add to the count; a negative amount takes away."""
        self._exact += amount

    def publish(self) -> None:
        """Let others read the count of this moment, rounded."""
        self.published = int(self.exact) // self._step * self._step


class CoarseCounts:
    """Counts by the value of one label."""

    def __init__(self, settings: CoarseSettings) -> None:
        self._settings = settings
        self._counts: dict[str, CoarseCount] = {}

    def labels(self, value: str) -> CoarseCount:
        """The count for this value."""
        if value not in self._counts:
            self._counts[value] = CoarseCount(self._settings)
        return self._counts[value]

    @property
    def published(self) -> Mapping[str, int]:
        """What others may read: values without a single step are left out, since their mere name would tell of one."""
        return {value: count.published for value, count in sorted(self._counts.items()) if count.published}

    def publish(self) -> None:
        """Let others read the counts of this moment, rounded."""
        for count in self._counts.values():
            count.publish()
