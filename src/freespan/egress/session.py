"""One session at the egress: a tunnel on a bond, whose links come and go."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from freespan.egress.guests import INVITED_WEIGHT, Guest, Visit, of_invited
from freespan.egress.origins import Origin
from freespan.egress.settings import EgressSettings
from freespan.link.bond.arrival import Arrival
from freespan.link.bond.bond import Bond
from freespan.link.bond.events import BondEvent, LinkClosed, LinkJoined
from freespan.link.bond.session_key import SessionKey
from freespan.link.turns import Group
from freespan.observe.ledger import Ledger
from freespan.sources.source import Source
from freespan.tunnel.identity import Identity
from freespan.tunnel.server import ServerTunnel
from freespan.tunnel.stream import TunnelStream
from freespan.tunnel.tickets import GuestTickets
from freespan.wire.denial import Denial
from freespan.wire.errors import NotAdmittedError

Handler = Callable[["EgressSession", TunnelStream], Awaitable[None]]
OnChange = Callable[["EgressSession"], None]

SESSION_COST = 140_000
"""What a session takes that carries nothing, beside its links."""
_TOO_MUCH = "the session holds more than any may"


class EgressSession:
    """Begins with the link that has arrived. `key` is what the client needs to add further links.

    `on_handshake` is called when the handshake is complete, `on_links` when a link has joined or left.
    """

    def __init__(
        self,
        identity: Identity,
        arrival: Arrival,
        key: SessionKey,
        handler: Handler,
        tickets: GuestTickets,
        settings: EgressSettings,
        origin: Origin,
        guest: Guest,
        turns: Group,
        *,
        on_handshake: OnChange,
        on_links: OnChange,
        ledger: Ledger,
    ) -> None:
        self.key = key
        self.origin = origin
        """Where its first link came from."""
        self.guest = guest
        """Whose invite it is."""
        self._visit: Visit | None = None
        self._silent_seconds = settings.silent_seconds
        self.streams_share = turns.share()
        """Its turns to open streams, and to copy what comes from targets."""
        self._links = {0}
        self._on_handshake = on_handshake
        self._on_links = on_links
        self.bond = Bond.accept_session(arrival, key, self._on_bond_event, settings.bond)
        self.tunnel = ServerTunnel(
            identity,
            self.bond,
            lambda _, stream: handler(self, stream),
            tickets,
            settings.tunnel,
            on_established=self._handshake_completed,
            turns=turns,
        )
        self._held_max = settings.session_held_max
        self._in_sockets = 0
        payer = of_invited(origin.source) if origin.source and guest.is_invited else origin.source
        self._account = ledger.account(
            lambda reason: self.tunnel.shed(reason),
            payer and payer.host,
            (1 + origin.sessions) * (INVITED_WEIGHT if guest.is_invited else 1.0),
            network=payer and payer.network,
        )
        self.tunnel.watch(self.report)
        self.report()

    @property
    def is_waiting(self) -> bool:
        """Whether it has no link."""
        return not self._links

    @property
    def has_entered(self) -> bool:
        """Whether its handshake is complete, and its guest has let it in."""
        return self._visit is not None

    @property
    def share(self) -> Source:
        """For what is held by the session: it counts against the session, and with others against their group.

        Those who come with an invite are a group of their own.
        """
        share = Source(self.key.id, self.origin.group or self.key.id)
        return Source(share.host, of_invited(share).network) if self.guest.is_invited else share

    @property
    def held(self) -> int:
        """About how many bytes are kept for the client and for targets."""
        return SESSION_COST + self.bond.held + self.tunnel.held + self._in_sockets

    def hold_in_sockets(self, change: int) -> None:
        """So many bytes more, or less, wait in the sockets to targets."""
        self._in_sockets += change

    def enter(self) -> None:
        """Its handshake is complete: from now on it is one of the sessions of its guest. Raises `NotAdmittedError`."""
        self._visit = self.guest.enter(self.deny, self._gives_way)

    def leave(self) -> None:
        """It is over."""
        if self._visit is not None:
            self._visit.leave()
            self._visit = None

    def deny(self, error: NotAdmittedError) -> None:
        """End it because of its invite, and tell the client why."""
        self.tunnel.deny(Denial.of(error))

    def let_go(self) -> None:
        """It is over, and nothing of it is left."""
        self._account.close()

    def report(self) -> None:
        """Report to the ledger what it holds now; a session that holds too much ends."""
        held = self.held
        self._account.report(held)
        if held > self._held_max:
            self.tunnel.shed(_TOO_MUCH)

    def _handshake_completed(self) -> None:
        self.streams_share.is_trusted = True
        self._on_handshake(self)

    def _gives_way(self) -> bool:
        """Whether its client seems to be gone: to another session of the same invite, it gives up its place."""
        return self.is_waiting or self.bond.silent_for >= self._silent_seconds

    def _on_bond_event(self, event: BondEvent) -> None:
        """Keep count of the links. A suspected link is the client's business, which looks for another one."""
        match event:
            case LinkJoined(link):
                self._links.add(link)
                self._on_links(self)
            case LinkClosed(link):
                self._links.discard(link)
                self._on_links(self)
