"""What a bridge knows of its own network, kept up to date while it is connected to a broker."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

from freespan.link.survey import survey
from freespan.wire.messages import IceServer
from freespan.wire.network import Network, network_of


class OwnNetwork:
    """Surveys the network, and reports each change. There is one for each connection to a broker.

    Args:
        stun: the broker's STUN servers.
        report: called with each network that differs from the one before.
        survey_seconds: how often the network is surveyed.
    """

    def __init__(
        self, stun: Sequence[IceServer], report: Callable[[Network], Awaitable[None]], survey_seconds: float
    ) -> None:
        self._stun = stun
        self._report = report
        self._survey_seconds = survey_seconds
        self._found: Network | None = None
        self._is_doubtful = asyncio.Event()
        # The first sessions cannot wait for the survey.
        self.servers: list[IceServer] = list(stun[:1])
        """The STUN server to use, if any."""

    async def keep_up_to_date(self) -> None:
        """Survey at once, from time to time, and when in doubt, until cancelled."""
        while self._stun:
            self._is_doubtful.clear()
            found, server = await survey(self._stun)
            self.servers = [server] if server else []
            if found is not None and found != self._found:
                self._found = found
                await self._report(found)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._survey_seconds):
                    await self._is_doubtful.wait()

    def check(self, answer: str) -> None:
        """Survey again if nothing came back for this answer although UDP worked before: the server may be gone."""
        if self._found and not self._found.blocks_udp and network_of(answer).blocks_udp:
            self._is_doubtful.set()
