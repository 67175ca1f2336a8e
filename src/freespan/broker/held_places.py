"""Places of bridges that readers hold without having shown that they use them. Pure.

A bridge keeps a place for a while for everybody whose offer it has answered. So somebody who only asks holds the places
of many volunteers. What one source holds like that may be only a few times what is free (a *dynamic threshold*, as
switches share their buffers): while much is free, nobody is refused, and one source alone never takes everything. That
holds for all bridges together, and at each bridge: what fake bridges say that they have free gives nobody more places
at the others.

    assigned ──▶ held ──┬─ the bridge does not answer ──▶ released
                        ├─ a handshake by this bridge ──▶ released, the oldest one first
                        └─ the bridge gives it up by itself ──▶ released
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import TypeVar

from freespan.broker.settings import BrokerSettings
from freespan.sources.source import Source

Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True, slots=True)
class _Held:
    bridge: str
    source: Source
    until: float


class HeldPlaces:
    """Counts by source. Offers and bridges are names; `now` is in seconds that never go back."""

    def __init__(self, settings: BrokerSettings) -> None:
        self._settings = settings
        self._held: OrderedDict[str, _Held] = OrderedDict()
        """By offer, the oldest first."""
        self._at: dict[str, dict[str, None]] = {}
        """The offers by bridge, the oldest first."""
        self._hosts: Counter[bytes] = Counter()
        self._networks: Counter[bytes] = Counter()
        self._here: Counter[tuple[str, bytes]] = Counter()
        """The same for each bridge, of hosts and networks."""

    def __len__(self) -> int:
        return len(self._held)

    def may_hold(self, source: Source | None, free_places: int, now: float) -> bool:
        """Whether the source may take one of the places that are free, if any are.

        Without a known source nothing is counted.
        """
        self._release_old(now)
        if source is None or not free_places:
            return True
        return (
            self._hosts[source.host] <= self._settings.held_by_host * free_places
            and self._networks[source.network] <= self._settings.held_by_network * free_places
        )

    def may_hold_at(self, bridge: str, source: Source | None, taken: int, free: int) -> bool:
        """Whether the source may take one of the places that are `taken` at a bridge, so that these are `free`.

        What it has taken there before is no more than the bridge says.
        """
        if source is None or taken + free == 1:
            return True
        of_host, of_network = (min(self._here[bridge, name], taken - 1) for name in (source.host, source.network))
        return not self._networks[source.network] or (
            of_host < self._settings.held_by_host * free and of_network < self._settings.held_by_network * free
        )

    def hold(self, offer: str, bridge: str, source: Source | None, now: float) -> None:
        """An offer of this source has been assigned to a bridge."""
        if source is None:
            return
        self._held[offer] = _Held(bridge, source, now + self._settings.held_seconds)
        self._at.setdefault(bridge, {})[offer] = None
        self._hosts[source.host] += 1
        self._networks[source.network] += 1
        self._here[bridge, source.host] += 1
        self._here[bridge, source.network] += 1
        if len(self._held) > self._settings.held_max:
            self.release(next(iter(self._held)))

    def release(self, offer: str) -> None:
        """The place of an offer is free again, or nobody needs to count it; nothing happens if none was held."""
        held = self._held.pop(offer, None)
        if held is None:
            return
        offers = self._at[held.bridge]
        del offers[offer]
        if not offers:
            del self._at[held.bridge]
        _count_down(self._hosts, held.source.host)
        _count_down(self._networks, held.source.network)
        _count_down(self._here, (held.bridge, held.source.host))
        _count_down(self._here, (held.bridge, held.source.network))

    def acknowledge(self, bridge: str) -> None:
        """Somebody has completed a handshake by this bridge. Nobody tells whose it was: the oldest is released."""
        if bridge in self._at:
            self.release(next(iter(self._at[bridge])))

    def _release_old(self, now: float) -> None:
        while self._held:
            offer, oldest = next(iter(self._held.items()))
            if oldest.until > now:
                return
            self.release(offer)


def _count_down(counter: Counter[Name], name: Name) -> None:
    counter[name] -= 1
    if not counter[name]:
        del counter[name]
