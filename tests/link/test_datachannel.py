import asyncio
import socket
from collections.abc import AsyncIterator, Iterator

import pytest
import webrtc

from freespan.link.datachannel import DataChannelLink
from freespan.link.settings import GatheringSettings
from freespan.wire.errors import LinkError
from freespan.wire.limits import LINK_QUEUE_MAX, MESSAGE_MAX
from freespan.wire.messages import IceServer
from freespan.wire.sdp import check_answer, check_offer
from tests.link.pairs import DataChannelRogue, data_channel_and_rogue, data_channel_links
from tests.support.recorder import SECONDS, Recorder


@pytest.fixture
async def link() -> AsyncIterator[DataChannelLink]:
    link = DataChannelLink()
    yield link
    link.close()
    await asyncio.sleep(0)


# --- descriptions ----------------------------------------------------------------------------------
async def test_an_offer_is_one_that_a_broker_takes(link: DataChannelLink) -> None:
    offer = check_offer(await link.offer())
    lines = offer.splitlines()
    assert "a=setup:actpass" in lines
    assert [line.split()[0] for line in lines if line.startswith("m=")] == ["m=application"]
    assert any(line.startswith("a=candidate:") for line in lines)


async def test_an_answer_is_one_that_a_broker_takes(link: DataChannelLink) -> None:
    offerer = DataChannelLink()
    answer = check_answer(await link.answer(await offerer.offer()))
    assert "a=setup:active" in answer.splitlines()  # so the hello on the wire is the bridge's
    offerer.close()


async def test_a_relayed_link_reveals_no_address_but_a_relay_s() -> None:
    """Not of its own either, which could be reached where DTLS then is not."""
    link = DataChannelLink([IceServer(["turn:127.0.0.1:1?transport=tcp"], "name", "word")], relay_only=True)
    assert "a=candidate:" not in await link.offer()
    link.close()
    await asyncio.sleep(0)


async def test_nobody_is_asked_for_an_address_by_default(link: DataChannelLink) -> None:
    """Whoever runs a STUN server would learn who reads."""
    assert link._connection.get_configuration().ice_servers == []
    assert "srflx" not in await link.offer()


async def test_the_host_s_servers_are_used() -> None:
    """A STUN server on loopback hears of it, and no other is named."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.setblocking(False)
        url = f"stun:127.0.0.1:{server.getsockname()[1]}"
        link = DataChannelLink([IceServer([url]), IceServer(["turn:127.0.0.1:9"], "name", "word")])
        servers = link._connection.get_configuration().ice_servers
        assert [(list(one.urls), one.username, one.credential) for one in servers] == [
            ([url], servers[0].username, servers[0].credential),
            (["turn:127.0.0.1:9"], "name", "word"),
        ]
        link.close()
        await asyncio.sleep(0)


@pytest.mark.parametrize("url", ["nonsense", "https://host.example", "stun:", "turn:host.example"])
async def test_ice_servers_that_are_none(url: str) -> None:
    with pytest.raises(LinkError):
        DataChannelLink([IceServer([url])])


async def test_gathering_that_does_not_end_is_not_waited_for() -> None:
    link = DataChannelLink(gathering=GatheringSettings(stun_seconds=0.0))
    assert (await link.offer()).startswith("v=0")
    link.close()
    await asyncio.sleep(0)


RUBBISH = ["", "v=0", "hello", "v=0\r\nm=audio 9 RTP/AVP 0\r\n", "\x00" * 100, "v=0\r\n" * 1000, "ä" * 3000]


@pytest.mark.parametrize("sdp", RUBBISH)
async def test_an_offer_that_is_none(link: DataChannelLink, sdp: str) -> None:
    with pytest.raises(LinkError, match="offer"):
        async with asyncio.timeout(SECONDS):
            await link.answer(sdp)


@pytest.mark.parametrize("sdp", RUBBISH)
async def test_an_answer_that_is_none(link: DataChannelLink, sdp: str) -> None:
    await link.offer()
    with pytest.raises(LinkError, match="answer"):
        async with asyncio.timeout(SECONDS):
            await link.accept(sdp)


async def test_an_answer_to_no_offer(link: DataChannelLink) -> None:
    with pytest.raises(LinkError, match="answer"):
        await link.accept("v=0\r\n")


async def test_an_offer_from_a_link_that_was_closed(link: DataChannelLink) -> None:
    link.close()
    await asyncio.sleep(0)
    with pytest.raises(LinkError):
        await link.offer()


async def test_an_answer_from_a_link_that_was_closed(link: DataChannelLink) -> None:
    offerer = DataChannelLink()
    offer = await offerer.offer()
    offerer.close()
    link.close()
    await asyncio.sleep(0)
    with pytest.raises(LinkError):
        await link.answer(offer)


# --- opening -------------------------------------------------------------------------------------
async def test_a_link_that_never_opens_ends_with_an_error(link: DataChannelLink) -> None:
    await link.offer()
    waiter = asyncio.create_task(link.wait_opened(), name="test-opened")
    await asyncio.sleep(0)
    link.close("nobody came")
    with pytest.raises(LinkError, match="nobody came"):
        await waiter
    with pytest.raises(LinkError, match="nobody came"):
        await link.wait_opened()


async def test_an_answer_that_leads_nowhere_does_not_open(link: DataChannelLink) -> None:
    """The caller sets the time limit; a wait that is given up leaves the link as it was."""
    rogue = DataChannelRogue()
    answer = await rogue.answer(await link.offer())
    rogue.connection.close()
    nowhere = [line for line in answer.splitlines() if not line.startswith("a=candidate")]
    await link.accept("\r\n".join(nowhere) + "\r\n")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await link.wait_opened()
    assert not link._open.done()


async def test_sending_before_it_is_open_ends_the_link(link: DataChannelLink) -> None:
    owner = Recorder()
    link.start(owner)
    link.send(b"too early")
    assert await owner.closed()
    owner.assert_ended_once()


@pytest.mark.parametrize("step", ["offer", "answer", "opened"])
async def test_a_cancelled_set_up_leaves_nothing(link: DataChannelLink, step: str) -> None:
    other = DataChannelLink()
    offer = await other.offer()
    work = {"offer": link.offer, "answer": lambda: link.answer(offer), "opened": link.wait_opened}[step]
    task = asyncio.create_task(work(), name="test-set-up")
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    owner = Recorder()
    link.start(owner)
    for one in (link, other):
        one.close("given up")
    assert await owner.closed() == "given up"


# --- in use --------------------------------------------------------------------------------------
async def test_what_the_engine_holds_is_known() -> None:
    async with data_channel_links() as (left, right):
        assert isinstance(left, DataChannelLink)
        owner = Recorder()
        right.start(owner)
        assert left.waiting_bytes == 0
        while left.send_credit:
            left.send(bytes(MESSAGE_MAX))
        assert left.waiting_bytes > LINK_QUEUE_MAX - 2 * MESSAGE_MAX


async def test_the_other_end_s_channel_closing_ends_the_link() -> None:
    async with data_channel_and_rogue() as (link, rogue):
        assert isinstance(rogue, DataChannelRogue)
        owner = Recorder()
        link.start(owner)
        rogue.channel.close()
        assert await owner.closed() == "the other end is gone"
        owner.assert_ended_once()


class BrokenConnection:
    """Stands in for the engine's, at moments that cannot be brought about."""

    connection_state = "failed"
    ice_gathering_state = "complete"
    local_description = None

    async def set_remote_description(self, description: object) -> None: ...

    async def set_local_description(self, description: object) -> None: ...

    async def create_offer(self) -> None: ...

    async def create_answer(self) -> None:
        raise webrtc.InvalidStateError("closed")

    def close(self) -> None: ...


@pytest.fixture
def broken(link: DataChannelLink) -> Iterator[DataChannelLink]:
    real, link._connection = link._connection, BrokenConnection()  # type: ignore[assignment]
    yield link
    real.close()


async def test_a_connection_that_fails_before_it_is_open(broken: DataChannelLink) -> None:
    broken._on_state(None)
    with pytest.raises(LinkError, match="ICE failed"):
        await broken.wait_opened()
    broken._on_open(None)  # too late to count
    with pytest.raises(LinkError, match="ICE failed"):
        await broken.wait_opened()


async def test_a_connection_that_fails_later_means_that_the_other_end_is_gone(broken: DataChannelLink) -> None:
    owner = Recorder()
    broken.start(owner)
    broken._on_open(None)
    await broken.wait_opened()
    broken._on_state(None)
    assert owner.reason == "the other end is gone"


async def test_an_engine_that_cannot_answer(broken: DataChannelLink) -> None:
    with pytest.raises(LinkError, match="could not answer"):
        await broken.answer("v=0")


async def test_a_connection_that_is_closed_while_it_gathers(broken: DataChannelLink) -> None:
    broken._on_gathering(None)
    with pytest.raises(LinkError, match="closed during set-up"):
        await broken.offer()


async def test_a_link_can_be_made_many_times_over() -> None:
    for _ in range(5):
        async with data_channel_links() as (left, right):
            owner = Recorder()
            right.start(owner)
            left.send(b"x")
            await owner.until(lambda recorder: recorder.messages == [b"x"])


async def test_a_link_knows_how_long_packets_take(link: DataChannelLink) -> None:
    """On loopback less than a millisecond, which is 0; as it is before there was a packet, and after the last."""
    assert await link.ice_rtt() == 0.0
    async with asyncio.timeout(SECONDS), data_channel_links() as (left, _):
        assert isinstance(left, DataChannelLink)
        _, [pair] = await left._pairs_in_use()
        assert await left.ice_rtt() == pair.current_round_trip_time
        left.close()
        await asyncio.sleep(0)
        assert await left.ice_rtt() == 0.0
