"""The headless bridge and its broker: offers, capacity, and a broker that is away, silent, or breaks the protocol."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import dataclasses
import hashlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from freespan.bridge.settings import BridgeSettings
from freespan.wire import messages
from tests.support.whole_path import QUICK_BRIDGE, SECONDS, RunningBridge, running_bridge
from tests.web.fakes import Bridge, Client, FakeHost, connect, soon

BAD_MESSAGES: dict[str, str | bytes] = {
    "nothing": "",
    "not JSON": "{",
    "no object": "[1, 2]",
    "unknown type": '{"type": "dance"}',
    "wrong shape": '{"type": "offer", "id": 5, "sdp": []}',
    "deep": "[" * 30_000,
    "too long": '{"type": "ping", "x": "' + "x" * 40_000 + '"}',
    "10 MB": '{"type": "ping", "x": "' + "x" * 10_000_000 + '"}',
    "binary": b"\x00" * 100,
    "not a TURN server": '{"type": "offer", "id": "a", "sdp": "v=0", "ice_servers": [{"urls": ["http://127.0.0.1"]}]}',
    "STUN for TURN": '{"type": "offer", "id": "a", "sdp": "v=0", "ice_servers": [{"urls": ["stun:127.0.0.1:1"]}]}',
}


async def no_load(bridge: Bridge) -> None:
    """Wait until the bridge reports that it has no session."""
    while not isinstance(message := messages.decode_to_broker(await bridge.next()), messages.Load) or message.sessions:
        pass


async def test_it_waits_and_helps_and_counts(helper: RunningBridge, host: FakeHost, bridge: Bridge) -> None:
    session = await connect(host, bridge)
    await helper.statuses.until("helping", now=1)
    session.client.channel.send(b"x" * 16_000)
    await session.link.next()
    session.client.close()
    assert (await bridge.expect(messages.Load)).sessions == 0
    await helper.statuses.until("waiting", now=0, total=1)


async def test_a_session_without_a_byte_is_not_counted(helper: RunningBridge, host: FakeHost, bridge: Bridge) -> None:
    session = await connect(host, bridge)
    await helper.statuses.until("helping", now=1)
    session.client.close()
    await helper.statuses.until("waiting", now=0, total=0)


async def test_a_full_bridge_refuses(host: FakeHost) -> None:
    async with running_bridge(host.url, capacity=1):
        bridge = await host.bridge(capacity=1)
        session = await connect(host, bridge)
        client = Client()
        await bridge.offer("two", await client.offer())
        assert await bridge.expect(messages.Refusal) == messages.Refusal("two", "full")
        session.client.channel.send(b"still here")
        assert await session.link.next() == b"still here"
        session.client.close()
        await no_load(bridge)
        again = await connect(host, bridge, "three")
        again.client.close()
        client.close()


async def test_it_comes_back_when_the_broker_does(helper: RunningBridge, host: FakeHost, bridge: Bridge) -> None:
    host.away = True
    await bridge.socket.close()
    await helper.statuses.until("offline")
    host.away = False
    await host.bridge()
    await helper.statuses.until("waiting")


async def test_a_broker_that_is_away_at_first(host: FakeHost) -> None:
    host.away = True
    async with running_bridge(host.url) as helper:
        await helper.statuses.until("offline")
        host.away = False
        await host.bridge()
        await helper.statuses.until("waiting")


async def test_sessions_outlive_the_broker(helper: RunningBridge, host: FakeHost, bridge: Bridge) -> None:
    session = await connect(host, bridge)
    await bridge.socket.close()
    again = await host.bridge()
    assert (await again.expect(messages.Load)).sessions == 1
    session.client.channel.send(b"still here")
    assert await session.link.next() == b"still here"
    session.client.close()
    assert (await again.expect(messages.Load)).sessions == 0


@pytest.mark.parametrize("bad_message", BAD_MESSAGES.values(), ids=BAD_MESSAGES.keys())
async def test_a_broker_that_breaks_the_protocol_loses_the_socket_and_gets_a_new_one(
    helper: RunningBridge, host: FakeHost, bridge: Bridge, bad_message: str | bytes
) -> None:
    session = await connect(host, bridge)
    try:
        await (
            bridge.socket.send_bytes(bad_message)
            if isinstance(bad_message, bytes)
            else bridge.socket.send_str(bad_message)
        )
    except ConnectionError:
        pass  # it was cut off in the middle
    await soon(bridge.gone.wait())
    again = await host.bridge()
    session.client.channel.send(b"still here")
    assert await session.link.next() == b"still here"
    session.client.close()
    await no_load(again)


@pytest.mark.parametrize(
    "greeting",
    [
        {"type": "ping"},
        {"type": "offer", "id": "early", "sdp": "v=0"},
        {"type": "welcome", "egress": "http://127.0.0.1/", "ice_servers": []},
        {"type": "welcome", "egress": 5},
        {"type": "welcome", "egress": "ws://x/", "ice_servers": [{"urls": []}]},
    ],
    ids=["ping", "offer", "egress over http", "egress of another type", "ICE server without URL"],
)
async def test_a_first_message_that_is_not_a_welcome(
    helper: RunningBridge, host: FakeHost, greeting: dict[str, Any]
) -> None:
    bridge: Bridge = await soon(host.bridges.get())
    await bridge.expect(messages.Hello)
    await bridge.send(**greeting)
    await soon(bridge.gone.wait())
    await host.bridge()
    await helper.statuses.until("waiting")


def settings(**values: Any) -> BridgeSettings:
    return dataclasses.replace(QUICK_BRIDGE, **values)


async def test_a_broker_that_never_sends_a_welcome(host: FakeHost) -> None:
    async with running_bridge(host.url, settings=settings(welcome_seconds=0.2)) as helper:
        silent: Bridge = await soon(host.bridges.get())
        await soon(silent.gone.wait())
        await host.bridge()
        await helper.statuses.until("waiting")


async def test_a_broker_that_falls_silent(host: FakeHost) -> None:
    async with running_bridge(host.url, settings=settings(silence_seconds=0.2)):
        silent = await host.bridge()
        await soon(silent.gone.wait())
        await host.bridge()


async def test_pings_keep_it_there(host: FakeHost) -> None:
    async with running_bridge(host.url, settings=settings(silence_seconds=1.0)):
        bridge = await host.bridge()
        for _ in range(15):
            await bridge.send(type="ping")
            await asyncio.sleep(0.1)
        assert not bridge.gone.is_set()


@pytest.mark.parametrize(
    "response",
    [b"", b"HTTP/1.1 200 OK\r\n\r\n", b"\x00" * 100, b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n"],
)
async def test_a_host_that_is_not_a_broker(response: bytes) -> None:
    knocked = asyncio.Semaphore(0)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(response)
        writer.close()
        knocked.release()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server, running_bridge(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as helper:
        for _ in range(3):
            await asyncio.wait_for(knocked.acquire(), SECONDS)
            await helper.statuses.until("offline")


@pytest.mark.parametrize(
    "sdp", ["hello", "v=0\r\n", "v=0\r\n" + "a=x\r\n" * 2_000], ids=["text", "empty description", "long"]
)
async def test_an_unusable_offer_is_refused(host: FakeHost, bridge: Bridge, sdp: str) -> None:
    for name in ("bad", "worse"):
        await bridge.offer(name, sdp)
        while not isinstance(message := messages.decode_to_broker(await bridge.next()), messages.Refusal):
            assert isinstance(message, messages.Load)
        assert message.id == name
        assert "\n" not in message.reason
        await no_load(bridge)
    session = await connect(host, bridge)
    session.client.close()


async def test_a_turn_server_without_credentials_is_a_refusal(bridge: Bridge) -> None:
    urls = ["turn:127.0.0.1:1"]
    client = Client()
    await bridge.send(type="offer", id="ice", sdp=await client.offer(), ice_servers=[{"urls": urls}])
    while not isinstance(message := messages.decode_to_broker(await bridge.next()), messages.Refusal):
        assert isinstance(message, messages.Load)
    assert message.id == "ice"
    await bridge.send(type="ping")
    assert not bridge.gone.is_set()
    client.close()


@contextlib.asynccontextmanager
async def listening() -> AsyncIterator[tuple[int, asyncio.Event]]:
    """A service of this machine that no bridge should be led to: its TCP port, and whether somebody came."""
    came = asyncio.Event()

    async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.set()
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], came


async def test_a_public_broker_leads_into_no_private_network(host: FakeHost) -> None:
    public = settings(allow_private=False)
    async with listening() as (port, came), running_bridge(host.url, settings=public) as helper:
        turn = {"urls": [f"turn:127.0.0.1:{port}?transport=tcp"], "username": "u", "credential": "c"}
        bridge = await host.bridge()
        client = Client()
        await bridge.send(type="offer", id="a", sdp=await client.offer(), ice_servers=[turn])
        await soon(bridge.gone.wait())
        client.close()
        host.ice_servers = [{"urls": [f"stun:127.0.0.1:{port}"]}]
        bridge = await host.bridge()
        await soon(bridge.gone.wait())
        await helper.stop()
        assert not came.is_set()


async def test_a_candidate_of_tcp_is_left_alone(bridge: Bridge) -> None:
    async with listening() as (port, came):
        client = Client()
        offer = (await client.offer()).replace(
            "a=candidate:",
            f"a=candidate:9 1 tcp 2122260224 127.0.0.1 {port} typ host tcptype passive\r\na=candidate:",
            1,
        )
        await bridge.offer("a", offer)
        await bridge.expect(messages.Load)
        await client.accept((await bridge.expect(messages.Answer)).sdp)  # by then all others have been checked
        assert not came.is_set()
        client.close()


async def test_an_egress_that_is_away_ends_the_pipe(helper: RunningBridge, host: FakeHost) -> None:
    host.egress_away = True
    bridge = await host.bridge()
    client = Client()
    await bridge.offer("lost", await client.offer())
    assert (await bridge.expect(messages.Load)).sessions == 1
    answer = await bridge.expect(messages.Answer)
    await client.accept(answer.sdp)
    await no_load(bridge)
    await soon(client.closed.wait())
    assert not bridge.gone.is_set()
    client.close()


@pytest.mark.parametrize(
    "egress",
    [
        "ws://127.0.0.1:{other}/v1/egress",
        "ws://localhost:{own}/v1/egress",
        "ws://127.1:{own}/",
        "ws://127.0.0.1@127.0.0.1:{other}/",
        "ws://127.0.0.1:{own}@127.0.0.1:{other}/",
        "ws://127.0.0.1:{own}\\@127.0.0.1:{other}/",
        "ws://127.0.0.1:{own}#@127.0.0.1:{other}/",
        "ws://127.0.0.1:{own}?@127.0.0.1:{other}/",
        "wss://127.0.0.1:{own}/",
        "ws://",
        "ws://[::1",
        "ws://127.0.0.1:99999/",
        "ws://host.invalid/",
    ],
)
async def test_an_egress_elsewhere_is_never_asked(helper: RunningBridge, host: FakeHost, egress: str) -> None:
    asked = asyncio.Event()
    async with await asyncio.start_server(lambda *_: asked.set(), "127.0.0.1", 0) as router:
        other = router.sockets[0].getsockname()[1]
        bridge: Bridge = await soon(host.bridges.get())
        await bridge.expect(messages.Hello)
        await bridge.send(type="welcome", egress=egress.format(own=urlsplit(host.url).port, other=other))
        await soon(bridge.gone.wait())
        offline = await helper.statuses.until("offline")
        assert (
            offline.detail
            == "the host leads to another one, which this bridge does not follow: use the URL that the host prints"
        )
        await host.bridge()  # it asks again later, as the host may have been corrected
        await helper.statuses.until("waiting")
        assert not asked.is_set()


async def test_an_egress_url_may_have_a_query_and_capitals(host: FakeHost, helper: RunningBridge) -> None:
    bridge: Bridge = await soon(host.bridges.get())
    await bridge.expect(messages.Hello)
    await bridge.send(type="welcome", egress=f"{host.egress}?bridge=a_b-c")
    session = await connect(host, bridge)
    session.client.close()


async def test_a_client_that_never_comes_frees_its_place(host: FakeHost) -> None:
    async with running_bridge(host.url, settings=settings(channel_open_seconds=0.3)):
        bridge = await host.bridge()
        client = Client()
        await bridge.offer("lost", await client.offer())
        link = await host.link()
        await no_load(bridge)
        await soon(link.gone.wait())
        client.close()


async def test_stopping_ends_everything_at_once(host: FakeHost) -> None:
    async with running_bridge(host.url):
        bridge = await host.bridge()
        sessions = [await connect(host, bridge, str(number), sessions=number) for number in (1, 2)]
        waiting = Client()
        await bridge.offer("waiting", await waiting.offer())
        await bridge.expect(messages.Load)
    await soon(bridge.gone.wait(), 2)
    for session in sessions:
        await soon(session.link.gone.wait(), 2)
        await soon(session.client.closed.wait())
        session.client.close()
    waiting.close()


async def test_stopping_does_not_wait_for_a_broker_that_reads_nothing() -> None:
    """A broker whose machine hangs must not keep a person waiting."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        key = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key")).split()[1]
        accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
        writer.write(b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        await reader.read(100)  # hello
        joined.set()
        await over.wait()
        writer.transport.abort()

    joined, over = asyncio.Event(), asyncio.Event()
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server, running_bridge(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as helper:
        await asyncio.wait_for(joined.wait(), SECONDS)
        try:
            await asyncio.wait_for(helper.stop(), 5)
        finally:
            over.set()
