"""Bridges that could not be reached lately, or did not hold a session. Pure.

It is the client that remembers, so that the broker need not know one reader's requests from another's.
"""

from __future__ import annotations

from freespan.wire.limits import AVOID_MAX, COOLDOWN_SECONDS


class Cooldown:
    """Names of bridges, each for `COOLDOWN_SECONDS`; of more than `AVOID_MAX` the oldest is forgotten."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}

    def add(self, bridge: str, now: float) -> None:
        """Remember a bridge; `now` in seconds of any steady clock. A broker that names none has nothing to avoid."""
        if not bridge:
            return
        self._since.pop(bridge, None)
        self._since[bridge] = now
        while len(self._since) > AVOID_MAX:
            del self._since[next(iter(self._since))]

    def names(self, now: float) -> list[str]:
        """Those that are not worth a try yet."""
        self._since = {name: since for name, since in self._since.items() if now - since < COOLDOWN_SECONDS}
        return list(self._since)
