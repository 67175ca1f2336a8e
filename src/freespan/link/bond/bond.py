"""Several links that act as one `Link`: the asyncio around `BondCore`, which decides everything.

client   bond = Bond.open(link, on_event)         HELLO goes out with the first packet
         bond.seal_with(key)                      the key has come inside QUIC
         on_event(Joinable())    bond.add(link)   any number of times, at any time
egress   arrival = Arrival(link)
         await arrival.opening()                  None: Bond.accept(arrival, key, on_event)
                                                  Join: bonds[join.session].admit(arrival)

Events come from the event loop, never from inside a method of `Bond`.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from freespan.link.base import Inbox, Link, LinkOwner
from freespan.link.bond.arrival import Arrival
from freespan.link.bond.core import BondCore
from freespan.link.bond.events import BondEvent, Joinable, LinkClosed, LinkJoined, LinkSuspected
from freespan.link.bond.seal import Role, SessionKey
from freespan.wire.bond_frames import Join, opening_of
from freespan.wire.errors import LinkError, MessageError
from freespan.wire.limits import BOND_LINGER_SECONDS, DATAGRAM_SIZE, LINK_QUEUE_MAX

_log = logging.getLogger(__name__)
OnEvent = Callable[[BondEvent], None]
_BROKEN = "an internal error"


@dataclass(frozen=True)
class LinkReport:
    """How one link is: `state` is `joining`, `open`, `late` or `suspect`; `rate` in bytes a second, 0 if not known.

    `min_rtt` is the smallest of late, `latest_rtt` the last one, queues included. `loss_signals` counts signs of
    loss, in both directions together.
    """

    number: int
    state: str
    rate: float
    min_rtt: float
    latest_rtt: float
    in_flight: int
    bytes_sent: int
    bytes_received: int
    loss_signals: int


@dataclass(frozen=True)
class BondReport:
    """How a bond is: its links, and what has happened so far, in links and packets; `kept` and `held` in bytes."""

    links: tuple[LinkReport, ...]
    joined: int
    ended: int
    suspected: int
    late: int
    sent_again: int
    doubles: int
    kept: int
    held: int


class Bond:
    """A `Link` made of links. Packets have 1 to `DATAGRAM_SIZE` bytes. Made with `open` or `accept`."""

    def __init__(self, role: Role, session: SessionKey | None, on_event: OnEvent | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_event = on_event
        self._links: dict[int, Link] = {}
        self._inbox = Inbox(LINK_QUEUE_MAX)
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = float("inf")
        self._lingering: asyncio.TimerHandle | None = None
        self._closed = asyncio.Event()
        self._core = BondCore(role, _Port(self), self._loop.time(), session)

    @classmethod
    def open(cls, link: Link, on_event: OnEvent | None = None) -> Bond:
        """The client begins a session on its first link."""
        bond = cls(Role.CLIENT, None, on_event)
        bond._links[0] = link
        link.start(_Child(bond, 0))
        return bond

    @classmethod
    def accept(cls, arrival: Arrival, session: SessionKey, on_event: OnEvent | None = None) -> Bond:
        """The egress takes a new session; the tunnel sends `session` to the client, inside QUIC."""
        bond = cls(Role.EGRESS, session, on_event)
        bond._links[0] = arrival.link
        arrival.hand_over(_Child(bond, 0))
        return bond

    # --- links -------------------------------------------------------------------------------
    def seal_with(self, session: SessionKey) -> None:
        """The client has got the session's key; `joinable` follows when the other end seals too."""
        self._core.seal_with(session, self._loop.time())
        self._arm()

    @property
    def is_joinable(self) -> bool:
        """Whether further links may join."""
        return self._core.is_joinable and not self._core.is_over

    def add(self, link: Link) -> int:
        """The client adds an open link; returns its number. Raises `LinkError` when that cannot be now."""
        number = self._core.next_link
        self._links[number] = link
        try:
            self._core.join(self._loop.time())
        except LinkError:
            del self._links[number]
            raise
        link.start(_Child(self, number))
        self._arm()
        return number

    def admit(self, arrival: Arrival) -> int:
        """The egress takes a link whose opening was a JOIN of this session; returns its number.

        Raises:
            LinkError: it is not by the client of this session, or a copy, or one too many; the caller closes it.
        """
        message = arrival.first_message()
        try:
            join = opening_of(message)
            if not isinstance(join, Join) or join.link in self._links:
                raise LinkError("the link does not join this session, or has done so before")
            self._links[join.link] = arrival.link
            try:
                packets = self._core.accept(message, self._loop.time())
            except (LinkError, MessageError):
                del self._links[join.link]
                raise
        except MessageError as error:
            raise LinkError(str(error)) from None
        self._deliver(packets)
        arrival.hand_over(_Child(self, join.link))
        self._arm()
        return join.link

    def remove(self, number: int, reason: str = "not needed any more") -> None:
        """Let a link go; what it carries is sent again on the others."""
        self._core.on_closed(number, reason, self._loop.time())
        self._arm()

    def report(self) -> BondReport:
        """How it is now."""
        core, tally = self._core, self._core.tally
        links = []
        for member in core.members.values():
            state = "joining" if not member.joined else "open"
            state = "suspect" if member.suspect else "late" if member.late else state
            window = member.window
            links.append(
                LinkReport(
                    member.number,
                    state,
                    window.rate,
                    window.min_rtt,
                    window.latest_rtt,
                    window.in_flight,
                    member.bytes_sent,
                    member.bytes_received,
                    member.arriving.count + member.leaving.count,
                )
            )
        return BondReport(
            tuple(links),
            tally.joined,
            tally.ended,
            tally.suspected,
            tally.late,
            core.sending.sent_again,
            core.receiving.doubles,
            core.sending.kept_bytes,
            core.receiving.held_bytes,
        )

    # --- Link --------------------------------------------------------------------------------
    def start(self, owner: LinkOwner) -> None:
        """See `Link.start`."""
        self._inbox.start(owner)

    @property
    def send_credit(self) -> int:
        """See `Link.send_credit`: what the windows of the links take; whole packets."""
        return self._core.send_credit(self._loop.time())

    def send(self, message: bytes) -> None:
        """See `Link.send`."""
        if not 0 < len(message) <= DATAGRAM_SIZE:
            raise ValueError(f"a packet has 1 to {DATAGRAM_SIZE} bytes")
        self._core.send(message, self._loop.time())
        self._arm()

    def close(self, reason: str = "closed") -> None:
        """See `Link.close`; the links are closed when the other end has had time to hear of it."""
        if self._core.is_over:
            return
        self._core.close(self._loop.time())
        self._loop.call_soon(self._inbox.end, reason)
        self._stop_timer()
        self._lingering = self._loop.call_later(BOND_LINGER_SECONDS, self._close_links, reason)

    async def wait_closed(self) -> None:
        """After `close`: until the links are closed, which the other end does at once when it has heard of it."""
        if self._links:
            await self._closed.wait()

    # --- events ------------------------------------------------------------------------------
    def _received(self, number: int, message: bytes) -> None:
        try:
            packets = self._core.receive(number, message, self._loop.time())
        except Exception as error:
            self._broke(error)
            return
        if packets:
            self._deliver(packets)
        if self._core.timer_at < self._timer_at:
            self._arm()

    def _deliver(self, packets: list[bytes]) -> None:
        for packet in packets:
            if not self._inbox.deliver(packet):
                self.close("too much came before the bond was in use")

    def _room_made(self) -> None:
        self._guarded(lambda: self._core.on_writable(self._loop.time()))

    def _lost(self, number: int, reason: str) -> None:
        if self._links.pop(number, None) is not None:
            self._guarded(lambda: self._core.on_closed(number, reason, self._loop.time()))
        if not self._links and self._lingering is not None:
            self._lingering.cancel()
        if not self._links and self._core.is_over:
            self._closed.set()

    def _fired(self) -> None:
        self._timer, self._timer_at = None, float("inf")
        self._guarded(lambda: self._core.handle_timer(self._loop.time()))

    def _guarded(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception as error:
            self._broke(error)
        self._arm()

    def _broke(self, error: Exception) -> None:
        """Whatever goes wrong ends the bond, or its owner would wait for an end that never comes."""
        place = traceback.extract_tb(error.__traceback__)[-1]  # the message might tell what went through
        _log.error("a bond broke: %s in %s, line %d", type(error).__name__, place.name, place.lineno)
        self._core.is_over = True
        self._over(_BROKEN)

    def _arm(self) -> None:
        """See that `_fired` comes in time; too early does no harm, and costs less than a new timer each time."""
        at = self._core.timer_at
        if at >= self._timer_at or self._core.is_over:
            return
        if self._timer is not None:
            self._timer.cancel()
        # what is due now comes after the owner has handled this turn's packets: an acknowledgement may go along with
        # what it has to say
        self._timer_at = at
        self._timer = self._loop.call_at(max(at, self._loop.time()), self._fired)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _over(self, reason: str) -> None:
        self._stop_timer()
        self._loop.call_soon(self._inbox.end, reason)
        self._loop.call_soon(self._close_links, reason)

    def _close_links(self, reason: str) -> None:
        for link in self._links.values():
            link.close(reason)

    def _report(self, event: BondEvent) -> None:
        if self._on_event is not None:
            self._loop.call_soon(self._on_event, event)


class _Child:
    """Owner of one link."""

    def __init__(self, bond: Bond, number: int) -> None:
        self._bond = bond
        self._number = number

    def on_message(self, message: bytes) -> None:
        self._bond._received(self._number, message)

    def on_writable(self) -> None:
        self._bond._room_made()

    def on_closed(self, reason: str) -> None:
        self._bond._lost(self._number, reason)


class _Port:
    """The core's door to the links, the owner and `on_event`."""

    def __init__(self, bond: Bond) -> None:
        self._bond = bond
        self._links = bond._links

    def send_credit(self, link: int) -> int:
        return self._links[link].send_credit

    def transmit(self, link: int, message: bytes) -> None:
        self._links[link].send(message)

    def joined(self, link: int) -> None:
        self._bond._report(LinkJoined(link))

    def suspected(self, link: int) -> None:
        self._bond._report(LinkSuspected(link))

    def ended(self, link: int, reason: str) -> None:
        closing = self._links.pop(link, None)
        if closing is not None:
            closing.close(reason)
        self._bond._report(LinkClosed(link, reason))

    def joinable(self) -> None:
        self._bond._report(Joinable())

    def on_writable(self) -> None:
        self._bond._loop.call_soon(self._bond._inbox.make_room)

    def over(self, reason: str) -> None:
        self._bond._over(reason)
