"""Clients that break the rules of HTTP/3, or open and reset streams in a hurry."""

import asyncio

import pytest
from aioquic.h3.connection import H3Connection

from freespan.tunnel.server import ServerTunnel
from freespan.tunnel.settings import TunnelSettings
from freespan.tunnel.stream import TunnelStream
from freespan.wire.limits import STREAMS_MAX
from tests.support.tunnels import SECONDS, session, two_ends, until

IMPATIENT = TunnelSettings(handshake_seconds=0.05)

pytestmark = pytest.mark.timeout(60)


async def test_streams_that_are_opened_and_reset_in_a_hurry_are_bounded() -> None:
    """QUIC lets a new one open for each that is reset; the dialing that was begun for it goes on for a while."""
    most = 0

    async def dialing(tunnel: ServerTunnel, stream: TunnelStream) -> None:
        nonlocal most
        most = max(most, len(tunnel._streams.by_id))
        await asyncio.Event().wait()

    async with session(dialing) as ends:
        http, quic = ends.client._streams.http, ends.client._driver.quic
        assert http is not None
        assert quic is not None
        opened = 0
        while opened < 4 * STREAMS_MAX:
            for _ in range(64):
                stream_id = quic.get_next_available_stream_id()
                http.send_headers(stream_id, [(b":method", b"CONNECT"), (b":authority", b"a.test:1")])
                opened += 1
            ends.client._driver._flush()
            await until(lambda: not quic._streams_blocked_pending)
            for stream_id in list(quic._streams):
                if stream_id % 4 == 0:
                    quic.reset_stream(stream_id, 0)
                    quic.stop_stream(stream_id, 0)
            ends.client._driver._flush()
            await until(lambda: all(one % 4 for one in quic._streams))
        assert most <= 2 * STREAMS_MAX
        assert len(ends.server._tasks) <= 2 * STREAMS_MAX
        assert not ends.server.is_over


@pytest.mark.parametrize(
    "headers",
    [
        [(b":method", b"CONNECT"), (b":method", b"CONNECT"), (b":authority", b"a:1")],
        [(b":authority", b"a:1"), (b"x", b"y"), (b":method", b"CONNECT")],
        [(b"x", b"y")],
    ],
)
async def test_a_request_that_is_not_http_ends_the_session_cleanly(
    headers: list[tuple[bytes, bytes]],
) -> None:
    async with two_ends() as ends:
        await ends.client.start()
        http, quic = ends.client._streams.http, ends.client._driver.quic
        assert isinstance(http, H3Connection)
        assert quic is not None
        http.send_headers(quic.get_next_available_stream_id(), headers)
        ends.client._driver._flush()
        async with asyncio.timeout(SECONDS):
            assert await ends.client.wait_ended() != "closed"
            await ends.serving
