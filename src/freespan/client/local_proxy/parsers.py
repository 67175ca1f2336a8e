"""Which language a connection to the local proxy speaks: its first byte tells, so one port serves both."""

from __future__ import annotations

from freespan.client.local_proxy.http1 import HttpFront
from freespan.client.local_proxy.request import Front, FrontError
from freespan.client.local_proxy.socks5 import Socks5Front


def front_for(first_byte: int) -> Front:
    """Choose the parser. Raises `FrontError` for SOCKS4, which cannot resolve names remotely."""
    if first_byte == 4:
        raise FrontError("SOCKS4 is not spoken here: set SOCKS5", b"\x00\x5b" + bytes(6))
    return Socks5Front() if first_byte == 5 else HttpFront()
