"""The bounds on what QUIC lets the other end do, and that honest ends keep within them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aioquic._buffer import Buffer
from aioquic.buffer import encode_uint_var as varint
from aioquic.quic.connection import QuicConnectionError
from aioquic.quic.packet import pull_quic_header
from aioquic.quic.rangeset import RangeSet
from aioquic.tls import Epoch, SessionTicket
from hypothesis import given
from hypothesis import strategies as st

from freespan.tunnel.bounded_quic import (
    ACK_ONLY_MAX,
    ACK_RANGES_MAX,
    ATTEMPTS_MAX,
    CRYPTO_MAX,
    FRAMES_MAX,
    GAP_BYTES_MAX,
    GAPS_MAX,
    KEY_UPDATES_MAX,
    PACKETS_MAX,
    TICKETS_MAX,
    AckRanges,
    Ranges,
)
from freespan.tunnel.congestion import IN_FLIGHT_MAX, PACKETS_IN_FLIGHT_MAX
from freespan.tunnel.quic import PEER, LinkQuic, client_quic, server_quic
from freespan.tunnel.server import ServerTunnel
from freespan.tunnel.stream import TunnelStream
from freespan.wire.limits import DATAGRAM_SIZE, STREAMS_MAX
from tests.support.quic_attacks import ENDLESS_DATA, REQUEST, packet, stream
from tests.support.tunnels import (
    DEFAULTS,
    IDENTITY,
    BondedEnds,
    bonded_session,
    pattern,
    session,
    site,
    until,
)
from tests.support.virtual_time import run
from tests.tunnel.returning_client import Place, Visit, echoed, open_early, scene

pytestmark = pytest.mark.timeout(60)


def ends_of(ends: BondedEnds, side: str) -> tuple[LinkQuic, LinkQuic]:
    """The connection that attacks, and the one at the other end."""
    client, server = ends.client._driver.quic, ends.server._driver.quic
    assert client is not None
    assert server is not None
    return (client, server) if side == "egress" else (server, client)


def receive(ends: BondedEnds, side: str, payload: bytes) -> str:
    """Let one end receive frames of the other; returns why the connection is closed, if it is."""
    attacker, victim = ends_of(ends, side)
    victim.receive_datagram(packet(attacker, payload), PEER, now=asyncio.get_running_loop().time())
    return victim._close_event.reason_phrase if victim._close_event is not None else ""


both_ends = pytest.mark.parametrize("side", ["egress", "client"])


# --- gaps ----------------------------------------------------------------------------------------------
@both_ends
async def test_over_a_bond_a_gap_in_a_stream_ends_the_session(side: str) -> None:
    async with bonded_session() as ends:
        await ends.client.connect(site("silent"))
        driver = (ends.server if side == "egress" else ends.client)._driver
        attacker, victim = ends_of(ends, side)
        begin = victim._streams[0].receiver.starting_offset()
        driver.on_message(packet(attacker, stream(0, begin, b"x")))
        driver.on_message(packet(attacker, stream(0, begin, b"x")))  # the same again is no gap
        driver.on_message(packet(attacker, stream(0, begin + 2, b"x")))
        async with asyncio.timeout(5):
            assert await driver.wait_ended() == "the session timed out or broke"


async def test_a_gap_in_the_handshake_ends_the_session() -> None:
    async with bonded_session() as ends:
        assert receive(ends, "egress", b"\x06" + varint(CRYPTO_MAX // 2) + b"\x01x") == "a frame that leaves a gap"


async def test_over_another_link_a_few_gaps_are_allowed() -> None:
    async with session() as ends:
        await until(lambda: ends.server._driver.is_established)
        client, server = ends.client._driver.quic, ends.server._driver.quic
        assert client is not None
        assert server is not None
        first = REQUEST + ENDLESS_DATA
        later = [stream(0, len(first) + 1 + 2 * number, b"x") for number in range(GAPS_MAX + 1)]
        server.receive_datagram(packet(client, stream(0, 0, first) + b"".join(later[:-1])), PEER, now=0.0)
        assert server._close_event is None
        server.receive_datagram(packet(client, later[-1]), PEER, now=0.0)
        assert server._close_event is not None
        assert server._close_event.reason_phrase == "frames that leave too many gaps"


async def test_what_waits_behind_gaps_is_bounded_for_all_streams_together() -> None:
    async with session() as ends:
        await until(lambda: ends.server._driver.is_established)
        client, server = ends.client._driver.quic, ends.server._driver.quic
        assert client is not None
        assert server is not None
        far = b"".join(stream(4 * number, DEFAULTS.stream_window - 1, b"x") for number in range(STREAMS_MAX))
        server.receive_datagram(packet(client, far), PEER, now=0.0)
        assert server._close_event is not None
        assert sum(len(one.receiver._buffer) for one in server._streams.values()) <= GAP_BYTES_MAX


# --- honest ends ---------------------------------------------------------------------------------------
def strictly(visit: Visit) -> Visit:
    """As over a bond: a gap would end the session."""
    visit.client._driver.is_link_in_order = visit.server._driver.is_link_in_order = True
    return visit


@pytest.mark.parametrize("is_known", [True, False], ids=["taken", "refused"])
def test_data_behind_a_request_in_the_first_flight_leaves_no_gap(is_known: bool) -> None:
    """Where the ticket is refused, the packets of the flight are: a gap in their numbers, and in nothing else."""

    async def main() -> None:
        async with scene() as here:
            place = here.place if is_known else Place()
            async with here.visit(place) as visit:
                text = pattern(90_000)
                upload, starting = await open_early(strictly(visit), "echo", text)
                await starting
                assert visit.quic.is_resumed == is_known
                await upload.write(text)
                assert await echoed(upload) == text + text
                assert not visit.client.is_over
                assert not visit.server.is_over
            await place.close()

    run(main())


# --- acknowledgements ------------------------------------------------------------------------------------
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 60), st.integers(1, 9)), max_size=60))
def test_ranges_are_those_of_aioquic(changes: list[tuple[bool, int, int]]) -> None:
    mine, theirs = Ranges(), RangeSet()
    for adds, start, size in changes:
        for one in (mine, theirs):
            (one.add if adds else one.subtract)(start, start + size)
        assert list(mine) == list(theirs)
        assert mine == theirs
        assert len(mine) == len(theirs)
    if len(mine):
        assert mine.bounds() == theirs.bounds()
        assert mine[-1] == theirs[-1]
        assert mine[:2] == theirs[:2]
        assert mine.shift() == theirs.shift()


def test_a_number_in_the_middle_of_many_ranges_costs_no_walk_through_them() -> None:
    """aioquic compares with one range after the other; this counts the comparisons."""
    compared = 0

    class Number(int):
        def __lt__(self, other: int) -> bool:
            nonlocal compared
            compared += 1
            return int(self) < other

        def __gt__(self, other: int) -> bool:
            nonlocal compared
            compared += 1
            return int(self) > other

    ranges = Ranges([range(4 * number, 4 * number + 2) for number in range(10_000)])
    ranges.add(Number(20_003), Number(20_004))
    ranges.subtract(Number(8_000), Number(8_001))
    assert 0 < compared < 200


def test_the_oldest_of_too_many_ranges_is_acknowledged_no_more() -> None:
    ranges = AckRanges()
    for number in range(0, 4 * ACK_RANGES_MAX, 2):
        ranges.add(number)
    assert len(ranges) == ACK_RANGES_MAX
    assert ranges[-1] == range(4 * ACK_RANGES_MAX - 2, 4 * ACK_RANGES_MAX - 1)


@both_ends
async def test_gaps_between_packet_numbers_are_bounded_and_end_nothing(side: str) -> None:
    async with bonded_session() as ends:
        attacker, victim = ends_of(ends, side)
        for _ in range(3 * ACK_RANGES_MAX):
            attacker._packet_number += 1
            assert not receive(ends, side, b"\x01")
        assert len(victim._spaces[Epoch.ONE_RTT].ack_queue) == ACK_RANGES_MAX


@both_ends
async def test_an_ack_may_not_have_more_ranges_than_an_honest_one(side: str) -> None:
    async with bonded_session() as ends:
        _, victim = ends_of(ends, side)
        victim._packet_number += 1_000
        many = b"\x02" + varint(900) + b"\x00" + varint(ACK_RANGES_MAX - 1) + b"\x00" + bytes(2 * (ACK_RANGES_MAX - 1))
        assert not receive(ends, side, many)
        assert receive(ends, side, many.replace(varint(ACK_RANGES_MAX - 1), varint(ACK_RANGES_MAX), 1) + bytes(2))


@both_ends
async def test_an_ack_of_what_was_never_sent_ends_the_session(side: str) -> None:
    async with bonded_session() as ends:
        _, victim = ends_of(ends, side)
        assert receive(ends, side, b"\x02" + varint(victim._packet_number) + bytes(3)) == (
            "an ACK of what was never sent"
        )


async def test_an_ack_that_says_nothing_new_looks_at_nothing_that_was_sent() -> None:
    """However many packets wait to be acknowledged."""
    async with bonded_session() as ends:
        _, server = ends_of(ends, "egress")
        space = server._spaces[Epoch.ONE_RTT]
        first = server._packet_number

        class Watched(dict[int, Any]):
            walks = 0

            def __iter__(self) -> Iterator[int]:
                self.walks += 1
                return super().__iter__()

        watched = Watched(space.sent_packets)
        space.sent_packets = watched
        for number in range(first, first + 2_000):
            watched[number] = None
        server._packet_number += 2_000
        space.largest_acked_packet = first - 1
        old = b"\x02" + varint(first - 1) + b"\x00\x00" + varint(first - 1)
        assert not receive(ends, "egress", old * 100)
        assert watched.walks <= 1
        watched.clear()


async def test_packets_that_only_acknowledge_are_not_kept_for_long() -> None:
    async with bonded_session() as ends:
        client, server = ends_of(ends, "egress")
        space = server._spaces[Epoch.ONE_RTT]
        for number in range(5 * ACK_ONLY_MAX):
            server.receive_datagram(packet(client, b"\x01"), PEER, now=float(number))
            space.ack_at = float(number)
            server.datagrams_to_send(now=float(number))
        assert sum(not one.in_flight for one in space.sent_packets.values()) == ACK_ONLY_MAX


@pytest.mark.parametrize(
    ("packets", "size"), [(PACKETS_IN_FLIGHT_MAX, 100), (IN_FLIGHT_MAX // DATAGRAM_SIZE + 1, DATAGRAM_SIZE)]
)
async def test_an_end_that_acknowledges_nothing_is_sent_no_more(packets: int, size: int) -> None:
    async with bonded_session() as ends:
        _, server = ends_of(ends, "egress")
        control = server.control
        server._spaces[Epoch.ONE_RTT].sent_packets.clear()
        control.bytes_in_flight = control.frames_in_flight = control._packets_in_flight = 0
        control.send_credit = 10 * DATAGRAM_SIZE
        sent = [cast(Any, SimpleNamespace(sent_bytes=size, delivery_handlers=[()])) for _ in range(packets)]
        for one in sent:
            assert control.congestion_window > control.bytes_in_flight
            control.on_packet_sent(packet=one)
        assert control.congestion_window == control.bytes_in_flight
        control.on_packets_expired(packets=sent)


# --- frames and packets in a datagram --------------------------------------------------------------------
@both_ends
async def test_a_datagram_has_no_more_frames_than_an_honest_one(side: str) -> None:
    async with bonded_session() as ends:
        assert not receive(ends, side, b"\x01" * FRAMES_MAX)
        assert not receive(ends, side, bytes(DATAGRAM_SIZE - 200))  # PADDING is one, however long
        assert receive(ends, side, b"\x01" * (FRAMES_MAX + 1)) == "too many frames in a datagram"


async def test_an_honest_datagram_with_something_of_every_stream_has_fewer_frames() -> None:
    """All streams are written to, given up and opened wider at once, and all that fits goes into one packet."""

    async def echo_a_little(tunnel: ServerTunnel, one: TunnelStream) -> None:
        tunnel.accept(one)
        await one.write(await one.read())
        await asyncio.Event().wait()

    async with bonded_session(echo_a_little) as ends:
        streams = await asyncio.gather(*(ends.client.connect(site("any")) for _ in range(STREAMS_MAX)))
        for one in streams:
            await one.write(b"x")
        assert [await one.read() for one in streams] == [b"x"] * STREAMS_MAX
        client = ends.client._driver.quic
        assert client is not None
        for one in streams:
            client._streams[one.id].max_stream_data_local += 1
            one.write_eof()
            ends.client.release(one)
        await until(lambda: all(number % 4 for number in client._streams))
        assert await read_to_the_end(ends) == b"x"


async def read_to_the_end(ends: BondedEnds) -> bytes:
    one = await ends.client.connect(site("any"))
    await one.write(b"x")
    return await one.read()


def broken(first: bytes) -> bytes:
    """An Initial packet that does not open, and nothing behind it. Its datagram must be longer."""
    header = pull_quic_header(Buffer(data=first), host_cid_length=8)
    changed = bytearray(first[: header.packet_length])
    changed[-1] ^= 1
    return bytes(changed)


def test_packets_beyond_those_that_an_honest_datagram_has_are_not_read() -> None:
    client = client_quic(DEFAULTS)
    client.connect(PEER, now=0.0)
    (first, _), *_ = client.datagrams_to_send(now=0.0)
    server = server_quic(IDENTITY, first, DEFAULTS)
    read = 0
    original = server._initialize

    def count(peer_cid: bytes) -> None:
        nonlocal read
        read += 1
        original(peer_cid)

    server._initialize = count  # type: ignore[method-assign]  # called for each packet, until one opens the connection
    server.receive_datagram(broken(first) * 40, PEER, now=0.0)
    assert read == PACKETS_MAX
    server.receive_datagram(first, PEER, now=0.0)
    assert server._host_cids


def test_a_connection_that_does_not_open_is_not_tried_for_ever() -> None:
    client = client_quic(DEFAULTS)
    client.connect(PEER, now=0.0)
    (first, _), *_ = client.datagrams_to_send(now=0.0)
    server = server_quic(IDENTITY, first, DEFAULTS)
    for _ in range(ATTEMPTS_MAX):
        server.receive_datagram(broken(first) + bytes(len(first)), PEER, now=0.0)
    server.receive_datagram(first, PEER, now=0.0)
    assert not server._crypto_streams[Epoch.INITIAL].receiver.starting_offset()


# --- handshake and keys --------------------------------------------------------------------------------
@both_ends
async def test_a_handshake_is_not_longer_than_an_honest_one(side: str) -> None:
    async with bonded_session() as ends:
        _, victim = ends_of(ends, side)
        begin = victim._crypto_streams[Epoch.ONE_RTT].receiver.starting_offset()
        message = b"\x01\x0f\xff\xff" + bytes(CRYPTO_MAX)  # the head of a message of a megabyte
        for offset in range(0, CRYPTO_MAX - begin, 1_000):
            part = message[offset : min(offset + 1_000, CRYPTO_MAX - begin)]
            assert not receive(ends, side, b"\x06" + varint(begin + offset) + varint(len(part)) + part)
        assert receive(ends, side, b"\x06" + varint(CRYPTO_MAX) + b"\x01x") == "too long a handshake"


async def test_an_egress_cannot_flood_a_client_with_tickets() -> None:
    kept: list[SessionTicket] = []
    quic = client_quic(DEFAULTS, None, kept.append)
    ticket = cast(SessionTicket, SimpleNamespace(max_early_data_size=None))
    for _ in range(TICKETS_MAX):
        quic._handle_session_ticket(ticket)
    with pytest.raises(QuicConnectionError):
        quic._handle_session_ticket(ticket)
    assert len(kept) == TICKETS_MAX


@both_ends
async def test_keys_do_not_change_all_the_time(side: str) -> None:
    async with bonded_session() as ends:
        attacker, _ = ends_of(ends, side)
        for number in range(KEY_UPDATES_MAX + 1):
            attacker._cryptos[Epoch.ONE_RTT]._update_key("local_update")
            reason = receive(ends, side, b"\x01")
            assert (reason == "too many changes of keys") == (number == KEY_UPDATES_MAX)


@both_ends
async def test_what_comes_behind_a_broken_rule_is_not_read(side: str) -> None:
    async with bonded_session() as ends:
        attacker, victim = ends_of(ends, side)
        assert receive(ends, side, b"\x21")
        seen: list[bytes] = []
        victim._payload_received = lambda context, plain, crypto_frame_required=False: seen.append(plain)  # type: ignore[method-assign, assignment, return-value]
        victim.receive_datagram(packet(attacker, b"\x01"), PEER, now=0.0)
        assert not seen
