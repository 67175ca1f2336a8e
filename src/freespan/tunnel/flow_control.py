"""Flow control of a session (RFC 9000 section 4): how far its streams may receive ahead of their readers. Pure.

Every stream of a session has a small window at least. It begins with a wider one while the session has more than half
of its reserve left: so a few streams are as fast as can be from their first byte, and some hundred that stand still
leave enough for the next one to grow. When its reader has emptied a whole window quickly, it is the window that limits
the stream, so the window doubles, or grows to that wider one. What windows exceed the small one by is taken from the
reserve, which is bounded, and returned at the end of the stream:

    session window  =  STREAMS_MAX × small window of a stream  +  reserve

All windows together therefore never exceed the session's. Streams that nobody reads starve no other stream, even if
they were fast before.
"""

from __future__ import annotations

from freespan.tunnel.settings import TunnelSettings
from freespan.wire.limits import STREAMS_MAX

_QUICK_SECONDS = 0.5
"""A reader that empties its window within this time, or within two round trips, is given a wider one."""


class SessionWindow:
    """What all streams of a session share at the receiving end; sizes in bytes."""

    def __init__(self, settings: TunnelSettings) -> None:
        self.unread = 0
        """What all streams have received and their readers have not taken."""
        self.reserve = max(0, settings.session_window - STREAMS_MAX * settings.stream_window)
        """By how much windows may still grow."""
        self.smallest = settings.stream_window
        self.widest = settings.stream_window_max
        self.usual = settings.stream_window_first
        """The window of a new stream while there is much to spare; a smaller one grows to this at once."""
        self._lift = settings.stream_window_first - settings.stream_window
        self._kept = self.reserve // 2
        """What is kept of the reserve for streams whose readers prove to be fast."""

    def first(self) -> int:
        """The window of a new stream; what it exceeds the smallest by is taken out of the reserve."""
        if not 0 < self._lift <= self.reserve - self._kept:
            return self.smallest
        return self.smallest + self.take(self._lift)

    def take(self, wanted: int) -> int:
        """Take up to `wanted` bytes out of the reserve; returns how many there were."""
        taken = min(wanted, self.reserve)
        self.reserve -= taken
        return taken


class StreamWindow:
    """The window of one stream: `size` bytes may be received ahead of its reader. `now` is in seconds."""

    def __init__(self, session: SessionWindow, now: float) -> None:
        self.size = session.first()
        self._session = session
        self._taken = 0
        self._since = now

    def on_read(self, count: int, unread: int, now: float, min_rtt: float) -> None:
        """The reader has taken `count` bytes and left `unread`. Widens the window if the reader was quick."""
        self._taken += count
        if self._taken < self.size - self.size // 8:  # the frames around the bytes fill the rest of it
            return
        quick = max(_QUICK_SECONDS, 2 * min_rtt)  # a window comes once in a round trip at best
        if now - self._since < quick and unread < self.size // 2:
            wanted = max(self.size, self._session.usual - self.size)
            self.size += self._session.take(min(wanted, self._session.widest - self.size))
        self._taken, self._since = 0, now

    def close(self) -> None:
        """Return to the session what the window exceeds the smallest by."""
        self._session.reserve += self.size - self._session.smallest
        self.size = self._session.smallest
