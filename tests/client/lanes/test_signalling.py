"""Asking a bridge for lanes over the first link to it."""

from __future__ import annotations

import asyncio

import pytest

from freespan.client.lanes.signalling import LaneSignalling
from freespan.link.datachannel import DataChannelLink
from freespan.wire.errors import LinkError
from freespan.wire.messages import LaneAnswer, decode_lane_offer, encode
from freespan.wire.sdp import named_addresses
from tests.support.sdp import ANSWER, OFFER
from tests.support.whole_path import SECONDS


def first_link(open_seconds: float = SECONDS) -> tuple[DataChannelLink, LaneSignalling]:
    """A link to a bridge, not open yet, and the signalling over it."""
    signalling = LaneSignalling(DataChannelLink, allow_private=True, open_seconds=open_seconds)
    return signalling.first_link, signalling


async def connect(client: DataChannelLink, bridge: DataChannelLink) -> None:
    await client.accept(await bridge.answer(await client.offer()))
    await asyncio.gather(client.wait_opened(), bridge.wait_opened())


async def test_a_bridge_without_lanes_leaves_the_link_alone() -> None:
    """One of an earlier version has no signalling channel, so what is sent on it is dropped."""
    link, signalling = first_link(open_seconds=0.2)
    bridge = DataChannelLink()
    await connect(link, bridge)
    with pytest.raises(LinkError, match="did not open"):
        await signalling.open()
    assert link.send_credit
    for end in (link, bridge):
        end.close()
    await asyncio.sleep(0)


@pytest.mark.parametrize("text", ["{", '{"type":"lane_answer"}', '{"type":"welcome"}'])
async def test_a_bridge_that_sends_rubbish_loses_the_link(text: str) -> None:
    link, _ = first_link()
    bridge = DataChannelLink(on_signal=lambda _: None)
    await connect(link, bridge)
    bridge.send_signal('{"type":"lane_refusal","id":"of nobody","reason":"late"}')
    bridge.send_signal(text)
    async with asyncio.timeout(SECONDS):
        while link.send_credit and not link._ended:
            await asyncio.sleep(0.005)
    bridge.close()
    await asyncio.sleep(0)


async def test_a_bridge_that_goes_on_replying_to_nothing_loses_the_link() -> None:
    link, _ = first_link()
    bridge = DataChannelLink(on_signal=lambda _: None)
    await connect(link, bridge)
    for _ in range(65):
        bridge.send_signal('{"type":"lane_refusal","id":"of nobody","reason":"late"}')
    async with asyncio.timeout(SECONDS):
        while not link._ended:
            await asyncio.sleep(0.005)
    bridge.close()
    await asyncio.sleep(0)


async def test_in_lanes_a_bridge_names_no_address_that_its_first_answer_did_not() -> None:
    accepted: list[str] = []

    class Lane:
        async def offer(self) -> str:
            return OFFER

        async def accept(self, answer: str, *, keep_remote_relays: bool) -> None:
            accepted.append(answer)
            raise LinkError("enough")

        def close(self, reason: str) -> None:
            pass

        def send_signal(self, text: str) -> None:
            lane_id = decode_lane_offer(text).id
            signalling._on_signal(encode(LaneAnswer(lane_id, candidates("9.9.9.9", "8.8.8.8"))))

    def candidates(*addresses: str) -> str:
        lines = (f"a=candidate:1 1 udp 1 {address} 9 typ srflx raddr 0.0.0.0 rport 9\r\n" for address in addresses)
        return ANSWER + "".join(lines)

    signalling = LaneSignalling(lambda **_: Lane(), allow_private=False, open_seconds=SECONDS)  # type: ignore[arg-type]
    signalling.keep_bridge_to(candidates("9.9.9.9"))
    with pytest.raises(LinkError, match="enough"):
        await signalling.open()
    assert named_addresses(accepted[0], allow_private=True) == {"9.9.9.9"}
