"""HTTP/3 without QPACK's dynamic table: requests are few and short, and tables cost more than they save."""

from __future__ import annotations

import pylsqpack
from aioquic.h3.connection import (
    FrameError,
    FrameType,
    FrameUnexpected,
    H3Connection,
    H3Stream,
    HeadersState,
    Setting,
)
from aioquic.h3.events import DataReceived, H3Event, Headers
from aioquic.quic.events import QuicEvent, StreamDataReceived, StreamReset

from freespan.wire.limits import HEADERS_MAX

FIELDS_MAX = 64
"""A longer list of header fields is no request of ours."""


class PlainHttp(H3Connection):
    """HTTP/3 with a dynamic table of 0 bytes (RFC 9204 section 3.2), so a request is one packet and refers to no other.

    Tables are also an amplifier: a reference of one byte is as long as the entry once it is decoded.
    """

    def _init_connection(self) -> None:
        self.buffered = 0
        """Bytes of frames that are not whole."""
        self._partial: dict[int, int] = {}
        self._decoder = pylsqpack.Decoder(0, 0)  # aioquic's own decoder would accept more than is announced below
        super()._init_connection()

    def handle_event(self, event: QuicEvent) -> list[H3Event]:
        """Handle an event of QUIC, and note what is kept of a frame that is not whole."""
        events = super().handle_event(event)
        if isinstance(event, StreamDataReceived | StreamReset):
            stream = self._stream.get(event.stream_id)
            kept = len(stream.buffer) if stream is not None else 0
            if kept or event.stream_id in self._partial:
                self.buffered += kept - self._partial.pop(event.stream_id, 0)
                if kept:
                    self._partial[event.stream_id] = kept
        return events

    def _get_local_settings(self) -> dict[int, int]:
        return super()._get_local_settings() | {Setting.QPACK_MAX_TABLE_CAPACITY: 0, Setting.QPACK_BLOCKED_STREAMS: 0}

    def _check_request_or_push_frame_type(self, frame_type: int, stream: H3Stream) -> None:
        """Called when the head of a frame is known, so a frame that is too long is not even collected."""
        super()._check_request_or_push_frame_type(frame_type, stream)
        if frame_type != FrameType.DATA and (stream.frame_size or 0) > HEADERS_MAX:
            raise FrameError("frame too long")

    def _check_control_frame_type(self, frame_type: int) -> None:
        """The same for the control stream, whose frames are collected, too."""
        super()._check_control_frame_type(frame_type)
        control = self._stream.get(-1 if self._peer_control_stream_id is None else self._peer_control_stream_id)
        if frame_type in (FrameType.SETTINGS, FrameType.MAX_PUSH_ID) and (
            control is not None and (control.frame_size or 0) > HEADERS_MAX
        ):
            raise FrameError("frame too long")

    def _decode_headers(self, stream_id: int, frame_data: bytes | None) -> Headers:
        """Leave out what a long list repeats: a byte can be a field, and each field is checked letter by letter."""
        headers = super()._decode_headers(stream_id, frame_data)
        if len(headers) <= FIELDS_MAX:
            return headers
        kept: dict[tuple[int, bytes, bytes], None] = {}
        for place, (name, value) in enumerate(headers):
            # a pseudo-header that is repeated, or stands behind others, is an error that aioquic finds
            kept[place if name.startswith(b":") else -1, name, value] = None
        return [(name, value) for _, name, value in kept]

    def _handle_request_or_push_frame(
        self, frame_type: int, frame_data: bytes | None, stream: H3Stream, stream_ended: bool
    ) -> list[H3Event]:
        """An egress sends one response to a request and no interim ones, which a frame of a few bytes can be."""
        events = super()._handle_request_or_push_frame(frame_type, frame_data, stream, stream_ended)
        if frame_type == FrameType.HEADERS and stream.headers_recv_state == HeadersState.INITIAL:
            raise FrameUnexpected("an interim response")
        return events

    def _receive_request_or_push_data(self, stream: H3Stream, data: bytes, stream_ended: bool) -> list[H3Event]:
        """Join DATA frames of a few bytes, as a program makes them that writes letter by letter."""
        left = stream.frame_size
        if left is not None and left > len(data):
            return super()._receive_request_or_push_data(stream, data, stream_ended)  # most of what comes
        events: list[H3Event] = []
        if left is not None and left < len(data) and stream.frame_type == FrameType.DATA and not stream.buffer:
            events += super()._receive_request_or_push_data(stream, data[:left], False)
            data = data[left:]
        if stream.frame_size is None and _takes_data(stream):
            data, stream.buffer = stream.buffer + data, b""  # the beginning of a frame, a byte or two
            joined, end = _join_short_frames(data)
            if joined:
                stream.content_length += len(joined)
                events.append(DataReceived(data=joined, stream_id=stream.stream_id, stream_ended=False))
            data = data[end:]
        if data or stream_ended or not events:
            events += super()._receive_request_or_push_data(stream, data, stream_ended)
        return events

    def abandon(self, stream_id: int) -> None:
        """Note that sending on a stream was given up, which aioquic cannot know; receiving may still have to end."""
        stream = self._stream.get(stream_id)
        if stream is not None:
            stream.sending_ended = True
            if stream.is_ended():
                del self._stream[stream_id]


def _takes_data(stream: H3Stream) -> bool:
    return stream.headers_recv_state == HeadersState.AFTER_HEADERS and not stream.blocked


def _join_short_frames(data: bytes) -> tuple[bytes, int]:
    """What the DATA frames of up to 63 bytes contain with which `data` begins, and where they end."""
    parts, at, size = [], 0, len(data)
    while at + 1 < size and not data[at] and data[at + 1] < 64:
        end = at + 2 + data[at + 1]
        if end > size:
            break
        parts.append(data[at + 2 : end])
        at = end
    return b"".join(parts), at
