"""Streams between both ends: what goes in comes out, ends and cuts, and the bound on their number."""

import asyncio
from dataclasses import replace

import pytest
from aioquic.h3.events import H3Event

from freespan.tunnel import quic as quic_module
from freespan.tunnel.server import ServerTunnel
from freespan.tunnel.settings import TunnelSettings
from freespan.tunnel.stream import TunnelStream
from freespan.wire.errors import StreamError
from freespan.wire.limits import STREAMS_MAX
from freespan.wire.proxy_status import ProxyStatus
from tests.support.tunnels import (
    SECONDS,
    Ends,
    exchange,
    pattern,
    read_all,
    session,
    site,
    until,
    write_all,
)

DEFAULTS = TunnelSettings()

pytestmark = pytest.mark.timeout(60)


@pytest.mark.parametrize("size", [0, 1, 15_999, 16_000, 16_001, 3_000_000])
async def test_what_goes_in_comes_out(size: int) -> None:
    async with session() as ends:
        await exchange(ends, pattern(size))


async def test_a_slow_and_long_path() -> None:
    async with session(delay=0.01, rate=20e6) as ends:
        await exchange(ends, pattern(1_000_000))


async def test_many_streams_at_once_do_not_mix() -> None:
    async with session() as ends, asyncio.timeout(SECONDS), asyncio.TaskGroup() as group:
        for number in range(40):
            group.create_task(exchange(ends, bytes((number,)) * 30_000), name=f"test-{number}")


@pytest.mark.parametrize("count", [2, 5])
async def test_streams_share_the_session(count: int) -> None:
    """When one has all of its bytes, each of the others has most of them."""
    size = 2_000_000
    async with session(rate=20e6) as ends:
        received = [0] * count

        async def read(number: int) -> None:
            stream = await ends.client.connect(site("sized", size // 1024))
            while data := await stream.read():
                received[number] += len(data)

        reading = [asyncio.create_task(read(number), name=f"test-read-{number}") for number in range(count)]
        async with asyncio.timeout(SECONDS):
            await asyncio.wait(reading, return_when=asyncio.FIRST_COMPLETED)
            assert min(received) > 0.7 * size
            await asyncio.gather(*reading)


async def test_first_bytes_travel_with_the_request() -> None:
    async with session() as ends:
        stream = await ends.client.connect(site("echo"), b"hello ")
        await stream.write(b"world")
        stream.write_eof()
        assert await read_all(stream) == b"hello world"


async def test_a_direction_ends_and_the_other_goes_on() -> None:
    async def answer_after_the_end(tunnel: ServerTunnel, stream: TunnelStream) -> None:
        tunnel.accept(stream)
        assert await read_all(stream) == b"question"
        await stream.write(b"late answer")
        stream.write_eof()

    async with session(answer_after_the_end) as ends:
        stream = await ends.client.connect(site("any"))
        await stream.write(b"question")
        stream.write_eof()
        stream.write_eof()  # a second end is none
        assert await read_all(stream) == b"late answer"
        assert await stream.read() == b""


async def test_an_end_may_come_before_the_question_ends() -> None:
    async def hasty(tunnel: ServerTunnel, stream: TunnelStream) -> None:
        tunnel.accept(stream)
        stream.write_eof()
        assert await read_all(stream) == b"still here"
        done.set()

    done = asyncio.Event()
    async with session(hasty) as ends:
        stream = await ends.client.connect(site("any"))
        assert await stream.read() == b""
        await stream.write(b"still here")
        stream.write_eof()
        async with asyncio.timeout(SECONDS):
            await done.wait()


async def test_a_refusal_has_its_reason_and_leaves_the_session_whole() -> None:
    async with session() as ends:
        with pytest.raises(StreamError) as caught:
            await ends.client.connect(site("refusing"))
        assert caught.value.status == ProxyStatus("connection_refused")
        await exchange(ends, b"fine")


# --- cuts ------------------------------------------------------------------------------------------
async def test_a_client_that_gives_up_cuts_the_other_end_in_both_directions() -> None:
    outcomes: list[str] = []

    async def watched(tunnel: ServerTunnel, stream: TunnelStream) -> None:
        tunnel.accept(stream)
        with pytest.raises(StreamError):
            await read_all(stream)
        outcomes.append("reading")
        with pytest.raises(StreamError):
            while True:
                await stream.write(bytes(1000))
        outcomes.append("writing")

    async with session(watched) as ends:
        stream = await ends.client.connect(site("any"), b"question")
        ends.client.release(stream)
        await until(lambda: outcomes == ["reading", "writing"])
        with pytest.raises(StreamError):
            await stream.read()
        with pytest.raises(StreamError):
            await stream.write(b"x")


async def test_an_egress_that_gives_up_cuts_the_client_in_both_directions() -> None:
    async def leaves_in_the_middle(tunnel: ServerTunnel, stream: TunnelStream) -> None:
        tunnel.accept(stream)
        await stream.write(b"half")
        quic = tunnel._driver.quic
        assert quic is not None
        await until(lambda: not quic.unsent(stream.id))

    async with session(leaves_in_the_middle) as ends:
        stream = await ends.client.connect(site("any"))
        received = b""
        with pytest.raises(StreamError) as caught:
            while part := await stream.read():
                received += part
        assert received in {b"", b"half"}  # a reset may come before data, but it is never taken for the end
        assert caught.value.status == ProxyStatus("connection_terminated")
        with pytest.raises(StreamError):
            while True:
                await stream.write(bytes(1000))
        await exchange_fails_not(ends)


async def exchange_fails_not(ends: Ends) -> None:
    """The session has survived: the next stream opens."""
    stream = await ends.client.connect(site("any"))
    ends.client.release(stream)


async def test_a_waiting_writer_learns_of_stop_sending() -> None:
    """StopSending: the reader gives up while the writer waits."""
    give_up = asyncio.Event()

    async def stops(tunnel: ServerTunnel, stream: TunnelStream) -> None:
        tunnel.accept(stream)
        await give_up.wait()

    async with session(stops) as ends:
        stream = await ends.client.connect(site("any"))
        writing = asyncio.create_task(write_all(stream, bytes(8_000_000)), name="test-write")
        await until(lambda: stream.id in ends.client._driver._writers)
        give_up.set()
        async with asyncio.timeout(SECONDS):
            with pytest.raises(StreamError):
                await writing


async def test_a_writer_that_is_cancelled_in_the_middle_leaves_the_session_whole() -> None:
    async with session() as ends:
        stream = await ends.client.connect(site("silent"))
        writing = asyncio.create_task(write_all(stream, bytes(8_000_000)), name="test-write")
        await until(lambda: stream.id in ends.client._driver._writers)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        ends.client.release(stream)
        assert not ends.client._driver._writers
        await exchange(ends, pattern(100_000))


async def test_a_reader_that_is_cancelled_in_the_middle_loses_nothing() -> None:
    async with session() as ends:
        stream = await ends.client.connect(site("echo"))
        reading = asyncio.create_task(stream.read(), name="test-read")
        await asyncio.sleep(0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await stream.write(b"whole")
        stream.write_eof()
        assert await read_all(stream) == b"whole"


async def test_data_after_the_end_cuts_the_stream_and_not_the_session() -> None:
    async with session() as ends:
        stream = await ends.client.connect(site("echo"))
        stream.write_eof()
        with pytest.raises(StreamError):
            await stream.write(b"more")
        await exchange(ends, b"fine")


async def test_trailers_and_informational_headers_do_no_harm() -> None:
    async def with_trailers(tunnel: ServerTunnel, stream: TunnelStream) -> None:
        tunnel.accept(stream)
        await stream.write(b"data")
        assert tunnel._streams.http is not None
        tunnel._streams.http.send_headers(stream.id, [(b"x-trailer", b"1")], end_stream=True)
        tunnel._driver.flush_soon()
        stream.end_sent()

    async with session(with_trailers) as ends:
        stream = await ends.client.connect(site("any"))
        assert await read_all(stream) == b"data"
        assert dict(stream.headers)[b":status"] == b"200"


# --- the bound on streams ----------------------------------------------------------------------
async def test_one_stream_too_many_waits_until_another_is_given_back() -> None:
    async with session() as ends:
        streams = [await ends.client.connect(site("silent")) for _ in range(STREAMS_MAX)]
        waiting = asyncio.create_task(ends.client.connect(site("echo"), b"patience"), name="test-129th")
        for _ in range(20):
            await asyncio.sleep(0)
        assert not waiting.done()
        assert len(ends.server._streams.by_id) == STREAMS_MAX
        ends.client.release(streams[0])
        ends.client.release(streams[0])  # once is enough: a second time must not make another place
        async with asyncio.timeout(SECONDS):
            stream = await waiting
        stream.write_eof()
        assert await read_all(stream) == b"patience"
        assert ends.client._slots._value == 0


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.05])
async def test_where_no_place_becomes_free_the_reason_is_named(seconds: float) -> None:
    async with session(settings=replace(DEFAULTS, place_seconds=seconds)) as ends:
        streams = [await ends.client.connect(site("silent")) for _ in range(STREAMS_MAX)]
        with pytest.raises(StreamError) as caught:
            await ends.client.connect(site("echo"))
        assert caught.value.status == ProxyStatus("connection_limit_reached", "tunnels")
        ends.client.release(streams.pop())
        quic = ends.client._driver.quic
        assert quic is not None
        await until(lambda: quic._remote_max_streams_bidi > STREAMS_MAX)
        await exchange(ends, b"there is a place again")


async def test_an_egress_that_lets_no_further_stream_begin_is_named_as_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As one of an earlier version, which takes fewer streams."""
    monkeypatch.setattr(quic_module, "STREAMS_MAX", 3)
    async with session(settings=replace(DEFAULTS, place_seconds=0.3)) as ends:
        streams = [await ends.client.connect(site("silent")) for _ in range(3)]
        with pytest.raises(StreamError) as caught:
            await ends.client.connect(site("echo"))
        assert caught.value.status == ProxyStatus("connection_limit_reached", "tunnels")
        assert len(ends.client._streams.by_id) == 3
        for one in streams:
            ends.client.release(one)
        await exchange(ends, b"there is a place again")


async def test_an_egress_that_is_slow_to_answer_is_no_limit() -> None:
    async def later(tunnel: ServerTunnel, stream: TunnelStream) -> None:
        await asyncio.sleep(0.2)
        tunnel.accept(stream)
        stream.write_eof()

    async with session(later, settings=replace(DEFAULTS, place_seconds=0.01)) as ends:
        assert await read_all(await ends.client.connect(site("any"))) == b""


async def test_streams_can_come_and_go_for_long() -> None:
    async with session() as ends:
        for _ in range(3 * STREAMS_MAX):
            ends.client.release(await ends.client.connect(site("echo")))
        await exchange(ends, b"still fine")
        await until(lambda: not ends.server._streams.by_id)
        assert not ends.client._streams.by_id


async def test_waiting_for_a_place_ends_with_the_session() -> None:
    async with session() as ends:
        streams = [await ends.client.connect(site("silent")) for _ in range(STREAMS_MAX)]
        waiting = asyncio.create_task(ends.client.connect(site("echo")), name="test-129th")
        await asyncio.sleep(0)
        ends.client.close("over")
        for stream in streams:
            ends.client.release(stream)
        async with asyncio.timeout(SECONDS):
            with pytest.raises(StreamError) as caught:
                await waiting
        assert caught.value.status == ProxyStatus("destination_unavailable")


# --- streams that are gone ----------------------------------------------------------------------
async def test_what_concerns_no_open_stream_is_ignored() -> None:
    async with session() as ends:
        assert ends.client._streams._handle_http_event(H3Event()) is None
        ends.client._streams.give_up(4_000, reset=False, stop=True)
        stream = await ends.client.connect(site("echo"))
        ends.client.release(stream)
        ends.client._streams.send_data(stream.id, b"late", end=False)
        await exchange(ends, b"fine")
