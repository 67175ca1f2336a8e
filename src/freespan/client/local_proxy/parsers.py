"""Chooses the parser for a connection to the local proxy by its first byte, so that one port serves all protocols."""

from __future__ import annotations

from freespan.client.local_proxy.credentials import Credentials
from freespan.client.local_proxy.http1 import HttpParser
from freespan.client.local_proxy.request import RequestParser
from freespan.client.local_proxy.socks4 import Socks4Parser
from freespan.client.local_proxy.socks5 import Socks5Parser


def parser_for(first_byte: int, credentials: Credentials | None = None) -> RequestParser:
    """The parser, which asks for `credentials` where there are any."""
    if first_byte == 4:
        return Socks4Parser(credentials)
    return Socks5Parser(credentials) if first_byte == 5 else HttpParser(credentials)
