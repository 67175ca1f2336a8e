"""What a bridge knows of its own network, kept up to date while it stays with a broker."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

from freespan.link.survey import survey
from freespan.wire.limits import SURVEY_SECONDS
from freespan.wire.messages import IceServer
from freespan.wire.network import Network, network_of


class OwnNetwork:
    """`stun` are the broker's servers, `tell` hears of each change. One for each connection to a broker."""

    def __init__(self, stun: Sequence[IceServer], tell: Callable[[Network], Awaitable[None]]) -> None:
        self._stun = stun
        self._tell = tell
        self._found: Network | None = None
        self._doubted = asyncio.Event()
        # pipes of the first moment cannot wait for the survey
        self.servers: list[IceServer] = list(stun[:1])
        """The STUN server to use, if any."""

    async def keep(self) -> None:
        """Survey at once, from time to time, and when in doubt, until cancelled."""
        while self._stun:
            self._doubted.clear()
            found, server = await survey(self._stun)
            self.servers = [server] if server else []
            if found is not None and found != self._found:
                self._found = found
                await self._tell(found)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SURVEY_SECONDS):
                    await self._doubted.wait()

    def check(self, answer: str) -> None:
        """Hold an answer of this bridge against what is known: if nothing came back for it, the server may be gone."""
        if self._found and not self._found.blocks_udp and network_of(answer).blocks_udp:
            self._doubted.set()
