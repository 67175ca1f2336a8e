"""Streams to sites that are kept when a response has ended, for the next request of the same program to the same site.

Each belongs to one connection of a program and is never lent to another one: what a site has learned of whoever uses a
connection (a login by NTLM, say) holds for all that comes on it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from freespan.client.lent_stream import LentStream
from freespan.client.settings import ClientSettings
from freespan.wire.target import Target

_Key = tuple[int, Target]
"""The number of a program's connection, and the target."""


@dataclass(frozen=True)
class _Kept:
    lent: LentStream
    expiry: asyncio.TimerHandle


class KeptStreams:
    """When there are too many, in all or of one program, the one that was kept first is released."""

    def __init__(self, settings: ClientSettings) -> None:
        self._settings = settings
        self._kept: dict[_Key, _Kept] = {}
        self._owners = 0

    def __len__(self) -> int:
        return len(self._kept)

    def new_owner(self) -> int:
        """A number for a connection of a program."""
        self._owners += 1
        return self._owners

    def keep(self, owner: int, target: Target, lent: LentStream) -> None:
        """Keep a stream that has nothing left to read."""
        key = (owner, target)
        self._release(key)
        seconds = self._settings.kept_streams_seconds
        expiry = asyncio.get_running_loop().call_later(seconds, self._release, key)
        self._kept[key] = _Kept(lent, expiry)
        of_one = [each for each in self._kept if each[0] == owner]
        if len(of_one) > self._settings.kept_streams_of_one_max:
            self._release(of_one[0])
        if len(self._kept) > self._settings.kept_streams_max:
            self._release(next(iter(self._kept)))

    def take(self, owner: int, target: Target) -> LentStream | None:
        """The stream that this program has to the target, unless the target has ended it, or has said something."""
        kept = self._kept.pop((owner, target), None)
        if kept is None:
            return None
        kept.expiry.cancel()
        if kept.lent.stream.has_news:
            kept.lent.release()
            return None
        return kept.lent

    def release_all(self, owner: int) -> None:
        """The program has gone."""
        for key in [each for each in self._kept if each[0] == owner]:
            self._release(key)

    def _release(self, key: _Key) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            kept.expiry.cancel()
            kept.lent.release()
