"""How every bridge handles lanes: the same checks run against the headless bridge and the one in browsers."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest

from freespan.wire import messages
from freespan.wire.limits import LANES_MAX
from tests.web.fakes import SECONDS, Bridge, Client, FakeHost, Session, connect, open_lane, reply_to_lane, soon

Rule = Callable[[FakeHost, Bridge], Awaitable[None]]


async def is_over(session: Session) -> None:
    await soon(session.link.gone.wait())
    await soon(session.client.closed.wait())
    session.client.close()


async def lanes_carry_and_end_with_the_first_pipe(host: FakeHost, bridge: Bridge) -> None:
    session = await connect(host, bridge)
    lanes = [await open_lane(host, session, str(number)) for number in range(3)]
    for number, lane in enumerate([session, *lanes]):
        lane.client.channel.send(bytes([number]) * 16_000)
        assert await lane.link.next() == bytes([number]) * 16_000
        await lane.link.socket.send_bytes(bytes([number]) * 1_000)
        assert await soon(lane.client.received.get()) == bytes([number]) * 1_000
    lanes[0].client.close()
    await is_over(lanes[0])
    session.client.channel.send(b"still here")
    assert await session.link.next() == b"still here"
    assert bridge.received.empty(), "the broker gets the number of sessions, and not of lanes"
    session.client.close()
    for lane in (*lanes[1:], session):
        await is_over(lane)
    assert (await bridge.expect(messages.Load)).sessions == 0


async def there_are_so_many_and_no_more(host: FakeHost, bridge: Bridge) -> None:
    session = await connect(host, bridge)
    lanes = [await open_lane(host, session, str(number)) for number in range(LANES_MAX)]
    client = Client()
    offer = await client.offer()
    assert await reply_to_lane(session, offer, "more") == messages.LaneRefusal("more", "full")
    lanes[0].client.close()
    await is_over(lanes[0])
    again = await reply_to_lane(session, offer, "again")
    assert isinstance(again, messages.LaneAnswer)
    for one in (session, *lanes[1:]):
        one.client.close()
    client.close()


async def an_unusable_offer_is_refused(host: FakeHost, bridge: Bridge) -> None:
    session = await connect(host, bridge)
    for sdp in ("hello", "v=0\r\n"):
        assert isinstance(await reply_to_lane(session, sdp), messages.LaneRefusal)
    session.client.channel.send(b"still here")
    assert await session.link.next() == b"still here"
    session.client.close()


async def a_lane_names_addresses_of_the_first_offer_alone(host: FakeHost, bridge: Bridge) -> None:
    session = await connect(host, bridge)
    client = Client()
    offer = await client.offer()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as elsewhere:
        elsewhere.bind(("127.0.0.9", 0))
        elsewhere.setblocking(False)
        port = elsewhere.getsockname()[1]
        other = f"{offer}a=candidate:9 1 udp 2122260223 127.0.0.9 {port} typ host\r\n"
        reply = await reply_to_lane(session, other)
        assert isinstance(reply, messages.LaneRefusal), reply
        assert "address" in reply.reason
        with pytest.raises(BlockingIOError):
            elsewhere.recv(1)
    client.close()
    lane = await open_lane(host, session, "2")
    lane.client.channel.send(b"as before")
    assert await lane.link.next() == b"as before"
    session.client.close()


async def lanes_that_never_open_become_rare(host: FakeHost, bridge: Bridge) -> None:
    """They make the bridge send checks to addresses that the first offer named, and no broker counts them.

    The link of a lane is closed at once, with which a browser ends the lane; the headless bridge waits until it opens.
    """
    session = await connect(host, bridge)
    client = Client()
    offer = await client.offer()
    reasons: list[str] = []
    async with asyncio.timeout(SECONDS):
        while "too many lanes did not open" not in reasons:
            reply = await reply_to_lane(session, offer)
            if isinstance(reply, messages.LaneRefusal):
                reasons.append(reply.reason)
                await asyncio.sleep(0.25)
            else:
                await (await host.link()).socket.close()
    session.client.channel.send(b"still here")
    assert await session.link.next() == b"still here"
    session.client.close()
    client.close()


async def asking_without_end_ends_the_session(host: FakeHost, bridge: Bridge) -> None:
    session = await connect(host, bridge)
    for _ in range(70):
        session.client.signalling.send(messages.encode(messages.LaneOffer("1", "v=0")))
    await is_over(session)


async def bad_messages_end_the_session(host: FakeHost, bridge: Bridge, bad_message: str | bytes) -> None:
    session = await connect(host, bridge)
    lane = await open_lane(host, session)
    session.client.signalling.send(bad_message)
    for one in (session, lane):
        await is_over(one)


async def a_lane_cannot_ask_for_lanes(host: FakeHost, bridge: Bridge) -> None:
    session = await connect(host, bridge)
    lane = await open_lane(host, session)
    client = Client()
    lane.client.signalling.send(messages.encode(messages.LaneOffer("2", await client.offer())))
    lane.client.channel.send(b"after that")
    assert await lane.link.next() == b"after that"
    assert lane.client.signals.empty()
    assert host.links.empty()
    session.client.close()
    client.close()


BAD_MESSAGES: list[str | bytes] = [
    "{",
    '{"type":"dance"}',
    '{"type":"lane_offer","id":1,"sdp":"v=0"}',
    b"\x00" * 100,
    "x" * 40_000,
]
