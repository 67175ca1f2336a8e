"""What readers may spend at an egress: new connections, connections to one destination, and bytes. Pure.

Each of these is bounded for a session, for all sessions from one place (a network, or a bridge that has proved itself)
and for all sessions of one invite. Else whoever begins more sessions would have more of everything.
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2s

from freespan.egress.settings import EgressSettings
from freespan.sources.rate import Rate, RateBudgets
from freespan.sources.source import Source
from freespan.wire.addresses import Address
from freespan.wire.errors import StreamError
from freespan.wire.proxy_status import ProxyStatus

_DAY_SECONDS = 86_400.0
_SPENDERS_MAX, _DESTINATIONS_MAX = 4_096, 8_192
"""How many are remembered, by session and by place; those that have spent the least are forgotten first."""
_STEP_MAX = 1024 * 1024
"""Bytes are settled in steps of this size, at most: to look at each piece would cost more than to copy it."""
_PARTS = 64
"""Nothing new begins while less than one part in so many is left: else it would be cut at once."""


@dataclass(frozen=True, slots=True)
class Spender:
    """Whose allowance is used; each field is a name. `invite` is empty without one."""

    session: bytes
    place: bytes
    invite: bytes = b""


class _Budget:
    """One kind of thing to spend."""

    def __init__(self, rate: Rate, settings: EgressSettings, names_max: int) -> None:
        of_place, of_invite = (_times(rate, times) for times in (settings.place_times, settings.invite_times))
        self._sessions = RateBudgets(rate, of_place, sources_max=names_max)
        self._invites = RateBudgets(of_invite, of_invite, sources_max=names_max)

    def wait(self, spender: Spender, now: float, cost: float = 1.0) -> float:
        """Seconds until so much may be spent; 0 for now."""
        wait = self._sessions.wait(Source(spender.session, spender.place), now, cost)
        if spender.invite:
            wait = max(wait, self._invites.wait(Source(spender.invite, spender.invite), now, cost))
        return wait

    def reserve(self, spender: Spender, now: float, patience: float = 0.0, cost: float = 1.0) -> float | None:
        """Return in how many seconds so much may be spent, and count it; None if that is above `patience`."""
        wait = self.wait(spender, now, cost)
        if wait > patience:
            return None
        self._sessions.reserve(Source(spender.session, spender.place), now, patience, cost)
        if spender.invite:
            self._invites.reserve(Source(spender.invite, spender.invite), now, patience, cost)
        return wait


class Allowances:
    """All allowances of one egress. `now` returns seconds that never go back."""

    def __init__(self, settings: EgressSettings, now: Callable[[], float]) -> None:
        self._now = now
        self._patience = settings.connection_patience_seconds
        self._connections = _Budget(settings.connections, settings, _SPENDERS_MAX)
        self._to_one = _Budget(settings.connections_to_one, settings, _DESTINATIONS_MAX)
        daily = Rate(settings.bytes_a_day / _DAY_SECONDS, settings.bytes_a_day)
        self._bytes = _Budget(daily, settings, _SPENDERS_MAX)
        self._part = max(1, settings.bytes_a_day // _PARTS)
        self.step = min(_STEP_MAX, self._part)
        """So many bytes may pass before they are settled."""

    def open(self, spender: Spender) -> float:
        """Count a new connection; returns the seconds to wait first.

        Raises:
            StreamError: the wait would be too long, or no bytes are left.
        """
        if self._bytes.wait(spender, self._now(), self._part) > 0:
            raise _used_up()
        wait = self._connections.reserve(spender, self._now(), self._patience)
        if wait is None:
            raise StreamError(ProxyStatus("connection_limit_reached", "connections"))
        return wait

    def connect(self, spender: Spender, addresses: Mapping[Address, Address]) -> list[Address]:
        """Count a connection to one of these addresses, to each of which one is tried if the others do not answer.

        Args:
            addresses: each with the one that it stands for, if it leads to a translator.

        Returns:
            Those to which there may be another one.

        Raises:
            StreamError: there are none.
        """
        left = [address for address, meant in addresses.items() if self._take(spender, meant)]
        if not left:
            raise StreamError(ProxyStatus("connection_limit_reached", "destination"))
        return left

    def carry(self, spender: Spender, size: int) -> bool:
        """Count bytes that have passed; false if there were not so many left, so that they are owed."""
        return self._bytes.reserve(spender, self._now(), math.inf, size) == 0

    def _take(self, spender: Spender, address: Address) -> bool:
        place = _destination(address)
        names = (spender.session, spender.place, spender.invite)
        session, of_place, invite = (name and blake2s(name + place, digest_size=16).digest() for name in names)
        return self._to_one.reserve(Spender(session, of_place, invite), self._now()) is not None


class Meter:
    """Counts the bytes of one stream; ask it to `settle` at the end."""

    def __init__(self, allowances: Allowances, spender: Spender) -> None:
        self._allowances = allowances
        self._spender = spender
        self._step = allowances.step
        self._pending = 0

    def count(self, size: int) -> None:
        """Bytes have passed. Raises `StreamError` if no more may."""
        self._pending += size
        if self._pending >= self._step and not self.settle():
            raise _used_up()

    def settle(self) -> bool:
        """Count what is pending against the allowance; false if there was not so much left."""
        pending, self._pending = self._pending, 0
        return not pending or self._allowances.carry(self._spender, pending)


def _destination(address: Address) -> bytes:
    """What is one destination: an IPv4 address, or an IPv6 /64, which one machine has at least."""
    if isinstance(address, ipaddress.IPv4Address):
        return address.packed
    return address.packed[:8]


def _times(rate: Rate, times: float) -> Rate:
    return Rate(rate.per_second * times, rate.burst * times)


def _used_up() -> StreamError:
    return StreamError(ProxyStatus("connection_limit_reached", "daily-bytes"))
