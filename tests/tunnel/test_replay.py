"""What nobody gains by a first flight or a ticket: replays, copies, thieves and other egresses."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest
from aioquic.tls import SessionTicket

from freespan.link.memory import memory_pair
from freespan.tunnel.client import ClientTunnel
from freespan.tunnel.identity import new_identity
from freespan.tunnel.server import ServerTunnel
from freespan.tunnel.tickets import TicketJar, TicketStore
from freespan.wire.errors import StreamError, TunnelError, WrongKeyError
from freespan.wire.limits import HANDSHAKE_SECONDS
from tests.support.recorder import Recorder
from tests.support.tunnels import IDENTITY, site
from tests.support.virtual_time import run
from tests.tunnel.returning_client import (
    ONE_WAY,
    ROUND_TRIP,
    Place,
    echoed,
    now,
    open_early,
    scene,
)
from tests.tunnel.test_tickets import ticket as ticket_of

pytestmark = pytest.mark.timeout(20)


# --- replay -------------------------------------------------------------------------------------
async def replay(place: Place, flight: list[bytes]) -> tuple[Recorder, ServerTunnel]:
    """Play a client's messages to the egress, on a link of their own."""
    link, far = memory_pair(delay=ONE_WAY)
    answers = Recorder()
    link.start(answers)
    tunnel = place.serve(far)
    for message in flight:
        link.send(message)
    await asyncio.sleep(ROUND_TRIP)
    return answers, tunnel


def test_a_flight_that_is_replayed_opens_nothing() -> None:
    async def main() -> None:
        async with scene() as here:
            async with here.visit() as visit:
                stream, starting = await open_early(visit, "echo", b"x")
                await starting
                assert await echoed(stream) == b"x"
                await asyncio.sleep(ROUND_TRIP)
            for _ in range(2):
                _, tunnel = await replay(here.place, visit.flight)
                assert tunnel.is_over
                assert not tunnel._driver.is_established
            await asyncio.sleep(10 * HANDSHAKE_SECONDS)  # so long that the egress forgets that it was used
            _, tunnel = await replay(here.place, visit.flight)
            assert tunnel._driver.quic is not None
            assert not tunnel._driver.quic.tls.session_resumed
            await asyncio.sleep(2 * HANDSHAKE_SECONDS)
            assert tunnel.is_over
            assert here.place.dialed == [b"echo.test:1"]

    run(main())


def test_a_flight_that_is_delivered_twice_is_served_once() -> None:
    """After a full handshake with the second copy the client would send again what the egress has received."""

    async def main() -> None:
        def also_elsewhere(message: bytes) -> Iterable[bytes]:
            elsewhere.send(message)
            return (message,)

        elsewhere, far = memory_pair()  # which is faster
        began = now()
        elsewhere.start(Recorder())
        async with scene() as here, here.visit(to_egress=also_elsewhere) as visit:
            first = here.place.serve(far)
            visit.client.begin()
            opening = asyncio.create_task(visit.client.connect(site("echo"), b"x"), name="test-open")
            with pytest.raises(TunnelError):
                await visit.client.start()
            with pytest.raises(StreamError):
                await opening
            assert here.place.dialed == [b"echo.test:1"]
            assert first._driver.quic is not None
            assert first._driver.quic.tls.early_data_accepted
            assert now() - began < HANDSHAKE_SECONDS  # the client learns of it, and need not wait

    run(main())


def test_a_flight_that_was_kept_until_its_client_left_is_not_served() -> None:
    """The client has opened its streams elsewhere by then."""

    async def main() -> None:
        async with scene() as here, here.visit(to_egress=lambda message: ()) as visit:
            visit.client.begin()
            opening = asyncio.create_task(visit.client.connect(site("echo"), b"x"), name="test-open")
            with pytest.raises(TunnelError):
                await visit.client.start()
            await asyncio.gather(opening, return_exceptions=True)
            await replay(here.place, visit.flight)
            assert not here.place.dialed

    run(main())


# --- the key ------------------------------------------------------------------------------------
class Thief(TicketStore):
    """Knows the names of all tickets, as whoever carries them does, and not their secrets."""

    def take(self, name: bytes, obfuscated_age: int, guest: bytes = b"") -> SessionTicket | None:
        made_up = next(iter(self._issued.values())).ticket
        made_up.ticket = name
        return made_up


@pytest.mark.parametrize("is_thief", [False, True], ids=["stranger", "thief"])
def test_another_egress_can_neither_read_what_was_early_nor_complete(is_thief: bool) -> None:
    async def main() -> None:
        async with scene() as here:
            other = Place(new_identity())
            if is_thief:
                other.store = Thief(now)
                other.store._issued = here.place.store._issued
                for issued in other.store._issued.values():
                    issued.ticket.resumption_secret = bytes(len(issued.ticket.resumption_secret))
            async with here.visit(other) as visit:
                visit.client.begin()
                opening = asyncio.create_task(visit.client.connect(site("echo"), b"secret"), name="test-open")
                with pytest.raises(TunnelError) as caught:
                    await visit.client.start()
                assert isinstance(caught.value, WrongKeyError) != is_thief  # a thief does not get past ServerHello
                with pytest.raises(StreamError):
                    await opening
                await asyncio.sleep(ROUND_TRIP)
                assert not other.dialed
                quic = visit.server._driver.quic
                assert quic is not None
                assert all(one % 4 in (1, 3) for one in quic._streams)  # its own; no byte of the client's
            await other.close()
            assert here.jar.take(IDENTITY.pin) is None

    run(main())


def test_a_ticket_of_an_egress_with_another_key_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such an egress may send one in the very packet that ends the handshake, before its key was looked at."""
    look_at_key = ClientTunnel._handshake_completed
    ticket = ticket_of(0)

    def first_a_ticket(client: ClientTunnel) -> None:
        client._keep_ticket(ticket)
        look_at_key(client)

    async def main() -> None:
        async with scene() as here:
            here.jar = TicketJar(now)
            other = Place(new_identity())
            monkeypatch.setattr(ClientTunnel, "_handshake_completed", first_a_ticket)
            async with here.visit(other) as visit:
                with pytest.raises(WrongKeyError):
                    await visit.client.start()
            assert here.jar.take(IDENTITY.pin) is None
            async with here.visit() as visit:
                await visit.client.start()
            assert here.jar.take(IDENTITY.pin) is ticket
            await other.close()

    run(main())


def test_a_client_without_a_jar_asks_for_no_ticket() -> None:
    async def main() -> None:
        place = Place()
        link, far = memory_pair()
        place.serve(far)
        client = ClientTunnel(IDENTITY.pin, link)
        assert not client.begin()
        await client.start()
        assert await echoed(await client.connect(site("echo"), b"x")) == b"x"
        assert not place.store._issued
        client.close()
        await place.close()

    run(main())
