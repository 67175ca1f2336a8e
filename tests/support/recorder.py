"""An owner of a link that records every call."""

import asyncio
from collections.abc import Callable

SECONDS = 20.0
"""No test waits longer for anything; none is expected to wait at all."""


class Recorder:
    """A `LinkOwner` that writes down every call, in order."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.calls: list[str] = []
        self.reason: str | None = None
        self._news = asyncio.Event()

    def on_message(self, message: bytes) -> None:
        self.messages.append(message)
        self._note("message")

    def on_writable(self) -> None:
        self._note("writable")

    def on_closed(self, reason: str) -> None:
        self.reason = reason
        self._note("closed")

    def _note(self, call: str) -> None:
        self.calls.append(call)
        self._news.set()

    async def until(self, condition: Callable[["Recorder"], bool]) -> None:
        """Wait for calls until `condition` holds of this recorder."""
        async with asyncio.timeout(SECONDS):
            while not condition(self):
                self._news.clear()
                await self._news.wait()

    async def closed(self) -> str:
        """Wait for the end; returns the reason."""
        await self.until(lambda recorder: recorder.reason is not None)
        assert self.reason is not None
        return self.reason

    def assert_ended_once(self) -> None:
        assert self.calls.count("closed") == 1
        assert self.calls[-1] == "closed"


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until `condition` holds, for what announces itself to nobody."""
    async with asyncio.timeout(SECONDS):
        while not condition():
            await asyncio.sleep(0.001)
