"""How long gathering candidates (RFC 8445) is worth waiting for. Candidates travel inside the one offer and answer.

An engine reports the end of gathering when every server has answered from every interface, which is at once where all
do. But one that never answers, or an interface from which no server can be reached, keeps it trying for ten seconds;
so what counts is the first candidate of the best kind that was asked for, and a short silence after it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable

_SECONDS = 1.0
"""A slow STUN server must not hold up a set-up that can do without it."""
_RELAY_SECONDS = 2.0
"""A relay by TLS takes five round trips, and without it there may be no road at all."""
_QUIET_SECONDS = 0.05
"""The ports of a STUN server answer together; what has not come by then is lost or does not come."""


class Gathering:
    """One for each peer connection; `urls` are those of its ICE servers."""

    def __init__(self, urls: Iterable[str]) -> None:
        schemes = {url.partition(":")[0].lower() for url in urls}
        relays = not schemes.isdisjoint(("turn", "turns"))
        self._awaited = "relay" if relays else "srflx"
        self._seconds = _RELAY_SECONDS if relays else _SECONDS
        self._first = asyncio.Event()
        self._all = asyncio.Event()

    def found(self, kind: str | None) -> None:
        """A candidate has come; `kind` is its type (RFC 8839 section 5.1)."""
        if kind == self._awaited:
            self._first.set()

    def complete(self) -> None:
        """No more candidates will come."""
        self._first.set()
        self._all.set()

    async def enough(self, *, patient: bool) -> None:
        """Wait until no more is worth waiting for; `patient` waits for each server, as long as it may take."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._seconds) as limit:
                if not patient:
                    await self._first.wait()
                    limit.reschedule(asyncio.get_running_loop().time() + _QUIET_SECONDS)
                await self._all.wait()
