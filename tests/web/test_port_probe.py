"""A page cannot tell whether the local proxy runs, in any way that is known but for those that the docs name.

Real browsers try `port_probe.js` with a port where the proxy listens, and with one where nothing does.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest
from aiohttp import web

from freespan.browsers import Browser, Page
from freespan.client.client import Client
from freespan.client.lent_stream import LentStream
from freespan.client.local_proxy.server import LocalProxy
from freespan.tunnel.splice import TcpConnection
from freespan.tunnel.stream import TunnelStream
from freespan.wire.errors import StreamError
from freespan.wire.proxy_status import ProxyStatus
from freespan.wire.target import Target, is_loopback
from tests.support.invites import invite_to
from tests.support.loopback import IPV6
from tests.support.serving import serving

pytestmark = pytest.mark.asyncio(loop_scope="session")

STILL_DIFFERS = {"ICE by TCP"}
"""Chromium counts that a check was sent, before it learns of the reset: docs/decisions/0035 says so."""
BY_HTTP = (
    *("fetch no-cors", "fetch no-cors, POST", "fetch cors", "fetch with preflight", "fetch with credentials"),
    *("XMLHttpRequest", "image", "script", "stylesheet", "video", "object", "font", "WebSocket"),
)
"""What a page can try that is not on a secure origin."""
INSIDE = "inside.test"
"""A name that the egress resolves to an address of its own network."""
PAGE = """<!doctype html><body></body>
<script type="module">import * as all from "/port_probe.js"; window.all = all;</script>"""


def routes() -> list[web.RouteDef]:
    """A site with a page that tries ports."""

    async def page(_: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    async def script(_: web.Request) -> web.FileResponse:
        return web.FileResponse(Path(__file__).parent / "port_probe.js", headers={"Content-Type": "text/javascript"})

    return [web.get("/", page), web.get("/port_probe.js", script)]


class Stream(TcpConnection):
    """Stands in for a stream of a session."""

    has_news = False

    def abort(self) -> None:
        self.reset()


class ClientOfThisMachine:
    """Has a host on the open internet, and reaches one site: the one at `port`, by any name but `INSIDE`."""

    def __init__(self) -> None:
        self.port = 0
        self._client = Client(invite_to("https://host.example"), lambda _: None)

    async def lend_stream(self, target: Target, first_bytes: bytes = b"") -> LentStream:
        if is_loopback(target.host):
            await self._client.lend_stream(target)
            raise AssertionError("the host was asked for this machine")
        if target.host == INSIDE:
            raise StreamError(ProxyStatus("destination_ip_prohibited"))
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(first_bytes)
        return LentStream(cast(TunnelStream, Stream(reader, writer)), writer.close)


@contextlib.asynccontextmanager
async def running_proxy(client: ClientOfThisMachine) -> AsyncIterator[int]:
    proxy = LocalProxy(client)
    try:
        yield await proxy.start(0)
    finally:
        await proxy.stop()


def closed_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


async def probed(page: Page, host: str, port: int, ways: tuple[str, ...] = ()) -> dict[str, str]:
    """What a page says of a port."""
    await page.wait_for("!!window.all")
    found = await page.evaluate(f"window.all.probe({json.dumps(host)}, {port}, {json.dumps(ways or None)})")
    return {way: said for way, said in found.items() if way not in STILL_DIFFERS}


@pytest.mark.parametrize("host", ["127.0.0.1", pytest.param("[::1]", marks=IPV6)])
async def test_a_page_finds_the_same_whether_the_local_proxy_runs_or_not(browser: Browser, host: str) -> None:
    async with serving(routes()) as site, running_proxy(ClientOfThisMachine()) as port:
        page = await browser.open(f"{site}/")
        try:
            without, with_proxy = await asyncio.gather(probed(page, host, closed_port()), probed(page, host, port))
        finally:
            await page.close()
    assert without == with_proxy
    assert without["fetch no-cors"] == "TypeError"
    assert without["image"] == "error"


async def test_a_page_whose_browser_uses_the_proxy_finds_the_same(browser: Browser) -> None:
    """It asks for the proxy itself, and for names that lead into the network of the egress."""
    client = ClientOfThisMachine()
    async with serving(routes()) as site, running_proxy(client) as port:
        client.port = int(site.rpartition(":")[2])
        page = await browser.open(f"{site}/")
        proxied = await browser.open("http://page.test/", proxy=f"127.0.0.1:{port}")
        try:
            without = await probed(page, "127.0.0.1", closed_port(), BY_HTTP)
            for host in ("127.0.0.1", "localhost", INSIDE):
                assert await probed(proxied, host, port, BY_HTTP) == without, host
        finally:
            await page.close()
            await proxied.close()
