"""The egress' end of a session: its first message, and how it serves streams."""

import asyncio

import pytest
from aioquic.h3.events import HeadersReceived
from hypothesis import given, settings
from hypothesis import strategies as st

from freespan.link.memory import memory_pair
from freespan.tunnel.quic import client_quic
from freespan.tunnel.server import ServerTunnel
from freespan.tunnel.settings import TunnelSettings
from freespan.tunnel.stream import TunnelStream
from freespan.wire.errors import StreamError
from freespan.wire.limits import MESSAGE_MAX
from freespan.wire.proxy_status import ProxyStatus
from tests.support.recorder import Recorder
from tests.support.tunnels import IDENTITY, SECONDS, by_name, read_all, session, site, until

DEFAULTS = TunnelSettings()

IMPATIENT = TunnelSettings(handshake_seconds=0.05)

pytestmark = pytest.mark.timeout(60)


# --- the first message ----------------------------------------------------------------------
@pytest.mark.parametrize(
    "first",
    [b"x", b"\x00" * 16_000, b"\xff" * 16_000, b"GET / HTTP/1.1\r\n\r\n", b"\xc0\x00\x00\x00\x02" + bytes(1_200)],
)
async def test_a_first_message_that_is_not_quic_ends_the_link_with_a_reason(first: bytes) -> None:
    near, far = memory_pair()
    owner = Recorder()
    near.start(owner)
    near.send(first)
    server = ServerTunnel(IDENTITY, far, by_name)
    async with asyncio.timeout(SECONDS):
        await server.serve()
    assert "the first packet of the link" in await server.wait_ended()
    assert await owner.closed()
    assert not owner.messages


@settings(max_examples=100)
@given(st.lists(st.binary(min_size=1, max_size=200), min_size=1, max_size=4), st.binary(max_size=20))
def test_any_messages_end_in_silence_or_a_clean_end(messages: list[bytes], start: bytes) -> None:
    async def play() -> None:
        near, far = memory_pair()
        owner = Recorder()
        near.start(owner)
        server = ServerTunnel(IDENTITY, far, by_name)
        serving = asyncio.create_task(server.serve(), name="test-serve")
        for message in [start + messages[0] + bytes(1_200), *messages]:
            near.send(message[:MESSAGE_MAX])
            await asyncio.sleep(0)
        for _ in range(5):
            await asyncio.sleep(0)
        near.close()
        async with asyncio.timeout(SECONDS):
            await serving
        assert await owner.closed()

    with asyncio.Runner() as runner:
        runner.run(play())


async def test_an_initial_whose_payload_is_noise_gets_no_further() -> None:
    """The header is that of an Initial, so there is a connection; but nothing in it opens, so nothing is answered."""
    quic = client_quic(DEFAULTS)
    quic.connect(("link", 0), now=0.0)
    first = quic.datagrams_to_send(now=0.0)[0][0] if quic._network_paths else b""
    near, far = memory_pair()
    owner = Recorder()
    near.start(owner)
    server = ServerTunnel(IDENTITY, far, by_name, settings=IMPATIENT)
    serving = asyncio.create_task(server.serve(), name="test-serve")
    near.send(first[:40] + bytes(len(first) - 40))
    async with asyncio.timeout(SECONDS):
        await serving
    assert await server.wait_ended() == "no handshake in time"
    assert not owner.messages


async def test_a_silent_client_is_given_up() -> None:
    near, far = memory_pair()
    owner = Recorder()
    near.start(owner)
    server = ServerTunnel(IDENTITY, far, by_name, settings=IMPATIENT)
    async with asyncio.timeout(SECONDS):
        await server.serve()
    assert await server.wait_ended() == "no handshake in time"
    assert await owner.closed()


async def test_an_open_session_is_not_ended_by_the_handshake_s_limit() -> None:
    async with session() as ends:
        await until(lambda: ends.server._driver.is_established)
        ends.server._end_without_handshake()
        assert not ends.server.is_over


# --- streams --------------------------------------------------------------------------------
async def test_the_handler_gets_the_request_as_it_was_made() -> None:
    seen: list[dict[bytes, bytes]] = []

    async def look(tunnel: ServerTunnel, stream: TunnelStream) -> None:
        seen.append(dict(stream.headers))
        tunnel.accept(stream)
        await stream.read()

    async with session(look) as ends:
        await ends.client.connect(site("any", 8080))
    assert seen == [{b":method": b"CONNECT", b":authority": b"any.test:8080"}]


async def test_a_handler_that_returns_lets_go_of_its_stream() -> None:
    async def greet(tunnel: ServerTunnel, stream: TunnelStream) -> None:
        tunnel.accept(stream)
        await stream.write(b"hello")
        stream.write_eof()

    async with session(greet) as ends:
        stream = await ends.client.connect(site("any"))
        assert await read_all(stream) == b"hello"
        await until(lambda: not ends.server._streams.by_id)
        assert not ends.server._tasks


async def test_a_handler_that_fails_cuts_its_own_stream_alone() -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))

    async def fail(tunnel: ServerTunnel, stream: TunnelStream) -> None:
        tunnel.accept(stream)
        raise ZeroDivisionError

    async with session(fail) as ends:
        for _ in range(2):
            with pytest.raises(StreamError):
                await read_all(await ends.client.connect(site("any")))
        assert not ends.server.is_over


async def test_the_end_of_a_session_ends_its_handlers() -> None:
    cancelled = asyncio.Event()

    async def wait(tunnel: ServerTunnel, stream: TunnelStream) -> None:
        tunnel.accept(stream)
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async with session(wait) as ends:
        await ends.client.connect(site("any"))
        ends.server.close("the egress is stopping")
        async with asyncio.timeout(SECONDS):
            await ends.serving
        assert cancelled.is_set()


async def test_a_serve_that_is_cancelled_closes_everything() -> None:
    async with session() as ends:
        await ends.client.connect(site("silent"))
        ends.serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await ends.serving
        assert ends.server.is_over
        assert not ends.server._tasks
        async with asyncio.timeout(SECONDS):
            await ends.client.wait_ended()


@pytest.mark.parametrize("answer", ["accept", "refuse"])
async def test_an_answer_to_a_client_that_has_left_does_no_harm(answer: str) -> None:
    """The stream is long gone at both ends when the handler comes back from dialing."""
    answered = asyncio.Event()

    async def dialing(tunnel: ServerTunnel, stream: TunnelStream) -> None:
        assert tunnel._driver.quic is not None
        while stream.id in tunnel._driver.quic._streams:
            await asyncio.sleep(0.001)
        if answer == "accept":
            tunnel.accept(stream)
            with pytest.raises(StreamError):
                await stream.write(b"x")
            tunnel._streams.send_data(stream.id, b"x", end=False)
        else:
            tunnel.refuse(stream, ProxyStatus("connection_timeout"))
        answered.set()

    async with session(dialing) as ends:
        opening = asyncio.create_task(ends.client.connect(site("any")), name="test-open")
        await until(lambda: bool(ends.server._streams.by_id))
        opening.cancel()
        async with asyncio.timeout(SECONDS):
            await answered.wait()
        await until(lambda: not ends.server._streams.by_id)
        assert not ends.server.is_over


async def test_nothing_is_answered_after_the_end() -> None:
    late: list[tuple[ServerTunnel, TunnelStream]] = []

    async def keep(tunnel: ServerTunnel, stream: TunnelStream) -> None:
        tunnel.accept(stream)
        late.append((tunnel, stream))
        await asyncio.Event().wait()

    async with session(keep) as ends:
        await ends.client.connect(site("any"))
        ends.server.close()
        late[0][0].accept(late[0][1])
        late[0][0].refuse(late[0][1], ProxyStatus("dns_error"))


async def test_trailers_that_come_after_the_stream_was_served_open_no_new_one() -> None:
    served = 0

    async def once(tunnel: ServerTunnel, stream: TunnelStream) -> None:
        nonlocal served
        served += 1
        tunnel.accept(stream)
        stream.write_eof()
        tunnel._streams.release(stream)

    async with session(once) as ends:
        stream = await ends.client.connect(site("any"))
        await until(lambda: not ends.server._streams.by_id)
        http = ends.client._streams.http
        assert http is not None
        trailers = HeadersReceived([(b"x-trailer", b"1")], stream_id=stream.id, stream_ended=True)
        assert ends.server._streams._handle_http_event(trailers) is None
        assert served == 1
        assert not ends.server._streams.by_id


async def test_a_request_that_ends_at_once_is_read_to_its_end() -> None:
    ended = asyncio.Event()

    async def listen(tunnel: ServerTunnel, stream: TunnelStream) -> None:
        tunnel.accept(stream)
        assert await stream.read() == b""
        ended.set()

    async with session(listen) as ends:
        http, quic = ends.client._streams.http, ends.client._driver.quic
        assert http is not None
        assert quic is not None
        headers = [(b":method", b"CONNECT"), (b":authority", b"a.test:1")]
        http.send_headers(quic.get_next_available_stream_id(), headers, end_stream=True)
        ends.client._driver._flush()
        async with asyncio.timeout(SECONDS):
            await ended.wait()
