"""How long to wait while candidates are gathered (RFC 8445), which travel inside the one offer and answer.

An engine reports the end of gathering when every server has answered from every interface. A server that never answers,
or an interface from which none can be reached, keeps it trying for ten seconds. So gathering is taken for complete soon
after the first candidate of the best kind: a relay candidate if there is a TURN server, else a server-reflexive one.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable

from freespan.link.settings import GatheringSettings


class Gathering:
    """The gathering of one peer connection; `urls` are those of its ICE servers."""

    def __init__(self, urls: Iterable[str], settings: GatheringSettings | None = None) -> None:
        settings = settings or GatheringSettings()
        schemes = {url.partition(":")[0].lower() for url in urls}
        relays = not schemes.isdisjoint(("turn", "turns"))
        self._awaited = "relay" if relays else "srflx"
        self._seconds = settings.turn_seconds if relays else settings.stun_seconds
        self._quiet_seconds = settings.quiet_seconds
        self._first = asyncio.Event()
        self._all = asyncio.Event()

    def found(self, kind: str | None) -> None:
        """A candidate was found; `kind` is its type (RFC 8839 section 5.1)."""
        if kind == self._awaited:
            self._first.set()

    def complete(self) -> None:
        """The engine has finished gathering."""
        self._first.set()
        self._all.set()

    async def enough(self, *, patient: bool) -> None:
        """Wait for the candidates; `patient` waits for each server, within the limit."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._seconds) as limit:
                if not patient:
                    await self._first.wait()
                    limit.reschedule(asyncio.get_running_loop().time() + self._quiet_seconds)
                await self._all.wait()
