"""Requests in the first flight of a returning client (0-RTT): how long they take, and that each arrives once.

Time is virtual: round trips are counted exactly, and no test waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest
from aioquic._buffer import Buffer
from aioquic.quic.packet import (
    QuicProtocolVersion,
    encode_quic_retry,
    encode_quic_version_negotiation,
    pull_quic_header,
)

from freespan.wire.errors import StreamError, TunnelError
from freespan.wire.limits import INITIAL_DATAGRAM_SIZE, STREAMS_MAX
from tests.support.tunnels import pattern, site
from tests.support.virtual_time import run
from tests.tunnel.returning_client import (
    ROUND_TRIP,
    Place,
    Scene,
    echoed,
    now,
    open_early,
    rounds,
    scene,
)

pytestmark = pytest.mark.timeout(20)
FRESH_HOP_BYTES = 4_380
"""What a data channel that has not carried anything yet sends at once (RFC 9260 section 7.2.1); TCP sends more."""


# --- round trips --------------------------------------------------------------------------------
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
    """What exceeds that waits for a round trip of a hop, or two; QUIC knows nothing of hops."""

    async def main() -> None:
        one = Scene()
        for _ in range(2):
            async with one.visit() as visit:
                visit.client.begin()
                await visit.client.start()
                hello = len(visit.flight)
                assert hello == 1  # and it was not sent again because the egress is far away
                assert sum(map(len, visit.flight)) <= FRESH_HOP_BYTES
                assert sum(map(len, visit.back)) <= FRESH_HOP_BYTES
                await asyncio.sleep(ROUND_TRIP)
                assert sum(map(len, visit.flight[hello:])) <= FRESH_HOP_BYTES
                assert max(map(len, visit.flight + visit.back)) == INITIAL_DATAGRAM_SIZE
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


# --- nothing lost, nothing doubled ------------------------------------------------------------
@pytest.mark.parametrize("is_known", [True, False], ids=["taken", "not taken"])
def test_many_early_streams_arrive_whole_and_once(is_known: bool) -> None:
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
            text = pattern(5 * INITIAL_DATAGRAM_SIZE)
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
def test_an_attacker_in_between_cannot_make_a_client_begin_again(kind: str) -> None:
    """These packets are protected with keys that everybody knows."""

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
