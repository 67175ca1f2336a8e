"""How many readers came from which country in the last hour, published so that it is never about one of them. Pure.

No address is kept, nor a hash that belongs to one address. Each reader who is given a bridge sets two marks in the
small bitmaps of their country and of the current ten minutes. A keyed hash (BLAKE2, RFC 7693) of their *network*
chooses one of 64 marks, and one of their *address* chooses one of 256. The same network or address always sets the same
mark, so a reader who comes again and again counts once. Very many others would set the same mark: some 260,000
addresses of IPv4, even for somebody who had the key. A key is made every hour and deleted after two hours; marks are
deleted after an hour.

What is published:

- a country, only if at least `readers_min` marks of networks are set, which takes as many networks; all other
  countries together, and readers of no known country, are "somewhere", by the same rule;
- a number of readers, estimated from the marks of addresses (linear counting, Whang and others, 1990) and rounded down
  to one of `_PUBLISHED_NUMBERS`;
- nothing of the ten minutes that are under way, so that no number changes at the moment when somebody comes.

Requests would be a bad measure: a client asks again for each further bridge, so three requests of one person would look
like three people. So would addresses alone: a phone has a new one after each tunnel, mostly of the same network.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from freespan.broker.settings import CensusSettings
from freespan.wire.addresses import Address

_PUBLISHED_NUMBERS = (3, 12, 20, 30, 50, 100, 200, 300, 500, 1_000)
"""At least 8 apart, as in the metrics of a host."""
_NETWORK_MARKS = 64
_ADDRESS_MARKS = 256
_PREFIXES = {4: (16, 32), 6: (32, 64)}
"""For each IP version: how many bits of an address stand for its network, and how many for its household."""
_CODE = re.compile(r"[A-Z]{2}")
_SOMEWHERE = ""


@dataclass(frozen=True)
class Figures:
    """At least this many readers in the last hour, by country (ISO 3166-1, two letters) and from anywhere else."""

    countries: dict[str, int] = field(default_factory=dict)
    somewhere: int = 0


@dataclass
class _Marks:
    """Two bitmaps."""

    networks: int = 0
    addresses: int = 0

    def add(self, other: _Marks) -> None:
        self.networks |= other.networks
        self.addresses |= other.addresses


class _Bucket(NamedTuple):
    """Readers who share one pair of bitmaps: of the same step, key, country and IP version."""

    step: int
    key_hour: int
    country: str
    version: int


class Census:
    """Counts readers. Times are seconds of a clock that never goes back; `new_key` returns 32 secret random bytes."""

    def __init__(self, new_key: Callable[[], bytes], settings: CensusSettings | None = None) -> None:
        self._new_key = new_key
        self._settings = settings or CensusSettings()
        self._steps_per_hour = int(self._settings.memory_seconds // self._settings.step_seconds)
        self._keys: dict[int, bytes] = {}
        self._marks: dict[_Bucket, _Marks] = {}
        self._cleaned_step: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is remembered."""
        return not self._keys and not self._marks

    def count(self, address: Address, country: str | None, now: float) -> None:
        """Count a reader who was given a bridge; a country that is not two letters counts as none."""
        self.delete_old(now)
        step, hour = self._step(now), self._hour(self._step(now))
        code = country if country and _CODE.fullmatch(country) else _SOMEWHERE
        # Marks are set under two keys, so that for every hour there is one key that was in use throughout.
        for key_hour in (hour - 1, hour):
            key = self._keys.get(key_hour) or self._keys.setdefault(key_hour, self._new_key())
            bucket = _Bucket(step, key_hour, code, address.version)
            marks = self._marks.get(bucket)
            if marks is None:
                marks = self._marks[bucket] = _Marks()
            marks.add(_marks_of(address, key))

    def figures(self, now: float) -> Figures:
        """Return what may be published; it stays the same within one step."""
        self.delete_old(now)
        by_country: dict[str, dict[int, _Marks]] = defaultdict(lambda: defaultdict(_Marks))
        first = self._step(now) - self._steps_per_hour
        for bucket, marks in self._marks.items():
            if first <= bucket.step < self._step(now) and bucket.key_hour == self._hour(first):
                by_country[bucket.country][bucket.version].add(marks)
        named = {
            code: number
            for code, versions in sorted(by_country.items())
            if code != _SOMEWHERE and (number := self._published(versions.values()))
        }
        others: dict[int, _Marks] = defaultdict(_Marks)
        for code, versions in by_country.items():
            if code not in named:
                for version, marks in versions.items():
                    others[version].add(marks)
        return Figures(named, self._published(others.values()))

    def delete_old(self, now: float) -> None:
        """Delete the keys and marks whose time is over."""
        step = self._step(now)
        if step == self._cleaned_step:
            return
        self._cleaned_step = step
        hour = self._hour(step)
        self._keys = {key_hour: key for key_hour, key in self._keys.items() if key_hour >= hour - 1}
        oldest = step - self._steps_per_hour
        self._marks = {bucket: marks for bucket, marks in self._marks.items() if bucket.step >= oldest}

    def _step(self, now: float) -> int:
        return int(now // self._settings.step_seconds)

    def _hour(self, step: int) -> int:
        return step // self._steps_per_hour

    def _published(self, versions: Iterable[_Marks]) -> int:
        """Return the number to publish, 0 for none: the larger one of both IP versions, as a reader may use either."""
        return max((self._rounded(marks) for marks in versions), default=0)

    def _rounded(self, marks: _Marks) -> int:
        if marks.networks.bit_count() < self._settings.readers_min:
            return 0
        empty = _ADDRESS_MARKS - marks.addresses.bit_count()
        readers = _ADDRESS_MARKS * math.log(_ADDRESS_MARKS / empty) if empty else math.inf
        return max((number for number in _PUBLISHED_NUMBERS if number <= readers + 0.5), default=_PUBLISHED_NUMBERS[0])


def _marks_of(address: Address, key: bytes) -> _Marks:
    network, household = _PREFIXES[address.version]
    return _Marks(
        1 << _hash(address, network, key, b"network") % _NETWORK_MARKS,
        1 << _hash(address, household, key, b"address") % _ADDRESS_MARKS,
    )


def _hash(address: Address, bits: int, key: bytes, purpose: bytes) -> int:
    prefix = int(address) >> (address.max_prefixlen - bits)
    return int.from_bytes(hashlib.blake2b(prefix.to_bytes(16), key=key, person=purpose, digest_size=8).digest())
