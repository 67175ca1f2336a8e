"""HTTP/3 without QPACK's dynamic table: requests are few and short, and tables cost more than they save."""

from __future__ import annotations

import pylsqpack
from aioquic.h3.connection import FrameError, FrameType, H3Connection, H3Stream, Setting

from freespan.wire.limits import HEADERS_MAX


class PlainHttp(H3Connection):
    """HTTP/3 with a dynamic table of 0 bytes (RFC 9204 section 3.2), so a request is one packet and refers to no other.

    Tables are also an amplifier: a reference of one byte is as long as the entry once it is decoded.
    """

    def _init_connection(self) -> None:
        self._decoder = pylsqpack.Decoder(0, 0)  # aioquic's own decoder would accept more than is announced below
        super()._init_connection()

    def _get_local_settings(self) -> dict[int, int]:
        return super()._get_local_settings() | {Setting.QPACK_MAX_TABLE_CAPACITY: 0, Setting.QPACK_BLOCKED_STREAMS: 0}

    def _check_request_or_push_frame_type(self, frame_type: int, stream: H3Stream) -> None:
        """Called when the head of a frame is known, so a frame that is too long is not even collected."""
        super()._check_request_or_push_frame_type(frame_type, stream)
        if frame_type != FrameType.DATA and (stream.frame_size or 0) > HEADERS_MAX:
            raise FrameError("frame too long")

    def abandon(self, stream_id: int) -> None:
        """Note that sending on a stream was given up, which aioquic cannot know; receiving may still have to end."""
        stream = self._stream.get(stream_id)
        if stream is not None:
            stream.sending_ended = True
            if stream.is_ended():
                del self._stream[stream_id]
