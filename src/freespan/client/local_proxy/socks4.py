"""Parses SOCKS 4 requests: CONNECT, to an IPv4 address or (4a) to a name. Names are resolved at the egress.

SOCKS 4 has a user id and no password. Where programs must give a password, the user id has to be `user:password`;
otherwise it may be anything. There is one code for every failure, and one for a wrong user id.
"""

from __future__ import annotations

from dataclasses import dataclass

from freespan.client.local_proxy.credentials import Credentials
from freespan.client.local_proxy.request import RequestError
from freespan.client.local_proxy.socks_target import TargetError, target_by_address, target_by_name
from freespan.wire.proxy_status import ProxyStatus
from freespan.wire.target import Target

_CONNECT = 1
_GRANTED, _FAILED, _WRONG_USER = 0x5A, 0x5B, 0x5D
_FIXED = 8
"""Bytes of version, command, port and address."""
_TEXT_MAX = 1_024
"""Bytes of the longest user id, and of the longest name."""


def _reply(code: int) -> bytes:
    return bytes((0, code)) + bytes(6)


@dataclass(frozen=True, slots=True)
class Socks4Request:
    """A CONNECT request of SOCKS 4."""

    target: Target
    first_bytes: bytes
    accepted: bytes = _reply(_GRANTED)

    def refused(self, status: ProxyStatus) -> bytes:
        """The reply for a stream that could not be opened, whatever the reason."""
        return _reply(_FAILED)


class Socks4Parser:
    """Parses one request. With `credentials`, its user id must have them."""

    def __init__(self, credentials: Credentials | None = None) -> None:
        self._credentials = credentials
        self._buffer = b""

    def data_to_send(self) -> bytes:
        """Nothing: there is no reply before the request is complete."""
        return b""

    def receive_data(self, data: bytes) -> Socks4Request | None:
        """Take bytes; return the request once it is complete. Raises `RequestError`."""
        self._buffer += data
        if len(self._buffer) < _FIXED:
            return None
        user_id, end = self._text(_FIXED)
        if user_id is None:
            return None
        self._check(user_id)
        command, address = self._buffer[1], self._buffer[4:_FIXED]
        name: bytes | None = None
        if has_name := address[:3] == bytes(3) and address[3] != 0:
            name, end = self._text(end)
            if name is None:
                return None
        if command != _CONNECT:
            raise RequestError("CONNECT is the only SOCKS 4 command that is supported", _reply(_FAILED))
        port = int.from_bytes(self._buffer[2:4], "big")
        try:
            target = target_by_name(name or b"", port) if has_name else target_by_address(address, port)
        except TargetError as error:
            raise RequestError(str(error), _reply(_FAILED)) from None
        return Socks4Request(target, self._buffer[end:])

    def _text(self, start: int) -> tuple[bytes | None, int]:
        """A text that ends in NUL, and where the next thing begins; None until it is complete."""
        end = self._buffer.find(0, start, start + _TEXT_MAX + 1)
        if end >= 0:
            return self._buffer[start:end], end + 1
        if len(self._buffer) - start > _TEXT_MAX:
            raise RequestError(f"the SOCKS 4 request has a text of more than {_TEXT_MAX} bytes", _reply(_FAILED))
        return None, start

    def _check(self, user_id: bytes) -> None:
        if self._credentials is None:
            return
        user, _, password = user_id.partition(b":")
        if not self._credentials.are(user, password):
            reason = "the user id of SOCKS 4 must be the user name, a colon and the password"
            raise RequestError(reason, _reply(_WRONG_USER))
