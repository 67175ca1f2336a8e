"""`Bridge`: a bridge without a browser, as one asyncio context manager."""

from __future__ import annotations

import asyncio
from types import TracebackType

from freespan.api.arguments import checked_number, checked_seconds
from freespan.api.background import Background
from freespan.api.feed import Feed, Following
from freespan.bridge.bridge import Bridge as Engine
from freespan.bridge.bridge import BridgeStatus as BridgeStatus
from freespan.observe.hidden import hiding_urls
from freespan.wire.errors import RendezvousError
from freespan.wire.limits import BRIDGE_CAPACITY_MAX
from freespan.wire.pasted_host import find_host

JOIN_SECONDS = 20.0
"""How long entering the block of a `Bridge` waits for the broker, unless told otherwise."""
_JOINED = ("waiting", "helping")


class Bridge:
    """A bridge, which helps readers for the length of its block::

        async with freespan.Bridge("https://bridge.example.org/garden") as bridge:
            async for status in bridge.events():
                print(status.state, status.now)

    Args:
        url: the URL of the host, or any text with it, such as the line that the host prints for pages.
        capacity: how many readers to help at the same time, 1 to 64.
        timeout: seconds that entering the block waits for the broker. With 0 it does not wait. A broker that goes away
            later is waited for without limit.

    Raises:
        InputError: field `URL`; it holds no http or https URL, or several. Field `capacity` or `timeout`; it is out of
            bounds.
        RendezvousError: the broker did not answer in time (raised by entering the block).
    """

    def __init__(self, url: str, *, capacity: int = 8, timeout: float = JOIN_SECONDS) -> None:
        broker = find_host(url)
        checked_number("capacity", capacity, 1, BRIDGE_CAPACITY_MAX)
        self._timeout = checked_seconds("timeout", timeout)
        self._status = BridgeStatus("connecting", 0, 0, 0)
        self._feed: Feed[BridgeStatus] = Feed()
        self._feed.publish(self._status)
        self._broker = broker
        self._engine = Engine(broker, capacity, self._note)
        self._background = Background("freespan-bridge", self._feed.end)
        self._joined = asyncio.Event()
        self._is_used = False

    async def __aenter__(self) -> Bridge:
        if self._is_used:
            raise RuntimeError("a Bridge runs once: make another one")
        self._is_used = True
        self._background.start(self._run())
        try:
            if self._timeout > 0:
                async with asyncio.timeout(self._timeout):
                    await self._joined.wait()
        except BaseException as error:
            await self.close()
            if isinstance(error, TimeoutError):
                why = self._status.detail or "check the URL and your connection"
                text = f"the broker did not answer within {self._timeout:.0f} s: {why}"
                raise RendezvousError("unreachable", text, retry=True) from None
            raise
        return self

    async def _run(self) -> None:
        with hiding_urls(self._broker):
            await self._engine.run()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def url(self) -> str:
        """The URL of the host, with its name as DNS has it."""
        return self._broker

    @property
    def status(self) -> BridgeStatus:
        """How the bridge is doing now."""
        return self._status

    def events(self) -> Following[BridgeStatus]:
        """Iterate over the latest status and every change that follows, until the bridge is closed.

        A follower that does not keep up misses the oldest.
        """
        return self._feed.follow()

    async def wait_closed(self) -> None:
        """Wait until the bridge has ended, which it does with its block."""
        await self._background.wait()

    async def close(self) -> None:
        """End the sessions and the bridge. The `async with` block does it."""
        await self._background.stop()
        self._feed.end()

    def _note(self, status: BridgeStatus) -> None:
        if status.state in _JOINED:
            self._joined.set()
        if status != self._status:
            self._status = status
            self._feed.publish(status)
