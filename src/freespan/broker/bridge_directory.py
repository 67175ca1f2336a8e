"""What the egress may ask about bridges, what it reports, and what follows from that in the broker.

    egress ── token ──▶ BridgeDirectory ──▶ Proofs         has this bridge proved itself?
                                        ──▶ Matching       then it is preferred
                                        ──▶ ShownBridges   whoever it was for may be shown more bridges

A token names a bridge, and only the two of them and the broker know it. Nothing else goes from the egress to the
broker: neither an offer nor a reader.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence, Set

from freespan.broker.bridge_networks import BridgeNetworks
from freespan.broker.matching import Matching
from freespan.broker.proof import Proofs
from freespan.broker.shown_bridges import Kind, Reader, ShownBridges
from freespan.observe.ledger import Account, Ledger
from freespan.sources.source import Source, SourceHasher

_TOKEN_SIZE = 16


class Visit:
    """One rendezvous: which bridges its reader may be shown, and which were `tried` and have refused.

    Nothing bounds a reader whose `source` is not known.
    """

    def __init__(
        self, bridges: BridgeDirectory, shown: ShownBridges, clock: Callable[[], float], source: Source | None
    ) -> None:
        self.source = source
        self.tried: set[str] = set()
        self.refused_by: set[str] = set()
        self._bridges = bridges
        self._shown = shown
        self._clock = clock
        self._reader = Reader(Kind.NETWORK, source.network) if source is not None else None

    def avoidable(self, names: Sequence[str]) -> frozenset[str]:
        """Those of the bridges that the reader does not want of which they can know."""
        if self._reader is None:
            return frozenset(names)
        return frozenset(self._shown.shown_to(self._reader, self._clock()) & frozenset(names))

    def only(self) -> Set[str] | None:
        """The bridges that the reader may be given; None for any."""
        if self._reader is None or self._shown.may_show_new(self._reader, self._clock()):
            return None
        return self._shown.may_be_given(self._reader, self._clock())

    def takes_newcomers(self) -> bool:
        """Whether the reader may be given a bridge that has not proved itself while others are free."""
        return self._reader is None or not self._shown.is_short(self._reader, self._clock())

    def seconds_left(self) -> float:
        """How long it takes at most until the reader may be given any again."""
        return 0.0 if self._reader is None else self._shown.seconds_left(self._reader, self._clock())

    def begin(self, bridge: str) -> None:
        """The reader's offer goes to a bridge."""
        self.tried.add(bridge)
        if self._reader is not None:
            self._shown.begin(self._reader, bridge, self._clock())

    def end(self, bridge: str, *, is_answered: bool) -> None:
        """The bridge has answered, and the reader is shown that, or it has not."""
        if self._reader is not None:
            self._shown.end(self._reader, bridge, self._clock(), is_shown=is_answered)
        if is_answered:
            self._bridges.answered(bridge, self._reader)


class BridgeDirectory:
    """The bridges of one broker, by name and by token.

    `on_handshake` is given the name of a bridge that has carried one, and `account` what is remembered of readers.
    `networks` are those that the bridges are in.
    """

    def __init__(
        self,
        matching: Matching,
        proofs: Proofs,
        shown: ShownBridges,
        clock: Callable[[], float],
        on_handshake: Callable[[str], None] = lambda bridge: None,
        account: Account | None = None,
        networks: BridgeNetworks | None = None,
    ) -> None:
        if networks is None:
            networks = BridgeNetworks(SourceHasher(clock, secrets.token_bytes).lasting())
        self.networks = networks  # without any bridge, as in the beginning, it counts as false
        self._account = account or Ledger().account()
        self._matching = matching
        self._proofs = proofs
        self._shown = shown
        self._clock = clock
        self._on_handshake = on_handshake

    # --- for the broker --------------------------------------------------------------------------
    def join(self, bridge: str, capacity: int, source: Source | None = None) -> str:
        """A bridge has joined the matching; returns its token."""
        self.networks.join(bridge, source)
        token = secrets.token_urlsafe(_TOKEN_SIZE)
        self._proofs.join(bridge, token, capacity)
        return token

    def leave(self, bridge: str) -> None:
        """A bridge has left."""
        self.networks.leave(bridge)
        self._proofs.leave(bridge)

    def visit(self, source: Source | None) -> Visit:
        """Somebody asks for a bridge."""
        return Visit(self, self._shown, self._clock, source)

    def answered(self, bridge: str, reader: Reader | None) -> None:
        """A reader was given the answer of a bridge."""
        self._proofs.answered(bridge, reader, self._clock())
        self._account.report(self._proofs.held + self._shown.held)
        self._rank(bridge)

    def is_proved(self, bridge: str) -> bool:
        """Whether readers have reached the egress through a bridge."""
        return self._proofs.is_proved(bridge)

    # --- for the egress --------------------------------------------------------------------------
    def places(self, token: str) -> int | None:
        """How many links a bridge may bring more than an address without being greedy; None if it is not known."""
        return self._proofs.places(token)

    def handshake_completed(self, token: str) -> None:
        """A reader has completed a handshake through a bridge."""
        now = self._clock()
        completed = self._proofs.handshake_completed(token, now)
        if completed is None:
            return
        self._rank(completed.bridge)
        self._on_handshake(completed.bridge)
        if isinstance(completed.reader, Reader):
            self._shown.handshake_completed(completed.reader, now)

    def _rank(self, bridge: str) -> None:
        if bridge in self._matching:
            self._matching.set_proved(bridge, self._proofs.is_proved(bridge))
