"""A running browser: opens pages, and ends with its process and profile."""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod

from freespan.browsers.commands import Commands
from freespan.browsers.errors import BrowserError
from freespan.browsers.page import Page
from freespan.browsers.process import CLOSE_SECONDS, BrowserProcess


class Browser(ABC):
    """A running browser. `close`, or leaving `launch`, ends it and removes its profile."""

    def __init__(self, process: BrowserProcess, commands: Commands) -> None:
        self._process = process
        self._commands = commands
        self._closed = False
        self.extension = ""
        """Base URL of the pages of the extension that was loaded, without a trailing slash."""

    @property
    def pid(self) -> int:
        """Process id of the browser, which is also its process group (POSIX)."""
        return self._process.pid

    @abstractmethod
    async def open(self, url: str, proxy: str = "") -> Page:
        """Open a URL in a new tab, in front, and wait until it has loaded.

        With `proxy`, the address and port of an HTTP proxy, the tab is one of a context of its own that uses it for all
        that it asks for, this machine included as far as the browser allows that.
        """

    @abstractmethod
    async def _ask_to_end(self) -> None: ...

    def kill(self) -> None:
        """End the browser at once (SIGKILL to its whole process group)."""
        self._process.kill()

    async def close(self) -> None:
        """End the browser; does nothing the second time."""
        if self._closed:
            return
        self._closed = True
        try:
            with contextlib.suppress(BrowserError, TimeoutError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._ask_to_end()
        finally:
            try:
                await self._commands.close()
            finally:
                await self._process.end()
