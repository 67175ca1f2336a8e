"""What a volunteer can be made to send to those whom an offer names, without their having asked for it."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from functools import partial

from freespan.wire import messages
from tests.support.sdp import OFFER
from tests.web.fakes import Bridge, FakeHost, soon

CANDIDATE = "a=candidate:1 1 udp 2122260223 127.0.0.1 9 typ host\r\n"


class ThirdParty(asyncio.DatagramProtocol):
    """Somebody at an address of loopback, who counts what comes."""

    def __init__(self, address: str, received: Counter[str], news: asyncio.Event) -> None:
        self._address = address
        self._received = received
        self._news = news

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._received[self._address] += 1
        self._news.set()


async def test_an_offer_leads_to_four_addresses_at_most(host: FakeHost, bridge: Bridge) -> None:
    received: Counter[str] = Counter()
    news = asyncio.Event()
    candidates: list[str] = []
    async with AsyncExitStack() as stack:
        for number in range(2, 12):
            address = f"127.0.0.{number}"
            transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                partial(ThirdParty, address, received, news), local_addr=(address, 0)
            )
            stack.callback(transport.close)
            port = transport.get_extra_info("sockname")[1]
            candidates.append(f"a=candidate:1 1 udp {1000 - number} {address} {port} typ host\r\n")
        await bridge.offer("reflected", OFFER.replace(CANDIDATE, "".join(candidates)))
        async with asyncio.timeout(8.0):
            while sum(received.values()) < 20:  # the engine sends to all of them in turn
                await news.wait()
                news.clear()
    assert set(received) == {"127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"}


async def test_an_offer_that_would_make_each_check_long_is_refused(host: FakeHost, bridge: Bridge) -> None:
    for name in ("a" * 256, "a" * 33):
        await bridge.offer(name[:40], OFFER.replace("a=ice-ufrag:abcd", f"a=ice-ufrag:{name}"))
        assert isinstance(await refusal(bridge), messages.Refusal)


async def refusal(bridge: Bridge) -> messages.ToBroker:
    """The next message that does not tell the bridge's load."""
    while isinstance(message := messages.decode_to_broker(await soon(bridge.next())), messages.Load):
        pass
    return message
