"""`freespan serve` looks at itself from outside when it has started, and says what it has seen.

It says so in the status at a terminal, as events to a program, and else on standard error. That a host looks at itself
delays nothing, and whatever comes of it, the host runs on.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from freespan.api.settings import HostSettings
from freespan.doctor.findings import Checked
from freespan.doctor.self_check import warnings_from_outside
from freespan.terminal.output import print_error, print_json


class SelfCheck:
    """What is seen of a host from outside."""

    def __init__(self, *, as_json: bool, is_at_terminal: bool) -> None:
        self._as_json = as_json
        self._is_at_terminal = is_at_terminal
        self._looking: asyncio.Task[None] | None = None
        self.lines: list[str] = []
        """What is to stand in the status at a terminal."""

    @contextlib.asynccontextmanager
    async def running(self, settings: HostSettings, url: str) -> AsyncIterator[None]:
        """Look once during the block, if the host has a public URL and its settings do not forbid it."""
        if not (settings.self_check and settings.public_url):
            yield
            return
        self._looking = asyncio.create_task(self._look(url), name="host-self-check")
        try:
            yield
        finally:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def wait(self) -> None:
        """Wait until everything has been looked at."""
        if self._looking is not None:
            await self._looking

    async def _look(self, url: str) -> None:
        async for checked in warnings_from_outside(url):
            self._tell(checked)

    def _tell(self, checked: Checked) -> None:
        if self._as_json:
            print_json({"event": "warning", **checked.as_json()})
            return
        line = f"seen from outside: {checked.finding.text}: {checked.finding.advice}"
        if self._is_at_terminal:
            self.lines.append(line)
        else:
            print_error(line)
