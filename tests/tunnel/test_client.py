import asyncio
from collections.abc import Callable

import pytest

from freespan.link.memory import memory_pair
from freespan.tunnel.client import ClientTunnel
from freespan.tunnel.driver import HOST_FULL
from freespan.tunnel.identity import new_identity
from freespan.tunnel.quic import LinkQuic
from freespan.tunnel.server import ServerTunnel
from freespan.tunnel.settings import TunnelSettings
from freespan.tunnel.stream import TunnelStream
from freespan.wire.errors import StreamError, TunnelError, WrongKeyError
from freespan.wire.limits import DATAGRAM_SIZE, MESSAGE_MAX, STREAMS_MAX
from freespan.wire.proxy_status import ProxyStatus
from tests.support.recorder import Recorder
from tests.support.tunnels import IDENTITY, SECONDS, as_owner, read_all, session, site, two_ends, until

IMPATIENT = TunnelSettings(handshake_seconds=0.05)

pytestmark = pytest.mark.timeout(60)


# --- the key -----------------------------------------------------------------------------------------
async def test_an_egress_with_another_key_is_refused_before_any_request() -> None:
    requests: list[bytes] = []

    async def note(tunnel: ServerTunnel, stream: TunnelStream) -> None:
        requests.append(stream.id.to_bytes())

    async with two_ends(note, identity=new_identity(), pin=IDENTITY.pin, bridged=True) as ends:
        with pytest.raises(WrongKeyError):
            await ends.client.start()
        assert ends.client.is_over
        assert ends.client._streams.http is None  # so no request could be sent
        with pytest.raises(StreamError) as caught:
            await ends.client.connect(site("echo"), b"secret")
        assert caught.value.status == ProxyStatus("destination_unavailable")
        sent = ends.client_link.sent_bytes
        async with asyncio.timeout(SECONDS):
            await ends.serving
        assert ends.client_link.sent_bytes == sent
        assert not requests


async def test_a_key_of_no_length_is_no_key() -> None:
    async with two_ends(pin=b"") as ends:
        with pytest.raises(WrongKeyError):
            await ends.client.start()


# --- the handshake -----------------------------------------------------------------------------------
async def test_a_silent_egress_is_given_up() -> None:
    link, other = memory_pair()
    far = Recorder()
    other.start(far)
    client = ClientTunnel(IDENTITY.pin, link, settings=IMPATIENT)
    with pytest.raises(TunnelError, match="handshake took too long"):
        await client.start()
    assert await far.closed()
    assert all(len(message) <= MESSAGE_MAX for message in far.messages)


async def test_the_first_packet_fills_a_datagram() -> None:
    """It looks the same whoever is asked for."""
    link, other = memory_pair()
    far = Recorder()
    other.start(far)
    client = ClientTunnel(IDENTITY.pin, link)
    starting = asyncio.create_task(client.start(), name="test-start")
    await far.until(lambda recorder: bool(recorder.messages))
    assert 1_200 <= len(far.messages[0]) <= DATAGRAM_SIZE
    client.close("enough")
    with pytest.raises(TunnelError, match="enough"):
        await starting


@pytest.mark.parametrize("noise", [b"x", b"\x00" * 16_000, b"\xff" * 1_200, b"HTTP/1.1 200 OK\r\n\r\n"])
async def test_an_egress_that_does_not_answer_in_quic_is_given_up(noise: bytes) -> None:
    link, other = memory_pair()
    other.start(Recorder())
    client = ClientTunnel(IDENTITY.pin, link, settings=IMPATIENT)
    other.send(noise)
    with pytest.raises(TunnelError):
        await client.start()


async def test_a_link_that_dies_in_the_handshake() -> None:
    link, other = memory_pair()
    client = ClientTunnel(IDENTITY.pin, link)
    other.start(Recorder())
    other.close()
    with pytest.raises(TunnelError, match="the other end closed the link"):
        async with asyncio.timeout(SECONDS):
            await client.start()


async def test_an_egress_that_refuses_the_handshake(monkeypatch: pytest.MonkeyPatch) -> None:
    """A close of QUIC in the middle of it."""
    async with two_ends() as ends:
        refuse: Callable[[LinkQuic], None] = lambda quic: quic.close(error_code=2)  # noqa: E731
        monkeypatch.setattr(ends.server._streams, "begin_http", refuse)
        with pytest.raises(TunnelError):
            async with asyncio.timeout(SECONDS):
                await ends.client.start()


async def test_a_host_that_is_full_says_so_before_the_handshake_is_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    async with two_ends() as ends:
        driver = ends.server._driver
        receive, close = driver._receive, driver._link.close

        def shed_afterwards(message: bytes, now: float, until: float) -> None:
            receive(message, now, until)
            assert not driver.is_established
            ends.server.shed("too many")

        monkeypatch.setattr(driver, "_receive", shed_afterwards)
        later = asyncio.get_running_loop().call_later
        monkeypatch.setattr(driver._link, "close", lambda reason: later(0.05, close, reason))  # others send all first
        with pytest.raises(TunnelError, match=HOST_FULL):
            async with asyncio.timeout(SECONDS):
                await ends.client.start()


async def test_a_start_that_is_cancelled_closes_the_link() -> None:
    link, other = memory_pair()
    far = Recorder()
    other.start(far)
    client = ClientTunnel(IDENTITY.pin, link)
    starting = asyncio.create_task(client.start(), name="test-start")
    await far.until(lambda recorder: bool(recorder.messages))
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert client.is_over
    assert await client.wait_ended() == "given up"
    assert await far.closed()


# --- streams -----------------------------------------------------------------------------------------
async def test_a_connect_that_is_cancelled_gives_its_place_back() -> None:
    async with session() as ends:
        for _ in range(3):
            opening = asyncio.create_task(ends.client.connect(site("never")), name="test-open")
            await until(lambda: bool(ends.client._streams.by_id))
            opening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await opening
            assert not ends.client._streams.by_id
            assert ends.client._slots._value == STREAMS_MAX


async def test_an_answer_that_comes_too_late_does_no_harm() -> None:
    """The client has given up, the egress does not know it yet."""
    go_on = asyncio.Event()

    async def slow(tunnel: ServerTunnel, stream: TunnelStream) -> None:
        await go_on.wait()
        tunnel.accept(stream)
        answered.set()
        await stream.write(b"late")
        await stream.read()

    answered = asyncio.Event()
    async with session(slow, delay=0.02) as ends:
        opening = asyncio.create_task(ends.client.connect(site("any")), name="test-open")
        await until(lambda: bool(ends.server._streams.by_id))
        opening.cancel()
        go_on.set()
        await asyncio.gather(opening, return_exceptions=True)
        await answered.wait()
        received = ends.client.bytes_received
        await until(lambda: ends.client.bytes_received > received)
        assert not ends.client._streams.by_id
        assert not ends.client.is_over
        ends.client.release(await ends.client.connect(site("any")))


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ([(b":status", b"403"), (b"proxy-status", b"freespan; error=http_request_denied")], "http_request_denied"),
        ([(b":status", b"502"), (b"proxy-status", b"\xff\xfe")], "proxy_internal_error"),
        ([(b":status", b"500")], "proxy_internal_error"),
        ([(b":status", b"204"), (b"proxy-status", b"x; error=made_up")], "proxy_internal_error"),
    ],
)
async def test_refusals_of_all_kinds(headers: list[tuple[bytes, bytes]], error: str) -> None:
    async def refuse(tunnel: ServerTunnel, stream: TunnelStream) -> None:
        tunnel._streams.send_headers(stream, headers, end=True)

    async with session(refuse) as ends:
        with pytest.raises(StreamError) as caught:
            await ends.client.connect(site("any"))
        assert caught.value.status == ProxyStatus(error)
        assert not ends.client._streams.by_id


async def test_an_egress_that_ends_a_stream_without_an_answer() -> None:
    async def reset(tunnel: ServerTunnel, stream: TunnelStream) -> None:
        stream.abort()

    async with session(reset) as ends:
        with pytest.raises(StreamError):
            async with asyncio.timeout(SECONDS):
                await ends.client.connect(site("any"))


async def test_keepalives_end_with_the_session() -> None:
    async with session() as ends:
        assert ends.client._keepalive is not None
        ends.client.close()
        assert ends.client._keepalive.cancelled()
        ends.client._keep_alive()
        assert as_owner(ends.client._driver) is ends.client._driver


async def test_received_bytes_are_counted() -> None:
    async with session() as ends:
        received = ends.client.bytes_received
        stream = await ends.client.connect(site("echo"), bytes(100_000))
        stream.write_eof()
        assert len(await read_all(stream)) == 100_000
        assert 100_000 < ends.client.bytes_received - received < 120_000
