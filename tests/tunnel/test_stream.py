"""One stream by itself, with a host that writes down what it is asked."""

import asyncio

import pytest

from freespan.tunnel.flow_control import SessionWindow, StreamWindow
from freespan.tunnel.settings import TunnelSettings
from freespan.tunnel.stream import CHUNK_SIZE, TunnelStream
from freespan.wire.errors import StreamError
from freespan.wire.proxy_status import ProxyStatus

DEFAULTS = TunnelSettings()

REFUSED = ProxyStatus("connection_refused")


class Host:
    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []
        self.is_drained = asyncio.Event()
        self.is_drained.set()

    def send_data(self, stream_id: int, data: bytes, *, end: bool) -> None:
        self.asked.append(("send", data, end))

    async def drained(self, stream_id: int) -> None:
        await self.is_drained.wait()

    def on_read(self, stream: TunnelStream, count: int) -> None:
        self.asked.append(("read", count))

    def give_up(self, stream_id: int, *, reset: bool, stop: bool) -> None:
        self.asked.append(("give up", reset, stop))


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def stream(host: Host) -> TunnelStream:
    return TunnelStream(host, 4, StreamWindow(SessionWindow(DEFAULTS), now=0.0))


# --- reading -----------------------------------------------------------------------------------------
async def test_small_parts_are_joined_up_to_a_chunk(host: Host, stream: TunnelStream) -> None:
    for _ in range(10):
        stream.receive_data(bytes(16_000))
    assert stream.unread == 160_000
    sizes = [len(await stream.read()) for _ in range(3)]
    assert sizes == [64_000, 64_000, 32_000]
    assert max(sizes) <= CHUNK_SIZE
    assert stream.unread == 0
    assert host.asked == [("read", 64_000), ("read", 64_000), ("read", 32_000)]


async def test_many_tiny_parts_that_nobody_reads_take_little_more_than_their_bytes(stream: TunnelStream) -> None:
    parts = [number.to_bytes(2, "big") for number in range(20_000)]
    for part in parts:
        stream.receive_data(part)
    assert len(stream._chunks) < 20
    read = [await stream.read()]
    while stream.unread:
        read.append(await stream.read())
    assert b"".join(read) == b"".join(parts)
    assert {type(chunk) for chunk in read} == {bytes}


async def test_a_part_that_is_longer_than_a_chunk_comes_alone(stream: TunnelStream) -> None:
    stream.receive_data(bytes(CHUNK_SIZE + 1))
    stream.receive_data(b"x")
    assert len(await stream.read()) == CHUNK_SIZE + 1
    assert await stream.read() == b"x"


async def test_a_reader_waits_for_data(stream: TunnelStream) -> None:
    reading = asyncio.create_task(stream.read(), name="test-read")
    await asyncio.sleep(0)
    stream.receive_headers([(b":status", b"200")])  # news, but none for a reader
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not reading.done()
    stream.receive_data(b"x")
    assert await reading == b"x"


async def test_the_end_comes_after_the_data_and_stays(stream: TunnelStream) -> None:
    stream.receive_data(b"x")
    stream.receive_end()
    assert [await stream.read() for _ in range(3)] == [b"x", b"", b""]


async def test_a_cut_comes_after_the_data_and_stays(stream: TunnelStream) -> None:
    stream.receive_data(b"x")
    stream.cut_reading(REFUSED)
    stream.cut_reading(ProxyStatus("dns_error"))
    assert await stream.read() == b"x"
    for _ in range(2):
        with pytest.raises(StreamError) as caught:
            await stream.read()
        assert caught.value.status == REFUSED


async def test_what_was_discarded_is_not_read_and_is_no_end(stream: TunnelStream) -> None:
    stream.receive_data(b"abc")
    stream.receive_end()
    assert stream.discard() == 3
    assert stream.discard() == 0
    assert stream.unread == 0
    with pytest.raises(StreamError):
        await stream.read()


async def test_headers_are_the_first_ones(stream: TunnelStream) -> None:
    waiting = asyncio.create_task(stream.wait_headers(), name="test-headers")
    await asyncio.sleep(0)
    stream.receive_data(b"no headers")
    stream.receive_headers([(b":status", b"200")])
    stream.receive_headers([(b"trailer", b"x")])
    assert await waiting == [(b":status", b"200")]
    assert await stream.wait_headers() == [(b":status", b"200")]


async def test_waiting_for_headers_ends_with_the_stream(stream: TunnelStream) -> None:
    stream.cut(REFUSED)
    with pytest.raises(StreamError):
        await stream.wait_headers()


# --- writing -----------------------------------------------------------------------------------------
async def test_a_writer_waits_until_the_stream_has_drained(host: Host, stream: TunnelStream) -> None:
    host.is_drained.clear()
    writing = asyncio.create_task(stream.write(b"x"), name="test-write")
    await asyncio.sleep(0)
    assert not writing.done()
    assert host.asked == [("send", b"x", False)]
    host.is_drained.set()
    await writing


async def test_a_writer_learns_of_a_cut_while_it_waits(host: Host, stream: TunnelStream) -> None:
    host.is_drained.clear()
    writing = asyncio.create_task(stream.write(b"x"), name="test-write")
    await asyncio.sleep(0)
    stream.cut_writing(REFUSED)
    stream.cut_writing(ProxyStatus("dns_error"))
    host.is_drained.set()
    with pytest.raises(StreamError) as caught:
        await writing
    assert caught.value.status == REFUSED
    with pytest.raises(StreamError):
        await stream.write(b"y")
    assert host.asked == [("send", b"x", False)]


def test_an_end_is_sent_once(host: Host, stream: TunnelStream) -> None:
    stream.write_eof()
    stream.write_eof()
    assert host.asked == [("send", b"", True)]


def test_no_end_is_sent_after_a_cut(host: Host, stream: TunnelStream) -> None:
    stream.cut_writing(REFUSED)
    stream.write_eof()
    assert host.asked == []


# --- giving up -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("wrote_end", "read_end", "asked"),
    [
        (False, False, [("give up", True, True)]),
        (True, False, [("give up", False, True)]),
        (False, True, [("give up", True, False)]),
        (True, True, []),
    ],
)
def test_what_has_come_to_its_end_is_not_aborted(
    host: Host, stream: TunnelStream, wrote_end: bool, read_end: bool, asked: list[tuple[object, ...]]
) -> None:
    if wrote_end:
        stream.end_sent()
    if read_end:
        stream.receive_end()
    stream.abort()
    stream.abort()
    assert host.asked == asked


def test_what_is_cut_already_is_not_aborted_again(host: Host, stream: TunnelStream) -> None:
    stream.cut(REFUSED)
    stream.abort()
    assert host.asked == []
