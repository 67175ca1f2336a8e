import asyncio

import pytest
from aioquic.h3.connection import FrameType, Setting, encode_frame
from aioquic.quic.connection import stream_is_unidirectional

from freespan.tunnel.client import ClientTunnel
from freespan.tunnel.http3 import PlainHttp
from freespan.tunnel.quic import LinkQuic
from freespan.tunnel.server import ServerTunnel
from freespan.tunnel.stream import TunnelStream
from freespan.wire.errors import StreamError
from freespan.wire.limits import HEADERS_MAX
from tests.support.tunnels import SECONDS, Ends, by_name, read_all, session, site, until


async def test_neither_end_keeps_tables() -> None:
    """What the other end may not refer to, it does not wait for."""
    async with session() as ends:
        await until(lambda: ends.server._driver.is_established)
        _, http = parts(ends.server)
        await until(lambda: http.received_settings is not None)
        for one in (ends.client, ends.server):
            settings = parts(one)[1].sent_settings
            assert settings is not None
            assert settings[Setting.QPACK_MAX_TABLE_CAPACITY] == 0
            assert settings[Setting.QPACK_BLOCKED_STREAMS] == 0


async def test_a_request_is_one_packet() -> None:
    async with session() as ends:
        await ends.client.connect(site("echo"))
        passed: list[bytes] = []
        send = ends.client_link.send
        ends.client_link.send = passed.append  # type: ignore[method-assign, assignment]
        quic, http = parts(ends.client)
        http.send_headers(
            quic.get_next_available_stream_id(), [(b":method", b"CONNECT"), (b":authority", b"a.example:443")]
        )
        ends.client._driver._flush()
        assert len(passed) == 1
        assert len(passed[0]) < 200
        ends.client_link.send = send  # type: ignore[method-assign]
        send(passed[0])


# --- a few bytes that would be many --------------------------------------------------------------------
SET_CAPACITY = b"\x3f\xe1\x1f"
"""QPACK's instruction to keep a table of 4,096 bytes (RFC 9204 section 4.3.1)."""


def parts(one: ClientTunnel | ServerTunnel) -> tuple[LinkQuic, PlainHttp]:
    assert one._driver.quic is not None
    assert one._streams.http is not None
    return one._driver.quic, one._streams.http


def send_headers_frame(client: ClientTunnel, size: int) -> None:
    """A request of `size` bytes that a client in good faith does not send: CONNECT, then one header many times."""
    quic, _ = parts(client)
    block = b"\x00\x00" + b"\xcf" + b"\x50\x0aecho.test:"
    stream_id = quic.get_next_available_stream_id()
    quic.send_stream_data(stream_id, encode_frame(FrameType.HEADERS, block + b"\xdd" * (size - len(block))))
    client._driver._flush()


async def wait_both_ended(ends: Ends) -> None:
    async with asyncio.timeout(SECONDS):
        await ends.serving
        await ends.client.wait_ended()


async def test_headers_up_to_the_bound_are_served() -> None:
    async with session() as ends:
        send_headers_frame(ends.client, HEADERS_MAX)
        await until(lambda: bool(ends.server._streams.by_id))
        assert not ends.server.is_over


@pytest.mark.parametrize("size", [HEADERS_MAX + 1, 400_000])
async def test_longer_headers_end_the_session_unread(size: int) -> None:
    async with session() as ends:
        send_headers_frame(ends.client, size)
        await wait_both_ended(ends)
        assert not ends.server._streams.by_id


async def test_filling_a_table_that_was_not_offered_ends_the_session() -> None:
    """Else a byte that refers to an entry would be 4 kB once decoded."""
    async with session() as ends:
        quic, http = parts(ends.client)
        assert http._local_encoder_stream_id is not None
        entry = b"\x41x" + b"\x7f\xbd\x1d" + b"v" * 3_900
        quic.send_stream_data(http._local_encoder_stream_id, SET_CAPACITY + entry)
        ends.client._driver._flush()
        await wait_both_ended(ends)


# --- streams that are over -----------------------------------------------------------------------------
async def leaves_early(tunnel: ServerTunnel, stream: TunnelStream) -> None:
    tunnel.accept(stream)
    await stream.write(b"a word")


async def reads_to_the_end(tunnel: ServerTunnel, stream: TunnelStream) -> None:
    if dict(stream.headers)[b":authority"] == b"silent.test:1":
        tunnel.accept(stream)
    with pytest.raises(StreamError):
        await read_all(stream)


HANDLERS = {
    "given up unanswered": reads_to_the_end,
    "given up open": reads_to_the_end,
    "left by the egress": leaves_early,
    "refused": by_name,
    "whole": by_name,
}


@pytest.mark.parametrize("kind", HANDLERS)
async def test_no_stream_is_remembered_when_it_is_over(kind: str) -> None:
    async with session(HANDLERS[kind]) as ends:
        for _ in range(5):
            await USES[kind](ends.client)
        await until(lambda: not ends.server._streams.by_id)
        for one in (ends.client, ends.server):
            _, http = parts(one)
            await until(lambda http=http: all(map(stream_is_unidirectional, http._stream)))  # type: ignore[misc]


async def give_up_unanswered(client: ClientTunnel) -> None:
    opening = asyncio.create_task(client.connect(site("never"), b"hello"), name="test-open")
    await until(lambda: bool(client._streams.by_id))
    opening.cancel()
    await asyncio.gather(opening, return_exceptions=True)


async def give_up_open(client: ClientTunnel) -> None:
    client.release(await client.connect(site("silent"), b"hello"))


async def be_left(client: ClientTunnel) -> None:
    with pytest.raises(StreamError):
        stream = await client.connect(site("any"))
        try:
            await read_all(stream)
        finally:
            client.release(stream)


async def be_refused(client: ClientTunnel) -> None:
    with pytest.raises(StreamError):
        await client.connect(site("refusing"))


async def use_whole(client: ClientTunnel) -> None:
    stream = await client.connect(site("echo"), b"hello")
    stream.write_eof()
    assert await read_all(stream) == b"hello"
    client.release(stream)


USES = {
    "given up unanswered": give_up_unanswered,
    "given up open": give_up_open,
    "left by the egress": be_left,
    "refused": be_refused,
    "whole": use_whole,
}
