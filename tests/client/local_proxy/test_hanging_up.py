"""Programs that give up while their request waits for a bridge."""

from __future__ import annotations

import asyncio
import socket

import pytest

from freespan.client.lent_stream import LentStream
from freespan.client.local_proxy.server import LocalProxy
from freespan.client.settings import ClientSettings
from freespan.wire.errors import StreamError
from freespan.wire.proxy_status import ProxyStatus
from freespan.wire.target import Target
from tests.support import readers

SECONDS = 30.0
QUICK = ClientSettings(proxy_look_seconds=0.01)
CONNECT = b"CONNECT site.test:443 HTTP/1.1\r\nHost: site.test:443\r\n\r\n"
SOCKS5 = b"\x05\x01\x00\x05\x01\x00\x03\x09site.test\x01\xbb"
SOCKS4A = b"\x04\x01\x01\xbb\x00\x00\x00\x01\x00site.test\x00"


class WaitingClient:
    """Has no bridge, until it is told why there is none."""

    def __init__(self) -> None:
        self.waiting = 0
        self.given_up = asyncio.Event()
        self.asked = asyncio.Event()

    async def lend_stream(self, target: Target, first_bytes: bytes = b"") -> LentStream:
        self.asked.set()
        await self.given_up.wait()
        raise StreamError(ProxyStatus("destination_unavailable", reason="no-bridge", text="no bridge is left"))


@pytest.mark.parametrize("request_bytes", [CONNECT, SOCKS5, SOCKS4A])
@pytest.mark.parametrize("abruptly", [False, True])
async def test_a_program_that_hangs_up_is_not_kept(request_bytes: bytes, *, abruptly: bool) -> None:
    client = WaitingClient()
    proxy = LocalProxy(client, QUICK)
    port = await proxy.start(0, "127.0.0.1")
    try:
        async with asyncio.timeout(SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            if request_bytes is SOCKS5:
                writer.write(request_bytes[:3])
                await reader.readexactly(2)
                writer.write(request_bytes[3:])
            else:
                writer.write(request_bytes)
            await client.asked.wait()
            assert proxy.connections == 1
            if abruptly:
                linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()
            while proxy.connections:
                await asyncio.sleep(0.005)
    finally:
        await proxy.stop()


async def test_whoever_stays_hears_why() -> None:
    client = WaitingClient()
    proxy = LocalProxy(client, QUICK)
    port = await proxy.start(0, "127.0.0.1")
    try:
        async with asyncio.timeout(SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(CONNECT)
            await client.asked.wait()
            client.given_up.set()
            reply = readers.parse(await reader.read())
            writer.close()
    finally:
        await proxy.stop()
    assert (reply.status, reply.header("Retry-After")) == (503, "10")
    assert reply.header("Proxy-Status") == 'freespan; error=destination_unavailable; details="no-bridge"'
    assert b"no bridge is left" in reply.body


@pytest.mark.parametrize("seconds", [30.0, 0.05])
async def test_a_program_that_has_only_ended_its_direction_is_waited_for_a_while(seconds: float) -> None:
    """It may read on (`nc -N`, pipelines); if its request waits for minutes, it has more likely gone."""
    client = WaitingClient()
    proxy = LocalProxy(client, ClientSettings(proxy_look_seconds=0.01, proxy_half_closed_seconds=seconds))
    port = await proxy.start(0, "127.0.0.1")
    try:
        async with asyncio.timeout(SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET http://site.test/ HTTP/1.1\r\n\r\n")
            writer.write_eof()
            await client.asked.wait()
            if seconds > 1.0:
                await asyncio.sleep(0.1)  # many looks
                client.given_up.set()
                assert readers.parse(await reader.read()).status == 503
            else:
                assert await reader.read() == b""
            writer.close()
    finally:
        await proxy.stop()
