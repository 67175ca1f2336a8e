"""aioquic, set up for a link: datagrams of `DATAGRAM_SIZE`, flow control that follows the reader, no pacing.

This module, `bounded_quic.py` and `ready_streams.py` use private attributes of aioquic, and no others do, which is why
aioquic is pinned to one version.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from aioquic._buffer import Buffer, BufferReadError
from aioquic.h3.connection import H3_ALPN
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import NetworkAddress
from aioquic.quic.packet import QuicHeader, QuicPacketType, pull_quic_header
from aioquic.quic.packet_builder import QuicPacketBuilder
from aioquic.quic.recovery import QuicPacketPacer, QuicPacketSpace
from aioquic.quic.stream import QuicStream
from aioquic.tls import Epoch, SessionTicket, pull_client_hello

from freespan.tunnel import congestion
from freespan.tunnel.bounded_quic import BoundedQuic
from freespan.tunnel.identity import Identity, key_pin
from freespan.tunnel.settings import TunnelSettings
from freespan.tunnel.tickets import Tickets
from freespan.wire.errors import TunnelError
from freespan.wire.limits import DATAGRAM_SIZE, INITIAL_DATAGRAM_SIZE, STREAMS_MAX

PEER = ("link", 0)
"""QUIC needs an address for its peer; a link has one other end, always the same."""

_ACK_DELAY_SECONDS = 0.025
"""How long an acknowledgement may wait for a packet to piggyback on; alone it would cost a message of its own."""
_ACK_EVERY_PACKETS = 64
"""An acknowledgement does not wait for `_ACK_DELAY_SECONDS` once this many packets have come."""
_INITIAL_RTT_SECONDS = 1.0
"""The round-trip time before the first measurement (RFC 9002 section 6.2.2). Links are reliable, so a flight that was
not answered yet is under way. Sending it again as early as aioquic would only makes a distant egress answer twice."""


class _NoPacer(QuicPacketPacer):
    """Sends at once: the links below have queues and pacing of their own, and send credit bounds what waits in them."""

    def update_rate(self, congestion_window: int, smoothed_rtt: float) -> None:
        """Learn nothing, so that no packet is held back."""


class LinkQuic(BoundedQuic):
    """A QUIC connection whose flow control windows open only as far as the reader has read.

    aioquic doubles a window by itself whenever half of it is used, whether anybody reads or not. A slow reader would
    then fill the memory. Here only `grant_stream` and `grant_session` open windows.
    """

    def __init__(
        self,
        configuration: QuicConfiguration,
        *,
        in_order: bool,
        first_destination: bytes | None = None,
        keep_ticket: Callable[[SessionTicket], None] | None = None,
        tickets: Tickets | None = None,
    ) -> None:
        super().__init__(
            configuration,
            in_order=in_order,
            first_destination=first_destination,
            keep_ticket=tickets.put if tickets is not None else keep_ticket,
        )
        if not configuration.is_client:
            streams = self._local_max_streams_bidi
            streams.value = streams.sent = STREAMS_MAX
        self._loss._pacer = _NoPacer(max_datagram_size=DATAGRAM_SIZE)
        self._ack_delay = _ACK_DELAY_SECONDS
        self._unacknowledged = 0
        self._given_up: dict[int, int] = {}
        self._tickets = tickets

    @property
    def peer_pin(self) -> bytes:
        """SHA-256 of the public key that the other end has proved to hold (RFC 8446 section 4.4.3); empty before."""
        certificate = self.tls._peer_certificate
        return key_pin(certificate) if certificate is not None else b""

    @property
    def is_resumed(self) -> bool:
        """Whether the other end has proved to know the secret of a ticket instead of a key; `peer_pin` is empty then.

        Like `peer_pin`, this proves nothing before the handshake is complete.
        """
        return self.tls.session_resumed

    @property
    def is_early(self) -> bool:
        """Whether what is sent now travels in 0-RTT, protected with a ticket's secret."""
        return self._cryptos[Epoch.ZERO_RTT].send.is_valid()

    @property
    def has_something_to_send(self) -> bool:
        """Whether to ask for datagrams now. If not, what there is (acknowledgements) can wait until `get_timer`."""
        if not self._handshake_confirmed or self._handshake_done_pending or self._close_pending or self._probe_pending:
            return True
        if self._unacknowledged >= _ACK_EVERY_PACKETS:
            return True
        self._look_at_streams()
        return any(self._ready.is_ready(stream, self._session_left) for stream in self._streams_queue)

    def datagrams_to_send(self, now: float) -> list[tuple[bytes, NetworkAddress]]:
        """The datagrams to send now; none before a first packet was authenticated, since there is nobody to answer."""
        if not self._network_paths:
            return []
        space = self._spaces[Epoch.ONE_RTT]
        if space.ack_at is not None and self.has_something_to_send:
            space.ack_at = min(space.ack_at, now)
        self._max_datagram_size = DATAGRAM_SIZE if self._spaces[Epoch.INITIAL].discarded else INITIAL_DATAGRAM_SIZE
        self._look_at_streams()
        datagrams = super().datagrams_to_send(now)
        self._streams_queue = self._ready.in_turn(self._streams_queue, self._session_left)
        if space.ack_at is None:
            self._unacknowledged = 0
        return datagrams

    def _look_at_streams(self) -> None:
        self._ready.update(self._streams, self._streams_queue, self._remote_max_data, self._session_left)

    @property
    def _session_left(self) -> int:
        """How much more of all streams together the other end takes now."""
        return self._remote_max_data - self._remote_max_data_used

    def receive_datagram(self, data: bytes, addr: NetworkAddress, now: float) -> None:
        """Receive a datagram; each one counts towards the next acknowledgement."""
        self._unacknowledged += 1
        super().receive_datagram(data, addr, now)
        for path in self._network_paths:
            path.is_validated = True  # a link is not an address that may be spoofed (RFC 9000 section 8)

    def resend_rejected(self, now: float) -> None:
        """Send early data again if the egress has rejected 0-RTT; to be called when the handshake is complete.

        The egress dropped those packets unread (RFC 9001 section 4.6.2), so it sees the bytes of each stream once.
        aioquic by itself would wait until it declares them lost, a round trip or more.
        """
        if self.tls.early_data_accepted:
            return
        space = self._spaces[Epoch.ONE_RTT]
        early = [one for one in space.sent_packets.values() if one.packet_type is QuicPacketType.ZERO_RTT]
        self._loss._on_packets_lost(congestion_event=False, now=now, packets=early, space=space)

    def take_progressed(self) -> set[int]:
        """The streams of which bytes were sent for the first time since this was last asked."""
        progressed = self._ready.progressed
        taken = set(progressed)
        progressed.clear()
        return taken

    def unsent(self, stream_id: int) -> int:
        """Bytes written to a stream and not yet sent for the first time."""
        stream = self._streams.get(stream_id)
        return stream.sender._buffer_stop - stream.sender.highest_offset if stream is not None else 0

    def is_blocked(self, stream_id: int) -> bool:
        """Whether a stream waits until the other end allows one more (MAX_STREAMS)."""
        stream = self._streams.get(stream_id)
        return stream is not None and stream.is_blocked

    def reset_stream(self, stream_id: int, error_code: int) -> None:
        """Give up sending. A stream that is blocked by MAX_STREAMS is given up, in both directions, when it is not.

        A frame for it before would be an error of the whole connection (RFC 9000 section 4.6). It cannot be dropped
        either: opening the next stream opens all streams before it (section 3.2), and this one would stay open.
        """
        stream = self._streams.get(stream_id)
        if stream is None or not stream.is_blocked:
            super().reset_stream(stream_id, error_code)
        elif stream_id not in self._given_up:
            self._given_up[stream_id] = error_code
            stream.sender.buffer_is_empty = True  # what was queued is not sent any more

    def stop_stream(self, stream_id: int, error_code: int) -> None:
        """Give up receiving; see `reset_stream` for a stream that is blocked.

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
        """Let a stream receive `window` bytes ahead of its reader, for whom `unread` bytes wait.

        Returns whether the limit has grown by enough to be sent now (MAX_STREAM_DATA).
        """
        stream = self._streams.get(stream_id)
        if stream is None:
            return False
        limit = stream.receiver.starting_offset() - unread + window
        if limit - stream.max_stream_data_local < window // 4:
            return False
        stream.max_stream_data_local = limit
        return True

    def grant_session(self, unread: int) -> bool:
        """Let all streams receive a session's window ahead of their readers, for whom `unread` bytes wait.

        Returns whether the limit has grown by enough to be sent now (MAX_DATA).
        """
        total, window = self._local_max_data, self._configuration.max_data
        limit = total.used - unread + window
        is_tight = total.value - total.used < window // 8  # streams that nobody reads hold most of it
        if limit - total.value < (self._configuration.max_stream_data // 4 if is_tight else window // 8):
            return False
        total.value = limit
        return True

    def discard(self) -> None:
        """The session is over: drop what it holds, and what makes its parts refer to one another.

        Otherwise only the collector could free its memory. Nothing may be received or sent any more.
        """
        for space in self._spaces.values():
            space.sent_packets.clear()  # each knows whom to tell that it was acknowledged
        for held in (self._streams, self._ready, self._streams_queue, self._streams_blocked_bidi, self._events):
            held.clear()
        self.__dict__["_QuicConnection__frame_handlers"].clear()  # methods of this object
        for pair in (*self._cryptos.values(), *self._cryptos_initial.values()):
            for context in (pair.recv, pair.send):
                context._setup_cb = context._teardown_cb = _do_nothing
        self._loss._send_probe = _do_nothing
        self._session_ticket_handler = None
        tls = getattr(self, "tls", None)  # there is none before the first packet
        if tls is not None:
            tls.alpn_cb = tls.get_session_ticket_cb = tls.new_session_ticket_cb = None
            tls.update_traffic_key_cb = _do_nothing
            tls.__dict__.pop("_server_handle_hello", None)

    def _initialize(self, peer_cid: bytes) -> None:
        """Also hand the store the age of a ticket, as its client states it; aioquic asks for it by its name alone."""
        super()._initialize(peer_cid)
        if self._tickets is not None:
            take, handle_hello = self._tickets.take, self.tls._server_handle_hello

            def handle_hello_with_age(input_buf: Buffer, initial_buf: Buffer, handshake_buf: Buffer) -> None:
                self.tls.get_session_ticket_cb = partial(take, obfuscated_age=_stated_age(input_buf))
                handle_hello(input_buf, initial_buf, handshake_buf)

            self.tls._server_handle_hello = handle_hello_with_age  # type: ignore[method-assign]

    def _close_begin(self, is_initiator: bool, now: float) -> None:
        """Skip the closing and draining periods (RFC 9000 section 10.2): the link ends too, so no packets come late."""
        super()._close_begin(is_initiator, now)
        if is_initiator:
            self._close_at = now  # this end's own CONNECTION_CLOSE is still to be sent
        else:
            self._close_end()

    def _receive_retry_packet(self, header: QuicHeader, packet_without_tag: bytes, now: float) -> None:
        """Ignore it: no egress sends one. An attacker in between could make the client discard its early data."""

    def _receive_version_negotiation_packet(self, header: QuicHeader, now: float) -> None:
        """Ignore it as well: there is one version of the protocol, and an invite names it."""

    def _write_connection_limits(self, builder: QuicPacketBuilder, space: QuicPacketSpace) -> None:
        limit = self._local_max_data
        used, limit.used = limit.used, 0  # so that aioquic sees no reason to double the window
        try:
            super()._write_connection_limits(builder, space)
        finally:
            limit.used = used

    def _write_stream_limits(self, builder: QuicPacketBuilder, space: QuicPacketSpace, stream: QuicStream) -> None:
        if stream.max_stream_data_local_sent == stream.max_stream_data_local or stream.is_blocked:
            return
        receiver = stream.receiver
        highest, receiver.highest_offset = receiver.highest_offset, 0  # as above
        try:
            super()._write_stream_limits(builder, space, stream)
        finally:
            receiver.highest_offset = highest


def _do_nothing(*_: object) -> None:
    """Stands for the methods of a connection that is over."""


def client_quic(
    settings: TunnelSettings,
    ticket: SessionTicket | None = None,
    keep_ticket: Callable[[SessionTicket], None] | None = None,
    *,
    in_order: bool = False,
) -> LinkQuic:
    """A client's connection, over a link that delivers all packets `in_order` or over another one.

    The caller compares the peer's key (`peer_pin`); its certificate is not verified. With a `ticket`, what is written
    to streams after `connect` travels in the first flight. `keep_ticket` is called with the next ticket when the
    handshake is complete.
    """
    import ssl

    configuration = _configuration(settings, is_client=True)
    configuration.verify_mode = ssl.CERT_NONE
    configuration.session_ticket = ticket
    return LinkQuic(configuration, in_order=in_order, keep_ticket=keep_ticket)


def server_quic(
    identity: Identity,
    first_message: bytes,
    settings: TunnelSettings,
    tickets: Tickets | None = None,
    *,
    in_order: bool = False,
) -> LinkQuic:
    """The connection that answers a client's first datagram. Without a store it issues no tickets.

    Raises:
        TunnelError: the message is not a QUIC Initial packet.
    """
    try:
        header = pull_quic_header(Buffer(data=first_message), host_cid_length=8)
    except (ValueError, BufferReadError):
        raise TunnelError("the first packet of the link is not QUIC") from None
    configuration = _configuration(settings, is_client=False)
    if header.packet_type is not QuicPacketType.INITIAL or header.version not in configuration.supported_versions:
        raise TunnelError("the first packet of the link opens no QUIC connection of a supported version")
    configuration.certificate = identity.certificate
    configuration.private_key = identity.private_key
    return LinkQuic(configuration, in_order=in_order, first_destination=header.destination_cid, tickets=tickets)


def _stated_age(hello: Buffer) -> int:
    """The obfuscated age of the ticket in a ClientHello (RFC 8446 section 4.2.11); 0 without one."""
    offered = pull_client_hello(Buffer(data=hello.data_slice(0, hello.capacity))).pre_shared_key
    return offered.identities[0][1] if offered is not None and offered.identities else 0


def _configuration(settings: TunnelSettings, *, is_client: bool) -> QuicConfiguration:
    return QuicConfiguration(
        is_client=is_client,
        alpn_protocols=H3_ALPN,
        congestion_control_algorithm=congestion.NAME,
        idle_timeout=settings.idle_seconds,
        initial_rtt=_INITIAL_RTT_SECONDS,
        max_datagram_size=DATAGRAM_SIZE,
        max_data=settings.session_window,
        max_stream_data=settings.stream_window,
    )
