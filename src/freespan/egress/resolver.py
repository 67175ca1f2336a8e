"""Resolves names to addresses, in threads.

A lookup blocks its thread for as long as the system's resolver likes, whether anybody still waits for it or not. So
each requester has only a few lookups under way, and its other lookups wait for those. There are enough threads that
many requesters with slow names do not use them up.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from freespan.egress.settings import EgressSettings
from freespan.wire.addresses import Address
from freespan.wire.errors import StreamError
from freespan.wire.proxy_status import ProxyStatus

Requester = Hashable | None
"""Whoever must not delay others: a session. None is a requester, too."""


class _Quota:
    """The lookups of one requester: those under way hold a place, the others wait for one."""

    def __init__(self, places: int) -> None:
        self.places = asyncio.Semaphore(places)
        self.users = 0


class Resolver:
    """Runs at most `lookups_max` lookups at a time, and `lookups_per_session_max` of those for one requester."""

    def __init__(self, settings: EgressSettings) -> None:
        self._settings = settings
        self._threads = ThreadPoolExecutor(settings.lookups_max, thread_name_prefix="resolve")
        self._under_way = 0
        self._quotas: dict[Requester, _Quota] = {}

    async def resolve(self, host: str, requester: Requester) -> list[Address]:
        """The addresses of a name, in the system's order. Raises `StreamError` if there are none, or not in time."""
        try:
            async with asyncio.timeout(self._settings.resolve_seconds):
                found = await self._look_up(host, requester)
        except TimeoutError:
            raise StreamError(ProxyStatus("dns_timeout")) from None
        except (OSError, UnicodeError):
            raise StreamError(ProxyStatus("dns_error")) from None
        return [ipaddress.ip_address(str(info[4][0]).partition("%")[0]) for info in found]

    def close(self) -> None:
        """Stop the threads, each after the lookup that it runs."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _look_up(self, host: str, requester: Requester) -> list[Any]:
        quota = self._quotas.setdefault(requester, _Quota(self._settings.lookups_per_session_max))
        quota.users += 1
        try:
            await quota.places.acquire()
        except BaseException:
            self._leave(requester, quota)
            raise
        if self._under_way >= self._settings.lookups_max:
            quota.places.release()
            self._leave(requester, quota)
            raise StreamError(ProxyStatus("connection_limit_reached"))
        self._under_way += 1
        loop = asyncio.get_running_loop()
        lookup = self._threads.submit(socket.getaddrinfo, host, None, type=socket.SOCK_STREAM)

        def ended(_: Future[Any]) -> None:
            try:
                loop.call_soon_threadsafe(self._ended, requester, quota)
            except RuntimeError:
                pass  # the event loop has been closed in the meantime

        # the thread may well outlast the wait, and its place is taken until it ends
        lookup.add_done_callback(ended)
        return await asyncio.wrap_future(lookup)

    def _ended(self, requester: Requester, quota: _Quota) -> None:
        self._under_way -= 1
        quota.places.release()
        self._leave(requester, quota)

    def _leave(self, requester: Requester, quota: _Quota) -> None:
        quota.users -= 1
        if not quota.users:
            del self._quotas[requester]
