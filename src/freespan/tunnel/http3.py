"""HTTP/3 as a session speaks it: few headers, and compression that remembers them costs more than it saves."""

from __future__ import annotations

import pylsqpack
from aioquic.h3.connection import FrameError, FrameType, H3Connection, H3Stream, Setting

from freespan.wire.limits import HEADERS_MAX


class PlainHttp(H3Connection):
    """HTTP/3 without QPACK's dynamic table (RFC 9204 section 3.2): a request is one packet, none tells of tables.

    Tables are also what makes a few bytes many: a byte that refers to an entry is as long as the entry once decoded.
    """

    def _init_connection(self) -> None:
        self._decoder = pylsqpack.Decoder(0, 0)  # what is announced below is not what aioquic's own would take
        super()._init_connection()

    def _get_local_settings(self) -> dict[int, int]:
        return super()._get_local_settings() | {Setting.QPACK_MAX_TABLE_CAPACITY: 0, Setting.QPACK_BLOCKED_STREAMS: 0}

    def _check_request_or_push_frame_type(self, frame_type: int, stream: H3Stream) -> None:
        """Asked when the head of a frame is known, so a frame that is too long is not even collected."""
        super()._check_request_or_push_frame_type(frame_type, stream)
        if frame_type != FrameType.DATA and (stream.frame_size or 0) > HEADERS_MAX:
            raise FrameError("frame too long")

    def abandon(self, stream_id: int) -> None:
        """Sending on a stream was given up, as aioquic itself cannot know; it is kept until receiving has ended too."""
        stream = self._stream.get(stream_id)
        if stream is not None:
            stream.sending_ended = True
            if stream.is_ended():
                del self._stream[stream_id]
