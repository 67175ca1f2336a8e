"""A bond over links with real sockets and engines, on the real clock."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from freespan.link.bond.arrival import Arrival
from freespan.link.bond.bond import Bond
from freespan.link.bond.session_key import session_key
from freespan.wire.bond_frames import Hello
from tests.link.pairs import KINDS
from tests.support.bonds import SECRET, EventLog, Owner
from tests.support.recorder import SECONDS

COUNT = 300


@pytest.mark.parametrize("kind", KINDS)
async def test_a_link_ends_and_the_other_one_carries_on(kind: str) -> None:
    async with AsyncExitStack() as stack, asyncio.timeout(SECONDS):
        first, second = [await stack.enter_async_context(KINDS[kind]()) for _ in range(2)]
        events, session = EventLog(), session_key(SECRET, bytes(16))
        client = Bond.begin_session(first[0], events)
        of_client = Owner(client)
        of_client.send_one()
        arrival = Arrival(first[1])
        assert isinstance(await arrival.opening(), Hello)
        egress = Bond.accept_session(arrival, session)
        of_egress = Owner(egress)
        of_egress.send_one()
        await of_client.until_received(1)
        client.set_key(session)
        await events.joinable.wait()
        client.add(second[0])
        arrival = Arrival(second[1])
        await arrival.opening()
        egress.admit(arrival)
        of_client.send(COUNT)
        of_egress.send(COUNT)
        await of_client.until_received(COUNT // 3)
        first[1].close()
        await of_client.until_received(COUNT + 1)
        await of_egress.until_received(COUNT + 1)
        assert [link.number for link in client.stats().links] == [1]
        client.close()
        await of_egress.until_closed()
        second[0].close()
        await asyncio.sleep(0.1)
