"""Lanes on real roads: several where packets are lost, one where none are."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest

from freespan.demo.programs import Event
from lab import measure
from lab.hosts import BLOCKED, Layout, volunteering, world
from lab.wan import Hop, Way

SIZE = 100_000_000
SECONDS = 30.0


async def downloaded(way: Way) -> tuple[int, str]:
    """Bytes that come through a Chromium bridge over such a road, and what the client says meanwhile."""
    layout = Layout("open", "open", "chromium", reader_hop=Hop.both(way))
    async with AsyncExitStack() as stack:
        here = await stack.enter_async_context(world(layout.homes(), layout.censor, layout.services))
        await stack.enter_async_context(volunteering(here, "volunteer", layout.program))
        browser = await stack.enter_async_context(measure.reading(here))
        client, proxy = await stack.enter_async_context(measure.connecting(here, "reader", "--verbose"))
        _, why = await measure.first_page(client, browser, proxy)
        assert why == "ok"
        order = {"url": f"https://{BLOCKED}/file?bytes={SIZE}", "proxy": proxy, "seconds": SECONDS, "sha256": ""}
        await browser.tell(order)
        fetched: Event = await browser.event(lambda event: event.get("event") == "fetched", SECONDS + 5, "answer")
        return int(fetched["bytes"]), " ".join(client._words)


async def test_a_lossy_road_gets_eight_lanes_and_is_faster(real_network: None) -> None:
    """One lane carries about 0.15 MB/s here."""
    size, words = await downloaded(Way(50, 0, 0.01, 2.5))
    assert "4 lanes to a bridge" in words
    assert "8 lanes to a bridge" in words
    assert size > SECONDS * 400_000


async def test_so_does_one_on_which_a_lane_carries_two_messages_a_second(real_network: None) -> None:
    _, words = await downloaded(Way(100, 0, 0.03, 2.5))
    assert "4 lanes to a bridge" in words


@pytest.mark.parametrize(
    ("way", "least"),
    [
        (Way(50, 0, 0, 2.5), 300_000),
        (Way(50, 20, 0, 2.5), 300_000),
        (Way(50, 0, 0, 0.0625), 40_000),
        (Way(50, 0, 0, 0.0625, queue_bytes=15_000), 30_000),
    ],
    ids=["clean", "jitter", "slow", "slow with a shallow queue"],
)
async def test_a_road_without_loss_has_one(real_network: None, way: Way, least: int) -> None:
    size, words = await downloaded(way)
    assert "lanes to a bridge" not in words
    assert size > SECONDS * least
