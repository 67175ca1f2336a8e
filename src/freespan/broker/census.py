"""How many readers came from which country in the last hour, told so that it is never about one of them. Pure.

No address is kept, nor a hash that is an address's own. Each reader who is given a bridge sets two marks in small
fields of his country and of the ten minutes: a keyed hash (BLAKE2, RFC 7693) of his *network* picks one of 64, and one
of his *address* one of 256. The same network, or address, always sets the same mark, so that somebody who comes again
and again counts once; and very many others would set those marks as well: of IPv4 some 260,000 addresses, for whoever
had the key. A key is made every hour and thrown away after two; marks are thrown away after an hour.

What is told:

- a country only if at least `READERS_LEAST` marks of networks are set, which takes as many networks; all others
  together, and readers of no known country, are "somewhere", by the same rule;
- a number of readers that is worked out from the marks of addresses (linear counting, Whang and others, 1990) and
  rounded down to one of `_STEPS`;
- nothing of the ten minutes that are under way, so that no number changes in the moment in which somebody comes.

Requests would be no measure: a reader asks again for each further bridge, and three requests of one person would look
like three people. Neither are addresses alone: a phone has a new one after each tunnel, mostly of the same network.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from freespan.wire.addresses import Address
from freespan.wire.limits import CENSUS_SECONDS, CENSUS_STEP_SECONDS, READERS_LEAST

_STEPS_AN_HOUR = int(CENSUS_SECONDS // CENSUS_STEP_SECONDS)
_STEPS = (3, 5, 10, 20, 30, 50, 100, 200, 300, 500, 1_000)
_NETWORK_MARKS = 64
_ADDRESS_MARKS = 256
_PREFIXES = {4: (16, 32), 6: (32, 64)}
"""Bits of an address by which a network, and a household, are told from others; by IP version."""
_CODE = re.compile(r"[A-Z]{2}")
_NOWHERE = ""


@dataclass(frozen=True)
class Figures:
    """At least so many readers in the last hour: by country (ISO 3166-1, two letters), and from anywhere else."""

    countries: dict[str, int] = field(default_factory=dict)
    somewhere: int = 0


@dataclass
class _Marks:
    """Marks that are set, as bits."""

    networks: int = 0
    addresses: int = 0

    def add(self, other: _Marks) -> None:
        self.networks |= other.networks
        self.addresses |= other.addresses


# ten minutes, hour of the key, country, IP version
_Place = tuple[int, int, str, int]


class Census:
    """Counts readers. Times are seconds of a clock that does not go back; `new_key` gives 32 secret random bytes."""

    def __init__(self, new_key: Callable[[], bytes]) -> None:
        self._new_key = new_key
        self._keys: dict[int, bytes] = {}
        self._marks: dict[_Place, _Marks] = {}

    @property
    def is_empty(self) -> bool:
        """Whether nothing is remembered."""
        return not self._keys and not self._marks

    def saw(self, address: Address, country: str | None, now: float) -> None:
        """A reader was given a bridge; a country that is no code of two letters counts as none."""
        self.forget(now)
        step, hour = self._step(now), self._hour(self._step(now))
        code = country if country and _CODE.fullmatch(country) else _NOWHERE
        # by two keys, so that for any hour there is one that was there all the time
        for start in (hour - 1, hour):
            key = self._keys.get(start) or self._keys.setdefault(start, self._new_key())
            place = (step, start, code, address.version)
            self._marks.setdefault(place, _Marks()).add(_marks_of(address, key))

    def figures(self, now: float) -> Figures:
        """What may be told to anybody; the same for all of ten minutes."""
        self.forget(now)
        by_country: dict[str, dict[int, _Marks]] = defaultdict(lambda: defaultdict(_Marks))
        first = self._step(now) - _STEPS_AN_HOUR
        for (step, start, code, version), marks in self._marks.items():
            if first <= step < self._step(now) and start == self._hour(first):
                by_country[code][version].add(marks)
        shown = {code: _told(versions.values()) for code, versions in by_country.items() if code != _NOWHERE}
        others: dict[int, _Marks] = defaultdict(_Marks)
        for code, versions in by_country.items():
            if not shown.get(code):
                for version, marks in versions.items():
                    others[version].add(marks)
        return Figures({code: told for code, told in sorted(shown.items()) if told}, _told(others.values()))

    def forget(self, now: float) -> None:
        """Throw away keys and marks whose time is over."""
        step = self._step(now)
        hour = self._hour(step)
        self._keys = {start: key for start, key in self._keys.items() if start >= hour - 1}
        self._marks = {place: marks for place, marks in self._marks.items() if place[0] >= step - _STEPS_AN_HOUR}

    @staticmethod
    def _step(now: float) -> int:
        return int(now // CENSUS_STEP_SECONDS)

    @staticmethod
    def _hour(step: int) -> int:
        return step // _STEPS_AN_HOUR


def _marks_of(address: Address, key: bytes) -> _Marks:
    network, household = _PREFIXES[address.version]
    return _Marks(
        1 << _hash(address, network, key, b"network") % _NETWORK_MARKS,
        1 << _hash(address, household, key, b"address") % _ADDRESS_MARKS,
    )


def _hash(address: Address, bits: int, key: bytes, purpose: bytes) -> int:
    prefix = int(address) >> (address.max_prefixlen - bits)
    return int.from_bytes(hashlib.blake2b(prefix.to_bytes(16), key=key, person=purpose, digest_size=8).digest())


def _told(versions: Iterable[_Marks]) -> int:
    """The number to tell, 0 for none. The larger one of both IP versions: somebody may come by either."""
    return max((_rounded(marks) for marks in versions), default=0)


def _rounded(marks: _Marks) -> int:
    if marks.networks.bit_count() < READERS_LEAST:
        return 0
    empty = _ADDRESS_MARKS - marks.addresses.bit_count()
    readers = _ADDRESS_MARKS * math.log(_ADDRESS_MARKS / empty) if empty else math.inf
    return max((step for step in _STEPS if step <= readers + 0.5), default=_STEPS[0])
