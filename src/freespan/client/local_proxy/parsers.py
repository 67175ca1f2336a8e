"""Chooses the parser for a connection to the local proxy by its first byte, so that one port serves all protocols."""

from __future__ import annotations

from freespan.client.local_proxy.credentials import Credentials
from freespan.client.local_proxy.request import RequestParser
from freespan.client.local_proxy.socks4 import Socks4Parser
from freespan.client.local_proxy.socks5 import Socks5Parser


def socks_parser_for(first_byte: int, credentials: Credentials | None = None) -> RequestParser | None:
    """The parser, which asks for `credentials` where there are any; none where a program does not speak SOCKS."""
    if first_byte == 4:
        return Socks4Parser(credentials)
    return Socks5Parser(credentials) if first_byte == 5 else None
