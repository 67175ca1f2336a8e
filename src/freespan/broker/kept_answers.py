"""The answers to requests of the last ten minutes, for copies of them.

Whoever carries a sealed request can send it once more. A copy gets what the original got, so it leads to no other
bridge and holds no place; and while the original is under way, its copies wait for the same answer. A request is known
by its hash, since a sealed text cannot be changed into another one that opens. No clock but the broker's is used.

The answers are kept as they were sent: sealed with a key that the broker has forgotten.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from hashlib import sha256

from freespan.broker.settings import BrokerSettings
from freespan.observe.ledger import Account
from freespan.sources.shares import Shares
from freespan.sources.source import Source
from freespan.wire.limits import RENDEZVOUS_STEPS

UNIT = RENDEZVOUS_STEPS[0]
"""Bytes of most answers. A longer one takes several places."""
UNIT_COST = UNIT + 2_048
"""Bytes that a place takes: its part of the answer, and what is known of it; measured, and rounded up."""

_Place = tuple[bytes, int]
"""A part of the answer to the request that has this name."""


class KeptAnswer:
    """The answer to one request, once there is one; None if none came."""

    __slots__ = ("answer", "begun", "name", "places")

    def __init__(self, name: bytes, now: float) -> None:
        self.name = name
        self.begun = now
        self.places = 1
        self.answer: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()


class KeptAnswers:
    """The answers of one broker. When they are too many, the newest one of the greediest source is forgotten.

    Args:
        settings: how many answers are kept, and for how long.
        account: what they hold.
        most_bytes: what they may hold at most, where that is bounded.
    """

    def __init__(self, settings: BrokerSettings, account: Account, most_bytes: int | None = None) -> None:
        total = settings.answers_max if most_bytes is None else min(settings.answers_max, most_bytes // UNIT_COST)
        newcomers = settings.answers_for_newcomers * total // settings.answers_max
        self._shares = Shares[_Place](total, newcomers=newcomers, places=settings.answer_places, oldest_unknown=True)
        self._seconds = settings.answers_seconds
        self._account = account
        self._kept: dict[bytes, KeptAnswer] = {}
        """The oldest first."""

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, name: bytes, now: float) -> KeptAnswer | None:
        """What is known of the request with this name."""
        self._forget_old(now)
        return self._kept.get(name)

    def begin(self, name: bytes, source: Source | None, now: float) -> KeptAnswer:
        """A request that is not known is being answered; tell `finish` or `give_up` what came of it."""
        kept = KeptAnswer(name, now)
        self._kept[kept.name] = kept
        self._take_place((kept.name, 0), source)
        return kept

    def finish(self, kept: KeptAnswer, answer: bytes, source: Source | None) -> None:
        """A request has its answer; the source is that of the request."""
        kept.answer.set_result(answer)
        for number in range(1, -(-len(answer) // UNIT)):
            if self._kept.get(kept.name) is kept:
                kept.places = number + 1
                self._take_place((kept.name, number), source)

    def give_up(self, kept: KeptAnswer) -> None:
        """A request was not answered, so a copy of it is a new one."""
        if not kept.answer.done():
            kept.answer.set_result(None)
            if self._kept.get(kept.name) is kept:
                self._forget(kept.name)

    def _take_place(self, place: _Place, source: Source | None) -> None:
        leaving = self._shares.add(place, source)
        if leaving is not None:
            self._forget(leaving[0])
        self._report()

    def _forget_old(self, now: float) -> None:
        for name in list(self._older_than(now - self._seconds)):
            self._forget(name)

    def _older_than(self, moment: float) -> Iterator[bytes]:
        for name, kept in self._kept.items():
            if kept.begun > moment:
                return
            yield name

    def _forget(self, name: bytes) -> None:
        kept = self._kept.pop(name, None)
        if kept is not None:
            for number in range(kept.places):
                self._shares.discard((name, number))
            self._report()

    def _report(self) -> None:
        self._account.report(len(self._shares) * UNIT_COST)


def name_of(body: bytes) -> bytes:
    """The name of a request: its copies alone have the same one."""
    return sha256(body).digest()
