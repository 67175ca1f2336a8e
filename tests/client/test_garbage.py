"""Nothing of a bridge that has gone waits for the collector in a client, and nothing of a reader in a bridge.

The WebRTC engine holds far more for each peer connection than Python knows of.
"""

from __future__ import annotations

import asyncio

from freespan.client.settings import ClientSettings
from freespan.link.bond.settings import BondSettings
from tests.support.garbage import collecting_nothing
from tests.support.whole_path import QUICK, SECONDS, running_bridge, running_client, running_host

SETTINGS = ClientSettings(
    first_retry_seconds=QUICK.first_retry_seconds,
    longest_retry_seconds=QUICK.longest_retry_seconds,
    longest_link_retry_seconds=QUICK.longest_link_retry_seconds,
    longest_extra_link_retry_seconds=QUICK.longest_extra_link_retry_seconds,
    bond=BondSettings(linger_seconds=0.1),
)


def of_links(found: list[str]) -> list[str]:
    """Those of links and sessions. A client that has ended, as no program has one, is another matter."""
    rooms = ("webrtc.", "aioquic.", "freespan.link.", "freespan.bridge.", "freespan.egress.", "freespan.tunnel.driver")
    return [name for name in found if name.startswith(rooms)]


async def test_a_client_keeps_nothing_of_bridges_that_have_gone() -> None:
    async with (
        asyncio.timeout(2 * SECONDS),
        running_host() as host,
        running_bridge(host.url),
        running_client(host.invite, "webrtc", SETTINGS) as client,
    ):
        await client.statuses.until("open", links=1)

        async def visit() -> None:
            async with running_bridge(host.url) as other:
                await client.statuses.until("open", links=2)
                await other.statuses.until("helping")
            await client.statuses.until("open", links=1)

        await visit()
        with collecting_nothing() as found:
            await visit()
            await asyncio.sleep(0.5)  # what has ended is let go of in the next turns
        assert not of_links(found)


async def test_a_bridge_keeps_nothing_of_readers_that_have_gone() -> None:
    async with asyncio.timeout(2 * SECONDS), running_host() as host, running_bridge(host.url) as bridge:
        await bridge.statuses.until("waiting")

        async def visit() -> None:
            async with running_client(host.invite, "webrtc", SETTINGS) as client:
                await client.statuses.until("open")
            await bridge.statuses.until("waiting")

        await visit()
        with collecting_nothing() as found:
            await visit()
            await asyncio.sleep(0.5)
        assert not of_links(found)
