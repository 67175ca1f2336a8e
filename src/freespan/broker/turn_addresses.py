"""The addresses of the host's own TURN servers, which their names lead to. They are looked up aside, once an hour.

The offers of all readers who use a TURN server name its address, so it is counted by who asks
(`offer_targets`). Where an address is not known, as before the first answer, the smaller budget applies.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Sequence

from freespan.wire.addresses import Address, parse_address

_FRESH_SECONDS = 3_600.0
Lookup = Callable[[str], Iterable[str]]


class TurnAddresses:
    """Looks names up in a thread of its own, which keeps nobody waiting, not even the end of the process."""

    def __init__(self, hosts: Sequence[str], lookup: Lookup | None = None) -> None:
        self._hosts = hosts
        self._lookup = lookup or _looked_up
        self._known: frozenset[Address] = frozenset(filter(None, map(parse_address, hosts)))
        self._stale_at = 0.0
        self._thread: threading.Thread | None = None

    def current(self, now: float) -> frozenset[Address]:
        """The addresses that are known, while a thread looks for newer ones if it is time to; `now` in seconds."""
        is_idle = self._thread is None or not self._thread.is_alive()
        if is_idle and now >= self._stale_at and any(parse_address(host) is None for host in self._hosts):
            self._stale_at = now + _FRESH_SECONDS
            self._thread = threading.Thread(target=self._look_up, name="broker-turn-addresses", daemon=True)
            self._thread.start()
        return self._known

    def _look_up(self) -> None:
        found = (parse_address(text) for host in self._hosts for text in [host, *self._lookup(host)])
        self._known = frozenset(address for address in found if address is not None)


def _looked_up(host: str) -> list[str]:
    try:
        return [str(info[4][0]) for info in socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)]
    except OSError:
        return []
