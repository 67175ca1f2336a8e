"""Measures what each link of a session carries, from one measurement to the next. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from freespan.link.bond.stats import LinkStats

_SHORTEST_SECONDS = 0.001
"""Two measurements are at least this far apart, so that nothing is divided by zero."""


class LinkActivity(NamedTuple):
    """What a link did between two measurements: `rate` in bytes a second, both directions together."""

    rate: float = 0.0
    loss_signals: int = 0


class _Totals(NamedTuple):
    """What a link has carried since it joined: bytes in both directions, and loss signals."""

    carried: int = 0
    loss_signals: int = 0


class LinkMeter:
    """One for each session, which began at `now`. Times are in seconds of any monotonic clock."""

    def __init__(self, now: float) -> None:
        self._measured_at = now
        self._totals: dict[int, _Totals] = {}

    def measure(self, stats: Sequence[LinkStats], now: float) -> dict[int, LinkActivity]:
        """What each link has done since the last call, by its number. Links that have closed are left out."""
        seconds = max(_SHORTEST_SECONDS, now - self._measured_at)
        totals = {link.number: _Totals(link.bytes_sent + link.bytes_received, link.loss_signals) for link in stats}
        before, self._totals, self._measured_at = self._totals, totals, now
        activity = {}
        for number, total in totals.items():
            then = before.get(number, _Totals())
            activity[number] = LinkActivity(
                (total.carried - then.carried) / seconds, total.loss_signals - then.loss_signals
            )
        return activity
