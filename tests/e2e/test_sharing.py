"""One bridge and several readers: they share it fairly, and what one does is nothing to the others.

What is compared are bytes, not clocks. Each kind of bridge, with real sessions.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from freespan.browsers import Page, find_browsers, launch
from freespan.browsers.switch import turn_on
from freespan.tunnel.stream import TunnelStream
from freespan.wire.limits import CWND_MAX
from freespan.wire.target import Target
from tests.support.site import Site
from tests.support.whole_path import SECONDS, Host, RunningClient, running_bridge, running_client, running_host
from tests.web.fakes import FakeSite, bridge_page, served, state

MEGABYTE = 1_000_000
SIZE = 20 * MEGABYTE
FAIR = 0.25
"""So much of it, at least, has come to the one when the other has all of it."""

WATCH = """(() => {
    globalThis.mostWaiting = 0;
    for (const kind of [RTCDataChannel, WebSocket]) {
        const send = kind.prototype.send;
        kind.prototype.send = function (data) {
            send.call(this, data);
            globalThis.mostWaiting = Math.max(globalThis.mostWaiting, this.bufferedAmount);
        };
    }
})()"""
"""Notes the most that the browser has ever had to hold."""

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with running_host() as host:
        yield host


@contextlib.asynccontextmanager
async def browser_bridge(kind: str, host: Host) -> AsyncIterator[Page]:
    """The page of a volunteer whose switch is on."""
    site = FakeSite()
    site.page = f'<script type="module" src="{host.url}/switch.js"></script><freespan-switch></freespan-switch>'
    async with served(site), launch(kind) as browser:
        page = await browser.open(site.url)
        await turn_on(page)
        await state(page, "waiting")
        yield page


@pytest.fixture(params=["headless", "chromium", "firefox"])
async def bridge(request: pytest.FixtureRequest, host: Host) -> AsyncIterator[Page | None]:
    if request.param == "headless":
        async with running_bridge(host.url) as helper:
            await helper.statuses.until("waiting")
            yield None
    elif request.param in find_browsers():
        async with browser_bridge(request.param, host) as page:
            yield page
    else:
        pytest.skip(f"{request.param} is not installed")


@pytest.fixture
async def readers(host: Host, bridge: Page | None) -> AsyncIterator[list[RunningClient]]:
    async with contextlib.AsyncExitStack() as stack:
        both = [await stack.enter_async_context(running_client(host.invite)) for _ in range(2)]
        for reader in both:
            await reader.client.tunnel(SECONDS)
        yield both


async def download(reader: RunningClient, site: Site) -> TunnelStream:
    tunnel = await reader.client.tunnel(SECONDS)
    request = f"GET /file?bytes={SIZE} HTTP/1.0\r\n\r\n".encode()
    return await tunnel.connect(Target("site.test", site.port), request)


class Download:
    """Reads a stream to its end; `received` counts."""

    def __init__(self, stream: TunnelStream) -> None:
        self.received = 0
        self.task = asyncio.create_task(self._run(stream))

    async def _run(self, stream: TunnelStream) -> None:
        while data := await stream.read():
            self.received += len(data)


async def test_two_readers_share_a_bridge_fairly(readers: list[RunningClient], site: Site) -> None:
    downloads = [Download(await download(reader, site)) for reader in readers]
    async with asyncio.timeout(SECONDS):
        await asyncio.wait([one.task for one in downloads], return_when=asyncio.FIRST_COMPLETED)
    assert min(one.received for one in downloads) >= FAIR * SIZE
    async with asyncio.timeout(SECONDS):
        await asyncio.gather(*(one.task for one in downloads))
    assert min(one.received for one in downloads) > SIZE


async def test_a_reader_who_stops_reading_holds_nobody_back(readers: list[RunningClient], site: Site) -> None:
    stalled = await download(readers[0], site)
    other = Download(await download(readers[1], site))
    async with asyncio.timeout(SECONDS):
        await other.task
    assert other.received > SIZE
    rest = Download(stalled)
    async with asyncio.timeout(SECONDS):
        await rest.task
    assert rest.received > SIZE


@pytest.mark.parametrize("bridge", ["chromium", "firefox"], indirect=True)
async def test_what_waits_in_a_browser_is_bounded(bridge: Page, host: Host, site: Site) -> None:
    inside = await bridge_page(bridge)
    await inside.evaluate(WATCH)
    async with running_client(host.invite) as reader, asyncio.timeout(SECONDS):
        both = [Download(await download(reader, site)) for _ in range(2)]
        await asyncio.gather(*(one.task for one in both))
    most = await inside.evaluate("globalThis.mostWaiting")
    assert 0 < most <= CWND_MAX
