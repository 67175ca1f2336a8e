"""The honest reader beside an attack: loads a page again and again, downloads, and now and then begins anew."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import statistics
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from bench import download
from bench.checked_download import Comparison
from freespan.client.client import Client
from freespan.client.local_proxy.server import LocalProxy
from freespan.wire.errors import FreespanError
from freespan.wire.invite import Invite

PAGE_SECONDS = 20.0
"""A page that takes longer has failed, and counts with this time."""
_PARTS, _PART_BYTES, _AT_ONCE = 12, 30_000, 6
"""A page is a document and then these many parts, of which a browser fetches six at a time."""
_RATE = 1_000_000
"""Bytes a second of the download."""
_ENDLESS = 1 << 30
_SILENCE_SECONDS = 30.0
_AFTER_BYTES = 500_000
"""What must still arrive after the attack."""
_PAUSE_SECONDS = 0.2
_NEWCOMER_SECONDS = 15.0


@dataclass
class Samples:
    """Seconds, and how many attempts have failed; those count with the time that they took."""

    seconds: list[float] = field(default_factory=list)
    failed: int = 0

    @property
    def median(self) -> float:
        """The median; infinite without samples."""
        return statistics.median(self.seconds) if self.seconds else float("inf")


class Pages:
    """Loads pages by the local proxy of the reader."""

    def __init__(self, proxy: int, site: int) -> None:
        self._proxy = proxy
        self._site = site
        self._pool = ThreadPoolExecutor(_AT_ONCE, "reader-page")

    async def until(self, is_over: Callable[[], bool]) -> Samples:
        """Load page after page; at least one."""
        return await _samples(is_over, lambda: asyncio.to_thread(self._load))

    def close(self) -> None:
        """Wait for what is under way."""
        self._pool.shutdown(cancel_futures=True)

    def _load(self) -> None:
        self._fetch()
        for done in [self._pool.submit(self._fetch) for _ in range(_PARTS)]:
            done.result(PAGE_SECONDS)

    def _fetch(self) -> None:
        with socket.create_connection(("127.0.0.1", self._proxy), PAGE_SECONDS) as connection:
            received = len(download.request(connection, self._site, _PART_BYTES))
            while received < _PART_BYTES:
                data = connection.recv(_PART_BYTES)
                if not data:
                    raise download.DownloadError("the page ended too early")
                received += len(data)


class Newcomers:
    """Clients that come one after the other, and want one small page."""

    def __init__(self, invite: Invite, site: int, pause: float = _PAUSE_SECONDS) -> None:
        self._invite = invite
        self._site = site
        self._pause = pause

    async def until(self, is_over: Callable[[], bool]) -> Samples:
        """Connect again and again; at least once."""
        return await _samples(is_over, self._connect, self._pause)

    async def _connect(self) -> None:
        client = Client(self._invite, lambda status: None)
        proxy = LocalProxy(client)
        port = await proxy.start(0)
        running = asyncio.create_task(client.run(), name="newcomer")
        try:
            async with asyncio.timeout(_NEWCOMER_SECONDS):
                await asyncio.to_thread(download.first_byte_s, port, self._site)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await proxy.stop()


async def _samples(is_over: Callable[[], bool], once: Callable[[], Awaitable[None]], pause: float = 0.0) -> Samples:
    found = Samples()
    while not found.seconds or not is_over():
        start = time.perf_counter()
        try:
            await once()
        except (OSError, TimeoutError, RuntimeError, download.DownloadError, FreespanError):
            found.failed += 1
        found.seconds.append(time.perf_counter() - start)
        await asyncio.sleep(pause)
    return found


class PacedDownload:
    """A download of a steady rate that compares every byte, in a thread of its own."""

    def __init__(self, proxy: int, site: int) -> None:
        self._proxy = proxy
        self._site = site
        self._stops = threading.Event()
        self._reading = asyncio.create_task(asyncio.to_thread(self._read), name="reader-download")

    async def broken(self) -> int:
        """End it when more has arrived; returns 1 if it broke off or anything was wrong, else 0."""
        self._stops.set()
        return await self._reading

    def _read(self) -> int:
        comparison, received, enough = Comparison(_ENDLESS), 0, None
        start = time.perf_counter()
        with (
            contextlib.suppress(OSError, download.DownloadError),
            socket.create_connection(("127.0.0.1", self._proxy), _SILENCE_SECONDS) as connection,
        ):
            data = download.request(connection, self._site, _ENDLESS)
            while True:
                comparison.add(data)
                received += len(data)
                if self._stops.is_set():
                    enough = enough or received + _AFTER_BYTES
                    if received >= enough:
                        return int(comparison.wrong > 0)
                time.sleep(max(0.0, start + received / _RATE - time.perf_counter()))
                data = connection.recv(16_384)
                if not data:
                    break
        return 1
