"""What sessions hold is counted where it is held, and at the limit the greediest end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from freespan.egress.origins import UNKNOWN, Origin
from freespan.egress.session import SESSION_COST, EgressSession
from freespan.egress.sessions import Sessions
from freespan.egress.settings import EgressSettings
from freespan.link.bond.bond import Bond
from freespan.link.bond.settings import BondSettings
from freespan.link.memory import memory_pair
from freespan.observe.ledger import FULL, Ledger
from freespan.sources.source import Source
from freespan.tunnel.client import ClientTunnel
from freespan.tunnel.identity import new_identity
from freespan.tunnel.stream import TunnelStream
from freespan.wire.errors import StreamError, TunnelError
from freespan.wire.target import Target
from tests.support.tunnels import until, write_all

IDENTITY = new_identity()
SETTINGS = EgressSettings(bond=BondSettings(linger_seconds=0.05))
MB = 1_000_000
SLACK = 400_000
"""For what is between the ends at the moment of looking: acknowledgements that have not come, streams that are new."""


async def handler(session: EgressSession, stream: TunnelStream) -> None:
    """A site that never reads, one that sends a megabyte, and one that answers what it is sent."""
    session.tunnel.accept(stream)
    name = dict(stream.headers)[b":authority"].partition(b":")[0]
    try:
        if name == b"silent.test":
            await until(lambda: stream._read_cut is not None, 60)
        while data := await stream.read():
            await stream.write(bytes(MB) if name == b"sending.test" else data)
    except StreamError:
        pass


class Host:
    def __init__(self, limit: int | None = None, settings: EgressSettings = SETTINGS) -> None:
        self.ledger = Ledger(limit)
        self.sessions = Sessions(IDENTITY, handler, lambda _: None, settings, ledger=self.ledger)
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def client(self, origin: Origin = UNKNOWN) -> AsyncIterator[ClientTunnel]:
        near, far = memory_pair()
        task = asyncio.create_task(self.sessions.take(far, origin), name="test-take")
        self._tasks.add(task)
        bond = Bond.begin_session(near, settings=SETTINGS.bond)
        tunnel = ClientTunnel(IDENTITY.pin, bond)
        try:
            await tunnel.start()
            yield tunnel
        finally:
            tunnel.close()
            await bond.wait_closed()
            await task

    async def until_empty(self) -> None:
        await until(lambda: not self.sessions._tasks)


async def fill(client: ClientTunnel, size: int, name: str = "silent.test") -> TunnelStream:
    """Send so much to a site that does not read it."""
    stream = await client.connect(Target(name, 1))
    await write_all(stream, bytes(size))
    return stream


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    host = Host()
    yield host
    host.sessions.close()
    await host.until_empty()
    tickets = host.ledger.total
    assert tickets < 50_000, "what sessions have held is not given back"


async def test_a_session_that_carries_nothing_counts(host: Host) -> None:
    async with host.client(), host.client():
        assert 2 * SESSION_COST <= host.ledger.total <= 2 * SESSION_COST + SLACK


async def test_what_a_site_does_not_read_counts_until_the_stream_ends(host: Host) -> None:
    async with host.client() as client:
        idle = host.ledger.total
        stream = await fill(client, 500_000)
        await until(lambda: host.ledger.total >= idle + 500_000)
        assert host.ledger.total <= idle + 500_000 + SLACK
        client.release(stream)
        await until(lambda: host.ledger.total <= idle + SLACK // 2)


async def test_what_a_reader_does_not_read_counts(host: Host) -> None:
    async with host.client() as client:
        idle = host.ledger.total
        stream = await client.connect(Target("sending.test", 1), b"x")
        await until(lambda: stream.unread >= 500_000)
        assert host.ledger.total >= idle + 250_000, "what is written and does not fit the reader's window"
        while stream.unread:
            await stream.read()
        client.release(stream)
        await until(lambda: host.ledger.total <= idle + SLACK // 2)


async def test_at_the_limit_the_session_that_holds_the_most_ends_and_says_why() -> None:
    host = Host(4 * MB)
    async with host.client() as quiet, host.client() as greedy:
        kept = await fill(quiet, 300_000)
        streams = [await fill(greedy, 500_000) for _ in range(4)]
        assert not greedy.is_over
        with pytest.raises((StreamError, TunnelError)):
            while True:
                streams.append(await fill(greedy, 500_000))
        assert await greedy.wait_ended() == "the host is full, and ended this session for others"
        assert not quiet.is_over
        await quiet.connect(Target("echo.test", 1))
        quiet.release(kept)
        assert host.ledger.ended == 1
        assert host.ledger.total < 2 * MB
    await host.until_empty()


async def test_the_source_that_holds_the_most_pays() -> None:
    host = Host(4 * MB)
    attacker = Origin(Source(b"attacker", b"its network"))
    async with host.client(Origin(Source(b"reader", b"home"))) as reader:
        await fill(reader, 500_000)
        await fill(reader, 500_000)
        async with host.client(attacker) as first, host.client(attacker) as second, host.client(attacker) as third:
            for client in (first, second, third):
                await fill(client, 500_000)
            with pytest.raises((StreamError, TunnelError)):
                for _ in range(20):
                    await fill(first, 500_000)
            assert first.is_over
            assert not reader.is_over
    await host.until_empty()


async def test_nothing_new_begins_when_nobody_is_left_who_could_end() -> None:
    host = Host(4 * MB)
    host.ledger.account().report(4 * MB)
    with pytest.raises(TunnelError):
        async with host.client():
            pass
    assert not host.sessions._by_id


async def test_a_session_that_holds_more_than_any_may_ends() -> None:
    host = Host(None, EgressSettings(bond=SETTINGS.bond, session_held_max=2 * MB))
    async with host.client() as greedy, host.client() as other:
        with pytest.raises((StreamError, TunnelError)):
            for _ in range(20):
                await fill(greedy, 500_000)
        assert greedy.is_over
        assert not other.is_over
    await host.until_empty()


def test_the_reason_is_one_for_people() -> None:
    assert "memory" in FULL
