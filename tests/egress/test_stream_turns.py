"""Whoever opens many streams, or downloads through many, delays nobody else by more than a few pieces."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import cast

from freespan.egress.stream_turns import InTurn, StreamTurns
from freespan.link.turns import Group, Share, Turns
from freespan.tunnel.splice import TcpConnection
from freespan.tunnel.stream import CHUNK_SIZE
from tests.support.virtual_time import run


class Endless:
    """A target that has always something to send."""

    def __init__(self, size: int = CHUNK_SIZE) -> None:
        self._data = bytes(size)
        self.is_reading = True

    async def read(self) -> bytes:
        return self._data

    @contextlib.contextmanager
    def not_reading(self) -> Iterator[None]:
        self.is_reading = False
        yield
        self.is_reading = True


class Copies:
    """What was copied, by name."""

    def __init__(self) -> None:
        self.turns = StreamTurns()
        self.order: list[str] = []
        self.targets: list[Endless] = []
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, name: str, share: Share, size: int = CHUNK_SIZE) -> None:
        self.targets.append(Endless(size))
        source = InTurn(cast(TcpConnection, self.targets[-1]), self.turns, share)
        self._tasks.append(asyncio.create_task(self._copy(name, source), name=name))

    def flood(self, group: Group, sessions: int, streams: int, size: int = CHUNK_SIZE) -> None:
        for _ in range(sessions):
            session = group.share()
            for _ in range(streams):
                self.start("attacker", session, size)

    async def count_turns(self, count: int) -> None:
        for _ in range(count):
            await asyncio.sleep(0)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _copy(self, name: str, source: InTurn) -> None:
        while True:
            await source.read()
            self.order.append(name)
            await asyncio.sleep(0)  # the stream has sent it


def with_copies(body: Callable[[Copies, Turns], Awaitable[None]]) -> None:
    async def main() -> None:
        copies = Copies()
        await body(copies, Turns())
        await copies.stop()

    run(main())


def test_few_downloads_never_wait() -> None:
    async def body(copies: Copies, shares: Turns) -> None:
        for number in range(8):
            copies.start(f"{number}", shares.share())
        await copies.count_turns(100)
        assert len(copies.order) >= 8 * 45

    with_copies(body)


def test_a_turn_of_the_loop_copies_little_however_many_streams_there_are() -> None:
    async def body(copies: Copies, shares: Turns) -> None:
        copies.flood(shares.group("attacker"), sessions=9, streams=112)
        await copies.count_turns(200)
        assert 200 <= len(copies.order) <= 200 * 10

    with_copies(body)


def test_a_reader_beside_a_thousand_streams_gets_as_much_as_they_together() -> None:
    async def body(copies: Copies, shares: Turns) -> None:
        copies.flood(shares.group("attacker"), sessions=9, streams=112)
        await copies.count_turns(100)
        copies.start("reader", shares.group("reader").share())
        before = len(copies.order)
        await copies.count_turns(400)
        since = copies.order[before:]
        assert since.count("reader") >= len(since) // 4

    with_copies(body)


def test_some_small_pieces_never_wait() -> None:
    """As many as a thousand a second, and more."""

    async def body(copies: Copies, shares: Turns) -> None:
        session = shares.group("reader").share()
        for number in range(100):
            copies.start(f"{number}", session, size=100)
        await copies.count_turns(20)
        assert len(copies.order) >= 100 * 9

    with_copies(body)


def test_a_turn_of_the_loop_copies_few_pieces_however_small_they_are() -> None:
    async def body(copies: Copies, shares: Turns) -> None:
        copies.flood(shares.group("attacker"), sessions=30, streams=100, size=1)
        await copies.count_turns(2)
        assert len(copies.order) <= 2 * 150
        assert sum(target.is_reading for target in copies.targets) <= 300  # what they send then waits in the kernel
        await copies.count_turns(100)
        assert 102 <= len(copies.order) <= 102 * 150
        copies.start("page", shares.group("reader").share(), size=4_000)
        before = len(copies.order)
        await copies.count_turns(200)
        assert copies.order[before:].count("page") >= 40

    with_copies(body)


def test_small_pieces_of_a_session_share_its_turns() -> None:
    async def body(copies: Copies, shares: Turns) -> None:
        session = shares.share()
        for _ in range(500):
            copies.start("chat", session, size=10)
        await copies.count_turns(200)
        assert len(copies.order) >= 200 * 5

    with_copies(body)


def test_whoever_opens_a_thousand_streams_lets_a_reader_open_one_at_once() -> None:
    async def main() -> None:
        turns, shares = StreamTurns(), Turns()
        opened: list[str] = []

        async def open_stream(name: str, share: Share) -> None:
            await turns.open(share)
            opened.append(name)

        attacker, reader = shares.group("attacker").share(), shares.group("reader").share()
        tasks = [asyncio.create_task(open_stream("attacker", attacker), name="a") for _ in range(1_000)]
        await asyncio.sleep(0)
        before = len(opened)
        assert before < 8
        await asyncio.create_task(open_stream("reader", reader), name="r")
        assert len(opened) - before < 8
        await asyncio.gather(*tasks)
        assert len(opened) == 1_001

    run(main())
