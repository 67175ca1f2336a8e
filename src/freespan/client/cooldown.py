"""The bridges that a client does not ask for, because they have just failed. Pure.

The client remembers them, so the broker need not link one reader's requests to each other.
"""

from __future__ import annotations

from freespan.wire.limits import AVOID_MAX


class Cooldown:
    """Names of bridges, each kept for `seconds`; beyond `AVOID_MAX` names the oldest one is dropped."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: dict[str, float] = {}

    def add(self, bridge: str, now: float) -> None:
        """Start a bridge's cooldown. `now` is in seconds of any monotonic clock. An empty name is ignored."""
        if not bridge:
            return
        self._since.pop(bridge, None)
        self._since[bridge] = now
        while len(self._since) > AVOID_MAX:
            del self._since[next(iter(self._since))]

    def clear(self) -> None:
        """End all cooldowns."""
        self._since.clear()

    def names(self, now: float) -> list[str]:
        """The bridges whose cooldown is not over, the oldest first."""
        self._since = {name: since for name, since in self._since.items() if now - since < self._seconds}
        return list(self._since)
