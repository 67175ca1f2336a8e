"""Drives one QUIC connection over one link, for either end of a tunnel.

aioquic decides, without any I/O. The driver feeds it datagrams and time, sends what it wants to send, and hands its
events to the end that holds the driver:

    link ── messages ──▶ ┌────────┐ ── datagrams, time ──▶ LinkQuic
                         │ driver │ ◀──────── events ─────
    link ◀─ datagrams ── └────────┘ ── on_event ──▶ ClientTunnel or ServerTunnel ──▶ StreamTable

All messages that arrive in one turn of the event loop are handled together and answered by one flush. What can wait for
the next acknowledgement waits. At full speed a turn of the loop costs more than a message.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from aioquic.h3.connection import ErrorCode
from aioquic.quic.events import ConnectionTerminated, HandshakeCompleted, QuicEvent

from freespan.link.base import Link
from freespan.tunnel.drain import DrainWaiters
from freespan.tunnel.quic import PEER, LinkQuic
from freespan.wire.errors import TunnelError

_log = logging.getLogger(__name__)
_INTERNAL_ERROR = "an internal error"


@dataclass(frozen=True)
class TunnelEnded:
    """The session is over at this end; `reason` is one phrase for a person."""

    reason: str


TunnelEvent = QuicEvent | TunnelEnded
"""What a driver reports: the events of aioquic but for `ConnectionTerminated`, and `TunnelEnded` once, at last."""


class QuicDriver:
    """Owns its link. `accept` makes the connection from the other end's first message, at the answering end.

    `writers` are woken when packets have been sent.
    """

    def __init__(
        self,
        link: Link,
        on_event: Callable[[TunnelEvent], None],
        writers: DrainWaiters,
        accept: Callable[[bytes], LinkQuic] | None = None,
    ) -> None:
        self.quic: LinkQuic | None = None
        self.is_established = False
        """Whether the handshake is complete."""
        self.bytes_received = 0
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """The reason, when the session is over."""
        self._link = link
        self._on_event = on_event
        self._writers = writers
        self._accept = accept
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._flush_handle: asyncio.Handle | None = None
        self._arrived: list[bytes] = []
        self._arrival: asyncio.TimerHandle | None = None

    # --- for the end that holds it -----------------------------------------------------------
    @property
    def is_over(self) -> bool:
        """Whether the session has ended."""
        return self.ended.done()

    def start(self, quic: LinkQuic | None = None) -> None:
        """Begin to receive, and send what `quic`, the connection of a client, wants to send."""
        self._link.start(self)
        if quic is not None:
            self.quic = quic
            self.flush_soon()

    async def wait_ended(self) -> str:
        """Wait for the end; returns the reason."""
        return await asyncio.shield(self.ended)

    def close(self, reason: str, error_code: int = ErrorCode.H3_NO_ERROR) -> None:
        """End the session and its link; streams are cut."""
        if self.ended.done():
            return
        if self.quic is not None:
            self.quic.close(error_code=error_code)
            self._send_datagrams()
        self._link.close(reason)
        self._end(reason)

    def flush_soon(self) -> None:
        """Send, in the next turn of the event loop, what there is to send."""
        if self._flush_handle is None and not self.ended.done():
            self._flush_handle = self._loop.call_soon(self._guarded, self._flush)

    # --- LinkOwner ---------------------------------------------------------------------------
    def on_message(self, message: bytes) -> None:
        """A datagram from the other end. QUIC drops what is none."""
        if self.ended.done():
            return
        self._arrived.append(message)
        if self._arrival is None:
            # a timer and not call_soon: the WebRTC engine holds its next message back while any other callback is ready
            self._arrival = self._loop.call_later(0, self._guarded, self._handle_arrived)

    def on_writable(self) -> None:
        """The link takes more."""
        self.flush_soon()

    def on_closed(self, reason: str) -> None:
        """The link is gone, and the session with it."""
        self._guarded(self._handle_arrived)  # the other end's last packet may give a better reason than the link
        self._end(reason)

    # --- receiving ---------------------------------------------------------------------------
    def _guarded(self, step: Callable[[], None]) -> None:
        """Whatever goes wrong in a step ends the session, or its users would wait for an end that never comes."""
        try:
            step()
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]  # the message might contain what went through
            _log.error("a session broke: %s in %s, line %d", type(error).__name__, place.name, place.lineno)
            with contextlib.suppress(Exception):
                self.close(_INTERNAL_ERROR)
            self._end(_INTERNAL_ERROR)

    def _handle_arrived(self) -> None:
        self._arrival = None
        messages, self._arrived = self._arrived, []
        now = self._loop.time()
        for message in messages:
            self.bytes_received += len(message)
            quic = self.quic or self._accepted(message)
            if quic is None or self.ended.done():
                return
            quic.receive_datagram(message, PEER, now=now)
            self._handle_events(quic)
        if self.quic is not None and not self.ended.done():
            if self.quic.has_something_to_send:
                self._flush()
            else:
                self._set_timer(self.quic)

    def _accepted(self, first_message: bytes) -> LinkQuic | None:
        if self._accept is not None:
            try:
                self.quic = self._accept(first_message)
            except TunnelError as error:
                self.close(str(error))
        return self.quic

    def _handle_events(self, quic: LinkQuic) -> None:
        while (event := quic.next_event()) is not None and not self.ended.done():
            if isinstance(event, ConnectionTerminated):
                self._terminated(event)
                continue
            if isinstance(event, HandshakeCompleted):
                self.is_established = True
            self._on_event(event)

    def _terminated(self, event: ConnectionTerminated) -> None:
        if not self.is_established:
            reason = "the other end did not complete the handshake"
        elif event.error_code == ErrorCode.H3_NO_ERROR:
            reason = "the other end closed the session"
        elif event.error_code == ErrorCode.H3_EXCESSIVE_LOAD:
            reason = "the host is full, and ended this session for others"
        else:
            reason = "the session timed out or broke"
        self._link.close(reason)
        self._end(reason)

    def _end(self, reason: str) -> None:
        if self.ended.done():
            return
        self.ended.set_result(reason)
        for handle in (self._timer, self._flush_handle, self._arrival):
            if handle is not None:
                handle.cancel()
        self._timer = self._flush_handle = self._arrival = None
        self._on_event(TunnelEnded(reason))
        self._loop.call_soon(self._let_go)

    def _let_go(self) -> None:
        """Take apart what refers to one another: nothing of a session that is over may wait for the collector."""
        if self.quic is not None:
            self.quic.discard()
        self._on_event = _ignore
        self._accept = None
        self._arrived.clear()

    # --- sending and time --------------------------------------------------------------------
    def _flush(self) -> None:
        if self._flush_handle is not None:
            self._flush_handle.cancel()
            self._flush_handle = None
        quic = self.quic
        if quic is None or self.ended.done():
            return
        self._send_datagrams()
        self._writers.on_sent(quic)
        self._set_timer(quic)

    def _send_datagrams(self) -> None:
        if self.quic is None:
            return
        now = self._loop.time()
        self.quic.control.send_credit = self._link.send_credit
        for datagram, _ in self.quic.datagrams_to_send(now=now):
            self._link.send(datagram)

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
