"""aioquic, bounded: what the other end sends costs a share of its size, whatever it is.

aioquic takes what RFC 9000 allows over UDP, and some of that costs the square of its size: pieces of a stream in any
order, gaps between packet numbers, acknowledgements of everything again and again. A bond delivers in order, and loses
nothing, so an honest end has no use for most of it. These end the connection, with an error of the protocol:

    a STREAM or CRYPTO frame that leaves a gap       where all packets arrive in order, as over a bond; over another
                                                     link a few gaps are allowed (GAPS_MAX, GAP_BYTES_MAX)
    more than FRAMES_MAX frames in a datagram        PADDING counts once, however long
    more than ACK_RANGES_MAX ranges in an ACK, or
    an ACK of what was never sent                    RFC 9000 section 13.1
    more than CRYPTO_MAX bytes of a handshake        a usual one has 3,000
    more than TICKETS_MAX tickets for a client       an egress sends one
    more than KEY_UPDATES_MAX changes of keys        no end of ours asks for any

And this is bounded without an error, since it happens to honest ends as well: gaps between packet numbers (the packets
of a refused 0-RTT flight are not acknowledged), and packets in a datagram, of which those beyond PACKETS_MAX are not
read.

`quic.py`, `ready_streams.py` and this module are those that use private attributes of aioquic.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator
from operator import attrgetter
from typing import Any

from aioquic._buffer import Buffer, BufferReadError
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import (
    NetworkAddress,
    QuicConnection,
    QuicConnectionError,
    QuicConnectionState,
    QuicReceiveContext,
)
from aioquic.quic.events import StreamDataReceived
from aioquic.quic.packet import QuicErrorCode, QuicFrameType, QuicStreamFrame, pull_quic_header
from aioquic.quic.packet_builder import QuicDeliveryState, QuicPacketBuilder, QuicSentPacket
from aioquic.quic.rangeset import RangeSet
from aioquic.quic.recovery import K_PACKET_THRESHOLD, QuicPacketRecovery, QuicPacketSpace
from aioquic.quic.stream import QuicStream
from aioquic.tls import SessionTicket, SessionTicketHandler

from freespan.tunnel.congestion import SendCreditControl
from freespan.tunnel.ready_streams import ReadyStreams, WatchedReceiver, WatchedSender

FRAMES_MAX = 512
"""Frames in a datagram. An end of ours begins the next one before (`FRAMES_SENT_MAX`)."""
FRAMES_SENT_MAX = FRAMES_MAX - 64
"""Frames in a packet, beyond which nothing more of streams goes into it; what else it may have is few."""
PACKETS_MAX = 8
"""Packets in a datagram (RFC 9000 section 12.2). There are four kinds that can share one."""
ACK_RANGES_MAX = 32
"""Ranges of packet numbers that are kept to be acknowledged, and that an ACK may have."""
GAPS_MAX = 32
"""Gaps in a stream, where gaps are allowed."""
GAP_BYTES_MAX = 4 * 1024 * 1024
"""Bytes of all streams of a connection that wait behind gaps, the gaps included."""
CRYPTO_MAX = 16_384
"""Bytes of TLS in each of the three phases of a handshake."""
TICKETS_MAX = 4
KEY_UPDATES_MAX = 16
ATTEMPTS_MAX = 4
"""Datagrams that may try to open a connection: each attempt prepares a handshake."""
ACK_ONLY_MAX = 64
"""Packets with nothing but an ACK that are remembered: nobody need know whether they have arrived."""
_PACKET_COST = 700
"""What a packet takes until it is acknowledged, beside its bytes."""
_FRAME_COST = 270
"""What each frame in it takes."""
_STREAM_COST = 3_000
"""What a stream takes while aioquic has it."""
_STREAM_FRAME_MIN = 4
"""The shortest STREAM frame: its type, the stream, and two bytes of length."""
_LONG_HEADER = 0x80
_FRAME_HANDLERS = "_QuicConnection__frame_handlers"


class BoundedQuic(QuicConnection):
    """A QUIC connection with these bounds; `in_order` says whether packets arrive in order, and all of them."""

    def __init__(
        self,
        configuration: QuicConfiguration,
        *,
        in_order: bool,
        first_destination: bytes | None = None,
        keep_ticket: SessionTicketHandler | None = None,
    ) -> None:
        super().__init__(
            configuration=configuration,
            original_destination_connection_id=first_destination,
            session_ticket_handler=keep_ticket,
        )
        self._gaps = _Gaps(0 if in_order else GAP_BYTES_MAX)
        self._unacked = _Unacked()
        self._streams = streams = _Streams(self._gaps, self._unacked)
        self._ready = streams.ready
        self._loss = _Recovery.of(self, configuration)
        self._frame_handlers = _FrameHandlers(getattr(self, _FRAME_HANDLERS))
        setattr(self, _FRAME_HANDLERS, self._frame_handlers)
        self._tickets_received = 0
        self._key_updates = 0
        self._attempts_left = ATTEMPTS_MAX

    @property
    def control(self) -> SendCreditControl:
        """The congestion control: what may be sent, and the round-trip time."""
        control = self._loss._cc
        assert isinstance(control, SendCreditControl)
        return control

    @property
    def held(self) -> int:
        """About how many bytes it keeps: what was written and is not acknowledged, and what has come too early.

        Whoever reads streams knows what they have not read.
        """
        early = GAP_BYTES_MAX - self._gaps.bytes_left if self._gaps.are_allowed else 0
        packets = sum(len(space.sent_packets) for space in self._loss.spaces)
        frames = self.control.frames_in_flight
        sent = packets * _PACKET_COST + frames * _FRAME_COST
        return self._unacked.size + early + sent + len(self._streams) * _STREAM_COST

    def receive_datagram(self, data: bytes, addr: NetworkAddress, now: float) -> None:
        """Receive a datagram, unless this end is closing, or too many have opened no connection."""
        if self._state is QuicConnectionState.FIRSTFLIGHT and not self._is_client:
            self._attempts_left -= 1
        if self._close_pending or self._attempts_left < 0:
            return
        self._frame_handlers.frames = 0
        if data and data[0] & _LONG_HEADER:
            data = self._first_packets(data)
        super().receive_datagram(data, addr, now)

    def _first_packets(self, data: bytes) -> bytes:
        """The first `PACKETS_MAX` packets of a datagram, as it is if it has no more."""
        buf = Buffer(data=data)
        try:
            for _ in range(PACKETS_MAX):
                at = buf.tell()
                if buf.eof() or not data[at] & _LONG_HEADER:
                    return data  # a short header is that of the last packet
                header = pull_quic_header(buf, host_cid_length=self._configuration.connection_id_length)
                buf.seek(at + header.packet_length)
        except (ValueError, BufferReadError):
            return data  # aioquic stops there as well
        return data[: buf.tell()]

    def _initialize(self, peer_cid: bytes) -> None:
        super()._initialize(peer_cid)
        for stream in self._crypto_streams.values():
            stream.receiver = _CryptoReceiver(None, True, self._gaps)
            _bound_sender(stream)
        for space in self._spaces.values():
            space.ack_queue = AckRanges()

    def _handle_ack_frame(self, context: QuicReceiveContext, frame_type: int, buf: Buffer) -> None:
        """Look at the size of an ACK before it is read."""
        begin = buf.tell()
        largest = buf.pull_uint_var()
        buf.pull_uint_var()
        further_ranges = buf.pull_uint_var()
        if further_ranges >= ACK_RANGES_MAX:
            raise _violation(frame_type, "an ACK with too many ranges")
        if largest >= self._packet_number:
            raise _violation(frame_type, "an ACK of what was never sent")
        buf.seek(begin)
        super()._handle_ack_frame(context, frame_type, buf)

    # What does not go into a packet goes into the next one: aioquic begins it as long as there is anything to send.
    def _write_stream_limits(self, builder: QuicPacketBuilder, space: QuicPacketSpace, stream: QuicStream) -> None:
        if not _has_many_frames(builder):
            super()._write_stream_limits(builder, space, stream)

    def _write_stream_frame(
        self, builder: QuicPacketBuilder, space: QuicPacketSpace, stream: QuicStream, max_offset: int
    ) -> int:
        """Pass over streams that do not fit in, or that the other end does not read: there can be hundreds."""
        if builder.remaining_flight_space < _STREAM_FRAME_MIN:
            return 0
        pending = stream.sender._pending._RangeSet__ranges  # type: ignore[attr-defined]
        if (pending and pending[0].start >= max_offset) or _has_many_frames(builder):
            return 0
        used = super()._write_stream_frame(builder, space, stream, max_offset)
        if used:
            self._ready.served(stream)  # aioquic puts it last, too
            self._ready.progressed.add(stream.stream_id or 0)
        return used

    def _write_reset_stream_frame(self, builder: QuicPacketBuilder, stream: QuicStream) -> None:
        if not _has_many_frames(builder):
            super()._write_reset_stream_frame(builder, stream)

    def _write_stop_sending_frame(self, builder: QuicPacketBuilder, stream: QuicStream) -> None:
        if not _has_many_frames(builder):
            super()._write_stop_sending_frame(builder, stream)

    def _log_key_updated(self, key_type: str, trigger: str) -> None:
        """Called when a key changes. This end never asks for that, and it costs more than a packet."""
        if trigger == "remote_update" and key_type.startswith("client" if self._is_client else "server"):
            self._key_updates += 1  # the other direction's key changes with it
        if self._key_updates > KEY_UPDATES_MAX:
            self.close(error_code=QuicErrorCode.KEY_UPDATE_ERROR, reason_phrase="too many changes of keys")

    def _handle_session_ticket(self, session_ticket: SessionTicket) -> None:
        self._tickets_received += 1
        if self._is_client and self._tickets_received > TICKETS_MAX:
            raise _violation(QuicFrameType.CRYPTO, "too many tickets")
        super()._handle_session_ticket(session_ticket)


class Ranges(RangeSet):
    """The same as its base, which looks at one range after the other; this one finds a place by halving."""

    _RangeSet__ranges: list[range]

    def add(self, start: int, stop: int | None = None) -> None:
        """Add the numbers from `start` to before `stop`; without `stop`, one number."""
        if stop is None:
            stop = start + 1
        ranges = self._RangeSet__ranges
        if not ranges:
            ranges.append(range(start, stop))
        elif ranges[-1].stop == start:
            ranges[-1] = range(ranges[-1].start, stop)  # the next one in order
        else:
            first = bisect_left(ranges, start, key=_stop)  # the first range that ends at `start` or later
            behind = bisect_right(ranges, stop, key=_start)  # behind the last one that begins at `stop` or earlier
            if first < behind:
                start, stop = min(start, ranges[first].start), max(stop, ranges[behind - 1].stop)
            ranges[first:behind] = [range(start, stop)]

    def subtract(self, start: int, stop: int) -> None:
        """Take away the numbers from `start` to before `stop`."""
        ranges = self._RangeSet__ranges
        if ranges and start <= ranges[0].start < stop < ranges[0].stop:
            ranges[0] = range(stop, ranges[0].stop)  # the beginning, which is sent first
            return
        first = bisect_right(ranges, start, key=_stop)  # the first range that ends behind `start`
        behind = bisect_left(ranges, stop, key=_start)  # behind the last one that begins before `stop`
        if first < behind:
            left, right = range(ranges[first].start, start), range(stop, ranges[behind - 1].stop)
            ranges[first:behind] = [one for one in (left, right) if one]


_start, _stop = attrgetter("start"), attrgetter("stop")


class AckRanges(Ranges):
    """Keeps the last `ACK_RANGES_MAX` ranges; the packets before them are not acknowledged any more."""

    def add(self, start: int, stop: int | None = None) -> None:
        """See `Ranges.add`."""
        super().add(start, stop)
        if len(self) > ACK_RANGES_MAX:
            self.shift()


class _Gaps:
    """How much of all streams of a connection may wait behind gaps; nothing where there can be none."""

    def __init__(self, bytes_left: int) -> None:
        self.bytes_left = bytes_left
        self.are_allowed = bytes_left > 0


class _Unacked:
    """How many bytes the streams of a connection keep until they are acknowledged, or sent for the first time."""

    def __init__(self) -> None:
        self.size = 0


class _CountedSender(WatchedSender):
    """The sending part of a stream, which counts what it keeps."""

    _unacked: _Unacked

    def write(self, data: bytes, end_stream: bool = False) -> None:
        """Queue data."""
        super().write(data, end_stream)
        self._unacked.size += len(data)

    def on_data_delivery(self, delivery: QuicDeliveryState, start: int, stop: int, fin: bool) -> None:
        """A frame was acknowledged, or is lost."""
        before = len(self._buffer)
        super().on_data_delivery(delivery, start, stop, fin)
        self._unacked.size += len(self._buffer) - before

    def reset(self, error_code: int) -> None:
        """Give up; nothing is sent again."""
        super().reset(error_code)
        self._unacked.size -= len(self._buffer)
        self._buffer.clear()


class _InOrderReceiver(WatchedReceiver):
    """The receiving part of a stream over a link that loses nothing."""

    _frame_type = QuicFrameType.STREAM_BASE

    def __init__(self, stream_id: int | None, readable: bool, gaps: _Gaps) -> None:
        super().__init__(stream_id, readable)
        self._gaps = gaps
        self._ranges = Ranges()

    def handle_frame(self, frame: QuicStreamFrame) -> StreamDataReceived | None:
        """Receive what follows, or what has come already."""
        if self._gaps.are_allowed:
            return self._handle_with_gaps(frame)
        if frame.offset > self._buffer_start and not self.is_finished:
            raise _violation(self._frame_type, "a frame that leaves a gap")
        return super().handle_frame(frame)

    def _handle_with_gaps(self, frame: QuicStreamFrame) -> StreamDataReceived | None:
        waiting, gaps = len(self._buffer), self._gaps
        growth = frame.offset + len(frame.data) - self._buffer_start - waiting
        if frame.offset > self._buffer_start and not self.is_finished and growth > gaps.bytes_left:
            raise _violation(self._frame_type, "a frame that leaves too wide a gap")
        event = super().handle_frame(frame)
        gaps.bytes_left += waiting - len(self._buffer)
        if len(self._ranges) > GAPS_MAX:
            raise _violation(self._frame_type, "frames that leave too many gaps")
        return event


class _CryptoReceiver(_InOrderReceiver):
    _frame_type = QuicFrameType.CRYPTO

    def handle_frame(self, frame: QuicStreamFrame) -> StreamDataReceived | None:
        if frame.offset + len(frame.data) > CRYPTO_MAX:
            raise QuicConnectionError(
                error_code=QuicErrorCode.CRYPTO_BUFFER_EXCEEDED,
                frame_type=QuicFrameType.CRYPTO,
                reason_phrase="too long a handshake",
            )
        return super().handle_frame(frame)


class _Streams(dict[int, QuicStream]):
    """The streams of a connection: aioquic puts each one here when it has made it."""

    def __init__(self, gaps: _Gaps, unacked: _Unacked) -> None:
        super().__init__()
        self.ready = ReadyStreams()
        self._gaps = gaps
        self._unacked = unacked

    def __setitem__(self, stream_id: int, stream: QuicStream) -> None:
        stream.receiver = _InOrderReceiver(stream_id, not stream.receiver.is_finished, self._gaps)
        sender: Any = stream.sender
        sender._unacked = self._unacked
        self.ready.watch(stream, stream_id, _CountedSender)
        _bound_sender(stream)
        super().__setitem__(stream_id, stream)

    def values(self) -> Iterator[QuicStream]:  # type: ignore[override]
        """Those with a limit to announce: that is what aioquic asks for all streams for."""
        return self.ready.with_limit_to_announce(self)

    def pop(self, stream_id: int) -> QuicStream:  # type: ignore[override]
        """Drop a stream that has finished."""
        self.ready.forget(stream_id)
        return super().pop(stream_id)


def _bound_sender(stream: QuicStream) -> None:
    """The other end decides by its acknowledgements into how many ranges this falls."""
    stream.sender._acked, stream.sender._pending = Ranges(), Ranges()


class _FrameHandlers(dict[int, Any]):
    """The handlers of frames by type. aioquic looks one up for each frame, which is the moment to count it."""

    frames = 0
    """How many frames the datagram has had until now."""

    def __getitem__(self, frame_type: int) -> Any:
        self.frames += 1
        if self.frames > FRAMES_MAX:
            raise _violation(frame_type, "too many frames in a datagram")
        return _handler(self, frame_type)


_handler = dict.__getitem__


class _Recovery(QuicPacketRecovery):
    """Acknowledgements that say nothing new cost nothing."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._ack_only: deque[tuple[QuicPacketSpace, int]] = deque()

    @classmethod
    def of(cls, quic: QuicConnection, configuration: QuicConfiguration) -> _Recovery:
        """As aioquic makes it for a new connection."""
        return cls(
            congestion_control_algorithm=configuration.congestion_control_algorithm,
            initial_rtt=configuration.initial_rtt,
            max_datagram_size=quic._max_datagram_size,
            peer_completed_address_validation=not configuration.is_client,
            quic_logger=None,
            send_probe=quic._send_probe,
            logger=quic._logger,
        )

    def on_ack_received(self, *, ack_rangeset: RangeSet, ack_delay: float, now: float, space: QuicPacketSpace) -> None:
        """An acknowledgement has come.

        Packets more than three below the largest acknowledged one were acknowledged or declared lost before. So only
        those from there on can be new, and each of them once.
        """
        sent, oldest = space.sent_packets, max(0, space.largest_acked_packet - K_PACKET_THRESHOLD)
        if any(number in sent for one in ack_rangeset for number in range(max(one.start, oldest), one.stop)):
            super().on_ack_received(ack_rangeset=ack_rangeset, ack_delay=ack_delay, now=now, space=space)
            return
        largest = ack_rangeset.bounds().stop - 1
        if largest > space.largest_acked_packet:
            space.largest_acked_packet = largest
            self._detect_loss(now=now, space=space)

    def on_packet_sent(self, *, packet: QuicSentPacket, space: QuicPacketSpace) -> None:
        """A packet leaves. The other end need never acknowledge one that only acknowledges."""
        super().on_packet_sent(packet=packet, space=space)
        if not packet.in_flight:
            self._ack_only.append((space, packet.packet_number))
            if len(self._ack_only) > ACK_ONLY_MAX:
                old_space, number = self._ack_only.popleft()
                old_space.sent_packets.pop(number, None)


def _has_many_frames(builder: QuicPacketBuilder) -> bool:
    packet = builder._packet
    return packet is not None and len(packet.delivery_handlers) >= FRAMES_SENT_MAX


def _violation(frame_type: int, reason: str) -> QuicConnectionError:
    return QuicConnectionError(error_code=QuicErrorCode.PROTOCOL_VIOLATION, frame_type=frame_type, reason_phrase=reason)
