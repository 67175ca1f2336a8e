"""Bridges that take too much: none of them keeps others out, or takes more than its share of the broker's time."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import web

from freespan.broker.bridge_socket import BridgeSocket
from freespan.broker.settings import BrokerSettings
from freespan.sources.rate import Rate
from freespan.sources.shares import Places
from tests.broker.conftest import SECONDS, FakeBridge, Lab, running_lab
from tests.support.sdp import ANSWER

POLICY, TRY_AGAIN_LATER = 1008, 1013


# --- places --------------------------------------------------------------------------------------
async def test_the_newest_bridge_of_the_greediest_source_makes_room() -> None:
    settings = BrokerSettings(bridges_max=4, bridges_for_newcomers=1, bridge_places=Places(2, 8))
    async with running_lab(settings) as lab, lab.elsewhere("127.9.9.9") as greedy:
        taking = [await greedy.join() for _ in range(3)]
        volunteer = await lab.join()
        assert await taking[2].closed() == (TRY_AGAIN_LATER, "the broker is full")
        too_much = await greedy.connect()
        await too_much.send("hello", version=1, capacity=1)
        assert await too_much.closed() == (TRY_AGAIN_LATER, "the broker is full")
        assert lab.counters.figures().bridges == 3
        for bridge in taking[:2]:
            await bridge.socket.close()
        client = lab.ask()
        await volunteer.answer(await volunteer.offer())
        assert (await client)[0] == 200


async def test_fifty_volunteers_behind_one_address_are_welcome_while_somebody_else_fills_the_broker() -> None:
    settings = BrokerSettings(bridges_max=80, bridges_for_newcomers=10)
    async with (
        running_lab(settings) as lab,
        lab.elsewhere("127.1.0.1") as greedy,
        lab.elsewhere("127.2.0.1") as university,
    ):
        for _ in range(100):
            bridge = await greedy.connect()
            await bridge.send("hello", version=1, capacity=1)
        volunteers = [await university.join() for _ in range(50)]
        for volunteer in volunteers:
            await volunteer.report(ipv4="cone")  # and it is still there


async def test_too_many_joins_from_one_source_are_refused_before_the_websocket_opens() -> None:
    settings = BrokerSettings(joins_of_host=Rate(per_second=0.1, burst=2))
    async with running_lab(settings) as lab, lab.elsewhere("127.9.9.9") as greedy:
        for _ in range(2):
            await (await greedy.join()).socket.close()
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await greedy.connect()
        assert refused.value.status == 429
        assert refused.value.headers is not None
        assert 1 <= int(refused.value.headers["Retry-After"]) <= 60
        await lab.still_serves()


async def test_a_source_whose_bridges_break_the_protocol_has_none_for_a_while() -> None:
    settings = BrokerSettings(offences_of_host=Rate(per_second=0.1, burst=2))
    async with running_lab(settings) as lab, lab.elsewhere("127.9.9.9") as rogue:
        for _ in range(2):
            bridge = await rogue.connect()
            await bridge.socket.send_str("nonsense")
            assert (await bridge.closed())[0] == POLICY
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await rogue.connect()
        await lab.still_serves()


# --- messages ------------------------------------------------------------------------------------
async def flood(bridge: FakeBridge, frames: int, send: Any) -> None:
    try:
        for _ in range(frames):
            await send()
    except ConnectionError:
        pass  # it has been closed in the middle


@pytest.mark.parametrize("kind", ["answer", "refusal", "load", "ping", "pong"])
async def test_a_bridge_that_sends_without_end_is_closed(lab: Lab, kind: str) -> None:
    bridge = await lab.join()
    sends: dict[str, Any] = {
        "answer": lambda: bridge.send("answer", id="nobody's", sdp=ANSWER),
        "refusal": lambda: bridge.send("refusal", id="nobody's", reason="full"),
        "load": lambda: bridge.send("load", sessions=0),
        "ping": bridge.socket.ping,
        "pong": bridge.socket.pong,
    }
    flooding = asyncio.create_task(flood(bridge, 1_000, sends[kind]), name="flood")
    while (message := await bridge.socket.receive(timeout=SECONDS)).type is aiohttp.WSMsgType.PONG:
        pass
    assert (bridge.socket.close_code, message.extra) == (POLICY, "messages: were too many")
    await flooding
    await lab.still_serves()


async def test_a_few_late_answers_are_no_offence() -> None:
    async with running_lab(BrokerSettings(answer_seconds=0.02, misses_max=100)) as lab:
        slow = await lab.join()
        for _ in range(40):
            client = lab.ask()
            offer = await slow.offer()
            assert (await client)[0] == 504
            await slow.answer(offer)
        assert not slow.socket.closed


class QueuedFrames:
    """A WebSocket with frames that are already there, as after a flood."""

    closed = False

    def __init__(self, frames: int) -> None:
        self._frames = frames

    async def receive(self, timeout: float | None = None) -> aiohttp.WSMessage:
        self._frames -= 1
        kind = aiohttp.WSMsgType.PONG if self._frames > 0 else aiohttp.WSMsgType.CLOSED
        return aiohttp.WSMessage(kind, b"", None)


class Transport:
    """A connection whose other end reads nothing any more."""

    def __init__(self, unread: int) -> None:
        self._unread = unread
        self.aborted = False

    def is_closing(self) -> bool:
        return self.aborted

    def get_write_buffer_size(self) -> int:
        return self._unread

    def abort(self) -> None:
        self.aborted = True


async def test_frames_that_are_queued_do_not_keep_others_from_their_turn() -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    settings = BrokerSettings()
    frames = int(settings.messages_burst)
    socket = BridgeSocket(
        cast(web.WebSocketResponse, QueuedFrames(frames)), cast(asyncio.Transport, Transport(0)), settings
    )
    other = asyncio.create_task(others(), name="others")
    with pytest.raises(EOFError):
        await socket.receive(SECONDS)
    other.cancel()
    assert turns >= frames // 8 - 1


async def test_a_bridge_that_does_not_read_is_cut_off_instead_of_waited_for() -> None:
    settings = BrokerSettings()
    transport = Transport(settings.unread_max + 1)
    socket = BridgeSocket(cast(web.WebSocketResponse, QueuedFrames(1)), cast(asyncio.Transport, transport), settings)
    with pytest.raises(ConnectionError):
        socket.send(b"{}")
    assert transport.aborted
    assert socket.is_dead


async def test_a_bridge_that_neither_reads_nor_closes_is_cut_off() -> None:
    class Stuck(QueuedFrames):
        async def close(self, **how: object) -> bool:
            await asyncio.sleep(60)  # for room in the send buffer
            return True

    transport = Transport(0)
    socket = BridgeSocket(
        cast(web.WebSocketResponse, Stuck(1)), cast(asyncio.Transport, transport), BrokerSettings(close_seconds=0.01)
    )
    await socket.close(POLICY, "too much")
    assert transport.aborted


# --- those that vanish ---------------------------------------------------------------------------
async def test_when_all_bridges_vanish_at_once_every_reader_has_an_answer_and_none_is_left(lab: Lab) -> None:
    bridges = [await lab.join(capacity=4) for _ in range(60)]
    for bridge in bridges:
        connection = bridge.socket._response.connection
        assert connection is not None
        assert connection.transport is not None
        connection.transport.abort()
    statuses = [status for status, _, _ in await asyncio.gather(*(lab.post() for _ in range(40)))]
    assert set(statuses) <= {503, 504}
    async with asyncio.timeout(SECONDS):
        while lab.counters.figures().bridges:
            await asyncio.sleep(0.01)
    await lab.still_serves()
