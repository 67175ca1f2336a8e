"""Session tickets (RFC 8446 section 2.2), with which a client that comes back speaks in its very first flight (0-RTT).

An egress hands out one in every session; the client shows it in the next one, and its first requests travel along,
sealed with a secret that only these two know. A ticket stands for the key that was proved in the session that it is
from, so a client keeps none of a session whose key it has not compared, and shows it for the same pin alone.

**Replay.** Whoever carries the first flight can carry it twice, or later. An egress that took it twice would connect
twice and say the same first bytes twice. So a ticket is good for one session (section 8.1) and for a flight that is
fresh (section 8.3). A full handshake would not be safe for a ticket that was used: the client would take it for the
answer to its flight, and say once more what the egress has heard already through the other copy (the second attack of
section 8). So that flight is refused as a whole, for as long as its client may be waiting.

**What a ticket tells.** The egress sees that two sessions are one client's; without a ticket it would not, and an hour
after the first one it no longer does, for a client then begins with a full handshake (`TicketJar`). Whoever
carries the session sees 64 random bytes once, and that the client had a session with somebody in the last hour; the
ticket was sealed when it was handed out, so nobody but the egress can join the two. Transports on which the egress sees the
reader's address need a jar of their own, or a ticket would tie that address to what was visited through bridges.

**Secrecy.** Both ends keep tickets in memory and nowhere else, and lose them when they are used: what was said early
can be read later by nobody, as what is said after the handshake.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from aioquic.tls import Alert, AlertDescription, SessionTicket

from freespan.wire.limits import HANDSHAKE_SECONDS, TICKET_SECONDS, TICKETS_KEPT, TICKETS_MAX

_CLOCKS_SECONDS = 1.0
"""By so much two clocks may differ after an hour."""
_REMEMBERED_SECONDS = 2 * HANDSHAKE_SECONDS
"""A client gives up after HANDSHAKE_SECONDS; so long a used ticket is known as one."""


class UsedTicketError(Alert):
    """A ticket came for a second time; ends the handshake."""

    description = AlertDescription.unknown_psk_identity


class _Issued(NamedTuple):
    at: float
    ticket: SessionTicket


class TicketStore:
    """Tickets that an egress has handed out, at most TICKETS_MAX; `now` is a clock in seconds that never goes back."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._issued: dict[bytes, _Issued] = {}  # both with the oldest first
        self._used: dict[bytes, float] = {}

    def put(self, ticket: SessionTicket) -> None:
        """Keep a ticket; the oldest leaves when there are too many, and its client does a full handshake."""
        now = self._now()
        while self._issued and (len(self._issued) >= TICKETS_MAX or self._is_old(next(iter(self._issued.values())))):
            del self._issued[next(iter(self._issued))]
        self._issued[ticket.ticket] = _Issued(now, ticket)

    def take(self, name: bytes, obfuscated_age: int) -> SessionTicket | None:
        """The ticket of this name, which is gone then; `obfuscated_age` is what the client says of it (section 4.2.11).

        None where a full handshake must follow: the ticket is not known, or the flight was a long time on its way.

        Raises:
            UsedTicketError: it has been taken before.
        """
        now = self._now()
        while self._used and now - next(iter(self._used.values())) > _REMEMBERED_SECONDS:
            del self._used[next(iter(self._used))]
        if name in self._used:
            raise UsedTicketError
        issued = self._issued.pop(name, None)
        if issued is None or self._is_old(issued) or not self._is_fresh(issued, obfuscated_age):
            return None
        if len(self._used) >= TICKETS_MAX:
            return None  # taken without being remembered, it could come again
        self._used[name] = now
        return issued.ticket

    def _is_old(self, issued: _Issued) -> bool:
        return self._now() - issued.at > TICKET_SECONDS

    def _is_fresh(self, issued: _Issued, obfuscated_age: int) -> bool:
        """Whether the client that sent this may still be there: nobody may keep its flight for later."""
        age_at_client = (obfuscated_age - issued.ticket.age_add) % 2**32 / 1000
        on_its_way = self._now() - issued.at - age_at_client
        return -_CLOCKS_SECONDS <= on_its_way <= HANDSHAKE_SECONDS


class _Kept(NamedTuple):
    pin: bytes
    ticket: SessionTicket


class TicketJar:
    """The last few tickets of a client, each with the pin of its egress; for as long as the client runs.

    Each session gives a ticket for the next one, so they make a chain, by which the egress can join all of them. It
    ends TICKET_SECONDS after the full handshake with which it began: the jar is emptied, and the next chain begins.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._kept: list[_Kept] = []
        self._since = now()

    def put(self, pin: bytes, ticket: SessionTicket) -> None:
        """Keep a ticket of a session in which the key of `pin` was proved; the oldest leaves."""
        if not self._is_over():  # else it would carry the old chain on
            self._kept.append(_Kept(pin, ticket))
            del self._kept[:-TICKETS_KEPT]

    def take(self, pin: bytes) -> SessionTicket | None:
        """The newest ticket for this pin, which is gone then: nobody shall see it twice. None: a chain begins."""
        if self._is_over():
            self._kept.clear()
        for index in range(len(self._kept) - 1, -1, -1):
            if self._kept[index].pin == pin:
                return self._kept.pop(index).ticket
        if not self._kept:
            self._since = self._now()
        return None

    def _is_over(self) -> bool:
        return self._now() - self._since > TICKET_SECONDS
