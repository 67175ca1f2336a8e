"""`Host`: broker, egress, STUN server and pages, as one asyncio context manager."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import TYPE_CHECKING

from freespan.api.extras import require_host_libraries
from freespan.api.settings import HostSettings
from freespan.observe.host_status import HostStatus as HostStatus

if TYPE_CHECKING:
    from freespan.api.running_host import RunningHost

_LOOK_SECONDS = 0.5
"""Between two looks at the counters of a host, for its events."""


class Host:
    """A host, which runs for the length of its block::

        async with freespan.Host(freespan.HostSettings(port=0)) as host:
            print(host.url, host.invite)

    Entering and leaving the block raise:
        MissingLibraryError: the libraries of a host are not installed; see `freespan[host]`.
        InputError: a setting cannot be used; the field is its name.
    """

    def __init__(
        self, settings: HostSettings | None = None, read_again: Callable[[], HostSettings] | None = None
    ) -> None:
        """`read_again` reads the settings once more, for `reload`; without it they stay as they are."""
        self._settings = settings or HostSettings()
        self._read_again = read_again
        self._stack = contextlib.AsyncExitStack()
        self._running: RunningHost | None = None
        self._closed = asyncio.Event()

    async def __aenter__(self) -> Host:
        if self._running is not None or self._closed.is_set():
            raise RuntimeError("a Host runs once: make another one")
        require_host_libraries()
        from freespan.api.running_host import running_host  # loads the libraries that only hosts need

        self._running = await self._stack.enter_async_context(running_host(self._settings, self._read_again))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._closed.set()
        await self._stack.aclose()

    @property
    def url(self) -> str:
        """The public URL with the host's own path, without a trailing slash."""
        return self._parts.url

    @property
    def invite(self) -> str:
        """The text that readers need: that of the first invite which is neither revoked nor expired.

        Empty if there is none. `freespan invite` makes more of them.
        """
        return self._parts.invite

    @property
    def notices(self) -> tuple[str, ...]:
        """What whoever runs it should read: of changes since the last start, and of an open data folder."""
        return self._parts.notices

    @property
    def embed(self) -> str:
        """The line that puts the switch into a page."""
        return f'<script type="module" src="{self.url}/switch.js"></script><freespan-switch></freespan-switch>'

    @property
    def stun(self) -> tuple[str, ...]:
        """The URLs of the host's own STUN server; none if it has none."""
        return self._parts.stun

    @property
    def metrics(self) -> str:
        """The URL of the counters, which this machine alone can read; empty without `metrics_port`."""
        return self._parts.metrics

    @property
    def status(self) -> HostStatus:
        """Figures of now."""
        if self._running is None:
            return HostStatus()
        is_behind = self._running.sources.is_behind_unnamed_proxy
        figures = self._running.counters.figures()
        return dataclasses.replace(figures, is_behind_unnamed_proxy=is_behind, access=self._settings.access)

    def reload(self) -> None:
        """Read the settings and their files again, as far as a running host can take them; see `api/rereading.py`.

        What cannot be used changes nothing. SIGHUP makes `freespan serve` do this.
        """
        self._parts.reload()

    async def events(self) -> AsyncIterator[HostStatus]:
        """The figures of now, and again whenever they have changed, until the host is closed."""
        last: HostStatus | None = None
        while not self._closed.is_set():
            if (status := self.status) != last:
                last = status
                yield status
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closed.wait(), _LOOK_SECONDS)

    @property
    def _parts(self) -> RunningHost:
        if self._running is None:
            raise RuntimeError("the Host is not running: use it inside its `async with` block")
        return self._running
