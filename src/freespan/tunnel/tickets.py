"""Session tickets (RFC 8446 section 2.2), with which a returning client sends requests in its first flight (0-RTT).

An egress issues a ticket in every session. The client presents it in its next session, and its first requests travel
along, encrypted with a secret that only these two know. A ticket stands for the key that was proved in the session that
it is from. A client therefore keeps no ticket of a session whose key it has not compared, and presents a ticket to an
egress with the same pin only.

**Replay.** Whoever carries the first flight can deliver it twice, or later. An egress that accepted it twice would
connect twice, and send the same first bytes twice. So a ticket is good for one session (section 8.1), and for a flight
that is fresh (section 8.3). Falling back to a full handshake would not be safe for a ticket that was used: the client
would take it for the answer to its flight, and would send again what the egress has already received in the other copy
(the second attack of section 8). Such a flight is refused as a whole, for as long as its client may be waiting.

**What a ticket reveals.** The egress sees that two sessions belong to the same client; without tickets it would not.
After an hour the client begins with a full handshake again (`TicketJar`), and the egress cannot connect the two.
Whoever carries the session sees 64 random bytes once, and learns that the client had a session with some egress in the
last hour. The ticket was encrypted when it was issued, so nobody but the egress can connect its two sessions.
Transports on which the egress sees the reader's address need a jar of their own, or a ticket would connect that address
with what was visited through bridges.

**Invites.** A ticket belongs to the invite with which its session was admitted, and another one cannot use it. When the
invite ends, its tickets are void: whoever shows no invite, or another one, begins with a full handshake.

**Secrecy.** Both ends keep tickets in memory only, and drop them when they are used. Early data can later be decrypted
by nobody, just like what is sent after the handshake.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

from aioquic.tls import Alert, AlertDescription, SessionTicket

from freespan.observe.ledger import Account, Ledger
from freespan.tunnel.settings import TunnelSettings
from freespan.wire.limits import HANDSHAKE_SECONDS, TICKET_SECONDS

_TICKET_COST = 2_000
_USED_COST = 300
"""What a ticket takes that can be used, and one that was."""
_CLOCK_DRIFT_SECONDS = 1.0
"""By how much two clocks may differ after an hour."""
_REMEMBER_SECONDS = 2 * HANDSHAKE_SECONDS
"""How long a used ticket is remembered as used; its client gives up after `HANDSHAKE_SECONDS`."""


class UsedTicketError(Alert):
    """A ticket was presented for the second time. Ends the handshake."""

    description = AlertDescription.unknown_psk_identity


class Tickets(Protocol):
    """The tickets that a session may issue and take."""

    def put(self, ticket: SessionTicket) -> None:
        """Keep a ticket that was issued."""

    def take(self, name: bytes, obfuscated_age: int) -> SessionTicket | None:
        """See `TicketStore.take`."""


class _Issued(NamedTuple):
    at: float
    ticket: SessionTicket
    guest: bytes


class TicketStore:
    """The last `capacity` tickets that an egress has issued. `now` is a monotonic clock in seconds."""

    def __init__(
        self,
        now: Callable[[], float] = time.monotonic,
        capacity: int = TunnelSettings.egress_tickets_max,
        account: Account | None = None,
    ) -> None:
        self._now = now
        self._capacity = capacity
        self._account = account or Ledger().account()
        self._issued: dict[bytes, _Issued] = {}  # both with the oldest first
        self._used: dict[bytes, float] = {}

    def of(self, guest: bytes) -> GuestTickets:
        """The tickets of the sessions of one guest, for one of these sessions."""
        return GuestTickets(self, guest)

    def put(self, ticket: SessionTicket, guest: bytes = b"") -> None:
        """Keep a ticket. If there are too many, the oldest is forgotten, and its client does a full handshake."""
        now = self._now()
        while self._issued and (len(self._issued) >= self._capacity or self._is_old(next(iter(self._issued.values())))):
            del self._issued[next(iter(self._issued))]
        self._issued[ticket.ticket] = _Issued(now, ticket, guest)
        self._report()

    def take(self, name: bytes, obfuscated_age: int, guest: bytes = b"") -> SessionTicket | None:
        """Remove and return the ticket of this name; `obfuscated_age` is what the client states (section 4.2.11).

        Returns None where a full handshake must follow: the ticket is not known, or another guest's, or the flight is
        not fresh. It is removed in any case, so that no other copy of the flight is taken.

        Raises:
            UsedTicketError: it was taken before.
        """
        now = self._now()
        while self._used and now - next(iter(self._used.values())) > _REMEMBER_SECONDS:
            del self._used[next(iter(self._used))]
        if name in self._used:
            raise UsedTicketError
        issued = self._issued.pop(name, None)
        if issued is None or issued.guest != guest:
            return None
        if self._is_old(issued) or not self._is_fresh(issued, obfuscated_age):
            return None
        if len(self._used) >= self._capacity:
            return None  # it could not be remembered as used, and might come again
        self._used[name] = now
        self._report()
        return issued.ticket

    def _report(self) -> None:
        self._account.report(len(self._issued) * _TICKET_COST + len(self._used) * _USED_COST)

    def _is_old(self, issued: _Issued) -> bool:
        return self._now() - issued.at > TICKET_SECONDS

    def _is_fresh(self, issued: _Issued, obfuscated_age: int) -> bool:
        """Whether the client that sent the flight may still wait for its answer: nobody may keep a flight for later."""
        age_at_client = (obfuscated_age - issued.ticket.age_add) % 2**32 / 1000
        in_transit = self._now() - issued.at - age_at_client
        return -_CLOCK_DRIFT_SECONDS <= in_transit <= HANDSHAKE_SECONDS


class GuestTickets:
    """The tickets of one guest in a store."""

    def __init__(self, store: TicketStore, guest: bytes) -> None:
        self._store = store
        self._guest = guest

    def put(self, ticket: SessionTicket) -> None:
        """See `TicketStore.put`."""
        self._store.put(ticket, self._guest)

    def take(self, name: bytes, obfuscated_age: int) -> SessionTicket | None:
        """See `TicketStore.take`."""
        return self._store.take(name, obfuscated_age, self._guest)


class _Kept(NamedTuple):
    pin: bytes
    ticket: SessionTicket


class TicketJar:
    """The last `capacity` tickets of a client, each with the pin of its egress, for as long as the client runs.

    Each session brings the ticket for the next one. They form a chain, in which the egress can connect all sessions.
    A chain ends `TICKET_SECONDS` after the full handshake with which it began: the jar is emptied, and the next session
    begins a new chain.
    """

    def __init__(
        self, now: Callable[[], float] = time.monotonic, capacity: int = TunnelSettings.client_tickets_max
    ) -> None:
        self._now = now
        self._capacity = capacity
        self._kept: list[_Kept] = []
        self._chain_began_at = now()

    def put(self, pin: bytes, ticket: SessionTicket) -> None:
        """Keep a ticket of a session in which the key of `pin` was proved; if there are too many, drop the oldest."""
        if not self._is_chain_over():  # else the ticket would continue the old chain
            self._kept.append(_Kept(pin, ticket))
            del self._kept[: -self._capacity]

    def take(self, pin: bytes) -> SessionTicket | None:
        """Remove and return the newest ticket for this pin: none is presented twice. None begins a new chain."""
        if self._is_chain_over():
            self._kept.clear()
        for index in range(len(self._kept) - 1, -1, -1):
            if self._kept[index].pin == pin:
                return self._kept.pop(index).ticket
        if not self._kept:
            self._chain_began_at = self._now()
        return None

    def _is_chain_over(self) -> bool:
        return self._now() - self._chain_began_at > TICKET_SECONDS
