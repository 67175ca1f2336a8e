"""HTTP/3 as a session speaks it: few headers, and compression that remembers them costs more than it saves."""

from __future__ import annotations

from aioquic.h3.connection import H3Connection, Setting


class PlainHttp(H3Connection):
    """HTTP/3 without QPACK's dynamic table (RFC 9204 section 3.2): a request is one packet, none tells of tables."""

    def _get_local_settings(self) -> dict[int, int]:
        return super()._get_local_settings() | {Setting.QPACK_MAX_TABLE_CAPACITY: 0, Setting.QPACK_BLOCKED_STREAMS: 0}
