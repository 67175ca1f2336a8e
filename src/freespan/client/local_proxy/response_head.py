"""The head of the one response that a connection of the local proxy carries (RFC 9112 sections 4 and 5).

The target was asked to close the connection after it. Whatever it replies to that, the program is told that the
connection ends with this response. Otherwise it would send its next request, perhaps for another site, to this one.

`Proxy-Status` says to a program that a proxy has refused its request, and why. In what comes from here it is the word
of the egress or of the local proxy, so a field of this name that a site has sent is left out as a whole: no parser has
to tell one member of it from another. Ours is never a trailer.
"""

from __future__ import annotations

import re

from freespan.client.local_proxy.request import PROXY_HEAD_MAX
from freespan.wire.errors import StreamError
from freespan.wire.proxy_status import ProxyStatus

_HEAD_END = re.compile(rb"\r?\n\r?\n")
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})(?: [^\x00-\x08\x0a-\x1f\x7f]*)?")
_FOLD = re.compile(rb"\r?\n[ \t]+")
_HEADER = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*:([^\x00-\x08\x0a-\x1f\x7f]*)")
_HOP_BY_HOP = {b"connection", b"proxy-connection", b"keep-alive"}
_OURS = {b"proxy-status"}
"""Fields that come from this proxy alone."""
_FRAMING = {b"content-length", b"transfer-encoding"}
"""Fields that say where the body ends; they are for the program, whatever `Connection` claims."""


class ResponseHead:
    """Rewrites heads up to the final one (after any interim ones), and passes on what follows."""

    def __init__(self) -> None:
        self.is_whole = False
        self._buffer = bytearray()

    def receive_data(self, data: bytes) -> bytes:
        """Take bytes from the target; return those for the program. Raises `StreamError` if they are not HTTP."""
        if self.is_whole:
            return data
        seen = max(0, len(self._buffer) - 3)
        self._buffer += data
        passed = bytearray()
        while not self.is_whole:
            end = _HEAD_END.search(self._buffer, seen)
            if (end.end() if end else len(self._buffer)) > PROXY_HEAD_MAX:
                raise StreamError(ProxyStatus("http_response_header_section_size"))
            if end is None:
                return bytes(passed)
            status, head = _rewritten(bytes(self._buffer[: end.start()]))
            passed += head
            del self._buffer[: end.end()]
            seen = 0
            self.is_whole = status >= 200
        passed += self._buffer
        self._buffer.clear()
        return bytes(passed)

    def receive_end(self) -> None:
        """The target has ended its direction. Raises `StreamError` when that was too early."""
        if not self.is_whole:
            raise StreamError(ProxyStatus("http_response_incomplete"))


def _rewritten(head: bytes) -> tuple[int, bytes]:
    """The status code, and the head as the program gets it."""
    # RFC 9112 sections 5.1 and 5.2 require it of proxies: join folded lines, drop white space before the colon
    status_line, *lines = re.split(rb"\r?\n", _FOLD.sub(b" ", head))
    found = _STATUS_LINE.fullmatch(status_line)
    headers = [_HEADER.fullmatch(line) for line in lines]
    # nobody has asked for another protocol, so 101 is an error
    if found is None or found[1] == b"101":
        raise StreamError(ProxyStatus("http_protocol_error"))
    dropped = _HOP_BY_HOP | _OURS
    for header in headers:
        if header is None:
            raise StreamError(ProxyStatus("http_protocol_error"))
        if header[1].lower() == b"connection":
            dropped |= {token.strip().lower() for token in header[2].split(b",")} - _FRAMING
    kept = [header[1] + b":" + header[2] for header in headers if header and header[1].lower() not in dropped]
    status = int(found[1])
    last = [b"Connection: close"] if status >= 200 else []
    return status, b"\r\n".join([status_line, *kept, *last]) + b"\r\n\r\n"
