"""A running local proxy for tests, with a real session to a real egress; and sites that say what they are told to."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from freespan.client.client import Client
from freespan.client.local_proxy.credentials import Credentials
from freespan.client.local_proxy.server import LocalProxy
from freespan.client.settings import ClientSettings
from freespan.egress.settings import EgressSettings
from freespan.tunnel.client import ClientTunnel
from freespan.wire.errors import StreamError
from freespan.wire.proxy_status import ProxyStatus
from tests.support import readers
from tests.support.invites import invite_to
from tests.support.site import SMALL, Site
from tests.support.whole_path import SECONDS, direct_session, running_host


class FakeClient(Client):
    """Has the session that it is given, or none."""

    def __init__(self, tunnel: ClientTunnel, settings: ClientSettings | None) -> None:
        super().__init__(invite_to("http://127.0.0.1:1", bytes(32)), lambda _: None, settings=settings)
        self._given = tunnel
        self.has_session = True

    async def tunnel(self, seconds: float | None = None) -> ClientTunnel:
        if not self.has_session:
            raise StreamError(ProxyStatus("destination_unavailable"))
        return self._given


class RunningProxy:
    """The proxy, and calls to it in threads, since the programs that use it are not ours."""

    def __init__(self, proxy: LocalProxy, port: int, client: FakeClient) -> None:
        self.proxy = proxy
        self.port = port
        self.address = f"127.0.0.1:{port}"
        self.client = client

    async def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        async with asyncio.timeout(2 * SECONDS):
            return await asyncio.to_thread(function, self.address, *arguments)

    async def still_serves(self, site: Site) -> None:
        assert (await self.call(readers.get, f"http://site.test:{site.port}/")).body == SMALL

    async def until_idle(self) -> None:
        async with asyncio.timeout(SECONDS):
            while self.proxy.connections:
                await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def session_with(egress: EgressSettings) -> AsyncIterator[ClientTunnel]:
    """A session with an egress that has these settings."""
    async with asyncio.timeout(4 * SECONDS), running_host(egress=egress) as host, direct_session(host) as session:
        yield session


@contextlib.asynccontextmanager
async def running_proxy(
    session: ClientTunnel, settings: ClientSettings | None = None, credentials: Credentials | None = None
) -> AsyncIterator[RunningProxy]:
    client = FakeClient(session, settings)
    proxy = LocalProxy(client, settings, credentials=credentials)
    port = await proxy.start(0)
    try:
        yield RunningProxy(proxy, port, client)
    finally:
        await proxy.stop()


@dataclass
class Asked:
    """A request as a site got it; `connection` and `number` count from 0."""

    connection: int
    number: int
    head: str
    body: bytes

    @property
    def path(self) -> str:
        return self.head.split(" ")[1]


@dataclass
class PlayedSite:
    """Answers each request with what `answer` returns; with None it closes the connection."""

    answer: Callable[[Asked], bytes | None]
    closes: bool = False
    """Whether it closes each connection after one answer, without a word."""
    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    open: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection, number = self.connections, 0
        self.connections += 1
        self.open += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                body = await _body(reader, head)
                self.asked.append(Asked(connection, number, head, body))
                number += 1
                said = self.answer(self.asked[-1])
                if said is None:
                    break
                writer.write(said)
                if self.closes:
                    break
                if said.startswith(b"HTTP/1.1 101"):
                    while data := await reader.read(65_536):
                        writer.write(data.upper())
        self.open -= 1
        writer.close()


async def _body(reader: asyncio.StreamReader, head: str) -> bytes:
    if "100-continue" in head:
        return b""
    if "chunked" in head:
        return await reader.readuntil(b"0\r\n\r\n")
    found = re.search(r"(?i)content-length: (\d+)", head)
    return await reader.readexactly(int(found[1])) if found else b""


@contextlib.asynccontextmanager
async def playing(answer: Callable[[Asked], bytes | None], *, closes: bool = False) -> AsyncIterator[PlayedSite]:
    """A site on 127.0.0.1 for the length of the block."""
    site = PlayedSite(answer, closes)
    server = await asyncio.start_server(site.serve, "127.0.0.1", 0)
    site.port = server.sockets[0].getsockname()[1]
    async with server:
        yield site


def ok(body: bytes = b"ok", *headers: str) -> bytes:
    """A response with a length, whose connection is kept."""
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body
