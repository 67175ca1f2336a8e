"""What speaks for bridges being blocked in this network, and not just a few of them failing. Pure.

    a bridge fails      its network: IPv4 /16, IPv6 /32 ──┐
    STUN is silent      how many servers                ──┴──▶ is_enough ──▶ the client may leave bridges

Whoever offers bridges that fail on purpose must not be able to drive readers to a transport that shows the host their
address. Many bridges at one address are cheap; addresses in several networks are less so. What a broker says, such as
that no bridge is free, is no evidence at all.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

_FAILURES_MAX = 32
_VERSIONS = "46"


class _Failure(NamedTuple):
    networks: frozenset[str]
    at: float


class Evidence:
    """The failures of the last `seconds`; `now` is in seconds of any monotonic clock.

    Args:
        networks_min: in how many different networks of one IP version bridges must have failed. With 1, any bridge
            that has failed will do, even where its network is not known.
        stun_servers_min: how many STUN servers must have been silent at one time.
        seconds: how long a failure counts.
    """

    def __init__(self, *, networks_min: int, stun_servers_min: int, seconds: float) -> None:
        self._networks_min = networks_min
        self._stun_servers_min = stun_servers_min
        self._seconds = seconds
        self._failures: deque[_Failure] = deque(maxlen=_FAILURES_MAX)
        self._stun_silent_at: float | None = None

    def bridge_failed(self, networks: frozenset[str], now: float) -> None:
        """A bridge in these networks (see `networks_of`) did not lead to the egress."""
        self._failures.append(_Failure(networks, now))

    def bridge_worked(self) -> None:
        """A bridge has led to the egress, so bridges are not blocked here."""
        self._failures.clear()
        self._stun_silent_at = None

    def stun_answered(self) -> None:
        """UDP does come back."""
        self._stun_silent_at = None

    def stun_was_silent(self, servers: int, now: float) -> None:
        """So many different STUN servers were asked, and none answered."""
        self._stun_silent_at = now if servers >= self._stun_servers_min else None

    def is_enough(self, now: float) -> bool:
        """Whether bridges seem to be blocked in this network."""
        while self._failures and now - self._failures[0].at >= self._seconds:
            self._failures.popleft()
        if self._stun_silent_at is not None and now - self._stun_silent_at < self._seconds:
            return True
        if self._networks_min <= 1:
            return bool(self._failures)
        return any(self._apart(version) >= self._networks_min for version in _VERSIONS)

    def _apart(self, version: str) -> int:
        """How many bridges have failed of which no two share a network. Who names many networks counts for less."""
        seen: set[str] = set()
        count = 0
        for failure in self._failures:
            own = {network for network in failure.networks if network.startswith(version)}
            if own and not own & seen:
                count += 1
            seen |= own
        return count


def networks_of(source: str) -> frozenset[str]:
    """The networks of a bridge, by the broker's word for where the bridge's WebSocket comes from.

    Without it there are none: the addresses in a bridge's answer could be invented.
    """
    return frozenset({source} if source else ())
