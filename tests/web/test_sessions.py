"""Sessions through the bridge page: what goes in comes out, and every end ends everything."""

from __future__ import annotations

import contextlib
import random

import pytest

from freespan.browsers import Browser, Page, switch
from freespan.wire import messages
from tests.web.fakes import Bridge, Client, FakeHost, FakeSite, Session, connect, soon, turn_on

pytestmark = pytest.mark.asyncio(loop_scope="session")

SIZES = (1, 2, 100, 1_200, 4_096, 16_000, 16_383, 16_384)


async def is_over(session: Session, sessions: int = 0) -> None:
    """Both ends of a session and the broker see that it is gone."""
    await soon(session.client.closed.wait())
    await soon(session.link.gone.wait())
    load = await session.bridge.expect(messages.Load)
    assert load.sessions == sessions
    session.client.close()


async def test_bytes_pass_both_ways_unchanged_and_in_order(page: Page, host: FakeHost) -> None:
    session = await connect(host, await turn_on(page, host))
    chance = random.Random(7)
    sent = [chance.randbytes(size) for size in SIZES] + [
        chance.randbytes(chance.randint(1, 16_384)) for _ in range(100)
    ]
    for data in sent:
        session.client.channel.send(data)
        await session.link.socket.send_bytes(data)
    assert [await session.link.next() for _ in sent] == sent
    assert [await soon(session.client.received.get()) for _ in sent] == sent
    session.client.close()
    await is_over(session)


async def test_messages_wait_until_the_other_side_is_open(page: Page, host: FakeHost) -> None:
    """An egress may speak before the data channel is there."""
    bridge = await turn_on(page, host)
    client = Client()
    await bridge.offer("early", await client.offer())
    link = await host.link()
    for number in range(20):
        await link.socket.send_bytes(bytes([number]) * 1_000)
    await bridge.expect(messages.Load)
    answer = await bridge.expect(messages.Answer)
    await client.accept(answer.sdp)
    for number in range(20):
        assert await soon(client.received.get()) == bytes([number]) * 1_000
    client.close()


@pytest.mark.parametrize("message", ["text", b"x" * 16_385, ""], ids=["text", "long", "empty"])
async def test_a_client_that_breaks_the_rules_is_cut_off(page: Page, host: FakeHost, message: str | bytes) -> None:
    session = await connect(host, await turn_on(page, host))
    session.client.channel.send(message)
    await is_over(session)
    assert session.link.received.empty()


@pytest.mark.parametrize("message", ["text", b"x" * 16_385, b""], ids=["text", "long", "empty"])
async def test_an_egress_that_breaks_the_rules_is_cut_off(page: Page, host: FakeHost, message: str | bytes) -> None:
    session = await connect(host, await turn_on(page, host))
    if isinstance(message, str):
        await session.link.socket.send_str(message)
    else:
        await session.link.socket.send_bytes(message)
    await is_over(session)
    assert session.client.received.empty()


async def test_a_flood_before_the_channel_is_open_is_cut_off(page: Page, host: FakeHost) -> None:
    bridge = await turn_on(page, host)
    client = Client()
    await bridge.offer("flood", await client.offer())
    link = await host.link()
    # a slow machine may take all of it before the end reaches the sender; what counts is that the end comes
    with contextlib.suppress(ConnectionError):
        for _ in range(2_000):
            await link.socket.send_bytes(bytes(16_000))
    await soon(link.gone.wait())
    client.close()


async def test_the_end_of_the_client_is_the_end_of_the_link(page: Page, host: FakeHost) -> None:
    session = await connect(host, await turn_on(page, host))
    session.client.close()
    await is_over(session)


async def test_the_end_of_the_link_is_the_end_of_the_client(page: Page, host: FakeHost) -> None:
    session = await connect(host, await turn_on(page, host))
    await session.link.socket.close()
    await is_over(session)


async def test_one_session_that_ends_leaves_the_others_alone(page: Page, host: FakeHost) -> None:
    bridge = await turn_on(page, host)
    first = await connect(host, bridge, "first", sessions=1)
    second = await connect(host, bridge, "second", sessions=2)
    first.client.channel.send("rubbish")
    await is_over(first, sessions=1)
    second.client.channel.send(b"still here")
    assert await second.link.next() == b"still here"
    second.client.close()


async def test_turning_it_off_ends_everything_at_once(page: Page, host: FakeHost) -> None:
    bridge = await turn_on(page, host)
    sessions = [await connect(host, bridge, str(number), sessions=number) for number in (1, 2)]
    await switch.turn_off(page)
    for session in sessions:
        await soon(session.client.closed.wait(), 2)
        await soon(session.link.gone.wait(), 2)
        session.client.close()
    assert (await bridge.expect(messages.Load)).sessions == 0
    await soon(bridge.gone.wait(), 2)


async def test_closing_the_tab_ends_everything(browser: Browser, host: FakeHost, site: FakeSite) -> None:
    page = await browser.open(site.url)
    session = await connect(host, await turn_on(page, host))
    await page.close()
    await soon(session.client.closed.wait(), 2)
    await soon(session.link.gone.wait(), 2)
    await soon(session.bridge.gone.wait(), 2)
    session.client.close()


async def test_removing_the_switch_ends_everything(page: Page, host: FakeHost) -> None:
    session = await connect(host, await turn_on(page, host))
    await page.evaluate("document.querySelector('freespan-switch').remove(), 1")
    await soon(session.client.closed.wait(), 2)
    await soon(session.link.gone.wait(), 2)
    await soon(session.bridge.gone.wait(), 2)
    session.client.close()


async def test_a_full_bridge_refuses(page: Page, host: FakeHost, site: FakeSite) -> None:
    site.page = host.embed.replace("<freespan-switch", "<freespan-switch capacity=1")
    await page.navigate(site.url)
    await switch.turn_on(page)
    bridge = await host.bridge(capacity=1)
    session = await connect(host, bridge)
    client = Client()
    await bridge.offer("two", await client.offer())
    refusal = await bridge.expect(messages.Refusal)
    assert (refusal.id, refusal.reason) == ("two", "full")
    session.client.close()
    await is_over(session)
    again = await connect(host, bridge, "three")
    again.client.close()
    client.close()


@pytest.mark.parametrize("sdp", ["hello", "v=0\r\n"], ids=["text", "empty description"])
async def test_a_malformed_offer_is_refused(page: Page, host: FakeHost, sdp: str) -> None:
    bridge = await turn_on(page, host)
    for name in ("bad", "worse"):
        await bridge.offer(name, sdp)
        assert (await bridge.expect(messages.Refusal)).id == name


async def test_an_offer_of_audio_or_video_is_refused(page: Page, host: FakeHost) -> None:
    bridge = await turn_on(page, host)
    sdp = await page.evaluate("""await (async () => {
        const peer = new RTCPeerConnection();
        peer.addTransceiver("audio");
        peer.createDataChannel("freespan", {negotiated: true, id: 0});
        const {sdp} = await peer.createOffer();
        peer.close();
        return sdp;
    })()""")
    await bridge.offer("media", sdp)
    assert (await bridge.expect(messages.Refusal)).id == "media"


async def test_an_egress_that_is_away_is_a_refusal(page: Page, host: FakeHost) -> None:
    await switch.turn_on(page)
    bridge: Bridge = await soon(host.bridges.get())
    await bridge.expect(messages.Hello)
    await bridge.send(type="welcome", egress=host.egress.replace("/v1/egress", "/nowhere"), ice_servers=[])
    client = Client()
    await bridge.offer("lost", await client.offer())
    message = messages.decode_to_broker(await bridge.next())
    while not isinstance(message, messages.Refusal):  # the answer may have been faster
        if isinstance(message, messages.Answer):
            assert message.id == "lost"
        else:
            assert isinstance(message, messages.Load)
            assert message.sessions in (0, 1)
            if message.sessions == 0:
                break
        message = messages.decode_to_broker(await bridge.next())
    client.close()


async def test_a_turn_server_without_a_name_is_a_refusal(page: Page, host: FakeHost) -> None:
    bridge = await turn_on(page, host)
    client = Client()
    relays = [{"urls": ["turn:127.0.0.1:1"]}]
    await bridge.send(type="offer", id="ice", sdp=await client.offer(), ice_servers=relays)
    assert (await bridge.expect(messages.Refusal)).id == "ice"
    client.close()
