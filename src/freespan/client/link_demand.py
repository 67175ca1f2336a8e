"""How many links, each through a bridge of its own, a session should have. Pure.

Three, where there are that many bridges: then the loss of one does not matter, and three uplinks carry more than one.
While much is carried, one more is tried now and then, up to eight, and stays if it has helped. When little is carried,
those beyond three go again, and after a while the third one: then one link is enough, and one is in reserve.
"""

from __future__ import annotations

_BUSY_RATE = 128 * 1024
"""Bytes a second from which on more links may be of use."""
_TRIAL_SECONDS = 4.0
"""How long a new link has to show what it adds. The session must have been busy for as long before the trial, or a
rate that grows by itself would speak for the link."""
_TRIAL_GAIN = 1.1
"""The factor by which the rate must grow for the new link to stay."""
_REST_SECONDS = 60.0
"""Wait after a trial that did not help."""
_CALM_SECONDS = 30.0
"""After this long with little to carry, the links beyond the usual number go."""
_IDLE_SECONDS = 120.0
"""After this long with little to carry, all links beyond `_IDLE_LINKS` go."""
_IDLE_LINKS = 2


class LinkDemand:
    """`on_second` takes what was carried; `wanted` is how many links there should be. Times are in seconds."""

    def __init__(self, usual: int, most: int) -> None:
        self.wanted = usual
        self._usual = usual
        self._most = most
        self._smoothed_rate = 0.0
        self._rate_before_trial = 0.0
        self._trial_ends = 0.0
        self._next_trial = 0.0
        self._last_busy: float | None = None
        self._busy_since: float | None = None

    def on_second(self, rate: float, links: int, now: float) -> None:
        """Take what the session carried since the last call: `rate` in bytes a second, both directions together.

        `links` is how many links carry it.
        """
        self._smoothed_rate += (rate - self._smoothed_rate) / 2
        if rate >= _BUSY_RATE or self._last_busy is None:
            self._last_busy = now
        if rate >= _BUSY_RATE:
            self._busy_since = now if self._busy_since is None else self._busy_since
        else:
            self._busy_since = None
        if self._trial_ends:
            self._end_trial(links, now)
        elif now - self._last_busy >= _IDLE_SECONDS:
            self.wanted = min(self._usual, _IDLE_LINKS)
        elif now - self._last_busy >= _CALM_SECONDS or self.wanted < self._usual:
            self.wanted = self._usual
        elif self._is_steadily_busy(now) and links >= self.wanted < self._most and now >= self._next_trial:
            self._rate_before_trial, self._trial_ends = self._smoothed_rate, now + _TRIAL_SECONDS
            self.wanted += 1

    def _is_steadily_busy(self, now: float) -> bool:
        return self._busy_since is not None and now - self._busy_since >= _TRIAL_SECONDS

    def _end_trial(self, links: int, now: float) -> None:
        """When its time is over: keep the link on trial, or do without it, if it does not help or did not come."""
        if now < self._trial_ends:
            return
        self._trial_ends = 0.0
        if links >= self.wanted and self._smoothed_rate >= _TRIAL_GAIN * self._rate_before_trial:
            self._next_trial = now
        else:
            self._next_trial = now + _REST_SECONDS
            self.wanted -= 1
