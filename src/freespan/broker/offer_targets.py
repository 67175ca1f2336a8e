"""How often bridges may be sent to an address, whoever asks for it. Pure.

A bridge that is given an offer sends connectivity checks to the addresses in it: some 300 in 15 seconds, which is up to
a hundred times what the request had. So the broker counts the offers that it passes on by their *targets*, which are
IPv4 addresses and IPv6 /64s. The address from which the request came has the larger budget, since nobody can ask from
an address that is not theirs. All others have a smaller one of their own: those of readers who ask by a front or a
cache, by the other IP version, or whose offer names a TURN server alone. The offers
of many readers name the host's own TURN servers, so those are counted by requester, with the larger budget, and nobody
uses up that of others. Addresses of a private network are not counted; on the open internet no offer has any.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from freespan.broker.settings import BrokerSettings
from freespan.sources.rate import RateBudgets
from freespan.sources.source import Source, SourceHasher
from freespan.wire.addresses import Address, is_end, parse_address


@dataclass(frozen=True)
class Targets:
    """The targets of one offer: each address by the budget that it has."""

    own: dict[str, Source]
    other: dict[str, Source]

    @property
    def names(self) -> set[str]:
        """All of them."""
        return {*self.own, *self.other}


class OfferTargets:
    """Counts the offers that bridges are given, by their targets."""

    def __init__(self, settings: BrokerSettings, hasher: SourceHasher) -> None:
        self._hasher = hasher
        self._own = RateBudgets(
            settings.offers_at_own_host, settings.offers_at_own_network, sources_max=settings.targets_max
        )
        self._other = RateBudgets(
            settings.offers_at_other_host, settings.offers_at_other_network, sources_max=settings.targets_max
        )

    def __len__(self) -> int:
        """How many addresses are remembered, of those with the larger or the smaller budget."""
        return max(len(self._own), len(self._other))

    def targets_of(self, names: Iterable[str], requester: Source | None, ours: Collection[Address] = ()) -> Targets:
        """The targets among the addresses and mDNS names of an offer; `ours` are the host's own TURN servers."""
        targets = Targets({}, {})
        for name in names:
            address = parse_address(name)
            if address is None or not is_end(address):
                continue
            source = self._hasher.source_of(address)
            if address in ours:
                if requester is not None:
                    targets.own[name] = requester
            elif requester is not None and source.host == requester.host:
                targets.own[name] = source
            else:
                targets.other[name] = source
        return targets

    def exhausted(self, targets: Targets, now: float) -> set[str]:
        """The addresses whose budget is used up."""
        return {name for name, wait in self._waits(targets, now) if wait}

    def wait(self, targets: Targets, now: float) -> float:
        """Seconds until some address of the offer has budget again; 0 if one has."""
        return min((wait for _, wait in self._waits(targets, now)), default=0.0)

    def count(self, targets: Targets, names: Collection[str], now: float) -> None:
        """Count that a bridge was given an offer with those of the targets that are in `names`."""
        for budgets, part in ((self._own, targets.own), (self._other, targets.other)):
            for source in {source for name, source in part.items() if name in names}:
                budgets.take(source, now)

    def _waits(self, targets: Targets, now: float) -> Iterator[tuple[str, float]]:
        for budgets, part in ((self._own, targets.own), (self._other, targets.other)):
            for name, source in part.items():
                yield name, budgets.wait(source, now)
