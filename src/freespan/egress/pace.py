"""The rate of an invite: what its sessions copy waits for its turn in the one bucket that they share."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager

from freespan.egress.guests import Guest
from freespan.tunnel.splice import ByteSource


class InPace:
    """Reads no faster than the rate of a guest allows; `not_reading` keeps a source from reading ahead meanwhile."""

    def __init__(
        self,
        source: ByteSource,
        guest: Guest,
        not_reading: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext,
    ) -> None:
        self._source = source
        self._guest = guest
        self._not_reading = not_reading

    async def read(self) -> bytes:
        """See `ByteSource`."""
        data = await self._source.read()
        if data and (seconds := self._guest.pace(len(data))):
            with self._not_reading():
                await self._wait(seconds, len(data))
        return data

    async def _wait(self, seconds: float, size: int) -> None:
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:  # the stream has ended: what it waited for holds up no other stream
            self._guest.give_back(size)
            raise
