"""An egress in virtual time, with clients that add and lose links as a test wants it to."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable

from freespan.client.admission import InviteAdmission
from freespan.egress.guests import Guests
from freespan.egress.origins import UNKNOWN, Origin
from freespan.egress.session import EgressSession
from freespan.egress.sessions import Sessions
from freespan.egress.settings import EgressSettings
from freespan.link.bond.bond import Bond
from freespan.link.bond.record_protection import RecordProtection
from freespan.link.bond.session_key import Role, SessionKey
from freespan.link.memory import MemoryLink, memory_pair
from freespan.observe.ledger import Ledger
from freespan.tunnel.client import ClientTunnel
from freespan.tunnel.stream import TunnelStream
from freespan.tunnel.tickets import TicketJar
from freespan.wire.bond_frames import KEY_PATH, SESSION_ID_SIZE, Frames, encode
from freespan.wire.target import Target
from tests.client.supplied import echo
from tests.support.bonds import EventLog
from tests.support.invites import invite_to
from tests.support.tunnels import IDENTITY, echo_of
from tests.support.virtual_time import run

DEFAULTS = EgressSettings()

DELAY = 0.01
SITE = Target("site", 1)


class Scene:
    """An egress, and links to it."""

    def __init__(
        self, settings: EgressSettings = DEFAULTS, guests: Guests | None = None, ledger: Ledger | None = None
    ) -> None:
        self.settings = settings
        self.guests = guests
        self.ledger = ledger
        self.count = 0
        self.counts_links = False
        """Whether links are counted as they come, like those of WebSockets."""
        self.handler: Callable[[EgressSession, TunnelStream], Awaitable[None]] = echo
        self.sessions = self.new_egress()
        self._taking: set[asyncio.Task[None]] = set()

    def new_egress(self) -> Sessions:
        return Sessions(
            IDENTITY,
            lambda session, stream: self.handler(session, stream),
            self._counted,
            self.settings,
            ledger=self.ledger,
            guests=self.guests,
        )

    def _counted(self, change: int) -> None:
        self.count += change

    def link(self, origin: Origin = UNKNOWN) -> tuple[MemoryLink, MemoryLink]:
        """A link that the egress has taken; its two ends."""
        ours, theirs = memory_pair(delay=DELAY)
        if self.counts_links and not self.sessions.count_link(theirs, origin):
            assert self.sessions.count_turned_away(theirs, origin)
        task = asyncio.create_task(self.sessions.take(theirs, origin), name="test-take")
        self._taking.add(task)
        task.add_done_callback(self._taking.discard)
        return ours, theirs

    async def reader(self, origin: Origin = UNKNOWN, token: bytes | None = None) -> Reader:
        """A client with an open session."""
        reader = Reader(self, origin, token)
        await reader.session.start()
        raw = await reader.session.get(KEY_PATH, SESSION_ID_SIZE + 32)
        reader.key = SessionKey(raw[:SESSION_ID_SIZE], raw[SESSION_ID_SIZE:])
        reader.bond.set_key(reader.key)
        await reader.events.joinable.wait()
        return reader

    def at_egress(self, reader: Reader) -> EgressSession:
        return self.sessions._by_id[reader.key.id]

    async def until(self, condition: Callable[[], bool], seconds: float = 5.0) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.005)

    async def stop(self) -> None:
        await self.sessions.stop()
        async with asyncio.timeout(5):
            await asyncio.gather(*self._taking)


class Reader:
    """A client that adds and loses links as a test wants it to; with a `token`, it shows an invite."""

    key: SessionKey

    def __init__(
        self,
        scene: Scene,
        origin: Origin = UNKNOWN,
        token: bytes | None = None,
        *,
        sealing_key: bytes = IDENTITY.public_sealing_key,
        tickets: TicketJar | None = None,
    ) -> None:
        self.scene = scene
        self.origin = origin
        self.events = EventLog()
        self.ends: dict[int, tuple[MemoryLink, MemoryLink]] = {0: scene.link(origin)}
        invite = None if token is None else invite_to("http://host.test", sealing_key=sealing_key, token=token)
        admission = None if invite is None else InviteAdmission(invite)
        self.bond = Bond.begin_session(self.ends[0][0], self.events, admission=admission)
        self.session = ClientTunnel(IDENTITY.pin, self.bond, tickets)

    def join(self) -> int:
        ends = self.scene.link(self.origin)
        number = self.bond.add(ends[0])
        self.ends[number] = ends
        return number

    def lose(self, number: int) -> None:
        """Both ends see it at the same time."""
        for end in self.ends.pop(number):
            end.close()

    async def lose_all(self) -> None:
        for number in list(self.ends):
            self.lose(number)
        await self.scene.until(lambda: self.scene.at_egress(self).is_waiting)

    async def still_works(self) -> None:
        async with asyncio.timeout(5):
            await echoes(await self.session.connect(SITE), os.urandom(1_000))

    def forged_join(self, number: int, key: SessionKey | None = None) -> bytes:
        """A JOIN of the client's that this client's bond knows nothing of."""
        return RecordProtection.joining(Role.CLIENT, number, key or self.key).protect(encode(Frames(ping=True)))


class Stranger:
    """The owner of a link that ignores what comes on it."""

    def __init__(self) -> None:
        self.lost = False

    def on_message(self, message: bytes) -> None:
        pass

    def on_writable(self) -> None:
        pass

    def on_closed(self, reason: str) -> None:
        self.lost = True


def with_scene(
    body: Callable[[Scene], Awaitable[None]],
    settings: EgressSettings = DEFAULTS,
    guests: Guests | None = None,
    ledger: Ledger | None = None,
) -> None:
    async def main() -> None:
        scene = Scene(settings, guests, ledger)
        await body(scene)
        await scene.stop()
        assert scene.count == 0
        assert not scene.sessions._by_id
        assert not len(scene.sessions._without_handshake)
        assert not len(scene.sessions._waiting)
        await asyncio.sleep(3)  # clients linger
        assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]

    run(main())


async def echoes(stream: TunnelStream, text: bytes) -> None:
    assert await echo_of(stream, text) == text
