"""The ledger: how many bytes a process holds for strangers, and who has to go when they are too many. Pure.

Whoever holds something opens an account and reports what it holds now, whenever that has changed. The sum never stays
above the limit: the greediest source ends what holds the most, until it is below again.

    session, link ── report(bytes) ──▶ Account ──▶ Ledger ── above the limit ──▶ end(reason) of the greediest
    broker, tickets ── report(bytes) ──▶ Account (cannot be ended)
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Hashable

FULL = "the host is short of memory, and you hold the most of it"
_NETWORK_WEIGHT = 4
"""How many times as much as one source all sources of a network may hold without being greedy."""
_CLEARANCE = 16
"""How many are ended at once: until one part in so many of the limit is free again."""

End = Callable[[str], None]


class Account:
    """What one holder holds; made by `Ledger.account`. Closed, it holds nothing, and counts nothing any more."""

    def __init__(
        self,
        ledger: Ledger,
        end: End | None,
        source: Hashable | None,
        network: Hashable | None,
        weight: float,
        part: float,
    ) -> None:
        self.held = 0
        """Bytes, as reported last."""
        self.source = source
        self.network = network
        self.weight = weight
        self.is_ending = False
        """Whether it was told to end, and what it holds will soon be free."""
        self._ledger = ledger
        self._end = end
        self._part = part
        self._is_closed = False

    @property
    def can_end(self) -> bool:
        """Whether it could be told to end."""
        return self._end is not None and not self.is_ending

    def has_room(self, size: int) -> bool:
        """Whether it may hold `size` bytes more."""
        limit = self._ledger.limit
        return limit is None or (self.held + size <= self._part * limit and not self._ledger.is_full)

    def report(self, held: int) -> None:
        """It holds so many bytes now. Whoever holds the most may be told to end, even this one, and at once."""
        if held != self.held and not self._is_closed:
            change, self.held = held - self.held, held
            self._ledger._add(change, self)

    def close(self) -> None:
        """The holder has ended, or has given everything back."""
        self.report(0)
        self._is_closed = True
        self._ledger._forget(self)
        self._end = None

    def _be_ended(self) -> None:
        end, self._end, self.is_ending = self._end, None, True
        if end is not None:
            end(FULL)


class Ledger:
    """All accounts of a process. Without a `limit`, in bytes, it only counts."""

    def __init__(self, limit: int | None = None) -> None:
        self.limit = limit
        self.total = 0
        """Bytes that all accounts hold together."""
        self.ended = 0
        """How many accounts were told to end so far."""
        self._ending = 0
        """The part of `total` that will soon be free."""
        self._is_making_room = False
        self._accounts: set[Account] = set()

    def account(
        self,
        end: End | None = None,
        source: Hashable | None = None,
        weight: float = 1.0,
        part: float = 1.0,
        network: Hashable | None = None,
    ) -> Account:
        """Open an account.

        Args:
            end: called with a reason when this holder has to go. It may end at once or soon, and closes its account.
            source: who caused it. Accounts of one source are weighed together; None is nobody else's.
            weight: how many times as much as others this source may hold, without being called greedy.
            network: the network of that source, which may hold a few times as much as one source.
            part: which part of the limit this one may hold at most; for whoever asks `has_room` before it holds more.
        """
        account = Account(self, end, source, network, weight, part)
        if end is not None:
            self._accounts.add(account)
        return account

    @property
    def is_full(self) -> bool:
        """Whether nothing more should be begun: the limit is reached, and nothing is left that could be ended."""
        return self.limit is not None and self.total - self._ending >= self.limit

    def _add(self, change: int, account: Account) -> None:
        self.total += change
        if account.is_ending:
            self._ending += change
        if change > 0 and self.limit is not None and self.total - self._ending > self.limit:
            self._make_room(self.limit - self.limit // _CLEARANCE)

    def _forget(self, account: Account) -> None:
        self._accounts.discard(account)

    def _make_room(self, wanted: int) -> None:
        """End accounts, those that hold the most of the greediest source first. One pass over all accounts."""
        if self._is_making_room:
            return  # an end has made somebody else hold more
        self._is_making_room = True
        try:
            self._end_greediest(wanted)
        finally:
            self._is_making_room = False

    def _end_greediest(self, wanted: int) -> None:
        groups = [_Group(accounts) for accounts in self._by_source().values()]
        of_network: dict[Hashable, int] = defaultdict(int)
        for group in groups:
            if group.network is not None:
                of_network[group.network] += group.held
        ranking = [(-group.greed(of_network), number) for number, group in enumerate(groups)]
        heapq.heapify(ranking)
        while ranking and self.total - self._ending > wanted:
            score, number = ranking[0]
            group = groups[number]
            greed = group.greed(of_network)
            if not group.accounts:
                heapq.heappop(ranking)
            elif greed < -score:
                heapq.heapreplace(ranking, (-greed, number))  # others of its network have gone meanwhile
            else:
                self._be_ended(group.take(of_network))

    def _be_ended(self, account: Account) -> None:
        if account.can_end:  # else it has gone with another one
            self.ended += 1
            self._ending += account.held
            account._be_ended()

    def _by_source(self) -> dict[Hashable, list[Account]]:
        found: dict[Hashable, list[Account]] = defaultdict(list)
        for account in self._accounts:
            if account.can_end and account.held:
                found[account if account.source is None else account.source].append(account)
        return found


class _Group:
    """The accounts of one source, those that hold the most last."""

    def __init__(self, accounts: list[Account]) -> None:
        self.accounts = sorted(accounts, key=lambda each: each.held)
        self.held = sum(each.held for each in accounts)
        self.network = accounts[0].network
        self._weight = accounts[0].weight

    def greed(self, of_network: dict[Hashable, int]) -> float:
        """What the source holds, or its network where that is greedier: a network may hold a few times as much."""
        in_network = of_network[self.network] / _NETWORK_WEIGHT if self.network is not None else 0.0
        return max(self.held, in_network) / self._weight if self.held else 0.0

    def take(self, of_network: dict[Hashable, int]) -> Account:
        """Take out the account that holds the most."""
        account = self.accounts.pop()
        self.held -= account.held
        if self.network is not None:
            of_network[self.network] -= account.held
        return account
