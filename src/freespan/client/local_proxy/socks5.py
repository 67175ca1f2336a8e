"""Parses SOCKS5 requests (RFC 1928): CONNECT, without authentication or by user name and password (RFC 1929).

Names are resolved at the egress. Where no password is wanted, programs that offer nothing else may give any.
"""

from __future__ import annotations

from dataclasses import dataclass

from freespan.client.local_proxy.credentials import Credentials
from freespan.client.local_proxy.request import RequestError
from freespan.client.local_proxy.socks_target import TargetError, target_by_address, target_by_name
from freespan.wire.proxy_status import ProxyStatus
from freespan.wire.target import Target

_VERSION = 5
_CONNECT = 1
_NO_AUTHENTICATION, _USER_AND_PASSWORD = 0, 2
_PASSWORD_VERSION, _ACCEPTED, _REFUSED = 1, 0, 1
_GENERAL_FAILURE, _COMMAND_NOT_SUPPORTED, _ADDRESS_NOT_SUPPORTED = 1, 7, 8
_IPV4, _NAME, _IPV6 = 1, 3, 4
_ADDRESS_LENGTHS = {_IPV4: 4, _IPV6: 16}


@dataclass(frozen=True, slots=True)
class SocksRequest:
    """A CONNECT request of SOCKS5."""

    target: Target
    first_bytes: bytes
    accepted: bytes = b"\x05\x00\x00\x01" + bytes(6)

    def refused(self, status: ProxyStatus) -> bytes:
        """The reply for a stream that could not be opened."""
        return _reply(status.socks_reply)


class Socks5Parser:
    """Parses the greeting, the user name and the password where there are `credentials`, and the request."""

    def __init__(self, credentials: Credentials | None = None) -> None:
        self._credentials = credentials
        self._buffer = bytearray()
        self._to_send = b""
        self._steps = [self._greet]

    def data_to_send(self) -> bytes:
        """The replies to the steps before the request, once."""
        data, self._to_send = self._to_send, b""
        return data

    def receive_data(self, data: bytes) -> SocksRequest | None:
        """Take bytes; return the request once it is complete. Raises `RequestError`."""
        self._buffer += data
        while self._steps:
            if not self._steps[0]():
                return None
            del self._steps[0]
        return self._request()

    def _greet(self) -> bool:
        """Take the greeting; false until it is complete."""
        if len(self._buffer) < 2 or len(self._buffer) < 2 + self._buffer[1]:
            return False
        offered = self._buffer[2 : 2 + self._buffer[1]]
        method = next((one for one in self._usable_methods() if one in offered), None)
        if method is None:
            how = " or without it" if self._credentials is None else ""
            raise RequestError(f"SOCKS5 is supported with a user name and a password{how} only", b"\x05\xff")
        del self._buffer[: 2 + self._buffer[1]]
        self._to_send += bytes((_VERSION, method))
        if method == _USER_AND_PASSWORD:
            self._steps.append(self._authenticate)
        return True

    def _usable_methods(self) -> tuple[int, ...]:
        """What a program may choose of, the best first."""
        return (_NO_AUTHENTICATION, _USER_AND_PASSWORD) if self._credentials is None else (_USER_AND_PASSWORD,)

    def _authenticate(self) -> bool:
        """Take the user name and the password; false until they are complete."""
        buffer = self._buffer
        if len(buffer) < 2 or len(buffer) < 3 + buffer[1]:
            return False
        user_end = 2 + buffer[1]
        end = user_end + 1 + buffer[user_end]
        if len(buffer) < end:
            return False
        version, user, password = buffer[0], bytes(buffer[2:user_end]), bytes(buffer[user_end + 1 : end])
        is_right = self._credentials is None or self._credentials.are(user, password)
        if version != _PASSWORD_VERSION or not is_right:
            raise RequestError("the user name or the password is wrong", bytes((_PASSWORD_VERSION, _REFUSED)))
        del buffer[:end]
        self._to_send += bytes((_PASSWORD_VERSION, _ACCEPTED))
        return True

    def _request(self) -> SocksRequest | None:
        buffer = self._buffer
        if len(buffer) < 5:
            return None
        version, command, _, kind = buffer[:4]
        if version != _VERSION:
            raise RequestError("the SOCKS5 request has another version number", _reply(_GENERAL_FAILURE))
        start = 5 if kind == _NAME else 4
        length = buffer[4] if kind == _NAME else _ADDRESS_LENGTHS.get(kind)
        if length is None:
            raise RequestError("the SOCKS5 address is of an unknown type", _reply(_ADDRESS_NOT_SUPPORTED))
        end = start + length
        if len(buffer) < end + 2:
            return None
        if command != _CONNECT:  # only now: a program that is still writing would miss the reply
            raise RequestError("CONNECT is the only SOCKS5 command that is supported", _reply(_COMMAND_NOT_SUPPORTED))
        by = target_by_name if kind == _NAME else target_by_address
        try:
            target = by(bytes(buffer[start:end]), int.from_bytes(buffer[end : end + 2], "big"))
        except TargetError as error:
            raise RequestError(str(error), _reply(error.socks_reply)) from None
        return SocksRequest(target, bytes(buffer[end + 2 :]))


def _reply(code: int) -> bytes:
    return bytes((_VERSION, code, 0, 1)) + bytes(6)
