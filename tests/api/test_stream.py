"""The transport between asyncio's streams and a stream of a session, with a stand-in for the latter."""

from __future__ import annotations

import asyncio

import pytest

from freespan.api.stream import Stream, StreamTransport, open_stream
from freespan.wire.errors import StreamError
from freespan.wire.proxy_status import ProxyStatus

CUT = StreamError(ProxyStatus("connection_terminated"))
SECONDS = 10.0


class StandIn:
    """A stream of a session: what it `receives` is read, what is written is in `sent`; it takes it while `is_open`."""

    def __init__(self) -> None:
        self.received: asyncio.Queue[bytes | StreamError] = asyncio.Queue()
        self.sent = b""
        self.is_open = asyncio.Event()
        self.is_open.set()
        self.eof_sent = False
        self.write_error: StreamError | None = None
        self.released = 0

    async def read(self) -> bytes:
        data = await self.received.get()
        if isinstance(data, StreamError):
            raise data
        return data

    async def write(self, data: bytes) -> None:
        if self.write_error is not None:
            raise self.write_error
        await self.is_open.wait()
        self.sent += data

    def write_eof(self) -> None:
        self.eof_sent = True

    def release(self, transport: StreamTransport) -> None:
        self.released += 1


@pytest.fixture
def stand_in() -> StandIn:
    return StandIn()


async def opened(stand_in: StandIn, close_seconds: float = SECONDS) -> Stream:
    transport = StreamTransport(stand_in, "site.test:80", stand_in.release, close_seconds)  # type: ignore[arg-type]
    return await open_stream(transport, None, "site.test")


async def test_what_comes_is_read_and_what_is_written_goes(stand_in: StandIn) -> None:
    async with asyncio.timeout(SECONDS), await opened(stand_in) as (reader, writer):
        for data in (b"one\ntw", b"o\n", b"three"):
            stand_in.received.put_nowait(data)
        assert [await reader.readline(), await reader.readexactly(6)] == [b"one\n", b"two\nth"]
        writer.write(b"hello ")
        writer.writelines([b"wor", bytearray(b"ld")])
        await writer.drain()
    assert (stand_in.sent, stand_in.eof_sent, stand_in.released) == (b"hello world", True, 1)


async def test_either_direction_ends_by_itself(stand_in: StandIn) -> None:
    async with asyncio.timeout(SECONDS), await opened(stand_in) as (reader, writer):
        writer.write(b"question")
        writer.write_eof()
        with pytest.raises(RuntimeError):
            writer.write(b"more")
        stand_in.received.put_nowait(b"answer")
        stand_in.received.put_nowait(b"")
        assert await reader.read() == b"answer"
        assert reader.at_eof()
        assert (stand_in.sent, stand_in.eof_sent, stand_in.released) == (b"question", True, 0)
    assert stand_in.released == 1


async def test_a_target_that_has_ended_can_be_written_to(stand_in: StandIn) -> None:
    async with asyncio.timeout(SECONDS), await opened(stand_in) as (reader, writer):
        stand_in.received.put_nowait(b"")
        assert await reader.read() == b""
        writer.write(b"still here")
        await writer.drain()
    assert stand_in.sent == b"still here"


async def test_a_slow_target_slows_its_writer(stand_in: StandIn) -> None:
    async with asyncio.timeout(SECONDS), await opened(stand_in) as (_, writer):
        stand_in.is_open.clear()
        writer.write(bytes(200_000))
        draining = asyncio.create_task(writer.drain(), name="drain")
        for _ in range(10):
            await asyncio.sleep(0)
        assert not draining.done()
        stand_in.is_open.set()
        await draining
    assert len(stand_in.sent) == 200_000


async def test_a_slow_reader_slows_its_sender(stand_in: StandIn) -> None:
    async with asyncio.timeout(SECONDS), await opened(stand_in) as (reader, _):
        for _ in range(40):
            stand_in.received.put_nowait(bytes(16_384))
        for _ in range(100):
            await asyncio.sleep(0)
        assert stand_in.received.qsize() > 20
        stand_in.received.put_nowait(b"")
        assert len(await reader.read()) == 40 * 16_384


async def test_a_cut_is_an_error_for_reader_and_writer(stand_in: StandIn) -> None:
    reader, writer = stream = await opened(stand_in)
    stand_in.received.put_nowait(CUT)
    async with asyncio.timeout(SECONDS):
        with pytest.raises(StreamError):
            await reader.read()
        with pytest.raises(StreamError):
            await writer.drain()
        assert writer.is_closing()
        await stream.close()
    assert stand_in.released == 1


async def test_a_target_that_takes_no_more(stand_in: StandIn) -> None:
    reader, writer = stream = await opened(stand_in)
    stand_in.write_error = CUT
    writer.write(b"x")
    async with asyncio.timeout(SECONDS):
        with pytest.raises(StreamError):
            await reader.read()
        await stream.close()
    assert stand_in.released == 1


async def test_what_is_unsent_is_sent_before_the_end(stand_in: StandIn) -> None:
    _, writer = stream = await opened(stand_in)
    stand_in.is_open.clear()
    writer.write(b"last words")
    closing = asyncio.create_task(stream.close(), name="close")
    for _ in range(10):
        await asyncio.sleep(0)
    assert (closing.done(), stand_in.released) == (False, 0)
    stand_in.is_open.set()
    async with asyncio.timeout(SECONDS):
        await closing
    assert (stand_in.sent, stand_in.eof_sent, stand_in.released) == (b"last words", True, 1)


async def test_closing_has_a_limit(stand_in: StandIn) -> None:
    _, writer = stream = await opened(stand_in, close_seconds=0.05)
    stand_in.is_open.clear()
    writer.write(b"never taken")
    async with asyncio.timeout(SECONDS):
        await stream.close()
    assert (stand_in.sent, stand_in.released) == (b"", 1)


async def test_abort_ends_everything_at_once(stand_in: StandIn) -> None:
    reader, writer = stream = await opened(stand_in)
    stand_in.is_open.clear()
    writer.write(b"never sent")
    assert isinstance(writer.transport, StreamTransport)
    writer.transport.abort()
    async with asyncio.timeout(SECONDS):
        assert await reader.read() == b""
        await stream.close()
    assert (stand_in.sent, stand_in.released) == (b"", 1)


async def test_a_stream_knows_its_target(stand_in: StandIn) -> None:
    async with await opened(stand_in) as (_, writer):
        assert writer.get_extra_info("peername") == "site.test:80"
        assert writer.can_write_eof()
