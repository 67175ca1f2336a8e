"""Sessions of a client that comes back, whose requests travel in its first flight (0-RTT), and what stands against it.

Time is virtual here: round trips are counted exactly, and nobody waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import pytest
from aioquic._buffer import Buffer
from aioquic.quic.packet import (
    QuicProtocolVersion,
    encode_quic_retry,
    encode_quic_version_negotiation,
    pull_quic_header,
)
from aioquic.tls import SessionTicket

from freespan.link.memory import memory_pair
from freespan.tunnel.client import ClientTunnel
from freespan.tunnel.identity import Identity, new_identity
from freespan.tunnel.quic import LinkQuic
from freespan.tunnel.server import ServerTunnel
from freespan.tunnel.stream import TunnelStream
from freespan.tunnel.tickets import TicketJar, TicketStore
from freespan.wire.errors import StreamError, TunnelError, WrongKeyError
from freespan.wire.limits import HANDSHAKE_SECONDS, HELLO_DATAGRAM_SIZE, STREAMS_MAX
from tests.link.owners import Recorder
from tests.support.tunnels import IDENTITY, Bridge, Change, by_name, pattern, read_all, site, unchanged
from tests.support.virtual_time import run
from tests.tunnel.test_tickets import ticket as ticket_of

ONE_WAY = 0.2
ROUND_TRIP = 2 * ONE_WAY
FRESH_HOP_BYTES = 4_380
"""What a data channel that has not carried anything yet sends at once (RFC 9260 section 7.2.1); TCP sends more."""
pytestmark = pytest.mark.timeout(20)


def rounds(since: float) -> float:
    """How many round trips that was."""
    return round((now() - since) / ROUND_TRIP, 2)


def now() -> float:
    return asyncio.get_running_loop().time()


class Place:
    """An egress with its store, and whatever has been dialed from it."""

    def __init__(self, identity: Identity = IDENTITY) -> None:
        self.identity = identity
        self.store = TicketStore(now)
        self.dialed: list[bytes] = []
        self.sessions: list[ServerTunnel] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def dial(self, session: ServerTunnel, stream: TunnelStream) -> None:
        self.dialed.append(dict(stream.headers)[b":authority"])
        await by_name(session, stream)

    def serve(self, link: object) -> ServerTunnel:
        session = ServerTunnel(self.identity, link, self.dial, self.store)  # type: ignore[arg-type]
        self.sessions.append(session)
        self._tasks.append(asyncio.create_task(session.serve(), name="test-serve"))
        return session

    async def close(self) -> None:
        for session in self.sessions:
            session.close("the test is over")
        await asyncio.gather(*self._tasks)


class Visit:
    """One session of a client, through a bridge, with all that it saw."""

    def __init__(self, place: Place, jar: TicketJar, to_egress: Change, to_client: Change) -> None:
        self.flight: list[bytes] = []
        self.back: list[bytes] = []
        self._changes = to_egress, to_client
        link, far = memory_pair(delay=ONE_WAY / 2)
        near, server_link = memory_pair(delay=ONE_WAY / 2)
        self.bridge = Bridge(far, near, self._to_egress, self._to_client)
        self.server = place.serve(server_link)
        self.client = ClientTunnel(IDENTITY.pin, link, jar)

    @property
    def quic(self) -> LinkQuic:
        assert self.client._driver.quic is not None
        return self.client._driver.quic

    def _to_egress(self, message: bytes) -> Iterable[bytes]:
        self.flight.append(message)
        return self._changes[0](message)

    def _to_client(self, message: bytes) -> Iterable[bytes]:
        self.back.append(message)
        return self._changes[1](message)


class Scene:
    """A place and a client that has been there before, so it has a ticket."""

    def __init__(self) -> None:
        self.place = Place()
        self.jar = TicketJar(now)

    @asynccontextmanager
    async def visit(
        self, place: Place | None = None, to_egress: Change = unchanged, to_client: Change = unchanged
    ) -> AsyncIterator[Visit]:
        visit = Visit(place or self.place, self.jar, to_egress, to_client)
        try:
            yield visit
        finally:
            visit.client.close("the visit is over")
            await asyncio.sleep(ROUND_TRIP)  # so that both ends know, and nothing is under way


@asynccontextmanager
async def scene() -> AsyncIterator[Scene]:
    one = Scene()
    async with one.visit() as visit:
        await visit.client.start()
        await asyncio.sleep(2 * ROUND_TRIP)  # tickets come after the handshake
    try:
        yield one
    finally:
        await one.place.close()


async def open_early(
    visit: Visit, name: str, first: bytes = b"", port: int = 1
) -> tuple[TunnelStream, asyncio.Task[None]]:
    """A stream that did not wait for the handshake, and the task of that."""
    assert visit.client.begin()
    starting = asyncio.create_task(visit.client.start(), name="test-start")
    return await visit.client.connect(site(name, port), first), starting


async def echoed(stream: TunnelStream) -> bytes:
    stream.write_eof()
    return await read_all(stream)


# --- how long it takes ---------------------------------------------------------------------------------
def test_a_client_that_comes_back_is_answered_in_one_round_trip() -> None:
    async def main() -> None:
        async with scene() as here, here.visit() as visit:
            since = now()
            stream, starting = await open_early(visit, "echo", b"GET /secret")
            assert rounds(since) == 1
            assert await stream.read() == b"GET /secret"
            assert rounds(since) == 1
            await starting
            assert rounds(since) == 1
            assert visit.quic.is_resumed
            assert not visit.quic.is_early
            assert visit.bridge is not None
            assert b"secret" not in visit.bridge.seen
            assert await echoed(stream) == b""

    run(main())


def test_a_new_client_is_answered_in_two_round_trips() -> None:
    """Nothing in the handshake waits for more than the other end's first flight."""

    async def main() -> None:
        one = Scene()
        async with one.visit() as visit:
            since = now()
            assert not visit.client.begin()
            with pytest.raises(StreamError):
                await visit.client.connect(site("echo"))
            await visit.client.start()
            assert rounds(since) == 1
            stream = await visit.client.connect(site("echo"), b"x")
            assert rounds(since) == 2
            assert await echoed(stream) == b"x"
        await one.place.close()

    run(main())


def test_a_ticket_that_is_not_taken_costs_nothing() -> None:
    """The egress was started anew: its answer takes as long as for a new client."""

    async def main() -> None:
        async with scene() as here:
            anew = Place()
            async with here.visit(anew) as visit:
                since = now()
                stream, starting = await open_early(visit, "echo", b"x")
                assert rounds(since) == 2
                await starting
                assert not visit.quic.is_resumed
                assert await echoed(stream) == b"x"
                assert anew.dialed == [b"echo.test:1"]
            await anew.close()

    run(main())


def test_no_flight_of_the_handshake_is_more_than_fresh_hops_send_at_once() -> None:
    """Whatever is more waits in each hop for a round trip of that hop, or two; QUIC knows nothing of those."""

    async def main() -> None:
        one = Scene()
        for _ in range(2):
            async with one.visit() as visit:
                visit.client.begin()
                await visit.client.start()
                hello = len(visit.flight)
                assert hello == 1  # and it was not said again because the egress is far away
                assert sum(map(len, visit.flight)) <= FRESH_HOP_BYTES
                assert sum(map(len, visit.back)) <= FRESH_HOP_BYTES
                await asyncio.sleep(ROUND_TRIP)
                assert sum(map(len, visit.flight[hello:])) <= FRESH_HOP_BYTES
                assert max(map(len, visit.flight + visit.back)) == HELLO_DATAGRAM_SIZE
        await one.place.close()

    run(main())


def test_an_answer_to_an_early_request_does_not_wait_for_the_handshake() -> None:
    """A server of QUIC may send three times what it has received to an address that may be made up; a link is none."""

    async def main() -> None:
        async with scene() as here, here.visit() as visit:
            since = now()
            stream, starting = await open_early(visit, "sized", port=100)
            received = 0
            while received < 100 * 1024:
                received += len(await stream.read())
            assert rounds(since) == 1
            await starting

    run(main())


# --- nothing lost, nothing doubled ---------------------------------------------------------------------
@pytest.mark.parametrize("is_known", [True, False], ids=["taken", "not taken"])
def test_many_early_streams_with_much_to_say_arrive_whole_and_once(is_known: bool) -> None:
    async def main() -> None:
        async with scene() as here:
            place = here.place if is_known else Place()
            async with here.visit(place) as visit:
                assert visit.client.begin()
                texts = [pattern(70_000)] + [str(number).encode() * 100 for number in range(1, STREAMS_MAX)]
                opening = [visit.client.connect(site("echo", number + 1), text) for number, text in enumerate(texts)]
                streams, _ = await asyncio.gather(asyncio.gather(*opening), visit.client.start())
                assert await asyncio.gather(*map(echoed, streams)) == texts
                assert visit.quic.is_resumed == is_known
                assert sorted(place.dialed) == sorted(f"echo.test:{n + 1}".encode() for n in range(STREAMS_MAX))
                visit.client.release(streams[0])
                assert await echoed(await visit.client.connect(site("echo"), b"x")) == b"x"  # and it goes on
            await place.close()

    run(main())


@pytest.mark.parametrize("is_known", [True, False], ids=["taken", "not taken"])
def test_an_early_stream_that_is_given_up_harms_no_other(is_known: bool) -> None:
    async def main() -> None:
        async with scene() as here:
            place = here.place if is_known else Place()
            async with here.visit(place) as visit:
                visit.client.begin()
                given_up = asyncio.create_task(visit.client.connect(site("echo", 7), b"x"), name="test-open")
                for _ in range(3):
                    await asyncio.sleep(0)
                given_up.cancel()
                await asyncio.gather(given_up, return_exceptions=True)
                await visit.client.start()
                assert await echoed(await visit.client.connect(site("echo"), b"y")) == b"y"
                assert not visit.client.is_over
            await place.close()

    run(main())


def test_early_packets_that_get_lost_are_sent_again() -> None:
    async def main() -> None:
        lost = 0

        def lose(message: bytes) -> Iterable[bytes]:
            nonlocal lost
            if 1 <= len(visit.flight) - 1 <= 4:
                lost += 1
                return ()
            return (message,)

        async with scene() as here, here.visit(to_egress=lose) as visit:
            text = pattern(5 * HELLO_DATAGRAM_SIZE)
            stream, starting = await open_early(visit, "echo", text)
            await starting
            assert lost == 4
            assert await echoed(stream) == text
            assert here.place.dialed == [b"echo.test:1"]

    run(main())


def test_a_session_that_never_opens_cuts_its_early_streams() -> None:
    async def main() -> None:
        async with scene() as here, here.visit(to_client=lambda message: ()) as visit:
            visit.client.begin()
            opening = asyncio.create_task(visit.client.connect(site("echo"), b"x"), name="test-open")
            with pytest.raises(TunnelError, match="handshake took too long"):
                await visit.client.start()
            with pytest.raises(StreamError):
                await opening

    run(main())


@pytest.mark.parametrize("kind", ["retry", "version"])
def test_nobody_in_between_can_make_a_client_begin_again(kind: str) -> None:
    """The seal of these packets is made with keys that everybody knows."""

    async def main() -> None:
        def forge(message: bytes) -> Iterable[bytes]:
            header = pull_quic_header(Buffer(data=visit.flight[0]), host_cid_length=8)
            if kind == "retry":
                forged = encode_quic_retry(
                    version=QuicProtocolVersion.VERSION_1,
                    source_cid=b"somebody",
                    destination_cid=header.source_cid,
                    original_destination_cid=header.destination_cid,
                    retry_token=b"token",
                )
            else:
                versions = [int(QuicProtocolVersion.VERSION_2)]
                forged = encode_quic_version_negotiation(
                    source_cid=header.destination_cid,
                    destination_cid=header.source_cid,
                    supported_versions=versions,
                )
            return (forged, message)

        async with scene() as here, here.visit(to_client=forge) as visit:
            stream, starting = await open_early(visit, "echo", b"x")
            await starting
            assert await echoed(stream) == b"x"
            assert visit.quic.is_resumed

    run(main())


# --- whoever carries it --------------------------------------------------------------------------------
async def replay(place: Place, flight: list[bytes]) -> tuple[Recorder, ServerTunnel]:
    """Play a client's messages to the egress, on a link of their own."""
    link, far = memory_pair(delay=ONE_WAY)
    answers = Recorder()
    link.start(answers)
    session = place.serve(far)
    for message in flight:
        link.send(message)
    await asyncio.sleep(ROUND_TRIP)
    return answers, session


def test_a_flight_that_is_played_again_opens_nothing() -> None:
    async def main() -> None:
        async with scene() as here:
            async with here.visit() as visit:
                stream, starting = await open_early(visit, "echo", b"x")
                await starting
                assert await echoed(stream) == b"x"
                await asyncio.sleep(ROUND_TRIP)
            for _ in range(2):
                _, session = await replay(here.place, visit.flight)
                assert session.is_over
                assert not session._driver.is_established
            await asyncio.sleep(10 * HANDSHAKE_SECONDS)  # long enough for the egress to forget that it was used
            _, session = await replay(here.place, visit.flight)
            assert session._driver.quic is not None
            assert not session._driver.quic.tls.session_resumed
            await asyncio.sleep(2 * HANDSHAKE_SECONDS)
            assert session.is_over
            assert here.place.dialed == [b"echo.test:1"]

    run(main())


def test_a_flight_that_is_carried_to_the_egress_twice_is_heard_once() -> None:
    """A full handshake for the second copy would make the client say again what the egress has heard."""

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
            assert now() - began < HANDSHAKE_SECONDS  # the client is told, and need not wait

    run(main())


def test_a_flight_that_was_kept_until_its_client_left_is_not_heard() -> None:
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


# --- the key -------------------------------------------------------------------------------------------
class Thief(TicketStore):
    """Knows the names of all tickets, as whoever carries them does, and not their secrets."""

    def take(self, name: bytes, obfuscated_age: int) -> SessionTicket | None:
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
                assert isinstance(caught.value, WrongKeyError) != is_thief  # a thief gets no further than the hello
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
