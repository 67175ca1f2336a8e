"""An egress on loopback, and sessions with it over a WebSocket alone: what is between is tested elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest

from freespan.egress import dialer
from freespan.egress.settings import EgressSettings
from freespan.tunnel.client import ClientTunnel
from freespan.tunnel.tickets import TicketJar
from tests.egress.dialing import Names
from tests.support.whole_path import SECONDS, Host, ask, direct_session, running_host

DEFAULTS = EgressSettings()


class Lab:
    """The egress and everybody around it."""

    def __init__(self, http: aiohttp.ClientSession, host: Host) -> None:
        self.host = host
        self.counters = host.counters
        self._http = http

    async def open_link(self) -> aiohttp.ClientWebSocketResponse:
        """A link on which nothing was sent yet."""
        return await self._http.ws_connect("/v1/egress", timeout=aiohttp.ClientWSTimeout(ws_close=SECONDS))

    def session(
        self, pin: bytes | None = None, tickets: TicketJar | None = None
    ) -> contextlib.AbstractAsyncContextManager[ClientTunnel]:
        """A session, open for the length of the block."""
        return direct_session(self.host, pin, tickets)

    async def still_serves(self, port: int) -> None:
        """Everybody else is unaffected."""
        async with self.session() as session:
            assert (await ask(session, port)).startswith(b"HTTP/1.1 200 OK")

    def refused(self, error: str) -> float:
        return self.counters.refused.labels(error).exact

    async def until_sessions(self, count: int) -> None:
        """Wait until the egress has this many sessions."""
        await self.host.until(sessions=count)


@contextlib.asynccontextmanager
async def lab_with(settings: EgressSettings) -> AsyncIterator[Lab]:
    """A lab whose egress has these settings."""
    async with (
        asyncio.timeout(4 * SECONDS),
        running_host(egress=settings) as host,
        aiohttp.ClientSession(host.url) as http,
    ):
        yield Lab(http, host)


@pytest.fixture
async def lab() -> AsyncIterator[Lab]:
    async with lab_with(DEFAULTS) as lab:
        yield lab


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    names = Names()
    monkeypatch.setattr(socket, "getaddrinfo", names.getaddrinfo)
    yield names
    names.slow.set()


@pytest.fixture
def dialed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that would be dialed; each refuses."""
    addresses: list[str] = []

    async def start_connection(infos: Any, **_: Any) -> socket.socket:
        addresses.extend(info[4][0] for info in infos)
        raise ConnectionRefusedError(errno.ECONNREFUSED, "refused")

    monkeypatch.setattr(dialer, "start_connection", start_connection)
    return addresses
