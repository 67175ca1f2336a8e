"""How often something may be done from one source. Pure.

There is a token bucket for each host and one for each network, kept as the time at which it will be full again. Their
number is bounded. Whoever floods the table with new sources makes it forget the buckets that are nearly full, so a
source that has used up its budget is remembered for the longest.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass

from freespan.sources.source import Source


@dataclass(frozen=True)
class Rate:
    """A budget: `per_second` in the long run, and `burst` at once."""

    per_second: float
    burst: float


class _Buckets:
    """Token buckets by name; taking from one costs O(log n)."""

    def __init__(self, rate: Rate, most: int) -> None:
        self._per_second = rate.per_second
        self._burst = rate.burst
        self._burst_seconds = rate.burst / rate.per_second
        self._most = most
        self._full_at: dict[bytes, float] = {}
        self._by_time: list[tuple[float, bytes]] = []
        """Each name once, by a time that is not later than that in `_full_at`; the earliest first."""

    def __len__(self) -> int:
        return len(self._full_at)

    def wait(self, name: bytes, cost: float, now: float) -> float:
        """Seconds until the bucket holds `cost`; infinity if it never does."""
        if cost > self._burst:
            return math.inf
        known = self._full_at.get(name, now)
        wait = (known if known > now else now) + cost / self._per_second - now - self._burst_seconds
        return wait if wait > 0.0 else 0.0

    def take(self, name: bytes, cost: float, now: float) -> None:
        known = self._full_at.get(name)
        is_new = known is None
        full_at = (now if known is None or known < now else known) + cost / self._per_second
        if is_new and len(self._full_at) >= self._most:
            self._forget_fullest()
        self._full_at[name] = full_at
        if is_new:
            heapq.heappush(self._by_time, (full_at, name))

    def _forget_fullest(self) -> None:
        while True:
            time, name = self._by_time[0]
            if (full_at := self._full_at[name]) == time:
                heapq.heappop(self._by_time)
                del self._full_at[name]
                return
            heapq.heapreplace(self._by_time, (full_at, name))  # at most once for each time that it was taken from


class RateBudgets:
    """Budgets for every source, for its host and for its network, and one for all together.

    A source that is not known (None) has no budget of its own: only the total applies to it. A quarter of the total is
    kept for newcomers: both their host and their network have hardly used anything. What they have used is forgotten
    far more slowly than their budget fills, or a few networks that stay within theirs would use up that quarter.

    Args:
        host: what one host may do.
        network: what all hosts of one network may do together; a few times that of a host.
        total: what all sources may do together; None for no bound.
        sources_max: hosts, and networks, that are remembered.
    """

    def __init__(self, host: Rate, network: Rate, total: Rate | None = None, *, sources_max: int = 16_384) -> None:
        self._host = host
        self._hosts = _Buckets(host, sources_max)
        self._networks = _Buckets(network, sources_max)
        self._new_hosts = _Buckets(_of_newcomer(host), sources_max)
        self._new_networks = _Buckets(_of_newcomer(network), sources_max)
        self._total = None if total is None else _Buckets(total, 1)
        self._kept_for_newcomers = 0.0 if total is None else total.burst * _NEWCOMERS_SHARE

    def __len__(self) -> int:
        """How many hosts are remembered."""
        return len(self._hosts)

    def take(self, source: Source | None, now: float, cost: float = 1.0) -> bool:
        """Whether the source may do it once more; if so it is counted. `now` is in seconds that never go back."""
        return self.reserve(source, now, 0.0, cost) is not None

    def reserve(
        self, source: Source | None, now: float, patience: float, cost: float = 1.0, worth: float = 1.0
    ) -> float | None:
        """Return in how many seconds the source may do it, and count it; None if that is above `patience`.

        A source that has shown to be of use is a newcomer for `worth` times as much as others.
        """
        wait = self.wait(source, now, cost, worth)
        if wait > patience:
            return None
        if source is not None:
            self._hosts.take(source.host, cost, now)
            self._networks.take(source.network, cost, now)
        if self._total is not None:
            self._total.take(b"", cost, now)
            if source is not None:
                self._new_hosts.take(source.host, cost / worth, now)
                self._new_networks.take(source.network, cost / worth, now)
        return wait

    def wait(self, source: Source | None, now: float, cost: float = 1.0, worth: float = 1.0) -> float:
        """Seconds until the source may do it; 0 for now, infinity for a cost above what it may do at once."""
        wait = 0.0
        if source is not None:
            wait = max(self._hosts.wait(source.host, cost, now), self._networks.wait(source.network, cost, now))
        if self._total is not None:
            kept = 0.0 if self._is_newcomer(source, cost / worth, now) else self._kept_for_newcomers
            wait = max(wait, self._total.wait(b"", cost + kept, now))
        return wait

    def _is_newcomer(self, source: Source | None, cost: float, now: float) -> bool:
        return source is None or (
            self._new_hosts.wait(source.host, cost, now) == 0
            and self._new_networks.wait(source.network, cost, now) == 0
        )


_NEWCOMERS_SHARE = 0.25
"""The part of the total that is kept for newcomers; and what they may use at once of their own budget."""
_NEWCOMERS_PACE = 1 / 32
"""What they may use of it in the long run."""


def _of_newcomer(rate: Rate) -> Rate:
    """What a source may use and still be a newcomer."""
    return Rate(rate.per_second * _NEWCOMERS_PACE, rate.burst * _NEWCOMERS_SHARE)
