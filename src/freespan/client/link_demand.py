"""How many links a session should have. Pure.

Three, where bridges are to be had: the loss of one is then no event, and three uplinks carry more than one. While much
is carried, one more is tried now and then, up to eight, and stays if it has helped; when little is carried, those
beyond three go again, and after a while the third: one is plenty then, and one is to spare.
"""

from __future__ import annotations

from freespan.wire.limits import LINKS_MOST, LINKS_USUAL

_BUSY = 128 * 1024
"""Bytes a second from which on more links may be of use."""
_TRIAL_SECONDS = 4.0
"""So long a new link may take to show what it adds; and so long it must have been busy before, or what grows by itself
would speak for the link."""
_HELPS = 1.1
_PAUSE_SECONDS = 60.0
"""After a link that did not help."""
_CALM_SECONDS = 30.0
_IDLE_SECONDS = 120.0
_IDLE_LINKS = 2


class LinkDemand:
    """Told every second or so what was carried; answers how many links are wanted. Times in seconds."""

    def __init__(self, usual: int = LINKS_USUAL, most: int = LINKS_MOST) -> None:
        self.wanted = usual
        self._usual = usual
        self._most = most
        self._rate = 0.0
        self._before = 0.0
        self._trial_ends = 0.0
        self._next_trial = 0.0
        self._busy_at: float | None = None
        self._busy_since: float | None = None

    def carried(self, rate: float, links: int, now: float) -> None:
        """`rate` in bytes a second, both directions, of the session on `links` links."""
        self._rate += (rate - self._rate) / 2
        if rate >= _BUSY or self._busy_at is None:
            self._busy_at = now
        if rate >= _BUSY:
            self._busy_since = now if self._busy_since is None else self._busy_since
        else:
            self._busy_since = None
        if self._trial_ends:
            self._judge(links, now)
        elif now - self._busy_at >= _IDLE_SECONDS:
            self.wanted = min(self._usual, _IDLE_LINKS)
        elif now - self._busy_at >= _CALM_SECONDS or self.wanted < self._usual:
            self.wanted = self._usual
        elif self._is_steady(now) and links >= self.wanted < self._most and now >= self._next_trial:
            self._before, self._trial_ends = self._rate, now + _TRIAL_SECONDS
            self.wanted += 1

    def _is_steady(self, now: float) -> bool:
        return self._busy_since is not None and now - self._busy_since >= _TRIAL_SECONDS

    def _judge(self, links: int, now: float) -> None:
        """Keep the link that is on trial, or do without it: it does not help, or there was none to be had."""
        if now < self._trial_ends:
            return
        self._trial_ends = 0.0
        if links >= self.wanted and self._rate >= _HELPS * self._before:
            self._next_trial = now
        else:
            self._next_trial = now + _PAUSE_SECONDS
            self.wanted -= 1
