"""The STUN and TURN servers that a client's peer connections use.

STUN servers come with the invite. One of them is used at a time; when it does not answer, the next one takes its
place. TURN servers come from the host, with credentials that expire, so they are fetched when they are needed.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from freespan.wire.errors import RendezvousError
from freespan.wire.limits import TURN_CREDENTIAL_SECONDS
from freespan.wire.messages import IceServer


class StunServers:
    """The invite's STUN servers, each a tuple of URLs, in rotation."""

    def __init__(self, servers: Sequence[Sequence[str]]) -> None:
        self._servers = deque(IceServer(list(urls)) for urls in servers)

    def __len__(self) -> int:
        return len(self._servers)

    def current(self) -> list[IceServer]:
        """The server to use now, or none."""
        return list(self._servers)[:1]

    def rotate(self) -> None:
        """Use the next server from now on."""
        self._servers.rotate(-1)


class TurnServers:
    """The host's TURN servers; `fetch` asks the host for them and raises `RendezvousError`."""

    def __init__(self, fetch: Callable[[], Awaitable[list[IceServer]]]) -> None:
        self._fetch = fetch
        self._servers: list[IceServer] = []
        self._fresh_until = 0.0

    @property
    def is_fresh(self) -> bool:
        """Whether the credentials have more than half of their time left."""
        return time.monotonic() < self._fresh_until

    async def current(self) -> list[IceServer]:
        """Servers with credentials; none when the host has none or cannot be asked."""
        if not self.is_fresh:
            try:
                self._servers = await self._fetch()
            except RendezvousError:
                return []  # there are other transports
            self._fresh_until = time.monotonic() + TURN_CREDENTIAL_SECONDS / 2
        return self._servers

    def expire(self) -> None:
        """Fetch new credentials the next time."""
        self._fresh_until = 0.0
