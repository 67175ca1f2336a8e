"""Asking a bridge for lanes over the first link to it."""

from __future__ import annotations

import asyncio

import pytest

from freespan.client.lanes.signalling import LaneSignalling
from freespan.link.datachannel import DataChannelLink
from freespan.wire.errors import LinkError
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
