"""Keeps a session open: looks for a bridge, opens the session, and begins anew when it ends.

looking ──▶ connecting ──▶ open ──▶ (the session ends) ──▶ looking
   └── no bridge, broker away ──▶ waiting ──▶ looking      failed: asking again cannot help
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import aiohttp

from freespan.client.rendezvous import ask_for_bridge
from freespan.link.datachannel import DataChannelLink
from freespan.wire.addresses import is_private_url
from freespan.wire.backoff import Backoff
from freespan.wire.errors import FreespanError, LinkError, RendezvousError, StreamError, TunnelError, WrongKeyError
from freespan.wire.invite import Invite
from freespan.wire.limits import CHANNEL_OPEN_SECONDS, SESSION_WAIT_SECONDS
from freespan.wire.proxy_status import ProxyStatus
from freespan.wire.sdp import without_private_addresses

if TYPE_CHECKING:
    from freespan.tunnel.client import ClientSession

_WRONG_KEYS_MAX = 3
_STEADY_SECONDS = 30.0
"""A session that held for so long was a good one: the next failure is the first again."""


@dataclass(frozen=True)
class ClientStatus:
    """`state` is one of the picture above; `seconds` are the parts of the set-up that led here."""

    state: str
    detail: str = ""
    seconds: dict[str, float] = field(default_factory=dict)


class Client:
    """Run `run` in a task; `session` gives the open session, or waits for one."""

    def __init__(self, invite: Invite, on_status: Callable[[ClientStatus], None]) -> None:
        self._invite = invite
        self._on_status = on_status
        self._is_private = is_private_url(invite.broker)
        self._backoff = Backoff(random.random)
        self._wrong_keys = 0
        self._session: ClientSession | None = None
        self._loading: asyncio.Task[type[ClientSession]] | None = None
        self._news = asyncio.Condition()
        self.status = ClientStatus("looking")

    async def run(self) -> None:
        """Keep a session until cancelled. Raises `FreespanError` when trying again cannot help."""
        # no cookies: a broker must not be able to know a reader again
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False) as http:
            while True:
                try:
                    session = await self._open(http)
                except (RendezvousError, LinkError, TunnelError) as error:
                    await self._wait_after(error)
                    continue
                await self._stay(session)

    async def session(self, seconds: float = SESSION_WAIT_SECONDS) -> ClientSession:
        """The open session; waits up to `seconds` for one. Raises `StreamError` (destination_unavailable)."""
        try:
            async with asyncio.timeout(seconds), self._news:
                while self._session is None or self._session.is_over:
                    await self._news.wait()
                return self._session
        except TimeoutError:
            raise StreamError(ProxyStatus("destination_unavailable")) from None

    async def _open(self, http: aiohttp.ClientSession) -> ClientSession:
        """One whole attempt, each part timed."""
        watch = _Stopwatch()
        self._tell(ClientStatus("looking", "asking the broker for a bridge"))
        link = DataChannelLink()
        try:
            offer = self._own(await link.offer())
            watch.lap("offer")
            if self._loading is None:
                self._loading = asyncio.create_task(asyncio.to_thread(_load_tunnel), name="client-load-tunnel")
            answer = await ask_for_bridge(http, self._invite.broker, offer)
            watch.lap("rendezvous")
            self._tell(ClientStatus("connecting", "a bridge answered; opening the session"))
            await link.accept(self._own(answer))
            session = (await self._loading)(self._invite.egress_key, link)
            async with asyncio.timeout(CHANNEL_OPEN_SECONDS):
                await link.opened()
            watch.lap("channel")
            await session.start()
            watch.lap("handshake")
        except TimeoutError:
            link.close("given up")
            raise LinkError("the bridge could not be reached") from None
        except BaseException:
            link.close("given up")
            raise
        self._session = session
        self._wrong_keys = 0
        self._tell(ClientStatus("open", "a bridge carries this session", watch.parts))
        async with self._news:
            self._news.notify_all()
        return session

    async def _stay(self, session: ClientSession) -> None:
        """Wait until the session ends; after a short one pause, lest bridges that leave at once keep everybody busy."""
        since = time.monotonic()
        try:
            reason = await session.wait_ended()
        finally:
            self._session = None
            session.close("the client is stopping")
        self._tell(ClientStatus("looking", f"the session ended ({reason}); looking for another bridge"))
        if time.monotonic() - since >= _STEADY_SECONDS:
            self._backoff.succeeded()
        else:
            await asyncio.sleep(self._backoff.failed())

    async def _wait_after(self, error: FreespanError) -> None:
        """Back off after a failure; raises it when trying again cannot help.

        A wrong key may be the trick of one bridge, so others are tried; several in a row are said to have failed.
        """
        if isinstance(error, RendezvousError) and not error.retry:
            self._tell(ClientStatus("failed", str(error)))
            raise error
        self._wrong_keys += isinstance(error, WrongKeyError)
        after = error.after if isinstance(error, RendezvousError) else None
        wait = self._backoff.failed(after or 0.0)
        if self._wrong_keys >= _WRONG_KEYS_MAX:
            self._tell(ClientStatus("failed", str(error)))
        else:
            self._tell(ClientStatus("waiting", f"{error}; next try in {wait:.0f} s"))
        await asyncio.sleep(wait)

    def _own(self, sdp: str) -> str:
        """A description as it may cross the open internet: neither end learns of the other's own network."""
        return sdp if self._is_private else without_private_addresses(sdp)

    def _tell(self, status: ClientStatus) -> None:
        self.status = status
        self._on_status(status)


def _load_tunnel() -> type[ClientSession]:
    """QUIC and its cryptography take a tenth of a second to load: time that the way to the broker and back leaves."""
    from freespan.tunnel.client import ClientSession

    return ClientSession


class _Stopwatch:
    """Times the parts of a set-up, in seconds."""

    def __init__(self) -> None:
        self.parts: dict[str, float] = {}
        self._since = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.parts[name] = round(now - self._since, 4)
        self._since = now
