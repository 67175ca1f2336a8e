"""Pipes of the headless bridge: what goes in comes out, every end ends everything, and nothing piles up."""

from __future__ import annotations

import asyncio
import random

import pytest
import webrtc

from freespan.wire import messages
from freespan.wire.limits import MESSAGE_MAX, PIPE_WAITING_MAX
from tests.support.whole_path import RunningBridge
from tests.web.fakes import Bridge, Client, FakeHost, Session, connect, soon

PATIENT_SECONDS = 60.0
"""For one message while much is carried: on a busy machine SCTP may lose packets, and its timer doubles."""
SIZES = (1, 2, 100, 1_200, 4_096, 16_000, MESSAGE_MAX - 1, MESSAGE_MAX)


async def is_over(session: Session, sessions: int = 0) -> None:
    """Both ends of a session and the broker see that it is gone."""
    await soon(session.link.gone.wait())
    assert (await session.bridge.expect(messages.Load)).sessions == sessions
    await soon(session.client.closed.wait())
    session.client.close()


async def test_bytes_pass_both_ways_unchanged_and_in_order(host: FakeHost, bridge: Bridge) -> None:
    session = await connect(host, bridge)
    chance = random.Random(7)
    sent = [chance.randbytes(size) for size in SIZES]
    sent += [chance.randbytes(chance.randint(1, MESSAGE_MAX)) for _ in range(100)]
    for data in sent:
        session.client.channel.send(data)
        await session.link.socket.send_bytes(data)
    assert [await session.link.next() for _ in sent] == sent
    assert [await soon(session.client.received.get()) for _ in sent] == sent
    session.client.close()
    await is_over(session)


async def test_what_comes_before_the_other_side_is_open_waits(host: FakeHost, bridge: Bridge) -> None:
    client = Client()
    await bridge.offer("early", await client.offer())
    link = await host.link()
    for number in range(20):
        await link.socket.send_bytes(bytes([number]) * 1_000)
    await bridge.expect(messages.Load)
    await client.accept((await bridge.expect(messages.Answer)).sdp)
    for number in range(20):
        assert await soon(client.received.get()) == bytes([number]) * 1_000
    client.close()


@pytest.mark.parametrize("message", ["text", b"x" * (MESSAGE_MAX + 1), b"x" * 200_000, b""])
async def test_a_client_that_breaks_the_rules_is_cut_off(host: FakeHost, bridge: Bridge, message: str | bytes) -> None:
    bystander = await connect(host, bridge, "bystander")
    session = await connect(host, bridge, "rogue", sessions=2)
    session.client.channel.send(message)
    await is_over(session, sessions=1)
    assert session.link.received.empty()
    bystander.client.channel.send(b"still here")
    assert await bystander.link.next() == b"still here"
    bystander.client.close()


@pytest.mark.parametrize("message", ["text", b"x" * (MESSAGE_MAX + 1), b"x" * 200_000, b""])
async def test_an_egress_that_breaks_the_rules_is_cut_off(host: FakeHost, bridge: Bridge, message: str | bytes) -> None:
    session = await connect(host, bridge)
    socket = session.link.socket
    await (socket.send_str(message) if isinstance(message, str) else socket.send_bytes(message))
    await is_over(session)
    assert session.client.received.empty()
    again = await connect(host, bridge, "again")
    again.client.close()


async def test_the_end_of_the_client_is_the_end_of_the_link(host: FakeHost, bridge: Bridge) -> None:
    session = await connect(host, bridge)
    session.client.close()
    await is_over(session)


async def test_the_end_of_the_link_is_the_end_of_the_client(host: FakeHost, bridge: Bridge) -> None:
    session = await connect(host, bridge)
    await session.link.socket.close()
    await is_over(session)


async def test_a_client_that_ignores_its_window_is_cut_off(helper: RunningBridge, host: FakeHost) -> None:
    """An egress that does not read, and a client that sends on: the bridge keeps 4 MiB and no more."""
    host.stuck = asyncio.Event()
    bridge = await host.bridge()
    client = Client()
    try:
        await bridge.offer("flood", await client.offer())
        await bridge.expect(messages.Load)
        await client.accept((await bridge.expect(messages.Answer)).sdp)
        await soon(_flood(client, 8 * PIPE_WAITING_MAX))
        assert (await bridge.expect(messages.Load)).sessions == 0
        await soon(client.closed.wait())
        client.close()
    finally:
        host.stuck.set()


async def _flood(client: Client, size: int) -> None:
    message = bytes(16_000)
    try:
        for _ in range(size // len(message)):
            if client.closed.is_set():
                return
            client.channel.send(message)
            while client.channel.buffered_amount > 1_000_000 and not client.closed.is_set():
                await asyncio.sleep(0.001)
    except webrtc.PythonWebRTCExceptionBase:
        pass  # it was cut off in the middle


async def test_an_egress_is_read_no_faster_than_the_client_takes(host: FakeHost, bridge: Bridge) -> None:
    """Nothing is lost and nothing piles up when 40 MB come faster than they can leave."""
    session = await connect(host, bridge)
    message = bytes(16_000)
    for number in range(2_500):
        await soon(session.link.socket.send_bytes(number.to_bytes(4, "big") + message[4:]), PATIENT_SECONDS)
    received = [await soon(session.client.received.get(), PATIENT_SECONDS) for _ in range(2_500)]
    numbers = [int.from_bytes(message[:4], "big") for message in received]
    assert numbers == list(range(2_500))
    session.client.close()
