"""Which bridges have proved themselves: readers have reached the egress through them. Pure.

    a bridge answers a rendezvous ──▶ that waits for a handshake ──┬─ one was completed over this bridge ──▶ a proof
                                      (for a minute)               └─ none was ──────────────────────────▶ a failure

The egress reports by token over which bridge a handshake was completed, and nothing of whose it was. So the latest
answer that waits and can become a proof takes it. Where several readers wait, none of them is credited, or whoever asks
most would take what the others have earned. Only an answer to a rendezvous of this broker can become a proof; and only
one an hour for each reader's network (and invite), or whoever offers bridges would prove them all with a client of
their own.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import NamedTuple

from freespan.broker.settings import ProofSettings
from freespan.wire.limits import LANES_MAX

_READER_COST = 400
"""Bytes of what is kept for a reader; measured, and rounded up."""


class _Waiting(NamedTuple):
    reader: Hashable | None
    since: float
    counts: bool
    """Whether it can become a proof."""


class Completed(NamedTuple):
    """A handshake that a bridge has carried: which bridge that was, and for which reader; None if it may be several."""

    bridge: str
    reader: Hashable | None


@dataclass(slots=True)
class _Record:
    bridge: str
    token: str
    capacity: int
    waiting: list[_Waiting] = field(default_factory=list)
    proofs: int = 0
    failures: int = 0


class Proofs:
    """What bridges have shown so far. `now` is in seconds that never go back; readers are hashes, or None.

    A record lasts as long as the bridge is connected.
    """

    def __init__(self, settings: ProofSettings | None = None) -> None:
        self._settings = settings or ProofSettings()
        self._by_token: dict[str, _Record] = {}
        self._by_bridge: dict[str, _Record] = {}
        self._readers: OrderedDict[Hashable, float] = OrderedDict()
        """When the readers of the last hour gave what they can give; the first one first."""

    def __len__(self) -> int:
        """How many readers are remembered."""
        return len(self._readers)

    @property
    def held(self) -> int:
        """About how many bytes the readers take that are remembered."""
        return len(self._readers) * _READER_COST

    def join(self, bridge: str, token: str, capacity: int) -> None:
        """A bridge has come; at the egress it will name itself by this token, which nobody else knows."""
        self._by_token[token] = self._by_bridge[bridge] = _Record(bridge, token, capacity)

    def leave(self, bridge: str) -> None:
        """A bridge has gone."""
        record = self._by_bridge.pop(bridge, None)
        if record is not None:
            del self._by_token[record.token]

    def answered(self, bridge: str, reader: Hashable | None, now: float) -> None:
        """A bridge has answered a rendezvous of this reader, who has been given the answer."""
        record = self._by_bridge.get(bridge)
        if record is None:
            return
        self._expire(record, now)
        if len(record.waiting) < self._settings.waiting_max:
            record.waiting.append(_Waiting(reader, now, self._gives(reader, now)))

    def handshake_completed(self, token: str, now: float) -> Completed | None:
        """A handshake was completed over a bridge; None if this broker has sent nobody there."""
        record = self._by_token.get(token)
        if record is None:
            return None
        self._expire(record, now)
        if not record.waiting:
            return None
        reader = record.waiting[-1].reader if len({one.reader for one in record.waiting}) == 1 else None
        counting = (place for place in reversed(range(len(record.waiting))) if record.waiting[place].counts)
        record.proofs += record.waiting.pop(next(counting, -1)).counts
        return Completed(record.bridge, reader)

    def is_proved(self, bridge: str) -> bool:
        """Whether the broker should prefer a bridge: it has proofs, and not too many failures for each of them."""
        record = self._by_bridge.get(bridge)
        return record is not None and 0 < record.proofs >= record.failures / self._settings.failures_per_proof

    def places(self, token: str) -> int | None:
        """How many links a bridge may bring to the egress beside those of an address; None if none has this token.

        Each proof adds those of one reader, up to its capacity. A handshake that is no proof adds nothing, or whoever
        offers a bridge would make it as large as they like with one client.
        """
        record = self._by_token.get(token)
        if record is None:
            return None
        return (LANES_MAX + 1) * min(record.capacity, record.proofs)

    def _gives(self, reader: Hashable | None, now: float) -> bool:
        """Whether an answer to this reader can become a proof. Nobody is known by None."""
        while self._readers and now - next(iter(self._readers.values())) >= self._settings.reader_seconds:
            self._readers.popitem(last=False)
        if reader is None or reader in self._readers:
            return False
        if len(self._readers) >= self._settings.readers_max:
            self._readers.popitem(last=False)
        self._readers[reader] = now
        return True

    def _expire(self, record: _Record, now: float) -> None:
        """Count the answers as failures that have waited too long; the first ones stand first."""
        while record.waiting and now - record.waiting[0].since >= self._settings.handshake_seconds:
            record.failures += record.waiting.pop(0).counts
