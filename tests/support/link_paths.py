"""Links with a rate, a delay and all the ways to fail, for a virtual clock."""

import asyncio
from collections.abc import Callable, Iterable

from freespan.link.base import LinkOwner, SendQueueLimit
from freespan.wire.limits import LINK_QUEUE_MAX, PIPE_WAITING_MAX

Tamper = Callable[[bytes], Iterable[bytes]]


class PathEnd:
    """A `Link`; `delay` one way in seconds, `rate` in bytes a second, for what this end sends."""

    def __init__(self, rate: float, delay: float) -> None:
        self.rate = rate
        self.delay = delay
        self.tamper: Tamper | None = None
        self.pause: Callable[[], float] = float
        """Asked for each message: for how many seconds it holds up itself and what is behind it."""
        self.frozen = False
        self.ended: str | None = None
        self.sent_bytes = 0
        self.waiting_peak = 0
        self.messages: list[bytes] | None = None
        """Set to a list: what this end sends is kept, as a bridge could keep it."""
        self.other: PathEnd
        self._loop = asyncio.get_running_loop()
        self._owner: LinkOwner | None = None
        self._early: list[bytes] = []
        self._held: list[bytes] = []
        self._free_at = 0.0
        self._queue_limit = SendQueueLimit()
        self._generation = 0

    # --- Link ----------------------------------------------------------------------------------
    def start(self, owner: LinkOwner) -> None:
        assert self._owner is None
        self._owner = owner
        for message in self._early:
            owner.on_message(message)
        if self.ended is not None:
            owner.on_closed(self.ended)

    @property
    def send_credit(self) -> int:
        credit = self._queue_limit.send_credit(self.waiting)
        if not credit:
            self._loop.call_at(self._free_at - LINK_QUEUE_MAX / 2 / self.rate, self._drained)
        return credit

    def send(self, message: bytes) -> None:
        if self.ended is not None:
            return
        if self.messages is not None:
            self.messages.append(message)
        self.sent_bytes += len(message)
        self._free_at = max(self._loop.time(), self._free_at) + len(message) / self.rate + self.pause()
        self.waiting_peak = max(self.waiting_peak, self.waiting)
        assert self.waiting <= PIPE_WAITING_MAX
        for each in self.tamper(message) if self.tamper is not None else (message,):
            self._loop.call_at(self._free_at + self.delay, self._arrive, each)

    def close(self, reason: str = "closed") -> None:
        if self.ended is None:
            self._end_soon(0.0, reason)
            self.other._end_soon(self.delay, "the other end closed the link")

    # --- the path ------------------------------------------------------------------------------
    @property
    def waiting(self) -> int:
        return round(max(0.0, self._free_at - self._loop.time()) * self.rate)

    def _drained(self) -> None:
        if self._owner is not None and self.ended is None and self._queue_limit.has_drained(self.waiting):
            self._owner.on_writable()

    def _arrive(self, message: bytes) -> None:
        if self.frozen:
            self._held.append(message)
        else:
            self.other._receive(message)

    def thaw(self) -> None:
        self.frozen = False
        held, self._held = self._held, []
        for message in held:
            self.other._receive(message)

    def _receive(self, message: bytes) -> None:
        if self.ended is not None:
            return
        if self._owner is None:
            self._early.append(message)
        else:
            self._owner.on_message(message)

    def _end_soon(self, delay: float, reason: str) -> None:
        self._loop.call_later(delay, self._end, reason)

    def _end(self, reason: str) -> None:
        if self.ended is None:
            self.ended = reason
            if self._owner is not None:
                self._owner.on_closed(reason)


class Path:
    """Both ends of a link."""

    def __init__(self, rate: float = 10e6, min_rtt: float = 0.05) -> None:
        self.client = PathEnd(rate, min_rtt / 2)
        self.egress = PathEnd(rate, min_rtt / 2)
        self.client.other, self.egress.other = self.egress, self.client
        self._loop = asyncio.get_running_loop()

    @property
    def ends(self) -> tuple[PathEnd, PathEnd]:
        return self.client, self.egress

    def die(self, client_after: float | None = None, egress_after: float | None = 0.0) -> None:
        """What is on its way is lost; each end notices after so many seconds, or (None) never."""
        for end, after in ((self.client, client_after), (self.egress, egress_after)):
            end.tamper = lambda _: ()
            end.frozen = True
            if after is not None:
                end._end_soon(after, "the connection was lost")

    def freeze(self) -> None:
        for end in self.ends:
            end.frozen = True

    def thaw(self) -> None:
        for end in self.ends:
            end.thaw()

    def slow_down(self, rate: float) -> None:
        for end in self.ends:
            end.rate = rate
