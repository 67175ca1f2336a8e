"""How many lanes one session may ask for. Pure.

A lane that never opens makes the bridge send connectivity checks to whoever has the addresses that the session's first
offer named, and the broker counts only that offer. So such lanes cost much, and those that open cost little.
"""

from __future__ import annotations

_COST = 8.0
_COST_OF_OPEN = 1.0
_BURST = 64.0
_PER_SECOND = _BURST / 600.0


class LaneBudget:
    """A token bucket: eight lanes that do not open, and then one in 75 seconds. `now` is the time of its making."""

    def __init__(self, now: float) -> None:
        self._tokens = _BURST
        self._at = now

    def take(self, now: float) -> bool:
        """Whether one more lane may be opened; if so it is counted as one that does not open."""
        self._tokens = min(_BURST, self._tokens + (now - self._at) * _PER_SECOND)
        self._at = now
        if self._tokens < _COST:
            return False
        self._tokens -= _COST
        return True

    def give_back(self) -> None:
        """A lane has opened."""
        self._tokens += _COST - _COST_OF_OPEN
