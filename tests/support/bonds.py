"""Two bonds with paths between them, and owners that send all they may and check all that comes."""

import asyncio
import os
from collections.abc import Callable
from typing import TypeVar

from freespan.link.bond.arrival import Arrival
from freespan.link.bond.bond import Bond
from freespan.link.bond.events import BondEvent, Joinable, LinkJoined
from freespan.link.bond.session_key import SessionKey, session_key
from freespan.wire.bond_frames import Hello, Join
from freespan.wire.limits import DATAGRAM_SIZE
from tests.support.link_paths import Path

SECRET = bytes(range(32))
Kind = TypeVar("Kind", bound=BondEvent)
_FILLING = os.urandom(2 * DATAGRAM_SIZE)


def packet(number: int, size: int = DATAGRAM_SIZE) -> bytes:
    """A packet that is like no other, and shows where it belongs."""
    size = max(size, 8)
    start = number % DATAGRAM_SIZE
    return number.to_bytes(8, "big") + _FILLING[start : start + size - 8]


class Owner:
    """Sends packets when there is credit, as QUIC does; every packet that comes must be the next one, whole."""

    def __init__(self, bond: Bond, sizes: Callable[[int], int] = lambda _: DATAGRAM_SIZE) -> None:
        self.bond = bond
        self.sent = 0
        self.received = 0
        self.bytes_received = 0
        self.to_send = 0
        self.closed_reason: str | None = None
        self.longest_pause = 0.0
        self.arrivals: list[tuple[float, int]] = []
        self.theirs: Callable[[int], int] = sizes
        self._sizes = sizes
        self._loop = asyncio.get_running_loop()
        self._last_at = self._loop.time()
        self._news = asyncio.Event()
        bond.start(self)

    # --- LinkOwner -----------------------------------------------------------------------------
    def on_message(self, message: bytes) -> None:
        assert self.closed_reason is None
        expected = packet(self.received, self.theirs(self.received))
        assert message == expected, f"packet {self.received} is wrong"
        now = self._loop.time()
        if self.received:
            self.longest_pause = max(self.longest_pause, now - self._last_at)
        self._last_at = now
        self.received += 1
        self.bytes_received += len(message)
        self.arrivals.append((now, len(message)))
        self._news.set()

    def on_writable(self) -> None:
        self._pump()

    def on_closed(self, reason: str) -> None:
        assert self.closed_reason is None
        self.closed_reason = reason
        self._news.set()

    # --- for tests -------------------------------------------------------------------------------
    def send(self, count: int) -> None:
        """Send so many packets more, as fast as there is credit."""
        self.to_send += count
        self._pump()

    def send_one(self) -> None:
        """Send one packet whether there is credit or not."""
        self.bond.send(packet(self.sent, self._sizes(self.sent)))
        self.sent += 1

    def _pump(self) -> None:
        while self.to_send and self.closed_reason is None:
            credit = self.bond.send_credit
            if credit < DATAGRAM_SIZE:
                return
            while self.to_send and credit >= DATAGRAM_SIZE:
                credit -= DATAGRAM_SIZE
                self.to_send -= 1
                self.send_one()

    async def until(self, condition: Callable[[], bool], seconds: float = 120.0) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                self._news.clear()
                await self._news.wait()

    async def until_received(self, count: int, seconds: float = 120.0) -> None:
        await self.until(lambda: self.received >= count, seconds)

    async def until_received_all(self, other: "Owner", seconds: float = 120.0) -> None:
        """Wait until everything that the other owner has to send has come."""
        await self.until(lambda: not other.to_send and self.received == other.sent, seconds)

    async def until_closed(self, seconds: float = 1_000.0) -> str:
        await self.until(lambda: self.closed_reason is not None, seconds)
        assert self.closed_reason is not None
        return self.closed_reason

    def rate(self, since: float, until: float) -> float:
        """Bytes a second that came in between."""
        return sum(size for at, size in self.arrivals if since <= at < until) / (until - since)


class EventLog:
    """Writes down what a bond reports."""

    def __init__(self) -> None:
        self.events: list[BondEvent] = []
        self.joinable = asyncio.Event()

    def __call__(self, event: BondEvent) -> None:
        self.events.append(event)
        if isinstance(event, Joinable):
            self.joinable.set()

    def of(self, kind: type[Kind]) -> list[Kind]:
        return [event for event in self.events if isinstance(event, kind)]

    def count(self, kind: type[BondEvent]) -> int:
        return len(self.of(kind))


class Bonds:
    """A client's and an egress' bond; the first path is number 0."""

    client: Bond
    egress: Bond

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.paths: dict[int, Path] = {}
        self.events, self.egress_events = EventLog(), EventLog()
        self.session: SessionKey = session_key(SECRET, os.urandom(16))
        self.refused = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self, first: Path | None = None, sizes: Callable[[int], int] = lambda _: DATAGRAM_SIZE) -> None:
        """Begin a session: the client says something, the egress answers with the key."""
        path = self.paths[0] = first or Path()
        self.client = Bond.begin_session(path.client, self.events)
        self.of_client = Owner(self.client, sizes)
        self.of_client.send_one()
        arrival = Arrival(path.egress)
        assert isinstance(await arrival.opening(), Hello)
        self.egress = Bond.accept_session(arrival, self.session, self.egress_events)
        self.of_egress = Owner(self.egress, sizes)
        self.of_egress.send_one()
        await self.of_client.until_received(1)
        self.client.set_key(self.session)
        async with asyncio.timeout(30):
            await self.events.joinable.wait()

    def join(self, path: Path | None = None) -> int:
        """The client adds a link; the egress admits it when it comes."""
        path = path or Path()
        number = self.client.add(path.client)
        self.paths[number] = path
        task = self.loop.create_task(self.arrive(path), name="test-arrive")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return number

    async def arrive(self, path: Path) -> None:
        arrival = Arrival(path.egress)
        try:
            async with asyncio.timeout(15):
                join = await arrival.opening()
            assert isinstance(join, Join)
            assert join.session == self.session.id
            self.egress.admit(arrival)
        except Exception:
            self.refused += 1
            path.egress.close("refused")

    async def joined(self, *paths: Path) -> None:
        """Add links and wait until they take part at both ends."""
        logs = (self.events, self.egress_events)
        wanted = [log.count(LinkJoined) + len(paths) for log in logs]
        for path in paths:
            self.join(path)
        async with asyncio.timeout(30):
            while any(log.count(LinkJoined) < count for log, count in zip(logs, wanted, strict=True)):
                await asyncio.sleep(0.01)

    def owners(self) -> tuple[Owner, Owner]:
        return self.of_client, self.of_egress

    async def close(self) -> None:
        self.client.close()
        await self.of_egress.until_closed()
        await asyncio.sleep(3)
        for task in self._tasks:
            task.cancel()
