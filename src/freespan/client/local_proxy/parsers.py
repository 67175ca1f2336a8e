"""Which language a connection to the local proxy speaks: its first byte tells, so one port serves both."""

from __future__ import annotations

from freespan.client.local_proxy.http1 import HttpParser
from freespan.client.local_proxy.request import RequestError, RequestParser
from freespan.client.local_proxy.socks5 import Socks5Parser


def parser_for(first_byte: int) -> RequestParser:
    """Choose the parser. Raises `RequestError` for SOCKS4, which cannot resolve names remotely."""
    if first_byte == 4:
        raise RequestError("SOCKS4 is not spoken here: set SOCKS5", b"\x00\x5b" + bytes(6))
    return Socks5Parser() if first_byte == 5 else HttpParser()
