"""aioquic, set up for a link: datagrams of 16,000 bytes, receive windows that follow the reader, no pacing.

The one module that reaches into aioquic's private parts; that is why aioquic is pinned to one version.
"""

from __future__ import annotations

from aioquic._buffer import Buffer, BufferReadError
from aioquic.h3.connection import H3_ALPN
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import NetworkAddress, QuicConnection
from aioquic.quic.packet import QuicPacketType, pull_quic_header
from aioquic.quic.packet_builder import QuicPacketBuilder
from aioquic.quic.recovery import QuicPacketPacer, QuicPacketSpace
from aioquic.quic.stream import QuicStream
from aioquic.tls import Epoch

from freespan.tunnel import pipe_control
from freespan.tunnel.identity import Identity, key_pin
from freespan.wire.errors import TunnelError
from freespan.wire.limits import (
    DATAGRAM_SIZE,
    SESSION_IDLE_SECONDS,
    SESSION_WINDOW,
    STREAM_WINDOW,
)

PEER = ("link", 0)
"""QUIC wants an address; a link has one other end, always the same."""

_ACKNOWLEDGE_SECONDS = 0.008
_ACKNOWLEDGE_EVERY = 12
"""An acknowledgement is a message of its own, and those cost: it goes along with what is sent anyway, or after 8 ms, or
after 12 packets, whatever comes first."""


class _Unpaced(QuicPacketPacer):
    """Sends at once: the hops below have queues and pacing of their own, and the window bounds what waits in them."""

    def update_rate(self, congestion_window: int, smoothed_rtt: float) -> None:
        """Learn nothing, so that no packet is held back."""


class LinkQuic(QuicConnection):
    """A QUIC connection whose receive windows open only as far as the reader has read.

    aioquic doubles its windows by itself whenever half of one is used, whatever the reader does; a slow reader would
    then fill the memory. Here `grant_stream` and `grant_session` alone open them.
    """

    def __init__(self, configuration: QuicConfiguration, first_destination: bytes | None = None) -> None:
        super().__init__(configuration=configuration, original_destination_connection_id=first_destination)
        self._loss._pacer = _Unpaced(max_datagram_size=DATAGRAM_SIZE)
        self._ack_delay = _ACKNOWLEDGE_SECONDS
        self._unanswered = 0
        self._given_up: dict[int, int] = {}

    @property
    def control(self) -> pipe_control.PipeControl:
        """The window of this connection."""
        control = self._loss._cc
        assert isinstance(control, pipe_control.PipeControl)
        return control

    @property
    def peer_pin(self) -> bytes:
        """SHA-256 of the public key that the other end has proved to hold (TLS 1.3 CertificateVerify)."""
        certificate = self.tls._peer_certificate
        return key_pin(certificate) if certificate is not None else b""

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
        datagrams = super().datagrams_to_send(now)
        if space.ack_at is None:
            self._unanswered = 0
        return datagrams

    def receive_datagram(self, data: bytes, addr: NetworkAddress, now: float) -> None:
        """Count what an acknowledgement is owed for, a little generously."""
        self._unanswered += 1
        super().receive_datagram(data, addr, now)

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


def client_quic() -> LinkQuic:
    """A connection that will say hello; the caller checks the peer's key (`peer_pin`), names and dates mean nothing."""
    import ssl

    configuration = _configuration(is_client=True)
    configuration.verify_mode = ssl.CERT_NONE
    return LinkQuic(configuration)


def server_quic(identity: Identity, first_message: bytes) -> LinkQuic:
    """The answering connection to a client's first datagram. Raises `TunnelError` when that is no QUIC Initial."""
    try:
        header = pull_quic_header(Buffer(data=first_message), host_cid_length=8)
    except (ValueError, BufferReadError):
        raise TunnelError("the first packet of the link is not QUIC") from None
    configuration = _configuration(is_client=False)
    if header.packet_type is not QuicPacketType.INITIAL or header.version not in configuration.supported_versions:
        raise TunnelError("the first packet of the link opens no QUIC connection of a version spoken here")
    configuration.certificate = identity.certificate
    configuration.private_key = identity.private_key
    return LinkQuic(configuration, header.destination_cid)


def _configuration(*, is_client: bool) -> QuicConfiguration:
    return QuicConfiguration(
        is_client=is_client,
        alpn_protocols=H3_ALPN,
        congestion_control_algorithm=pipe_control.NAME,
        idle_timeout=SESSION_IDLE_SECONDS,
        max_datagram_size=DATAGRAM_SIZE,
        max_data=SESSION_WINDOW,
        max_stream_data=STREAM_WINDOW,
    )
