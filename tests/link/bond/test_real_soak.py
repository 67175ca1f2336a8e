"""Sixty deaths of real links, one after the other and several at once: the other end has every byte, once, in order."""

import asyncio
import gc
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random

from freespan.link.bond.arrival import Arrival
from freespan.link.bond.bond import Bond
from freespan.link.bond.session_key import session_key
from freespan.link.websocket import WebSocketLink
from freespan.wire.bond_frames import Hello
from freespan.wire.limits import DATAGRAM_SIZE
from tests.link.pairs import KINDS, Ends
from tests.support.bonds import SECRET, EventLog, Owner
from tests.support.recorder import SECONDS

KILLS = 60
REAL = [kind for kind in KINDS if kind != "memory"]


class Soak:
    """Two bonds; each link of theirs lives in a stack of its own."""

    client: Bond
    egress: Bond

    def __init__(self, random: Random) -> None:
        self.random = random
        self.events = EventLog()
        self.links: list[tuple[AsyncExitStack, Ends]] = []
        self.kinds = 0
        self.closed: set[asyncio.Task[None]] = set()

    async def link(self) -> Ends:
        """A new one, of each kind in turn."""
        stack = AsyncExitStack()
        ends = await stack.enter_async_context(KINDS[REAL[self.kinds % len(REAL)]]())
        self.kinds += 1
        self.links.append((stack, ends))
        return ends

    async def open(self) -> None:
        session = session_key(SECRET, bytes(16))
        ours, theirs = await self.link()
        self.client = Bond.begin_session(ours, self.events)
        sizes = (DATAGRAM_SIZE, 900, 40)
        self.of_client = Owner(self.client, lambda number: sizes[number % 3])
        self.of_client.send_one()
        arrival = Arrival(theirs)
        assert isinstance(await arrival.opening(), Hello)
        self.egress = Bond.accept_session(arrival, session)
        self.of_egress = Owner(self.egress, lambda number: sizes[number % 3])
        self.of_egress.send_one()
        await self.of_client.until_received(1)
        self.client.set_key(session)
        await self.events.joinable.wait()

    async def join(self) -> None:
        ours, theirs = await self.link()
        self.client.add(ours)
        arrival = Arrival(theirs)
        await arrival.opening()
        self.egress.admit(arrival)

    def kill(self) -> None:
        """By either end, with or without a goodbye."""
        stack, ends = self.links.pop(self.random.randrange(len(self.links)))
        end = ends[self.random.randrange(2)]
        if isinstance(end, WebSocketLink) and self.random.random() < 0.5:
            end._cut_socket()
        else:
            end.close()
        task = asyncio.create_task(stack.aclose(), name="test-aclose")
        self.closed.add(task)
        task.add_done_callback(self.closed.discard)

    async def all_came(self) -> int:
        """Blocks of memory in use when all has come."""
        ends = (self.of_client, self.of_egress)
        for owner, other in (ends, ends[::-1]):
            await owner.until_received_all(other)
            owner.arrivals.clear()
        await asyncio.gather(*self.closed)
        self.events.events.clear()
        gc.collect()
        return sys.getallocatedblocks()

    async def close(self) -> None:
        self.client.close()
        await self.of_egress.until_closed()
        await asyncio.gather(*self.closed, *(stack.aclose() for stack, _ in self.links))


@asynccontextmanager
async def soaking(random: Random) -> AsyncIterator[Soak]:
    soak = Soak(random)
    await soak.open()
    try:
        yield soak
    finally:
        await soak.close()


async def test_sixty_kills_of_real_links_lose_no_byte_and_keep_no_memory() -> None:
    memory: list[int] = []
    async with asyncio.timeout(3 * SECONDS), soaking(Random(7)) as soak:
        killed = 0
        while killed < KILLS:
            if killed >= len(memory) * KILLS // 4:
                await soak.join()
                memory.append(await soak.all_came())
            while len(soak.links) < 3:
                await soak.join()
            for owner in (soak.of_client, soak.of_egress):
                owner.send(150 - owner.to_send)
            await asyncio.sleep(soak.random.choice([0.0, 0.01, 0.05, 0.1]))
            for _ in range(soak.random.choice([1, 1, 1, 2, 3])):
                soak.kill()
                killed += 1
        await soak.join()
        memory.append(await soak.all_came())
        received = soak.of_client.received + soak.of_egress.received
    assert received > 20 * KILLS
    assert max(memory[2:]) <= memory[1] + 2_000, memory
