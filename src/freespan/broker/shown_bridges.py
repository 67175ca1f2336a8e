"""How many bridges a reader is shown. Pure.

Whoever is given a bridge learns its address. A reader needs a few bridges, and an enumerator wants all of them. So an
hour shows a network, or an invite, only so many new ones; each sign that they are used allows for a few more:

                 at first    more                                    then
    network      16          4 for each handshake completed from it  the same bridges again
    invite        8          1 for each link that has ended          the same bridges again

A bridge that has been shown may be shown again without a cost, and one that has left makes room for another: nobody
reaches it any more. A reader can ask to be given none of certain bridges, of those that they have been shown alone.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, KeysView
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from freespan.broker.settings import ShownSettings

_RECORD_COST, _NAME_COST = 1_000, 200
"""Bytes of what is kept for a reader, and for each bridge that they were shown; measured, and rounded up."""


class Kind(StrEnum):
    """What a reader is known by."""

    NETWORK = "network"
    INVITE = "invite"


class Reader(NamedTuple):
    """Somebody who asks for bridges: a keyed hash of their network, or of their invite.

    It is looked up often, and so made of what hashes without a call into Python.
    """

    kind: Kind
    name: Hashable


@dataclass(slots=True)
class _Record:
    """What a reader was shown: `hour` counts the hours, and `used` of `allowed` new bridges were shown in this one."""

    allowed: int
    hour_ends: float
    hour: int = 0
    used: int = 0
    signs: int = 0
    shown: dict[str, int] = field(default_factory=dict)
    """Bridges, and in which hour each was shown first."""
    begun: dict[str, int] = field(default_factory=dict)
    """Bridges that may be about to be shown, and by how many offers."""


class ShownBridges:
    """What all readers were shown. `now` is in seconds that never go back.

    `is_here` tells whether a bridge is still connected. A reader that is None is not known, and nothing bounds it here.
    """

    def __init__(self, is_here: Callable[[str], bool], settings: ShownSettings | None = None) -> None:
        self._is_here = is_here
        self._settings = settings or ShownSettings()
        self._records: OrderedDict[Reader, _Record] = OrderedDict()
        self._names = 0
        self._day_ends: float | None = None

    def __len__(self) -> int:
        """How many readers are remembered."""
        return len(self._records)

    @property
    def names(self) -> int:
        """How many bridges are remembered, for all readers together."""
        return self._names

    @property
    def held(self) -> int:
        """About how many bytes all of that takes."""
        return len(self._records) * _RECORD_COST + self._names * _NAME_COST

    def shown_to(self, reader: Reader, now: float) -> KeysView[str]:
        """The bridges that a reader was shown lately."""
        return self._record(reader, now).shown.keys()

    def may_be_given(self, reader: Reader, now: float) -> frozenset[str]:
        """Those, and the bridges that are about to be shown: they cost nothing."""
        record = self._record(reader, now)
        return frozenset(record.shown) | frozenset(record.begun)

    def may_show_new(self, reader: Reader, now: float) -> bool:
        """Whether a reader may be shown another bridge than those."""
        record = self._record(reader, now)
        if record.used >= record.allowed:
            self._forget_gone(record)
        return record.used < record.allowed

    def is_short(self, reader: Reader, now: float) -> bool:
        """Whether so few new bridges are left for a reader that none should be spent on an unknown one."""
        record = self._record(reader, now)
        return (record.allowed - record.used) * self._settings.short_part < record.allowed

    def seconds_left(self, reader: Reader, now: float) -> float:
        """How long it takes at most until a reader may be shown new bridges again."""
        return max(0.0, self._record(reader, now).hour_ends - now)

    def begin(self, reader: Reader, bridge: str, now: float) -> None:
        """An offer of a reader goes to a bridge. From now on it counts as shown, though not as one to avoid."""
        record = self._record(reader, now)
        if bridge in record.shown:
            return
        record.used += bridge not in record.begun
        record.begun[bridge] = record.begun.get(bridge, 0) + 1

    def end(self, reader: Reader, bridge: str, now: float, *, is_shown: bool) -> None:
        """That offer has been answered, and the reader is shown the answer, or it has not."""
        record = self._record(reader, now)
        begun = record.begun.pop(bridge, 0)
        if begun > 1:
            record.begun[bridge] = begun - 1
        if is_shown and bridge not in record.shown:
            self._names += 1
            record.shown[bridge] = record.hour
            self._keep_bounds(record)
        elif begun == 1 and bridge not in record.shown:
            record.used = max(0, record.used - 1)

    def handshake_completed(self, reader: Reader, now: float) -> None:
        """A handshake was completed, probably by this reader."""
        if reader.kind is Kind.NETWORK:
            self._allow_more(reader, self._settings.per_handshake, now)

    def link_ended(self, reader: Reader, now: float) -> None:
        """A link of this reader has ended."""
        if reader.kind is Kind.INVITE:
            self._allow_more(reader, self._settings.per_ended_link, now)

    # --- inside --------------------------------------------------------------------------------
    def _allow_more(self, reader: Reader, more: int, now: float) -> None:
        record = self._record(reader, now)
        if record.signs < self._settings.signs_max:
            record.signs += 1
            record.allowed += more

    def _record(self, reader: Reader, now: float) -> _Record:
        """What is known of a reader, in the hour that it is now."""
        self._forget_after_a_day(now)
        first = self._settings.of_network if reader.kind is Kind.NETWORK else self._settings.of_invite
        record = self._records.get(reader)
        if record is None:
            record = self._records[reader] = _Record(first, now + self._settings.hour_seconds)
            if len(self._records) > self._settings.readers_max:
                self._forget_oldest()
        elif now >= record.hour_ends:
            record.hour_ends = now + self._settings.hour_seconds
            record.hour += 1
            record.used = record.signs = 0
            record.allowed = first
        self._records.move_to_end(reader)
        return record

    def _forget_gone(self, record: _Record) -> None:
        """Forget bridges that have left; those that were new in this hour count no more."""
        for bridge in [bridge for bridge in record.shown if not self._is_here(bridge)]:
            record.used = max(0, record.used - (record.shown[bridge] == record.hour))
            self._forget(record, bridge)

    def _keep_bounds(self, record: _Record) -> None:
        while len(record.shown) > self._settings.shown_max:
            self._forget(record, next(iter(record.shown)))
        while self._names > self._settings.names_max:
            self._forget_oldest()

    def _forget(self, record: _Record, bridge: str) -> None:
        del record.shown[bridge]
        self._names -= 1

    def _forget_oldest(self) -> None:
        """Forget the reader who has not asked for the longest time."""
        _, record = self._records.popitem(last=False)
        self._names -= len(record.shown)

    def _forget_after_a_day(self, now: float) -> None:
        if self._day_ends is None or now >= self._day_ends:
            self._records.clear()
            self._names = 0
            self._day_ends = now + self._settings.day_seconds
