"""How many messages a bridge may send. Pure.

A bridge sends little by itself, and a few messages for every offer that it is given. So it has a token bucket that
fills slowly, and a little more for each offer.
"""

from __future__ import annotations

from freespan.broker.settings import BrokerSettings


class MessageBudget:
    """One for each WebSocket; `now` is in seconds that never go back."""

    __slots__ = ("_credit", "_settings", "_since")

    def __init__(self, settings: BrokerSettings, now: float) -> None:
        self._settings = settings
        self._credit = settings.messages_burst
        self._since = now

    def allow(self, messages: float) -> None:
        """Let the bridge send some messages more."""
        self._credit = min(self._settings.messages_burst, self._credit + messages)

    def take(self, messages: float, now: float) -> bool:
        """Count so many messages; returns false when the bridge has sent too many."""
        self.allow((now - self._since) * self._settings.messages_per_second)
        self._since = now
        self._credit -= messages
        return self._credit >= 0.0
