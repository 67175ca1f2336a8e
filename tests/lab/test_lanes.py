"""Lanes on real network paths: several where packets are lost, one where none are."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest

from freespan.demo.programs import Event
from lab import measure
from lab.wan import Conditions, Hop
from lab.world import BLOCKED, Layout, running_volunteer, running_world

SIZE = 100_000_000
SECONDS = 30.0


async def downloaded(conditions: Conditions) -> tuple[int, str]:
    """Return how many bytes come through a Chromium bridge over such a path, and what the client logs meanwhile."""
    layout = Layout("open", "open", "chromium", reader_hop=Hop.both(conditions))
    async with AsyncExitStack() as stack:
        here = await stack.enter_async_context(running_world(layout.homes(), layout.censor, layout.services))
        await stack.enter_async_context(running_volunteer(here, "volunteer", layout.program))
        downloader = await stack.enter_async_context(measure.running_downloader(here))
        client, proxy = await stack.enter_async_context(measure.running_client(here, "reader", "--verbose"))
        _, why = await measure.first_page(client, downloader, proxy)
        assert why == "ok"
        request = {"url": f"https://{BLOCKED}/file?bytes={SIZE}", "proxy": proxy, "seconds": SECONDS, "sha256": ""}
        await downloader.send(request)
        fetched: Event = await downloader.event(lambda event: event.get("event") == "fetched", SECONDS + 5, "answer")
        return int(fetched["bytes"]), client.text


async def test_a_lossy_path_gets_eight_lanes_and_is_faster(real_network: None) -> None:
    """One lane carries about 0.15 MB/s here."""
    size, log = await downloaded(Conditions(50, 0, 0.01, 2.5))
    assert "4 links to a bridge" in log
    assert "8 links to a bridge" in log
    assert size > SECONDS * 400_000


async def test_so_does_a_path_on_which_a_lane_carries_two_messages_a_second(real_network: None) -> None:
    _, log = await downloaded(Conditions(100, 0, 0.03, 2.5))
    assert "4 links to a bridge" in log


@pytest.mark.parametrize(
    ("conditions", "least"),
    [
        (Conditions(50, 0, 0, 2.5), 300_000),
        (Conditions(50, 20, 0, 2.5), 300_000),
        (Conditions(50, 0, 0, 0.0625), 40_000),
        (Conditions(50, 0, 0, 0.0625, queue_bytes=15_000), 30_000),
    ],
    ids=["clean", "jitter", "slow", "slow with a shallow queue"],
)
async def test_a_path_without_loss_has_one(real_network: None, conditions: Conditions, least: int) -> None:
    size, log = await downloaded(conditions)
    assert "links to a bridge" not in log
    assert size > SECONDS * least
