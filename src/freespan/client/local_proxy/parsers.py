"""Chooses the parser for a connection to the local proxy by its first byte, so that one port serves both protocols."""

from __future__ import annotations

from freespan.client.local_proxy.credentials import Credentials
from freespan.client.local_proxy.http1 import HttpParser
from freespan.client.local_proxy.request import RequestError, RequestParser
from freespan.client.local_proxy.socks5 import Socks5Parser


def parser_for(first_byte: int, credentials: Credentials | None = None) -> RequestParser:
    """The parser, which asks for `credentials` where there are any.

    Raises:
        RequestError: it is SOCKS4, which cannot have names resolved by the proxy.
    """
    if first_byte == 4:
        raise RequestError("SOCKS4 is not supported: use SOCKS5", b"\x00\x5b" + bytes(6))
    return Socks5Parser(credentials) if first_byte == 5 else HttpParser(credentials)
