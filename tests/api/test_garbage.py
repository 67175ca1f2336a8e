"""Nothing of a connection to a host that has ended waits for the garbage collector."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

import freespan
from freespan.tunnel.identity import new_identity
from tests.support.garbage import collecting_nothing

_KEY = "dGhlIHNhbXBsZSBub25jZQ=="


def visit(url: str) -> None:
    """Ask for a page, for a link and for the place of a bridge, without asyncio."""
    parts = urlsplit(url)
    upgrade = f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {_KEY}\r\nSec-WebSocket-Version: 13\r\n"
    for path, more in (("/switch.js", ""), ("/v1/egress", upgrade), ("/v1/bridge", upgrade)):
        with contextlib.ExitStack() as stack:
            end = stack.enter_context(socket.create_connection((parts.hostname, parts.port or 443), timeout=10))
            if parts.scheme == "https":
                end = stack.enter_context(ssl._create_unverified_context().wrap_socket(end))
            end.sendall(f"GET {parts.path}{path} HTTP/1.1\r\nHost: {parts.netloc}\r\n{more}\r\n".encode())
            assert end.recv(4096).startswith(b"HTTP/1.1 ")


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_nothing_of_a_connection_that_has_ended_waits_for_the_collector(scheme: str, tmp_path: Path) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    identity = new_identity()
    certificate.write_bytes(identity.certificate.public_bytes(Encoding.PEM))
    key.write_bytes(identity.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    files = (certificate, key) if scheme == "https" else (None, None)
    settings = freespan.HostSettings(port=0, data=tmp_path, stun=False, tls_cert=files[0], tls_key=files[1])
    async with freespan.Host(settings) as host:
        url = host.url.replace("localhost", "127.0.0.1")
        assert urlsplit(url).scheme == scheme
        await asyncio.to_thread(visit, url)
        await asyncio.sleep(0.3)
        with collecting_nothing() as found:
            await asyncio.to_thread(visit, url)
            await asyncio.sleep(0.3)
    assert not [name for name in found if name.startswith(("freespan.", "aiohttp.", "asyncio.selector_events."))]
