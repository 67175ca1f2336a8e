"""Resolves names to addresses, in threads.

A lookup blocks its thread for as long as the system's resolver likes, whether anybody still waits for it or not. So
each session has only a few lookups under way, each source a few more, and their other lookups wait for those. Some of
the threads are kept for sources with hardly any lookup, and a few for those who come with an invite.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from freespan.egress.settings import EgressSettings
from freespan.sources.source import Source
from freespan.wire.addresses import Address
from freespan.wire.errors import StreamError
from freespan.wire.proxy_status import ProxyStatus

Requester = Source | None
"""Whoever must not delay others: its `host` is a session, and its `network` where this comes from."""
_NEWCOMERS = 8
"""One thread in so many is kept for newcomers."""
_INVITED = 32
"""One in so many is kept for those with an invite, from newcomers as well."""
_NEWCOMER_LOOKUPS = 4
"""How many lookups a newcomer has under way at the most."""


class _Quota:
    """The lookups of a session or a source: those under way hold a place, the others wait for one."""

    def __init__(self, places: int) -> None:
        self.places = asyncio.Semaphore(places)
        self.under_way = 0
        self.users = 0


class _Quotas:
    """A quota for each name that is in use."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._quotas: dict[bytes, _Quota] = {}

    def __len__(self) -> int:
        return len(self._quotas)

    async def take(self, name: bytes) -> _Quota:
        """Wait for a place, and take it; it must be given back with `leave`."""
        quota = self._quotas.setdefault(name, _Quota(self._places))
        quota.users += 1
        try:
            await quota.places.acquire()
        except BaseException:
            self._forget(name, quota)
            raise
        quota.under_way += 1
        return quota

    def leave(self, name: bytes) -> None:
        quota = self._quotas[name]
        quota.under_way -= 1
        quota.places.release()
        self._forget(name, quota)

    def _forget(self, name: bytes, quota: _Quota) -> None:
        quota.users -= 1
        if not quota.users:
            del self._quotas[name]


class Resolver:
    """Runs at most `lookups_max` lookups at a time, and only a few of those for one session and for one source."""

    def __init__(self, settings: EgressSettings) -> None:
        self._settings = settings
        self._threads = ThreadPoolExecutor(settings.lookups_max, thread_name_prefix="resolve")
        self._under_way = 0
        self._of_sessions = _Quotas(settings.lookups_per_session_max)
        self._of_sources = _Quotas(settings.lookups_per_source_max)

    async def resolve(self, host: str, requester: Requester, *, is_invited: bool = False) -> list[Address]:
        """The addresses of a name, in the system's order. Raises `StreamError` if there are none, or not in time."""
        session, source = (b"", b"") if requester is None else (requester.host, requester.network)
        is_waiting = True
        try:
            async with asyncio.timeout(self._settings.resolve_seconds):
                quota = await self._take_places(session, source)
                is_waiting = False
                found = await self._look_up(host, session, source, quota, is_invited=is_invited)
        except TimeoutError:
            if is_waiting:  # for the lookups of its own: this name was not even asked for
                raise StreamError(ProxyStatus("connection_limit_reached", "lookups")) from None
            raise StreamError(ProxyStatus("dns_timeout")) from None
        except (OSError, UnicodeError):
            raise StreamError(ProxyStatus("dns_error")) from None
        return [ipaddress.ip_address(str(info[4][0]).partition("%")[0]) for info in found]

    def close(self) -> None:
        """Stop the threads, each after the lookup that it runs."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _take_places(self, session: bytes, source: bytes) -> _Quota:
        """Wait until the session and its source may look up one more name; returns the quota of the source."""
        await self._of_sessions.take(session)
        try:
            return await self._of_sources.take(source)
        except BaseException:
            self._of_sessions.leave(session)
            raise

    async def _look_up(self, host: str, session: bytes, source: bytes, quota: _Quota, *, is_invited: bool) -> list[Any]:
        most, kept = self._settings.lookups_max, 0
        if not is_invited:
            kept = most // (_NEWCOMERS if quota.under_way > _NEWCOMER_LOOKUPS else _INVITED)
        if self._under_way >= most - kept:
            self._of_sources.leave(source)
            self._of_sessions.leave(session)
            raise StreamError(ProxyStatus("connection_limit_reached", "crowded"))
        self._under_way += 1
        loop = asyncio.get_running_loop()
        lookup = self._threads.submit(socket.getaddrinfo, host, None, type=socket.SOCK_STREAM)

        def ended(_: Future[Any]) -> None:
            try:
                loop.call_soon_threadsafe(self._ended, session, source)
            except RuntimeError:
                pass  # the event loop has been closed in the meantime

        # the thread may well outlast the wait, and its place is taken until it ends
        lookup.add_done_callback(ended)
        return await asyncio.wrap_future(lookup)

    def _ended(self, session: bytes, source: bytes) -> None:
        self._under_way -= 1
        self._of_sources.leave(source)
        self._of_sessions.leave(session)
