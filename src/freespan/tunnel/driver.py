"""Drives one QUIC connection over one link, for either end of a tunnel.

aioquic decides, without any I/O. The driver feeds it datagrams and time, sends what it wants to send, and hands its
events to the end that holds the driver:

    link ── messages ──▶ ┌────────┐ ── datagrams, time ──▶ LinkQuic
                         │ driver │ ◀──────── events ─────
    link ◀─ datagrams ── └────────┘ ── on_event ──▶ ClientTunnel or ServerTunnel ──▶ StreamTable

All messages that arrive in one turn of the event loop are handled together and answered by one flush. What can wait for
the next acknowledgement waits. At full speed a turn of the loop costs more than a message.

If they are too many for a step, the rest waits for the next turn of this session's share (`turns.py`). When much waits,
the link stops reading. A session whose messages cost far more than honest ones is ended (`effort.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from time import perf_counter, thread_time

from aioquic.h3.connection import ErrorCode
from aioquic.quic.events import ConnectionTerminated, HandshakeCompleted, QuicEvent, StreamDataReceived
from aioquic.quic.packet import QuicErrorCode

from freespan.link.base import Link, Paced
from freespan.link.bond.bond import Bond
from freespan.link.turns import STEP_SECONDS, Group, Turns
from freespan.observe.out_of_memory import check_memory
from freespan.tunnel.drain import DrainWaiters
from freespan.tunnel.effort import Effort, slowness
from freespan.tunnel.quic import PEER, LinkQuic
from freespan.wire.denial import Denial
from freespan.wire.errors import TunnelError
from freespan.wire.limits import BOND_PACKET_COST, BOND_SPAN_MAX, DATAGRAM_SIZE

_log = logging.getLogger(__name__)
HOST_FULL = "the host is full, and ended this session for others"
"""Why the egress has ended a session of a source that had many."""
_INTERNAL_ERROR = "an internal error"
_TOO_COSTLY = "the other end makes too much work"
_TOO_MUCH = "the other end sent more than can wait"
WAITING_MAX = 1024 * 1024
"""When what waits here costs this much, the link stops reading. Its cost counts as in `BOND_PACKET_COST`."""
WAITING_AT_MOST = 2 * BOND_SPAN_MAX
"""More ends the session. A bond can deliver `BOND_SPAN_MAX` at once, and some links cannot stop reading."""
_SMALL, _SMALL_TOGETHER = 500, 4
"""After so many messages of so few bytes, or after a larger one, a step looks at the clock."""
FLUSH_MAX = 20 * DATAGRAM_SIZE
"""Bytes that are sent in one step, for which it takes about as long as for a step of receiving."""
_LONG_STEP_SECONDS = 5 * STEP_SECONDS
"""A step of a session whose link cannot stop reading, while much waits."""


@dataclass(frozen=True)
class TunnelEnded:
    """The session is over at this end; `reason` is one phrase for a person."""

    reason: str


TunnelEvent = QuicEvent | TunnelEnded
"""What a driver reports: the events of aioquic but for `ConnectionTerminated`, and `TunnelEnded` once, at last."""


@cache
def _slowness() -> float:
    return slowness(perf_counter)


class QuicDriver:
    """Owns its link. `accept` makes the connection from the other end's first message, at the answering end.

    `writers` are woken when packets have been sent. Sessions that have the same `turns` take turns.
    """

    def __init__(
        self,
        link: Link,
        on_event: Callable[[TunnelEvent], None],
        writers: DrainWaiters,
        accept: Callable[[bytes], LinkQuic] | None = None,
        turns: Group | None = None,
    ) -> None:
        self.quic: LinkQuic | None = None
        self.is_established = False
        """Whether the handshake is complete."""
        self.bytes_received = 0
        self.is_link_in_order = isinstance(link, Bond)
        """Whether the link delivers every packet, in order, whatever the carriers do to it."""
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """The reason, when the session is over."""
        self._link = link
        self._on_event = on_event
        self._writers = writers
        self._accept = accept
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._flush_waits = False
        self._arrived: deque[bytes] = deque()
        self.waiting_cost = 0
        """The cost of what has arrived and waits for a turn."""
        self._share = (Turns() if turns is None else turns).share()
        self._effort = Effort(_slowness(), perf_counter, thread_time)
        self._bytes_sent = self._size_counted = 0
        self._pieces = 0
        """Pieces of streams that have come in this step, those of one stream in a row counted once."""
        self._last_stream = -1
        self._paced = link if isinstance(link, Paced) else None
        self._is_paused = False
        self.on_change: Callable[[], None] = _do_nothing
        """Called after each turn: what the session holds may have changed."""
        self._event_left: QuicEvent | None = None
        """The next event of what has been received, if it waits for the next step."""

    # --- for the end that holds it -----------------------------------------------------------
    @property
    def is_over(self) -> bool:
        """Whether the session has ended."""
        return self.ended.done()

    def start(self, quic: LinkQuic | None = None) -> None:
        """Begin to receive, and send what `quic`, the connection of a client, wants to send."""
        if self._paced is not None:
            self._paced.share_turns(self._share)
        self._link.start(self)
        if quic is not None:
            self.quic = quic
            self.flush_soon()

    @property
    def denial(self) -> Denial | None:
        """Why the host has begun no session, or has ended it, if it has proved to say so."""
        return self._link.denial if isinstance(self._link, Bond) else None

    async def wait_ended(self) -> str:
        """Wait for the end; returns the reason."""
        return await asyncio.shield(self.ended)

    def close(self, reason: str, error_code: int = ErrorCode.H3_NO_ERROR) -> None:
        """End the session and its link; streams are cut."""
        if self.ended.done():
            return
        if self.quic is not None:
            if error_code == ErrorCode.H3_EXCESSIVE_LOAD and not self.is_established:
                # before the handshake no error of the application can be told (RFC 9000 section 10.2.3)
                self.quic.close(error_code=QuicErrorCode.CONNECTION_REFUSED, frame_type=0)
            else:
                self.quic.close(error_code=error_code)
            self._send_datagrams()
        self._link.close(reason)
        self._end(reason)

    def deny(self, denial: Denial) -> None:
        """End the session for this reason, which the bond tells the client on all its links.

        QUIC says nothing: its last packet would wait behind the download that it ends.
        """
        if self.ended.done():
            return
        reason = str(denial.error)
        if isinstance(self._link, Bond):
            self._link.close(reason, denial)
            self._end(reason)
        else:
            self.close(reason)

    def flush_soon(self) -> None:
        """Send what there is to send, as soon as it is this session's turn."""
        if not self._flush_waits and not self.ended.done():
            self._flush_waits = True
            self._share.work(self._flush_step)

    def on_request(self) -> None:
        """A request begins, which costs more than its bytes."""
        self._effort.on_request()

    # --- LinkOwner ---------------------------------------------------------------------------
    def on_message(self, message: bytes) -> None:
        """A datagram from the other end. QUIC drops what is none."""
        if self.ended.done():
            return
        self._arrived.append(message)
        self.waiting_cost += len(message) + BOND_PACKET_COST
        if len(self._arrived) == 1 and self._event_left is None:
            self._share.work(self._step)
        elif self.waiting_cost > WAITING_MAX:
            self._on_much_waiting()

    def on_writable(self) -> None:
        """The link takes more."""
        self.flush_soon()

    def on_closed(self, reason: str) -> None:
        """The link is gone, and the session with it."""
        self._step()  # the other end's last packet may give a better reason than the link
        self._end(reason)

    # --- receiving ---------------------------------------------------------------------------
    def _guarded(self, step: Callable[[], None]) -> None:
        """Whatever goes wrong in a step ends the session, or its users would wait for an end that never comes."""
        try:
            step()
        except Exception as error:
            check_memory(error)
            place = traceback.extract_tb(error.__traceback__)[-1]  # the message might contain what went through
            _log.error("a session broke: %s in %s, line %d", type(error).__name__, place.name, place.lineno)
            with contextlib.suppress(Exception):
                self.close(_INTERNAL_ERROR)
            self._end(_INTERNAL_ERROR)

    def _step(self) -> bool:
        """Handle some of what has arrived; returns whether to come back for more."""
        self._guarded(self._handle_arrived)
        return (bool(self._arrived) or self._event_left is not None) and not self.ended.done()

    def _handle_arrived(self) -> None:
        clock = self._effort.clock
        began = clock()
        must_hurry = self._paced is None and self.waiting_cost > WAITING_MAX
        until = began + (_LONG_STEP_SECONDS if must_hurry else STEP_SECONDS)
        now, messages = self._loop.time(), 0
        is_late = False
        if self._event_left is not None and self.quic is not None:
            self._handle_events(self.quic, until)
            is_late = clock() >= until
        while self._arrived and self._event_left is None and not is_late and not self.ended.done():
            message = self._next_arrived()
            self._receive(message, now, until)
            messages += 1
            if len(message) > _SMALL or messages % _SMALL_TOGETHER == 0:
                is_late = clock() >= until
        seconds = clock() - began
        self._share.charge(seconds)
        size, pieces = self.bytes_received + self._bytes_sent, self._pieces
        # what was sent since the last step counts as well: acknowledgements of it cost the more, the more it was
        self._effort.spend(seconds, size - self._size_counted, messages, pieces)
        self._size_counted, self._pieces = size, 0
        if self._effort.is_too_much:
            self.close(_TOO_COSTLY)
        elif self.quic is not None and not self.ended.done():
            if self.quic.has_something_to_send:
                self._flush()
            else:
                self._set_timer(self.quic)
                self.on_change()

    def _next_arrived(self) -> bytes:
        message = self._arrived.popleft()
        self.waiting_cost -= len(message) + BOND_PACKET_COST
        if self._is_paused and self.waiting_cost <= WAITING_MAX // 2:
            self._resume()
        return message

    def _resume(self) -> None:
        if self._is_paused and self._paced is not None:
            self._is_paused = False
            self._paced.resume()

    def _receive(self, message: bytes, now: float, until: float) -> None:
        self.bytes_received += len(message)
        quic = self.quic or self._accepted(message)
        if quic is not None and not self.ended.done():
            quic.receive_datagram(message, PEER, now=now)
            self._handle_events(quic, until)

    def _on_much_waiting(self) -> None:
        if self.waiting_cost > WAITING_AT_MOST:
            self._loop.call_soon(self.close, _TOO_MUCH)
            self._arrived.clear()
            self.waiting_cost = 0
        elif self._paced is not None and not self._is_paused:
            self._is_paused = True
            self._paced.pause()
            self.on_change()

    def _accepted(self, first_message: bytes) -> LinkQuic | None:
        if self._accept is not None:
            try:
                self.quic = self._accept(first_message)
            except TunnelError as error:
                self.close(str(error))
        return self.quic

    def _handle_events(self, quic: LinkQuic, until: float = math.inf) -> None:
        """Hand events on. If it is `until` after one with much data, the rest waits for the next step."""
        event = self._event_left or quic.next_event()
        self._event_left = None
        while event is not None and not self.ended.done():
            has_much = False
            if isinstance(event, StreamDataReceived):
                has_much = len(event.data) > _SMALL
                if event.stream_id != self._last_stream:
                    self._last_stream = event.stream_id
                    self._pieces += 1
            elif isinstance(event, HandshakeCompleted):
                self.is_established = self._share.is_trusted = True
            if isinstance(event, ConnectionTerminated):
                self._terminated(event)
            else:
                self._on_event(event)
            event = quic.next_event()
            if has_much and event is not None and self._effort.clock() >= until:
                self._event_left = event
                return

    def _terminated(self, event: ConnectionTerminated) -> None:
        if event.error_code in (ErrorCode.H3_EXCESSIVE_LOAD, QuicErrorCode.CONNECTION_REFUSED):
            reason = HOST_FULL
        elif not self.is_established:
            reason = "the other end did not complete the handshake"
        elif event.error_code == ErrorCode.H3_NO_ERROR:
            reason = "the other end closed the session"
        else:
            reason = "the session timed out or broke"
        self._link.close(reason)
        self._end(reason)

    def _end(self, reason: str) -> None:
        if self.ended.done():
            return
        self.ended.set_result(reason)
        self._arrived.clear()
        self.waiting_cost = 0
        self._resume()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._on_event(TunnelEnded(reason))
        self._loop.call_soon(self._let_go)

    def _let_go(self) -> None:
        """Take apart what refers to one another: nothing of a session that is over may wait for the collector."""
        if self.quic is not None:
            self.quic.discard()
        self._on_event, self.on_change = _ignore, _do_nothing
        self._accept = None
        self._arrived.clear()

    # --- sending and time --------------------------------------------------------------------
    def _flush_step(self) -> bool:
        if self._flush_waits:  # what has arrived may have been answered meanwhile
            began = self._effort.clock()
            self._guarded(self._flush)
            self._share.charge(self._effort.clock() - began)
        return False

    def _flush(self) -> None:
        self._flush_waits = False
        quic = self.quic
        if quic is None or self.ended.done():
            return
        self._send_datagrams()
        self._writers.on_sent(quic)
        self._set_timer(quic)
        self.on_change()

    def _send_datagrams(self) -> None:
        if self.quic is None:
            return
        now, credit, before = self._loop.time(), self._link.send_credit, self._bytes_sent
        self.quic.control.send_credit = min(credit, FLUSH_MAX)
        for datagram, _ in self.quic.datagrams_to_send(now=now):
            self._bytes_sent += len(datagram)
            self._link.send(datagram)
        if credit > FLUSH_MAX and self._bytes_sent - before > FLUSH_MAX - DATAGRAM_SIZE:
            self.flush_soon()

    def _set_timer(self, quic: LinkQuic) -> None:
        """See that `_timer_fired` runs in time. Too early does no harm, and costs less than a new timer each time."""
        at = quic.get_timer()
        if at is None or (self._timer is not None and self._timer.when() <= at):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(at, self._guarded, self._timer_fired)

    def _timer_fired(self) -> None:
        self._timer = None
        quic, now = self.quic, self._loop.time()
        if quic is None or self.ended.done():
            return
        at = quic.get_timer()
        if at is not None and at > now:
            self._set_timer(quic)
            return
        quic.handle_timer(now=now)
        self._handle_events(quic)
        self._flush()


def _ignore(event: TunnelEvent) -> None:
    """The session is over, and its end was reported."""


def _do_nothing() -> None:
    """Nobody wants to know, or no longer."""
