"""How many lanes one session may ask for. Pure.

A lane that never opens makes the bridge send connectivity checks to whoever has the addresses that the session's first
offer named, and the broker counts only that offer. So such lanes cost much, and those that open cost little. A refusal
costs the bridge some work as well, so a client that goes on asking loses its session.
"""

from __future__ import annotations

_COST = 8.0
_COST_OF_OPEN = 1.0
_LANES_BURST = 64.0
_LANES_PER_SECOND = _LANES_BURST / 600.0
_REQUESTS_BURST = 64.0
_REQUESTS_PER_SECOND = 1.0


class _Bucket:
    """A token bucket, which is full at first."""

    def __init__(self, burst: float, per_second: float, now: float) -> None:
        self._burst = burst
        self._per_second = per_second
        self.tokens = burst
        self._at = now

    def take(self, cost: float, now: float) -> bool:
        self.tokens = min(self._burst, self.tokens + (now - self._at) * self._per_second)
        self._at = now
        if self.tokens < cost:
            return False
        self.tokens -= cost
        return True


class LaneBudget:
    """Eight lanes that do not open, and then one in 75 seconds; 64 requests, and then one a second.

    Every `now` is in seconds that never go back, the first one when the session begins.
    """

    def __init__(self, now: float) -> None:
        self._requests = _Bucket(_REQUESTS_BURST, _REQUESTS_PER_SECOND, now)
        self._lanes = _Bucket(_LANES_BURST, _LANES_PER_SECOND, now)

    def may_ask(self, now: float) -> bool:
        """Whether one more request is within bounds; if so it is counted."""
        return self._requests.take(1.0, now)

    def take(self, now: float) -> bool:
        """Whether one more lane may be opened; if so it is counted as one that does not open."""
        return self._lanes.take(_COST, now)

    def give_back(self) -> None:
        """A lane has opened."""
        self._lanes.tokens += _COST - _COST_OF_OPEN
