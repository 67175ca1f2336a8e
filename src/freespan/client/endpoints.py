"""In which order to ask the addresses of a host: its own, and the fronts that lead to it. Pure.

The invite's order is the rule, since every front in use is one more that sees who asks. It is left for a while when
another address has served, or when one has not.
"""

from __future__ import annotations

from collections.abc import Sequence

from freespan.wire.limits import BEGIN_ANEW_SECONDS


class Endpoints:
    """`endpoints` are endpoint URLs in the invite's order, the host's own first; `now` is in seconds of any steady clock."""

    def __init__(self, endpoints: Sequence[str]) -> None:
        self.own = endpoints[0]
        self._invite = list(dict.fromkeys(endpoints))
        self._order = list(self._invite)
        self._left_at = 0.0

    def in_order(self, now: float) -> list[str]:
        """All of them, the one to ask first in front."""
        if now - self._left_at >= BEGIN_ANEW_SECONDS:
            self._order = list(self._invite)
        return list(self._order)

    def put_first(self, endpoint: str, now: float) -> None:
        """This one has served."""
        self._move(endpoint, 0, now)

    def put_last(self, endpoint: str, now: float) -> None:
        """This one has not, though it may have seemed to."""
        self._move(endpoint, len(self._order) - 1, now)

    def _move(self, endpoint: str, place: int, now: float) -> None:
        if self._order == self._invite:
            # from the first step away on, or whoever is asked first would stay so by serving
            self._left_at = now
        self._order.remove(endpoint)
        self._order.insert(place, endpoint)
