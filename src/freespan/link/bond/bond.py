"""A bond: several links that act as one `Link`. This is the asyncio around `BondCore`, which decides everything.

    client   bond = Bond.begin_session(link, on_event)   HELLO goes out with the first packet, and shows an `Admission`
             bond.set_key(key)                           the key has come inside QUIC
             on_event(Joinable())    bond.add(link)      any number of times, at any time
    egress   arrival = Arrival(link)
             await arrival.opening()                     Hello: Bond.accept_session(arrival, key, on_event)
                                                         Join: bonds[join.session].admit(arrival)

`on_event` is called from the event loop alone. So is the owner of the bond, never from inside `send` or `close`; but
`start`, `add` and `admit` deliver at once what has arrived already.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import traceback
from collections.abc import Callable

from freespan.link.base import DeliveryQueue, Link, LinkOwner, Paced
from freespan.link.bond.admission import Admission
from freespan.link.bond.arrival import Arrival
from freespan.link.bond.core import BondCore
from freespan.link.bond.events import (
    AskQueues,
    BondEvent,
    BondOver,
    CoreEvent,
    Deliver,
    LinkClosed,
    Transmit,
    Writable,
)
from freespan.link.bond.session_key import Role, SessionKey
from freespan.link.bond.settings import BondSettings
from freespan.link.bond.stats import BondStats, stats_of
from freespan.link.turns import Share
from freespan.observe.out_of_memory import check_memory
from freespan.wire.denial import Denial
from freespan.wire.errors import LinkError, MessageError
from freespan.wire.limits import DATAGRAM_SIZE, LINK_QUEUE_MAX

_log = logging.getLogger(__name__)
_BROKEN = "an internal error"
_TOO_EARLY = "too much arrived before the bond was in use"

OnEvent = Callable[[BondEvent], None]


class Bond:
    """A `Link` made of links. Packets have 1 to `DATAGRAM_SIZE` bytes.

    Made with `begin_session` or `accept_session`.
    """

    def __init__(
        self,
        role: Role,
        key: SessionKey | None,
        on_event: OnEvent | None,
        settings: BondSettings | None,
        admission: Admission | None = None,
    ) -> None:
        settings = settings or BondSettings()
        self._loop = asyncio.get_running_loop()
        self._on_event = on_event
        self._links: dict[int, Link] = {}
        self._deliveries = DeliveryQueue(LINK_QUEUE_MAX)
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = float("inf")
        self._linger_seconds = settings.linger_seconds
        self._lingering: asyncio.TimerHandle | None = None
        self._closed = asyncio.Event()
        self._share: Share | None = None
        self._is_paused = False
        self._core = BondCore(role, self._loop.time(), key, settings, admission)

    @classmethod
    def begin_session(
        cls,
        link: Link,
        on_event: OnEvent | None = None,
        settings: BondSettings | None = None,
        admission: Admission | None = None,
    ) -> Bond:
        """The client begins a session on its first link; without an `admission` it shows no invite."""
        bond = cls(Role.CLIENT, None, on_event, settings, admission)
        bond._begin(link)
        link.start(_BondLinkOwner(bond, 0))
        return bond

    @classmethod
    def accept_session(
        cls,
        arrival: Arrival,
        key: SessionKey,
        on_event: OnEvent | None = None,
        settings: BondSettings | None = None,
    ) -> Bond:
        """The egress accepts a new session; the tunnel sends `key` to the client, inside QUIC."""
        bond = cls(Role.EGRESS, key, on_event, settings)
        bond._begin(arrival.link)
        arrival.hand_over(_BondLinkOwner(bond, 0))
        return bond

    # --- links -----------------------------------------------------------------------------------------
    def set_key(self, key: SessionKey) -> None:
        """The client has got the session's key; `Joinable` follows when the other end protects its records too."""
        self._act(self._core.set_key(key, self._loop.time()))
        self._arm_timer()

    @property
    def is_joinable(self) -> bool:
        """Whether further links may join."""
        return self._core.is_joinable and not self._core.is_over

    def add(self, link: Link) -> int:
        """The client adds an open link; returns its number. Raises `LinkError` when that cannot be now."""
        number, events = self._core.add(link.send_credit, self._loop.time())
        self._take(number, link)
        self._act(events)
        link.start(_BondLinkOwner(self, number))
        self._arm_timer()
        return number

    def admit(self, arrival: Arrival) -> int:
        """The egress takes a link whose opening was a JOIN of this session; returns its number.

        Raises:
            LinkError: it is not by the client of this session, or a copy, or one too many; the caller closes it.
        """
        message = arrival.take_first_message()
        try:
            number, events = self._core.admit(message, arrival.link.send_credit, self._loop.time())
        except MessageError as error:
            raise LinkError(str(error)) from None
        self._take(number, arrival.link)
        self._act(events)
        arrival.hand_over(_BondLinkOwner(self, number))
        self._arm_timer()
        return number

    def remove(self, number: int, reason: str = "not needed any more") -> None:
        """Close a link; what it carries is sent again on the others."""
        self._act(self._core.on_closed(number, reason, self._loop.time()))
        self._arm_timer()

    @property
    def held(self) -> int:
        """About how many bytes it keeps: what is not acknowledged or not in order, and what waits in its links."""
        core = self._core
        waiting = sum(getattr(link, "held", 0) for link in self._links.values())
        return core.sender.buffer.unacked_cost + core.reordering.held_cost + self._deliveries.held + waiting

    @property
    def silent_for(self) -> float:
        """For how many seconds nothing has come, on any link; infinity without a link."""
        heard_at = max((link.received_at for link in self._core.links), default=-math.inf)
        return self._loop.time() - heard_at

    @property
    def denial(self) -> Denial | None:
        """Why the host has not begun this session, or has ended it, if it has proved to say so."""
        return self._core.denial

    def stats(self) -> BondStats:
        """How the bond is now."""
        return stats_of(self._core)

    def _begin(self, link: Link) -> None:
        self._take(0, link)
        self._core.set_queue_left(0, link.send_credit)

    def _take(self, number: int, link: Link) -> None:
        self._links[number] = link
        if isinstance(link, Paced):
            if self._share is not None:
                link.share_turns(self._share)
            if self._is_paused:
                link.pause()

    # --- Link ------------------------------------------------------------------------------------------
    def start(self, owner: LinkOwner) -> None:
        """See `Link.start`."""
        self._deliveries.start(owner)

    @property
    def send_credit(self) -> int:
        """See `Link.send_credit`: what the congestion windows of the links take, in whole packets."""
        self._hand_in_queues()
        return self._core.send_credit(self._loop.time())

    def send(self, message: bytes) -> None:
        """See `Link.send`."""
        if not 0 < len(message) <= DATAGRAM_SIZE:
            raise ValueError(f"a packet has 1 to {DATAGRAM_SIZE} bytes")
        core = self._core
        self._act(core.send(message, self._loop.time()))
        if core.timer_at < self._timer_at:
            self._arm_timer()

    # --- Paced -----------------------------------------------------------------------------------------
    def pause(self) -> None:
        """See `Paced.pause`: no link is read that can do without."""
        self._is_paused = True
        for link in self._paced_links():
            link.pause()

    def resume(self) -> None:
        """See `Paced.resume`."""
        self._is_paused = False
        for link in self._paced_links():
            link.resume()

    def share_turns(self, share: Share) -> None:
        """See `Paced.share_turns`: the session has one share, however many links it has."""
        self._share = share
        for link in self._paced_links():
            link.share_turns(share)

    def _paced_links(self) -> list[Paced]:
        return [link for link in self._links.values() if isinstance(link, Paced)]

    # --- the end ---------------------------------------------------------------------------------------
    def close(self, reason: str = "closed", denial: Denial | None = None) -> None:
        """See `Link.close`; the links are closed when the other end has had time to learn of it, and of `denial`."""
        if self._core.is_over:
            return
        self._act(self._core.close(self._loop.time(), denial))
        self._loop.call_soon(self._deliveries.end, reason)
        self._stop_timer()
        self._lingering = self._loop.call_later(self._linger_seconds, self._close_links, reason)

    async def wait_closed(self) -> None:
        """After `close`: wait until the links are closed, which the other end does as soon as it learns of it.

        Returns after twice `BondSettings.linger_seconds` at the latest.
        """
        if self._links:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(2 * self._linger_seconds):
                    await self._closed.wait()

    # --- what links report -------------------------------------------------------------------------------
    def _on_message(self, number: int, message: bytes) -> None:
        core = self._core  # the same as `_step`, which would take longer for each message
        try:
            events = core.receive(number, message, self._loop.time())
        except Exception as error:
            self._on_error(error)
            return
        if events:
            self._act(events)
        if core.timer_at < self._timer_at:
            self._arm_timer()

    def _on_writable(self) -> None:
        self._hand_in_queues()
        self._step(self._core.flush)

    def _on_closed(self, number: int, reason: str) -> None:
        if self._links.pop(number, None) is not None:
            self._step(lambda now: self._core.on_closed(number, reason, now))
        if not self._links and self._lingering is not None:
            self._lingering.cancel()
        if not self._links and self._core.is_over:
            self._closed.set()
            self._on_event = None  # else a bond and who uses it would keep each other for the collector

    def _on_timer(self) -> None:
        self._timer, self._timer_at = None, float("inf")
        self._step(self._core.handle_timer)

    def _step(self, step: Callable[[float], list[CoreEvent]]) -> None:
        try:
            events = step(self._loop.time())
        except Exception as error:
            self._on_error(error)
        else:
            self._act(events)
        self._arm_timer()

    def _hand_in_queues(self) -> None:
        core = self._core
        for number, link in self._links.items():
            core.set_queue_left(number, link.send_credit)

    def _on_error(self, error: Exception) -> None:
        """An error while the event loop has called ends the bond, or its owner would wait for an end that never comes.

        What goes wrong in a method that the owner or the user has called is raised there.
        """
        check_memory(error)
        place = traceback.extract_tb(error.__traceback__)[-1]  # the message might tell what went through
        _log.error("a bond broke: %s in %s, line %d", type(error).__name__, place.name, place.lineno)
        self._core.abort()
        self._end(_BROKEN)

    # --- what the core decides ---------------------------------------------------------------------------
    def _act(self, events: list[CoreEvent]) -> None:
        while self._carry_out(events):
            self._hand_in_queues()
            events = self._core.flush(self._loop.time())

    def _carry_out(self, events: list[CoreEvent]) -> bool:
        """Returns whether the core asks what the queues of the links take."""
        for event in events:
            if isinstance(event, Transmit):
                self._links[event.number].send(event.message)
            elif isinstance(event, Deliver):
                if not self._deliveries.deliver(event.packet):
                    self.close(_TOO_EARLY)
            elif isinstance(event, AskQueues):
                return True  # it is the last one
            elif isinstance(event, Writable):
                self._loop.call_soon(self._deliveries.report_writable)
            elif isinstance(event, BondOver):
                self._end(event.reason)
            else:
                self._notify(event)
        return False

    def _notify(self, event: BondEvent) -> None:
        if isinstance(event, LinkClosed):
            link = self._links.pop(event.number, None)
            if link is not None:
                link.close(event.reason)
        if self._on_event is not None:
            self._loop.call_soon(self._on_event, event)

    def _end(self, reason: str) -> None:
        self._stop_timer()
        self._loop.call_soon(self._deliveries.end, reason)
        self._loop.call_soon(self._close_links, reason)

    def _close_links(self, reason: str) -> None:
        self._lingering = None  # a timer that has fired keeps what it has called
        for link in self._links.values():
            link.close(reason)

    # --- the timer ---------------------------------------------------------------------------------------
    def _arm_timer(self) -> None:
        """See that `_on_timer` comes in time; too early does no harm, and costs less than a new timer each time."""
        at = self._core.timer_at
        if at >= self._timer_at or self._core.is_over:
            return
        if self._timer is not None:
            self._timer.cancel()
        # what is due now comes after the owner has handled this turn's packets: an acknowledgement may be piggybacked
        # on what the owner sends
        self._timer_at = at
        self._timer = self._loop.call_at(max(at, self._loop.time()), self._on_timer)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class _BondLinkOwner:
    """The owner of one link."""

    def __init__(self, bond: Bond, number: int) -> None:
        self._bond = bond
        self._number = number

    def on_message(self, message: bytes) -> None:
        self._bond._on_message(self._number, message)

    def on_writable(self) -> None:
        self._bond._on_writable()

    def on_closed(self, reason: str) -> None:
        self._bond._on_closed(self._number, reason)
