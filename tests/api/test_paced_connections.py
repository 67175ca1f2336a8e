"""Connections that cost much wait for the turn of their source; others are read at once."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from functools import partial
from ipaddress import ip_address
from itertools import count
from pathlib import Path

import pytest
from aiohttp import web

from freespan.api.accepting import Tls
from freespan.api.listening import listening
from freespan.api.paced_connections import Account, Accounts, PacedConnection, Recent
from freespan.demo.certificates import DemoAuthority
from freespan.link.turns import STEP_SECONDS, Share, Turns
from freespan.sources.requests import SourceReader
from freespan.sources.source import SourceHasher

SECONDS = 20.0
EMPTY_PIECE = b"\x00\x80\x00\x00\x00\x00"
"""A continuation of a message with nothing in it."""
UPGRADE = (
    b"GET /socket HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


class Recorded(Accounts):
    """Accounts of a host whose visitors come from loopback; what is spent is written down."""

    def __init__(self) -> None:
        super().__init__(Turns(), SourceReader())
        self.connections: list[Account] = []

    def of_connection(self, transport: asyncio.BaseTransport) -> Account:
        self.connections.append(super().of_connection(transport))
        return self.connections[-1]


@contextlib.asynccontextmanager
async def serving(accounts: Accounts, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    async def upload(request: web.Request) -> web.Response:
        await asyncio.sleep(0.05)  # aiohttp does not read on meanwhile
        return web.Response(text=f"{len(await request.read())} small")

    async def small(request: web.Request) -> web.Response:
        return web.Response(text="small")

    async def socket(request: web.Request) -> web.WebSocketResponse:
        opened = web.WebSocketResponse(max_msg_size=16_384)
        await opened.prepare(request)
        async for message in opened:
            await opened.send_bytes(message.data)
        return opened

    app = web.Application()
    app.add_routes([web.get("/", small), web.get("/socket", socket), web.post("/", upload)])
    async with listening(app, "127.0.0.1", 0, Tls(tls) if tls else None, accounts=accounts) as port:
        yield port


@contextlib.asynccontextmanager
async def connection(
    port: int, address: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[asyncio.StreamWriter]:
    async with asyncio.timeout(SECONDS):
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, local_addr=(address, 0), ssl=tls, server_hostname="host.test" if tls else None
        )
        writer.reader = reader  # type: ignore[attr-defined]
        try:
            yield writer
        finally:
            writer.transport.abort()


async def answer(writer: asyncio.StreamWriter) -> bytes:
    found: bytes = await writer.reader.readuntil(b"small")  # type: ignore[attr-defined]
    return found


@pytest.fixture
def charged(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What sources have been charged, step by step."""
    found: list[float] = []
    original = Account._go_on

    def go_on(self: Account, turn: asyncio.Future[None]) -> None:
        found.append(self._spent)
        original(self, turn)

    monkeypatch.setattr(Account, "_go_on", go_on)
    return found


async def test_what_the_smallest_frames_cost_is_charged_before_more_is_read(
    charged: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a read costs is what a slow machine takes for it: on a fast one these frames are nearly free."""
    clock = count(0.0, 0.003)
    monkeypatch.setattr("freespan.api.paced_connections.perf_counter", lambda: next(clock))
    accounts = Recorded()
    async with serving(accounts) as port, connection(port) as writer:
        writer.write(UPGRADE + b"\x02\x80\x00\x00\x00\x00")
        writer.write(EMPTY_PIECE * 200_000)
        writer.write(b"\x80\x85\x00\x00\x00\x00small")
        await answer(writer)
    assert len(charged) >= 2
    assert min(charged) >= STEP_SECONDS


async def test_long_messages_wait_for_nobody(charged: list[float]) -> None:
    """As links carry them: a message is as long as one may be."""
    accounts = Recorded()
    message = b"\x82\xfe\x3f\x00\x00\x00\x00\x00" + bytes(0x3F00)
    async with serving(accounts) as port, connection(port) as writer:
        writer.write(UPGRADE)
        for _ in range(100):
            writer.write(message)
            await writer.reader.readexactly(4 + 0x3F00)  # type: ignore[attr-defined]
        writer.write(b"\x82\x85\x00\x00\x00\x00small")
        await answer(writer)
    assert sum(charged) < 0.1


async def test_two_sources_have_two_accounts_which_end_with_their_connections() -> None:
    accounts = Recorded()
    async with serving(accounts) as port, connection(port) as one, connection(port, "127.0.0.2") as other:
        for writer in (one, other):
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            await answer(writer)
        assert len(accounts._by_host) == 2
        accounts.connections.clear()
    async with asyncio.timeout(SECONDS):
        while len(accounts._by_host):
            await asyncio.sleep(0.01)


async def test_without_sources_each_connection_has_an_account() -> None:
    turns = Turns()
    accounts = Accounts(turns, SourceReader(is_public=lambda: True))
    async with serving(accounts) as port, connection(port) as writer:
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 20)
        for _ in range(20):
            await answer(writer)
    assert not accounts._by_host


async def test_a_connection_is_read_on_only_when_nothing_holds_it_back() -> None:
    """aiohttp holds it back while nobody takes what it has parsed, and its account while others wait."""
    accounts = Accounts(Turns(), SourceReader())
    made: list[PacedConnection] = []

    class Noted(PacedConnection):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments)  # type: ignore[arg-type]
            made.append(self)

    server = web.Server(lambda request: web.Response())  # type: ignore[arg-type,return-value]
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(
        partial(Noted, accounts, lambda connection, size: None, server, loop), "127.0.0.1", 0
    )
    async with connection(listener.sockets[0].getsockname()[1]) as writer:
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        async with asyncio.timeout(SECONDS):
            while not (made and made[0].transport):
                await asyncio.sleep(0.01)
        one, transport = made[0], made[0].transport
        assert transport is not None
        one.hold_back()
        one._pause_reading_for_buffer()
        one._resume_reading_for_buffer()
        assert not transport.is_reading()
        one._pause_reading_for_buffer()
        one.read_on()
        assert not transport.is_reading()
        one._resume_reading_for_buffer()
        assert transport.is_reading()
    listener.close()
    await server.shutdown()


async def test_requests_of_one_source_wait_for_turns_and_single_ones_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[Share] = []
    original = Share.turn

    def turn(self: Share) -> asyncio.Future[None]:
        turns.append(self)
        return original(self)

    monkeypatch.setattr(Share, "turn", turn)
    accounts = Recorded()
    async with serving(accounts) as port, connection(port) as first, connection(port) as second:
        first.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        await answer(first)
        assert not turns
        for writer in (first, second):
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 20)
        for writer in (first, second):
            for _ in range(20):
                assert b"HTTP/1.1 200 OK" in await answer(writer)
    assert len(turns) >= 12  # steps for 40 requests; what it costs to parse may need some as well
    assert len(set(map(id, turns))) == 1


async def test_many_new_connections_of_one_source_are_read_one_after_another(charged: list[float]) -> None:
    accounts = Recorded()
    async with serving(accounts) as port, contextlib.AsyncExitStack() as stack:
        writers = [await stack.enter_async_context(connection(port)) for _ in range(40)]
        for writer in writers:
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        for writer in writers:
            assert b"HTTP/1.1 200 OK" in await answer(writer)
    assert len(charged) >= 5


async def test_more_connections_may_wait_than_are_accepted_at_once() -> None:
    """The system drops those beyond, and each tries again a second later."""
    accounts = Recorded()
    async with serving(accounts) as port:
        waiting = [socket.socket() for _ in range(300)]
        try:
            for one in waiting:  # the event loop does not run meanwhile, so nothing is accepted
                one.settimeout(0.9)
                one.connect(("127.0.0.1", port))
        finally:
            for one in waiting:
                one.close()


async def test_the_smallest_records_of_many_connections_are_not_decrypted_in_one_turn_of_the_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn = 0
    read: Counter[int] = Counter()
    original = PacedConnection.data_received

    def data_received(self: PacedConnection, data: bytes) -> None:
        read[turn] += 1
        original(self, data)

    async def count() -> None:
        nonlocal turn
        while True:
            await asyncio.sleep(0)
            turn += 1

    authority = DemoAuthority(tmp_path)
    client = authority.client_context()
    async with serving(Recorded(), authority.server_context("host.test")) as port, contextlib.AsyncExitStack() as stack:
        writers = [await stack.enter_async_context(connection(port, tls=client)) for _ in range(40)]
        monkeypatch.setattr(PacedConnection, "data_received", data_received)
        counting = asyncio.create_task(count(), name="turns")
        for writer in writers:
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nX: ")
            for _ in range(1_500):
                writer.write(b"y")
        for writer in writers:
            writer.write(b"\r\n\r\n")
            await answer(writer)
        counting.cancel()
    assert max(read.values()) <= 10


async def test_uploads_with_tls_arrive_whole_though_nobody_reads_them_at_first(tmp_path: Path) -> None:
    authority = DemoAuthority(tmp_path)
    accounts, client = Recorded(), authority.client_context()
    size = 900_000
    async with (
        serving(accounts, authority.server_context("host.test")) as port,
        connection(port, tls=client) as writer,
    ):
        for _ in range(2):
            writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size)
            writer.write(bytes(size))
            assert b"%d small" % size in await answer(writer)


async def test_of_the_requests_of_many_sources_few_begin_in_one_turn_of_the_loop() -> None:
    """And all of them begin: somebody who has a session goes on between two of them."""
    turns, sources = Turns(), SourceHasher(lambda: 0.0, bytes)
    hosts = [sources.source_of(ip_address(f"20.0.{number}.1")) for number in range(40)]
    recent = Recent()
    accounts = [Account(turns, host.host, host.network, recent) for host in hosts]
    begun_in_turn = [0]

    async def request(account: Account) -> None:
        await account.take_request()
        begun_in_turn[-1] += 1

    requests = [asyncio.create_task(request(account), name="request") for account in accounts]
    while not all(one.done() for one in requests):
        begun_in_turn.append(0)
        await asyncio.sleep(0)
    await asyncio.gather(*requests)
    assert sum(begun_in_turn) == len(accounts)
    assert max(begun_in_turn) <= 5
