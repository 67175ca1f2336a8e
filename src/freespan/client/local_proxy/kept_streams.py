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
    until: float


class KeptStreams:
    """When there are too many, in all or of one program, the one that was kept first is released."""

    def __init__(self, settings: ClientSettings) -> None:
        self._settings = settings
        self._kept: dict[_Key, _Kept] = {}
        self._owners = 0
        self._expiry: asyncio.TimerHandle | None = None
        """For all of them, since most are taken again at once."""

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
        until = asyncio.get_running_loop().time() + self._settings.kept_streams_seconds
        self._kept[key] = _Kept(lent, until)
        if self._expiry is None:
            self._expire_at(until)
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
            kept.lent.release()

    def _expire_at(self, moment: float) -> None:
        self._expiry = asyncio.get_running_loop().call_at(moment, self._expire)

    def _expire(self) -> None:
        """Release what was kept for long enough; whatever was kept first comes first."""
        now = asyncio.get_running_loop().time()
        while self._kept:
            key, kept = next(iter(self._kept.items()))
            if kept.until > now:
                self._expire_at(kept.until)
                return
            self._release(key)
        self._expiry = None
