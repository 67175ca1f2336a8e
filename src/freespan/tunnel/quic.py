"""aioquic, set up for a link: datagrams of 16,000 bytes, receive windows that follow the reader, no pacing.

The one module that reaches into aioquic's private parts; that is why aioquic is pinned to one version.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from aioquic._buffer import Buffer, BufferReadError
from aioquic.h3.connection import H3_ALPN
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import NetworkAddress, QuicConnection
from aioquic.quic.packet import QuicHeader, QuicPacketType, pull_quic_header
from aioquic.quic.packet_builder import QuicPacketBuilder
from aioquic.quic.recovery import QuicPacketPacer, QuicPacketSpace
from aioquic.quic.stream import QuicStream
from aioquic.tls import Epoch, SessionTicket, pull_client_hello

from freespan.tunnel import congestion
from freespan.tunnel.identity import Identity, key_pin
from freespan.tunnel.tickets import TicketStore
from freespan.wire.errors import TunnelError
from freespan.wire.limits import (
    DATAGRAM_SIZE,
    HELLO_DATAGRAM_SIZE,
    SESSION_IDLE_SECONDS,
    SESSION_WINDOW,
    STREAM_WINDOW,
)

PEER = ("link", 0)
"""QUIC wants an address; a link has one other end, always the same."""

_ACKNOWLEDGE_SECONDS = 0.025
_ACKNOWLEDGE_EVERY = 64
"""An acknowledgement is a message of its own, and those cost: it goes along with what is sent anyway, or after 8 ms, or
after 12 packets, whatever comes first."""
_FIRST_ROUND_TRIP_SECONDS = 1.0
"""What a round trip is taken for before one was seen. Hops are reliable, so what is not answered yet is on its way: to
say hello again after 0.2 s, as aioquic would, only makes an egress that is far away answer twice."""


class _Unpaced(QuicPacketPacer):
    """Sends at once: the hops below have queues and pacing of their own, and the window bounds what waits in them."""

    def update_rate(self, congestion_window: int, smoothed_rtt: float) -> None:
        """Learn nothing, so that no packet is held back."""


class LinkQuic(QuicConnection):
    """A QUIC connection whose receive windows open only as far as the reader has read.

    aioquic doubles its windows by itself whenever half of one is used, whatever the reader does; a slow reader would
    then fill the memory. Here `grant_stream` and `grant_session` alone open them.
    """

    def __init__(
        self,
        configuration: QuicConfiguration,
        *,
        first_destination: bytes | None = None,
        keep_ticket: Callable[[SessionTicket], None] | None = None,
        tickets: TicketStore | None = None,
    ) -> None:
        super().__init__(
            configuration=configuration,
            original_destination_connection_id=first_destination,
            session_ticket_handler=tickets.put if tickets is not None else keep_ticket,
        )
        self._loss._pacer = _Unpaced(max_datagram_size=DATAGRAM_SIZE)
        self._ack_delay = _ACKNOWLEDGE_SECONDS
        self._unanswered = 0
        self._given_up: dict[int, int] = {}
        self._tickets = tickets

    @property
    def control(self) -> congestion.SendCreditControl:
        """What this connection may send, and its round trip."""
        control = self._loss._cc
        assert isinstance(control, congestion.SendCreditControl)
        return control

    @property
    def peer_pin(self) -> bytes:
        """SHA-256 of the public key that the other end has proved to hold (TLS 1.3 CertificateVerify)."""
        certificate = self.tls._peer_certificate
        return key_pin(certificate) if certificate is not None else b""

    @property
    def is_resumed(self) -> bool:
        """Whether the other end has proved to know our ticket's secret, instead of a key; `peer_pin` is empty then.

        As `peer_pin`, it counts when the handshake is complete and not before.
        """
        return self.tls.session_resumed

    @property
    def is_early(self) -> bool:
        """Whether what is sent now travels under a ticket, in 0-RTT."""
        return self._cryptos[Epoch.ZERO_RTT].send.is_valid()

    @property
    def has_something_to_send(self) -> bool:
        """Whether to ask for datagrams now; if not, acknowledgements and the like are due at `get_timer`, in 8 ms."""
        if not self._handshake_confirmed or self._handshake_done_pending or self._close_pending or self._probe_pending:
            return True
        if self._unanswered >= _ACKNOWLEDGE_EVERY:
            return True
        return any(
            not stream.sender.buffer_is_empty
            or stream.sender.reset_pending
            or stream.receiver.stop_pending
            or stream.is_finished  # aioquic forgets it while it sends, and then says that there is a place again
            for stream in self._streams_queue
        )

    def datagrams_to_send(self, now: float) -> list[tuple[bytes, NetworkAddress]]:
        """Nothing before the other end's first packet has proved to be one: there is nobody to send it to."""
        if not self._network_paths:
            return []
        space = self._spaces[Epoch.ONE_RTT]
        if space.ack_at is not None and self.has_something_to_send:
            space.ack_at = min(space.ack_at, now)
        self._max_datagram_size = DATAGRAM_SIZE if self._spaces[Epoch.INITIAL].discarded else HELLO_DATAGRAM_SIZE
        datagrams = super().datagrams_to_send(now)
        if space.ack_at is None:
            self._unanswered = 0
        return datagrams

    def receive_datagram(self, data: bytes, addr: NetworkAddress, now: float) -> None:
        """Count what an acknowledgement is owed for, a little generously."""
        self._unanswered += 1
        super().receive_datagram(data, addr, now)
        for path in self._network_paths:
            path.is_validated = True  # a link is no address that somebody may have made up (RFC 9000 section 8)

    def send_rejected_again(self, now: float) -> None:
        """Once the handshake is complete: send again what went early, if the egress would not take it so.

        It dropped those packets unread (RFC 9001 section 4.6.2), so it sees the bytes of each stream once. aioquic by
        itself would wait until it takes them for lost, a round trip or more.
        """
        if self.tls.early_data_accepted:
            return
        space = self._spaces[Epoch.ONE_RTT]
        early = [one for one in space.sent_packets.values() if one.packet_type is QuicPacketType.ZERO_RTT]
        self._loss._on_packets_lost(congestion_event=False, now=now, packets=early, space=space)

    def unsent(self, stream_id: int) -> int:
        """Bytes written to a stream and not yet sent for the first time."""
        stream = self._streams.get(stream_id)
        return stream.sender._buffer_stop - stream.sender.highest_offset if stream is not None else 0

    def reset_stream(self, stream_id: int, error_code: int) -> None:
        """Give up sending; a stream that waits for a place (MAX_STREAMS) is given up, both ways, when it has one.

        Before that any frame for it would be an error of the whole connection; and never is not possible either: the
        next stream to open would open it along, and leave its place taken for good.
        """
        stream = self._streams.get(stream_id)
        if stream is None or not stream.is_blocked:
            super().reset_stream(stream_id, error_code)
        elif stream_id not in self._given_up:
            self._given_up[stream_id] = error_code
            stream.sender.buffer_is_empty = True  # what it wanted to say is not said any more

    def stop_stream(self, stream_id: int, error_code: int) -> None:
        """Give up receiving; see `reset_stream` for a stream that waits for a place.

        Raises:
            ValueError: there is no such stream any more.
        """
        stream = self._streams.get(stream_id)
        if stream is None or not stream.is_blocked:
            super().stop_stream(stream_id, error_code)

    def _unblock_streams(self, is_unidirectional: bool) -> None:
        super()._unblock_streams(is_unidirectional)
        for stream_id in [one for one in self._given_up if not self._streams[one].is_blocked]:
            error_code = self._given_up.pop(stream_id)
            super().reset_stream(stream_id, error_code)
            super().stop_stream(stream_id, error_code)

    def grant_stream(self, stream_id: int, unread: int, window: int) -> bool:
        """Open a stream's window behind its reader, for whom `unread` bytes wait; true when that should be told now."""
        stream = self._streams.get(stream_id)
        if stream is None:
            return False
        limit = stream.receiver.starting_offset() - unread + window
        if limit - stream.max_stream_data_local < window // 4:
            return False
        stream.max_stream_data_local = limit
        return True

    def grant_session(self, unread: int) -> bool:
        """Open the session's window behind all readers, for whom `unread` bytes wait; true as above."""
        total = self._local_max_data
        limit = total.used - unread + SESSION_WINDOW
        is_tight = total.value - total.used < SESSION_WINDOW // 8  # stalled streams hold most of it
        if limit - total.value < (STREAM_WINDOW // 4 if is_tight else SESSION_WINDOW // 8):
            return False
        total.value = limit
        return True

    def _initialize(self, peer_cid: bytes) -> None:
        """aioquic asks for a ticket by its name alone, and a store wants to know the age that its client told, too."""
        super()._initialize(peer_cid)
        if self._tickets is not None:
            take, handle_hello = self._tickets.take, self.tls._server_handle_hello

            def handle_hello_with_age(input_buf: Buffer, initial_buf: Buffer, handshake_buf: Buffer) -> None:
                self.tls.get_session_ticket_cb = partial(take, obfuscated_age=_told_age(input_buf))
                handle_hello(input_buf, initial_buf, handshake_buf)

            self.tls._server_handle_hello = handle_hello_with_age  # type: ignore[method-assign]

    def _close_begin(self, is_initiator: bool, now: float) -> None:
        """A goodbye ends the link as well, so there are no late packets to wait for (RFC 9000 section 10.2)."""
        super()._close_begin(is_initiator, now)
        if is_initiator:
            self._close_at = now  # our own is still to be sent
        else:
            self._close_end()

    def _receive_retry_packet(self, header: QuicHeader, packet_without_tag: bytes, now: float) -> None:
        """No egress asks to begin again: this is somebody in between, and what was sent early would get lost."""

    def _receive_version_negotiation_packet(self, header: QuicHeader, now: float) -> None:
        """As above; there is one version of the wire, and an invite says when there is another."""

    def _write_connection_limits(self, builder: QuicPacketBuilder, space: QuicPacketSpace) -> None:
        limit = self._local_max_data
        used, limit.used = limit.used, 0  # so that aioquic sees no reason to double it
        try:
            super()._write_connection_limits(builder, space)
        finally:
            limit.used = used

    def _write_stream_limits(self, builder: QuicPacketBuilder, space: QuicPacketSpace, stream: QuicStream) -> None:
        if stream.max_stream_data_local_sent == stream.max_stream_data_local:
            return
        receiver = stream.receiver
        highest, receiver.highest_offset = receiver.highest_offset, 0  # as above
        try:
            super()._write_stream_limits(builder, space, stream)
        finally:
            receiver.highest_offset = highest


def client_quic(
    ticket: SessionTicket | None = None, keep_ticket: Callable[[SessionTicket], None] | None = None
) -> LinkQuic:
    """A connection that will say hello; the caller checks the peer's key (`peer_pin`), names and dates mean nothing.

    With a `ticket`, what is written to streams after `connect` goes in the first flight. `keep_ticket` is called with
    the next one, when the handshake is complete.
    """
    import ssl

    configuration = _configuration(is_client=True)
    configuration.verify_mode = ssl.CERT_NONE
    configuration.session_ticket = ticket
    return LinkQuic(configuration, keep_ticket=keep_ticket)


def server_quic(identity: Identity, first_message: bytes, tickets: TicketStore | None = None) -> LinkQuic:
    """The answering connection to a client's first datagram; without a store for tickets it hands out none.

    Raises:
        TunnelError: that was no QUIC Initial.
    """
    try:
        header = pull_quic_header(Buffer(data=first_message), host_cid_length=8)
    except (ValueError, BufferReadError):
        raise TunnelError("the first packet of the link is not QUIC") from None
    configuration = _configuration(is_client=False)
    if header.packet_type is not QuicPacketType.INITIAL or header.version not in configuration.supported_versions:
        raise TunnelError("the first packet of the link opens no QUIC connection of a version spoken here")
    configuration.certificate = identity.certificate
    configuration.private_key = identity.private_key
    return LinkQuic(configuration, first_destination=header.destination_cid, tickets=tickets)


def _told_age(hello: Buffer) -> int:
    """The obfuscated age of the ticket in a ClientHello (RFC 8446 section 4.2.11); 0 without one."""
    offered = pull_client_hello(Buffer(data=hello.data_slice(0, hello.capacity))).pre_shared_key
    return offered.identities[0][1] if offered is not None and offered.identities else 0


def _configuration(*, is_client: bool) -> QuicConfiguration:
    return QuicConfiguration(
        is_client=is_client,
        alpn_protocols=H3_ALPN,
        congestion_control_algorithm=congestion.NAME,
        idle_timeout=SESSION_IDLE_SECONDS,
        initial_rtt=_FIRST_ROUND_TRIP_SECONDS,
        max_datagram_size=DATAGRAM_SIZE,
        max_data=SESSION_WINDOW,
        max_stream_data=STREAM_WINDOW,
    )
