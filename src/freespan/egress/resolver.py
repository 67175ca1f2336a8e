"""Names to addresses. A lookup blocks a thread for as long as the system's resolver likes, whoever still waits for it.

So each asker has a few lookups under way at a time and its others wait for them; and there are so many threads that
many such askers together do not use them up.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from freespan.wire.addresses import Address
from freespan.wire.errors import StreamError
from freespan.wire.limits import LOOKUPS_MAX, LOOKUPS_PER_SESSION_MAX, RESOLVE_SECONDS
from freespan.wire.proxy_status import ProxyStatus

Asker = Hashable | None
"""Whoever shall not hold up others: a session. None is one asker, too."""


class _Turns:
    """An asker's lookups: those under way hold a place, the others wait for one."""

    def __init__(self) -> None:
        self.places = asyncio.Semaphore(LOOKUPS_PER_SESSION_MAX)
        self.users = 0


class Resolver:
    """At most `LOOKUPS_MAX` at a time, `LOOKUPS_PER_SESSION_MAX` of them for one asker."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(LOOKUPS_MAX, thread_name_prefix="resolve")
        self._under_way = 0
        self._turns: dict[Asker, _Turns] = {}

    async def resolve(self, host: str, asker: Asker) -> list[Address]:
        """The addresses of a name, in the system's order. Raises `StreamError` when there is none, or not in time."""
        try:
            async with asyncio.timeout(RESOLVE_SECONDS):
                found = await self._look_up(host, asker)
        except TimeoutError:
            raise StreamError(ProxyStatus("dns_timeout")) from None
        except (OSError, UnicodeError):
            raise StreamError(ProxyStatus("dns_error")) from None
        return [ipaddress.ip_address(str(info[4][0]).partition("%")[0]) for info in found]

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _look_up(self, host: str, asker: Asker) -> list[Any]:
        turns = self._turns.setdefault(asker, _Turns())
        turns.users += 1
        try:
            await turns.places.acquire()
        except BaseException:
            self._leave(asker, turns)
            raise
        if self._under_way >= LOOKUPS_MAX:
            turns.places.release()
            self._leave(asker, turns)
            raise StreamError(ProxyStatus("connection_limit_reached"))
        self._under_way += 1
        loop = asyncio.get_running_loop()
        lookup = self._threads.submit(socket.getaddrinfo, host, None, type=socket.SOCK_STREAM)

        def ended(_: Future[Any]) -> None:
            try:
                loop.call_soon_threadsafe(self._ended, asker, turns)
            except RuntimeError:
                pass  # everything has stopped in the meantime

        # the thread may well outlast the wait, and its place is taken until it ends
        lookup.add_done_callback(ended)
        return await asyncio.wrap_future(lookup)

    def _ended(self, asker: Asker, turns: _Turns) -> None:
        self._under_way -= 1
        turns.places.release()
        self._leave(asker, turns)

    def _leave(self, asker: Asker, turns: _Turns) -> None:
        turns.users -= 1
        if not turns.users:
            del self._turns[asker]
