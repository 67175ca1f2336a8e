"""Finds the translator to IPv4 of this host's network, if it has one (NAT64; RFC 7050).

By such a translator, IPv6 addresses of a prefix that nobody else knows lead to IPv4 ones, those of the network itself
among them. The network's resolver gives the prefix away by what it makes of `ipv4only.arpa`.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Callable

from freespan.wire.addresses import nat64_networks

_NAME = "ipv4only.arpa."
_AGAIN_SECONDS = 600.0
"""Between two questions: networks change, and so do their translators."""

Networks = frozenset[ipaddress.IPv6Network]


async def watch_nat64(on_change: Callable[[Networks], None], again_seconds: float = _AGAIN_SECONDS) -> None:
    """Call `on_change` with the networks whenever there are others; run until cancelled.

    What was found once stays: an answer that does not come closes nothing, and must not open anything either.
    """
    known: Networks = frozenset()
    while True:
        found = known | await _look_up()
        if found != known:
            known = found
            on_change(known)
        await asyncio.sleep(again_seconds)


async def _look_up() -> Networks:
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Networks] = loop.create_future()

    def give(found: Networks) -> None:
        if not answer.done():
            answer.set_result(found)

    def look_up() -> None:
        found = _networks()
        try:
            loop.call_soon_threadsafe(give, found)
        except RuntimeError:
            pass  # the event loop has been closed in the meantime

    # a thread that nobody waits for: a resolver may be silent for long, and the host may stop meanwhile
    threading.Thread(target=look_up, name="nat64", daemon=True).start()
    return await answer


def _networks() -> Networks:
    try:
        found = socket.getaddrinfo(_NAME, None, family=socket.AF_INET6, type=socket.SOCK_STREAM)
    except OSError:
        return frozenset()
    answers = {ipaddress.ip_address(str(info[4][0]).partition("%")[0]) for info in found}
    return frozenset(network for answer in answers for network in nat64_networks(answer))
