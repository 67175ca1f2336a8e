"""What an enumerator learns of a host's bridges in a day: `python scripts/enumeration.py` prints tables for the docs.

It runs the broker's own rules (matching, and how many bridges a network is shown) by a clock of its own. Everything
speaks for the enumerator: nobody else asks, all bridges are free, can be reached and answer, and are nowhere near one
another. They ask from each network every ten minutes, for none of the bridges that they were shown last, until they are
shown nothing new.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from freespan.broker.matching import Matching
from freespan.broker.settings import ShownSettings
from freespan.broker.shown_bridges import Kind, Reader, ShownBridges
from freespan.sources.source import Source
from freespan.wire.limits import AVOID_MAX

DAY_SECONDS, HOUR_SECONDS, STEP_SECONDS = 86_400, 3_600, 600
STAY_SECONDS = 1_800
"""How long a volunteer stays on average where volunteers come and go."""
_ASKS_IN_VAIN = 64
"""An enumerator who was shown nothing new so often in a row has been shown everything."""


@dataclass
class Host:
    """A broker with bridges of which none is near another one."""

    count: int
    chance: Random
    joined: int = 0
    here: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.matching = Matching(self.chance.randrange)
        self.shown = ShownBridges(self.matching.__contains__)
        self.here = [self._join() for _ in range(self.count)]

    def _join(self) -> str:
        self.joined += 1
        place = self.joined.to_bytes(4, "big")
        self.matching.join(f"b{self.joined}", 4, Source(place, place))
        return f"b{self.joined}"

    def replace_some(self) -> None:
        """Volunteers leave as they do in one step, and as many others come."""
        for place, name in enumerate(self.here):
            if self.chance.random() < STEP_SECONDS / STAY_SECONDS:
                self.matching.leave(name)
                self.here[place] = self._join()

    def rendezvous(self, reader: Reader, avoid: list[str], now: float) -> str:
        """What `broker/rendezvous.py` does with a request whose bridge answers at once; returns the bridge."""
        only = None if self.shown.may_show_new(reader, now) else self.shown.may_be_given(reader, now)
        known = self.shown.shown_to(reader, now) & frozenset(avoid)
        bridge = self.matching.assign("offer", avoid=known, only=only)
        if bridge is None:
            return ""
        self.shown.begin(reader, bridge, now)
        self.shown.end(reader, bridge, now, is_shown=True)
        self.matching.settle(bridge, "offer")
        return bridge


def enumerated(host: Host, networks: int, *, handshakes: int, comes_and_goes: bool) -> int:
    """How many bridges somebody learns in a day who asks from so many networks.

    In each network they complete so many `handshakes` an hour; they spend none on what they know.
    """
    readers = [Reader(Kind.NETWORK, number) for number in range(networks)]
    known: set[str] = set()
    for now in range(0, DAY_SECONDS, STEP_SECONDS):
        if comes_and_goes and now:
            host.replace_some()
        for reader in readers:
            if known.issuperset(host.here):
                break
            _ask_all(host, reader, known, float(now))
            if now % HOUR_SECONDS == 0:
                for _ in range(handshakes):
                    host.shown.handshake_completed(reader, float(now))
                _ask_all(host, reader, known, float(now))
    return len(known)


def _ask_all(host: Host, reader: Reader, known: set[str], now: float) -> None:
    latest: list[str] = []
    in_vain = 0
    while in_vain < _ASKS_IN_VAIN and host.shown.may_show_new(reader, now):
        bridge = host.rendezvous(reader, latest[-AVOID_MAX:], now)
        in_vain = in_vain + 1 if bridge in known else 0
        known.add(bridge)
        latest.append(bridge)
    known.discard("")


def print_tables() -> None:
    """Print the two tables of docs/measurements.md: for those who only ask, and for those who complete handshakes."""
    for handshakes in (0, ShownSettings().signs_max):
        print(f"\n{handshakes} handshakes an hour in each network\n")
        print("| bridges at a time | volunteers | 1 | 10 | 1,000 |\n|---|---|---|---|---|")
        for bridges in (1_000, 10_000):
            for comes_and_goes in (False, True):
                stay = "half an hour on average" if comes_and_goes else "stay all day"
                shares = []
                for networks in (1, 10, 1_000):
                    host = Host(bridges, Random(networks))
                    learned = enumerated(host, networks, handshakes=handshakes, comes_and_goes=comes_and_goes)
                    shares.append(f"{learned:,} ({100 * learned / host.joined:.1f} %)")
                print(f"| {bridges:,} | {stay} | {' | '.join(shares)} |", flush=True)


if __name__ == "__main__":
    print_tables()
