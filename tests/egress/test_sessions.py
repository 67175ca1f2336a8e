"""Sessions and their links, in virtual time: which may join, which wait, and which have to leave."""

from __future__ import annotations

import asyncio
import os

import pytest

from freespan.egress.session import EgressSession
from freespan.egress.settings import EgressSettings
from freespan.link.bond.bond import Bond
from freespan.link.bond.events import ENDED, RESTARTED, SESSION_CLOSED, LinkClosed, LinkJoined
from freespan.link.bond.session_key import SessionKey
from freespan.link.bond.settings import BondSettings
from freespan.tunnel.stream import TunnelStream
from freespan.wire.bond_frames import SESSION_ID_SIZE, Join, join_head
from freespan.wire.errors import StreamError, TunnelError
from freespan.wire.limits import (
    BOND_LINKS_MAX,
)
from tests.client.supplied import echo
from tests.egress.scene import DEFAULTS, DELAY, SITE, Reader, Scene, Stranger, echoes, with_scene


def send_first(scene: Scene, message: bytes) -> Stranger:
    """A stranger's link with this first message."""
    stranger, link = Stranger(), scene.link()[0]
    link.start(stranger)
    link.send(message)
    return stranger


# --- what is a session ----------------------------------------------------------------------------
def test_only_sessions_with_a_complete_handshake_are_counted() -> None:
    async def body(scene: Scene) -> None:
        ours, _ = scene.link()
        quiet = Bond.begin_session(ours)
        quiet.start(Stranger())
        quiet.send(b"no QUIC")
        reader = Reader(scene)
        reader.session.begin()
        await scene.until(lambda: len(scene.sessions._by_id) == 1)
        assert scene.count == 0
        await reader.session.start()
        await scene.until(lambda: scene.count == 1)
        reader.session.close()
        quiet.close()

    with_scene(body)


def test_without_a_handshake_a_session_ends_with_its_link() -> None:
    async def body(scene: Scene) -> None:
        reader = Reader(scene)
        reader.session.begin()
        await scene.until(lambda: len(scene.sessions._by_id) == 1)
        reader.lose(0)
        await scene.until(lambda: not scene.sessions._by_id, 0.1)
        assert not len(scene.sessions._waiting)
        with pytest.raises(TunnelError):
            await reader.session.start()

    with_scene(body)


def test_a_close_ends_a_session_at_once_and_a_killed_client_leaves_one_that_waits() -> None:
    async def body(scene: Scene) -> None:
        polite, killed = await scene.reader(), await scene.reader()
        polite.session.close()
        await scene.until(lambda: scene.count == 1, 0.2)
        await killed.lose_all()
        await asyncio.sleep(BondSettings().wait_seconds - 1)
        assert scene.count == 1
        await asyncio.sleep(2)
        assert scene.count == 0

    with_scene(body)


# --- sessions that wait ---------------------------------------------------------------------------
def test_of_too_many_that_wait_the_one_that_has_waited_longest_ends() -> None:

    async def body(scene: Scene) -> None:
        with_link = await scene.reader()
        readers = [await scene.reader() for _ in range(6)]
        for reader in readers:
            await reader.lose_all()
            await asyncio.sleep(0.1)
        await scene.until(lambda: scene.count == 4)
        readers[3].join()
        await readers[3].still_works()
        readers[0].join()
        assert await readers[0].session.wait_ended() == ENDED
        await with_link.lose_all()
        assert scene.count == 4  # one of the three places had become free
        for reader in (*readers[3:], with_link):
            reader.join()
            await reader.still_works()
        assert not len(scene.sessions._waiting)

    with_scene(body, EgressSettings(waiting_sessions_max=3))


def test_what_those_that_wait_hold_is_bounded() -> None:

    async def gushing(session: EgressSession, stream: TunnelStream) -> None:
        if dict(stream.headers)[b":method"] == b"GET":
            await echo(session, stream)
            return
        session.tunnel.accept(stream)
        while True:
            await stream.write(bytes(50_000))

    async def body(scene: Scene) -> None:
        modest = await scene.reader()
        await modest.lose_all()
        scene.handler = gushing
        greedy = [await scene.reader() for _ in range(2)]
        for reader in greedy:
            for _ in range(3):
                await reader.session.connect(SITE)
            await asyncio.sleep(0.05)
            await reader.lose_all()
        assert 500_000 < scene.at_egress(greedy[1]).held < DEFAULTS.waiting_bytes_max
        await asyncio.sleep(1.5)
        assert scene.sessions._waiting.held <= 1_000_000
        assert greedy[0].key.id not in scene.sessions._by_id
        assert modest.key.id in scene.sessions._by_id  # it has waited longest, and holds nothing
        for reader in (modest, *greedy):
            reader.session.close()

    with_scene(body, EgressSettings(waiting_bytes_max=1_000_000))


# --- joining ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("joins_first", [True, False])
def test_a_link_comes_in_the_instant_in_which_the_last_one_goes(*, joins_first: bool) -> None:
    async def body(scene: Scene) -> None:
        reader = await scene.reader()
        stream = await reader.session.connect(SITE)
        for number in range(20):
            if joins_first:
                reader.join()
            await asyncio.sleep(DELAY if joins_first else 0)
            reader.lose(number)
            if not joins_first:
                reader.join()
            await echoes(stream, os.urandom(2_000))
        assert scene.count == 1

    with_scene(body)


def test_a_join_of_a_session_that_is_just_ending_is_refused_as_ended() -> None:
    unwinding = asyncio.Event()

    async def slow_to_go(session: EgressSession, stream: TunnelStream) -> None:
        session.tunnel.accept(stream)
        try:
            await stream.read()
            await asyncio.sleep(1_000)
        finally:
            unwinding.set()
            await asyncio.sleep(5)

    async def body(scene: Scene) -> None:
        reader = await scene.reader()
        scene.handler = slow_to_go
        stream = await reader.session.connect(SITE)
        await reader.lose_all()
        scene.at_egress(reader).tunnel.close("enough")
        await unwinding.wait()
        assert reader.key.id in scene.sessions._by_id
        reader.join()
        assert await asyncio.wait_for(reader.session.wait_ended(), 1) == ENDED
        with pytest.raises(StreamError):
            await stream.read()

    with_scene(body)


def test_an_egress_that_was_restarted_gives_another_reason_than_one_that_has_ended_the_session() -> None:
    async def body(scene: Scene) -> None:
        reader = await scene.reader()
        await reader.lose_all()
        await scene.sessions.stop()
        scene.sessions = scene.new_egress()
        reader.join()
        assert await asyncio.wait_for(reader.session.wait_ended(), 1) == RESTARTED

    with_scene(body)


@pytest.mark.parametrize("copy_first", [True, False])
def test_a_join_that_a_bridge_has_copied_wins_nothing(*, copy_first: bool) -> None:
    async def body(scene: Scene) -> None:
        reader = await scene.reader()
        stream = await reader.session.connect(SITE)
        ours, _ = scene.link()
        sent: list[bytes] = []
        send = ours.send
        ours.send = lambda message: sent.append(message) if copy_first else (sent.append(message), send(message))[1]  # type: ignore[method-assign,func-returns-value]
        reader.bond.add(ours)
        if not copy_first:
            await scene.until(lambda: reader.events.count(LinkJoined) == 1)
        copy = send_first(scene, sent[0])
        await scene.until(lambda: bool(sent))
        await echoes(stream, b"whatever it does")
        if copy_first:
            ours.send = send  # type: ignore[method-assign]
            ours.send(sent[0])  # too late
            await scene.until(lambda: reader.events.count(LinkClosed) == 1, 30)
        await scene.until(lambda: copy.lost, 30)
        await reader.still_works()
        assert len(scene.at_egress(reader).bond.stats().links) == (1 if copy_first else 2)
        assert scene.count == 1

    with_scene(body)


def test_a_flood_of_joins_is_bounded_and_hurts_nobody() -> None:
    async def body(scene: Scene) -> None:
        reader, other = await scene.reader(), await scene.reader()
        strangers = [
            send_first(scene, reader.forged_join(number, SessionKey(reader.key.id, bytes(32)))) for number in range(100)
        ]
        await scene.until(lambda: all(stranger.lost for stranger in strangers))
        assert len(scene.at_egress(reader).bond.stats().links) == 1
        own = [send_first(scene, reader.forged_join(number)) for number in range(1_000, 1_200)]
        await asyncio.sleep(0.5)
        assert sum(not link.lost for link in own) == BOND_LINKS_MAX - 1
        await other.still_works()
        for each in (reader, other):
            each.session.close()

    with_scene(body)


def test_links_that_are_being_refused_are_bounded_too() -> None:
    async def body(scene: Scene) -> None:
        reader = await scene.reader()
        links = [
            send_first(scene, join_head(Join(os.urandom(SESSION_ID_SIZE), 1)))
            for _ in range(3 * DEFAULTS.without_handshake_max)
        ]
        await asyncio.sleep(3 * DELAY)
        assert len(scene.sessions._without_handshake) <= DEFAULTS.without_handshake_max
        await asyncio.sleep(2)
        assert all(link.lost for link in links)
        await reader.still_works()
        reader.session.close()

    with_scene(body)


def test_a_refused_link_is_kept_open_for_as_long_as_the_settings_say() -> None:
    async def body(scene: Scene) -> None:
        refused = send_first(scene, join_head(Join(os.urandom(SESSION_ID_SIZE), 1)))
        await asyncio.sleep(4)
        assert not refused.lost
        await asyncio.sleep(1.5)
        assert refused.lost

    with_scene(body, EgressSettings(bond=BondSettings(linger_seconds=5.0)))


def test_a_full_egress_takes_links_of_its_sessions() -> None:

    async def body(scene: Scene) -> None:
        reader = await scene.reader()
        with pytest.raises(TunnelError):
            await scene.reader()
        reader.join()
        await scene.until(lambda: reader.events.count(LinkJoined) == 1)
        reader.lose(0)
        await reader.still_works()
        reader.session.close()

    with_scene(body, EgressSettings(sessions_max=1))


def test_stopping_closes_every_session_and_waits_for_all_that_is_under_way() -> None:
    async def body(scene: Scene) -> None:
        readers = [await scene.reader() for _ in range(3)]
        readers[0].join()
        await readers[1].lose_all()
        refused = send_first(scene, join_head(Join(os.urandom(SESSION_ID_SIZE), 1)))
        await asyncio.sleep(2 * DELAY)
        await scene.stop()
        for reader in (readers[0], readers[2]):
            assert await reader.session.wait_ended() in (SESSION_CLOSED, "the other end closed the session")
        await scene.until(lambda: refused.lost)
        readers[1].session.close()

    with_scene(body)
