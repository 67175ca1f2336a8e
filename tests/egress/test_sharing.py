"""One source, one share: what somebody can keep from others at an egress, with real sessions in virtual time."""

from __future__ import annotations

import asyncio
import dataclasses
import ipaddress
import random
from collections.abc import Iterable
from typing import cast

import pytest
from aiohttp.test_utils import make_mocked_request

from freespan.egress.bounds import StreamPlace, sockets
from freespan.egress.origins import Origin, Origins
from freespan.egress.settings import EgressSettings
from freespan.link.bond.events import LinkJoined
from freespan.sources.rate import Rate
from freespan.sources.requests import SourceReader
from freespan.sources.source import Source, SourceHasher
from freespan.tunnel.driver import HOST_FULL
from freespan.wire.errors import HostFullError, LinkError, StreamError, TunnelError
from freespan.wire.limits import LANES_MAX
from tests.egress.scene import DEFAULTS, DELAY, Reader, Scene, Stranger, with_scene

HASHER = SourceHasher(lambda: 0.0, random.Random(1).randbytes)


def address(text: str) -> Origin:
    return Origin(HASHER.source_of(ipaddress.ip_address(text)))


def bridge(name: str, links: int) -> Origin:
    return Origin(HASHER.source_of_name(name), name, links)


ATTACKER, FRONT = address("203.0.113.66"), address("198.51.100.1")


def silent_link(scene: Scene, origin: Origin) -> Stranger:
    stranger = Stranger()
    scene.link(origin)[0].start(stranger)
    return stranger


async def sessions(scene: Scene, origins: Iterable[Origin]) -> list[Reader]:
    return list(await asyncio.gather(*(scene.reader(origin) for origin in origins)))


async def bare_sessions(scene: Scene, origins: Iterable[Origin]) -> list[Reader]:
    """The same without the keys for further links, which is cheaper."""
    readers = [Reader(scene, origin) for origin in origins]
    await asyncio.gather(*(reader.session.start() for reader in readers))
    return readers


def end(readers: Iterable[Reader]) -> None:
    for reader in readers:
        reader.session.close()


# --- what honest people do ------------------------------------------------------------------------
def test_two_hundred_readers_behind_one_front_get_their_sessions() -> None:
    async def body(scene: Scene) -> None:
        readers = await bare_sessions(scene, [FRONT] * 200)
        await scene.until(lambda: scene.count == 200)
        await readers[-1].still_works()
        end(readers)

    with_scene(body)


def test_three_hundred_readers_in_one_24_get_their_sessions() -> None:
    async def body(scene: Scene) -> None:
        readers = await bare_sessions(scene, [address(f"198.51.100.{number % 250}") for number in range(300)])
        await scene.until(lambda: scene.count == 300)
        await readers[-1].still_works()
        end(readers)

    with_scene(body)


@pytest.mark.parametrize("origin", [FRONT, bridge("token", 8)], ids=["by its address", "by its token"])
def test_a_bridge_with_64_sessions_carries_eight_links_of_each(origin: Origin) -> None:
    async def body(scene: Scene) -> None:
        readers = await sessions(scene, [origin] * 64)
        for reader in readers:
            for _ in range(LANES_MAX):
                reader.join()
        await scene.until(lambda: all(reader.events.count(LinkJoined) == LANES_MAX for reader in readers), 1.0)
        assert all(len(scene.at_egress(reader).bond.stats().links) == LANES_MAX + 1 for reader in readers)
        end(readers)

    with_scene(body)


# --- what attackers do ----------------------------------------------------------------------------
def test_links_that_one_source_holds_open_keep_nobody_out_and_push_nobody_out() -> None:
    async def body(scene: Scene) -> None:
        slow = silent_link(scene, address("192.0.2.1"))
        held = [silent_link(scene, ATTACKER) for _ in range(3 * DEFAULTS.without_handshake_max)]
        await asyncio.sleep(3 * DELAY)
        assert not slow.lost
        assert sum(not link.lost for link in held) <= DEFAULTS.without_handshake_max
        assert not held[0].lost  # the newest leave
        reader = await scene.reader(address("192.0.2.2"))
        await reader.still_works()
        end([reader])
        await asyncio.sleep(20)

    with_scene(body)


def test_a_link_that_joins_counts_against_its_session_and_not_against_where_it_comes_from() -> None:
    async def body(scene: Scene) -> None:
        reader = await scene.reader(FRONT)
        held = [silent_link(scene, FRONT) for _ in range(8)]
        for _ in range(10):
            reader.join()
        await scene.until(lambda: reader.events.count(LinkJoined) == 10)
        assert not any(link.lost for link in held)
        assert len(scene.sessions._without_handshake) == 8
        end([reader])
        await asyncio.sleep(20)

    with_scene(body, EgressSettings(without_handshake_max=18, without_handshake_each=18))


CROWDED = EgressSettings(sessions_max=40, sessions_each=4)


def test_sessions_of_one_source_lock_no_newcomer_out_and_end_nobody_elses() -> None:
    async def body(scene: Scene) -> None:
        early = await sessions(scene, [address("192.0.2.1")] * 2)
        greedy = [await scene.reader(ATTACKER) for _ in range(33)]
        with pytest.raises((TunnelError, LinkError, StreamError)):
            await scene.reader(ATTACKER)
        assert scene.count == 35  # five places are kept for newcomers
        late = await sessions(scene, [address(f"192.0.3.{number}") for number in range(10)])
        assert scene.count == 35
        for reader in (*early, *late, greedy[0]):
            await reader.still_works()
        ended = [reader.session.is_over for reader in greedy]
        assert ended == sorted(ended)  # the newest have left
        assert sum(ended) == 10
        assert await greedy[-1].session.wait_ended() == "the host is full, and ended this session for others"
        end([*early, *late, *greedy])

    with_scene(body, CROWDED)


def test_a_full_egress_does_no_handshakes_for_those_who_would_have_to_leave_at_once() -> None:
    async def body(scene: Scene) -> None:
        greedy = await sessions(scene, [ATTACKER] * 35)
        before = len(scene.sessions._by_id)
        for _ in range(20):
            with pytest.raises(HostFullError, match="takes no new session now"):
                await Reader(scene, ATTACKER).session.start()
            assert len(scene.sessions._by_id) == before
        end(greedy)

    with_scene(body, CROWDED)


def test_who_is_sent_away_during_the_handshake_learns_that_it_was_for_want_of_room() -> None:
    async def body(scene: Scene) -> None:
        reader = Reader(scene)
        starting = asyncio.create_task(reader.session.start(), name="starting")
        sessions = scene.sessions._by_id
        await scene.until(lambda: any(each.tunnel._driver.quic is not None for each in sessions.values()))
        for each in list(sessions.values()):
            each.tunnel.shed("too many")
        await starting  # its own half of the handshake is complete
        assert await reader.session.wait_ended() == HOST_FULL

    with_scene(body)


def test_a_bridge_that_has_carried_handshakes_has_places_for_its_readers() -> None:
    async def body(scene: Scene) -> None:
        proven = await sessions(scene, [bridge("proven", 160)] * 20)
        greedy = await sessions(scene, [ATTACKER] * 15)
        late = await sessions(scene, [address(f"192.0.3.{number}") for number in range(6)])
        assert not any(reader.session.is_over for reader in (*proven, *late))
        assert any(reader.session.is_over for reader in greedy)
        end([*proven, *greedy, *late])

    with_scene(body, CROWDED)


def test_a_flood_of_handshakes_from_one_source_is_slowed_down_and_nobody_elses() -> None:
    async def body(scene: Scene) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        flood = [asyncio.create_task(scene.reader(ATTACKER), name=f"flood {number}") for number in range(40)]
        await asyncio.sleep(1)
        assert 10 <= scene.count <= 12
        reader = await scene.reader(address("192.0.2.1"))
        assert loop.time() - began < 2
        await asyncio.sleep(10)
        assert 25 <= scene.count <= 40
        outcomes = await asyncio.gather(*flood, return_exceptions=True)
        assert any(isinstance(outcome, Exception) for outcome in outcomes)
        end([reader, *(outcome for outcome in outcomes if isinstance(outcome, Reader))])

    settings = dataclasses.replace(DEFAULTS, handshakes=Rate(per_second=2.0, burst=10), handshake_patience_seconds=10)
    with_scene(body, settings)


def test_sessions_of_one_source_that_wait_push_out_no_reader_who_waits() -> None:
    async def body(scene: Scene) -> None:
        reader = await scene.reader(address("192.0.2.1"))
        await reader.lose_all()
        greedy = await sessions(scene, [ATTACKER] * 60)
        for each in greedy:
            for number in list(each.ends):
                each.lose(number)
        await asyncio.sleep(5)
        assert len(scene.sessions._waiting) <= 50
        reader.join()
        await reader.still_works()
        end([reader, *greedy])
        await asyncio.sleep(400)

    with_scene(body, EgressSettings(waiting_sessions_max=50))


async def test_links_are_bounded_by_session_and_by_source() -> None:
    scene = Scene(EgressSettings(links_max=20, links_each=2))

    class Link:
        reason = ""

        def close(self, reason: str = "closed") -> None:
            self.reason = reason

    links = [Link() for _ in range(30)]
    taken = [scene.sessions.count_link(link, ATTACKER) for link in links]  # type: ignore[arg-type]
    assert taken == [True] * 18 + [False] * 12
    late = [Link() for _ in range(5)]
    assert all(
        scene.sessions.count_link(link, address(f"192.0.2.{number}"))  # type: ignore[arg-type]
        for number, link in enumerate(late)
    )
    assert [link.reason for link in links[:18]] == [""] * 13 + ["the egress is full, and you have many links to it"] * 5


def test_the_sessions_of_one_address_hold_no_more_sockets_for_the_bridges_that_they_name() -> None:
    class Directory:
        def places(self, token: str) -> int | None:
            return 0

        def handshake_completed(self, token: str) -> None: ...

    origins = Origins(SourceReader("X-Real-IP"), Directory())

    def share(number: int, address: str, token: str = "") -> Source:
        request = make_mocked_request("GET", f"/v1/egress?bridge={token}", headers={"X-Real-IP": address})
        return Source(b"%d" % number, origins.of(request).group or b"")

    held = sockets(DEFAULTS)
    left: list[str] = []
    for number in range(1_750):
        source = share(number, "203.0.113.66", f"token{number}")
        for stream in range(5):
            place = cast(StreamPlace, (number, stream))
            if held.has_room(place, source):
                held.add(place, source, left.append)
    assert len(held) == DEFAULTS.sockets_max * 7 // 8
    left.clear()
    for number in range(20):
        source = share(10_000 + number, f"198.51.{number}.1")
        for stream in range(20):
            place = cast(StreamPlace, (10_000 + number, stream))
            assert held.has_room(place, source)
            held.add(place, source, lambda reason: pytest.fail(reason))
    assert len(left) == 400
