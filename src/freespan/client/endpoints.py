"""The order in which a client asks the endpoints of a host: its own URL, and the fronts that lead to it. Pure.

The order of the invite is the rule, because each front that is used is one more party that sees who asks. The client
changes it for a while, after an endpoint has served or has failed.
"""

from __future__ import annotations

from collections.abc import Sequence


class Endpoints:
    """Base URLs in the order of the invite, the host's own first. `now` is in seconds of any monotonic clock.

    The order of the invite returns `reset_seconds` after the first change.
    """

    def __init__(self, endpoints: Sequence[str], reset_seconds: float) -> None:
        self.own = endpoints[0]
        self.of_invite = tuple(dict.fromkeys(endpoints))
        self._order = list(self.of_invite)
        self._reset_seconds = reset_seconds
        self._changed_at = 0.0

    def in_order(self, now: float) -> list[str]:
        """All endpoints, the one to ask first at the front of the list."""
        if now - self._changed_at >= self._reset_seconds:
            self._order = list(self.of_invite)
        return list(self._order)

    def put_first(self, endpoint: str, now: float) -> None:
        """This endpoint has served."""
        self._move(endpoint, 0, now)

    def put_last(self, endpoint: str, now: float) -> None:
        """This endpoint has failed, although it may answer."""
        self._move(endpoint, len(self._order) - 1, now)

    def _move(self, endpoint: str, place: int, now: float) -> None:
        if self._order == list(self.of_invite):
            # later changes do not count, or an endpoint that serves would stay first for ever by serving
            self._changed_at = now
        self._order.remove(endpoint)
        self._order.insert(place, endpoint)
