"""Links die, freeze, slow down and come back; the stream goes on."""

import asyncio
from collections.abc import Callable

import pytest

from freespan.link.bond.arrival import Arrival
from freespan.link.bond.events import (
    ENDED,
    NO_LINK,
    REPORTED_CLOSED,
    RESTARTED,
    SESSION_CLOSED,
    TIMED_OUT,
    LinkClosed,
    LinkSuspected,
)
from freespan.link.bond.session_key import session_key
from freespan.wire.bond_frames import SESSION_ENDED, UNKNOWN_SESSION, Join
from freespan.wire.limits import BOND_SPAN_MAX
from tests.link.bond.states import SETTINGS
from tests.support.bonds import SECRET, Bonds
from tests.support.link_paths import Path
from tests.support.virtual_time import VirtualLoop, run

Act = Callable[[Bonds, Path], None]


async def three_links() -> Bonds:
    bonds = Bonds()
    await bonds.open(Path(2e6, 0.05))
    await bonds.joined(Path(2e6, 0.05), Path(2e6, 0.05))
    return bonds


async def pause_after(act: Act, which: int, seconds: float = 6.0) -> tuple[float, Bonds]:
    """The longest pause of a download over three links when something happens to one of them."""
    bonds = await three_links()
    bonds.of_egress.send(10**9)
    await asyncio.sleep(4)
    bonds.of_client.longest_pause = 0.0
    act(bonds, bonds.paths[which])
    await asyncio.sleep(seconds)
    assert bonds.of_client.rate(bonds.loop.time() - 2, bonds.loop.time()) >= 0.9 * 4e6
    bonds.of_egress.to_send = 0
    return bonds.of_client.longest_pause, bonds


@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize(
    "act",
    [
        lambda _, path: path.die(None, 0.001),
        lambda _, path: path.die(0.001, None),
        lambda _, path: path.egress.close(),
        lambda bonds, path: bonds.client.remove(next(n for n, each in bonds.paths.items() if each is path)),
    ],
    ids=["egress notices", "client notices", "closed", "removed"],
)
def test_a_death_that_one_end_sees_costs_about_a_round_trip(act: Act, which: int) -> None:
    async def main() -> None:
        pause, bonds = await pause_after(act, which)
        assert pause <= 0.15
        for log in (bonds.events, bonds.egress_events):
            assert log.count(LinkClosed) == 1
        assert len(bonds.client.stats().links) == len(bonds.egress.stats().links) == 2
        await bonds.close()

    run(main())


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_frozen_link_is_left_within_a_second_and_ended_after_two(which: int) -> None:
    async def main() -> None:
        pause, bonds = await pause_after(lambda _, path: path.freeze(), which)
        assert pause <= 1.0
        reasons = [closed.reason for log in (bonds.events, bonds.egress_events) for closed in log.of(LinkClosed)]
        assert len(reasons) == 2
        assert TIMED_OUT in reasons
        assert set(reasons) <= {TIMED_OUT, REPORTED_CLOSED, "the other end closed the link"}
        assert bonds.egress_events.count(LinkSuspected) + bonds.events.count(LinkSuspected) >= 1
        await bonds.close()

    run(main())


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_link_that_slows_to_a_crawl_holds_the_others_back_no_longer_than_the_bound(which: int) -> None:
    async def main() -> None:
        pause, bonds = await pause_after(lambda _, path: path.slow_down(20e3), which)
        assert pause <= SETTINGS.lagging_seconds + 0.2
        assert bonds.egress.stats().lagging >= 1
        await bonds.close()

    run(main())


def test_what_a_frozen_link_holds_up_is_bounded_however_fast_the_others_are() -> None:
    async def main() -> None:
        bonds = Bonds()
        await bonds.open(Path(60e6, 0.05))
        await bonds.joined(Path(2e6, 0.05))
        bonds.of_egress.send(10**9)
        await asyncio.sleep(3)
        bonds.paths[1].freeze()
        held = kept = 0
        for _ in range(60):
            await asyncio.sleep(0.02)
            held = max(held, bonds.client.stats().held_cost)
            kept = max(kept, bonds.egress.stats().unacked_cost)
        assert 0.9 * BOND_SPAN_MAX <= held <= BOND_SPAN_MAX
        assert kept <= BOND_SPAN_MAX
        assert bonds.of_client.rate(bonds.loop.time() - 0.2, bonds.loop.time()) >= 0.8 * 60e6
        bonds.of_egress.to_send = 0
        await bonds.close()

    run(main())


def test_a_slow_moment_is_forgiven() -> None:
    async def main() -> None:
        bonds = await three_links()
        bonds.of_egress.send(10**9)
        await asyncio.sleep(4)
        bonds.paths[1].freeze()
        await asyncio.sleep(1.5)
        bonds.paths[1].thaw()
        await asyncio.sleep(4)
        report = bonds.egress.stats()
        assert [link.state for link in report.links] == ["open"] * 3
        assert report.closed == 0
        assert bonds.of_client.rate(bonds.loop.time() - 2, bonds.loop.time()) >= 0.9 * 6e6
        bonds.of_egress.to_send = 0
        await bonds.close()

    run(main())


def test_when_everything_is_held_up_nothing_is_ended_and_nothing_sent_twice() -> None:
    """The cause is this end's own network: no link is to blame."""

    async def main() -> None:
        bonds = await three_links()
        bonds.of_egress.send(10**9)
        await asyncio.sleep(4)
        for path in bonds.paths.values():
            path.freeze()
        await asyncio.sleep(5)
        for path in bonds.paths.values():
            path.thaw()
        await asyncio.sleep(3)
        for report in (bonds.client.stats(), bonds.egress.stats()):
            assert report.closed == 0
            assert report.duplicates == 0
            assert len(report.links) == 3
        assert bonds.of_client.rate(bonds.loop.time() - 1, bonds.loop.time()) >= 0.9 * 6e6
        bonds.of_egress.to_send = 0
        await bonds.close()

    run(main())


def test_a_process_that_was_held_up_does_not_blame_its_links() -> None:
    async def main() -> None:
        bonds = await three_links()
        bonds.of_egress.send(10**9)
        await asyncio.sleep(4)
        loop = bonds.loop
        assert isinstance(loop, VirtualLoop)
        loop.skip(3.0)
        await asyncio.sleep(2)
        for report in (bonds.client.stats(), bonds.egress.stats()):
            assert report.closed == report.suspected == report.lagging == 0
        bonds.of_egress.to_send = 0
        await bonds.close()

    run(main())


def test_the_only_link_dies_and_another_one_comes_later() -> None:
    async def main() -> None:
        bonds = Bonds()
        await bonds.open(Path(2e6, 0.05))
        bonds.of_egress.send(400)
        bonds.of_client.send(50)
        await asyncio.sleep(1)
        bonds.paths[0].die(0.0, 0.0)
        await asyncio.sleep(60)
        assert bonds.client.send_credit == bonds.egress.send_credit == 0
        bonds.of_client.send_one()  # as QUIC's probes: they wait
        begin = bonds.loop.time()
        bonds.join(Path(2e6, 0.05))
        before = bonds.of_client.received
        await bonds.of_client.until_received(before + 1)
        assert bonds.loop.time() - begin <= 0.2
        await bonds.of_client.until_received(401)
        await bonds.of_egress.until_received(52)
        await bonds.close()

    run(main())


def test_a_client_whose_only_link_dies_in_silence_knows_it_within_a_second_of_quiet() -> None:
    async def main() -> None:
        bonds = Bonds()
        await bonds.open(Path(2e6, 0.05))
        bonds.of_egress.send(10**6)
        await asyncio.sleep(2)
        bonds.paths[0].die(None, 0.0)
        died_at = bonds.loop.time()
        while not bonds.events.count(LinkSuspected):
            await asyncio.sleep(0.01)
        assert bonds.loop.time() - died_at <= 1.0
        bonds.join(Path(2e6, 0.05))
        before = bonds.of_client.received
        await bonds.of_client.until_received(before + 1, 1.0)
        bonds.of_egress.to_send = 0
        await bonds.close()

    run(main())


def test_an_idle_link_that_is_frozen_is_found_out() -> None:
    async def main() -> None:
        bonds = await three_links()
        await asyncio.sleep(1)
        bonds.paths[2].freeze()
        await asyncio.sleep(9)
        assert len(bonds.client.stats().links) == len(bonds.egress.stats().links) == 2
        await bonds.close()

    run(main())


def test_an_only_link_that_is_silent_for_long_is_given_up() -> None:
    async def main() -> None:
        bonds = Bonds()
        await bonds.open(Path(2e6, 0.05))
        bonds.paths[0].freeze()
        bonds.of_client.send_one()
        await asyncio.sleep(SETTINGS.timeout_alone_seconds - 1)
        assert len(bonds.client.stats().links) == 1
        await asyncio.sleep(2)
        assert not bonds.client.stats().links
        assert bonds.of_client.closed_reason is None
        bonds.client.close()
        bonds.egress.close()
        await asyncio.sleep(3)

    run(main())


def test_without_any_link_for_too_long_the_bond_ends() -> None:
    async def main() -> None:
        bonds = Bonds()
        await bonds.open(Path(2e6, 0.05))
        bonds.paths[0].die(0.0, 0.0)
        began = bonds.loop.time()
        assert await bonds.of_client.until_closed() == NO_LINK
        assert SETTINGS.wait_seconds <= bonds.loop.time() - began <= SETTINGS.wait_seconds + 1
        assert await bonds.of_egress.until_closed() == NO_LINK

    run(main())


def test_two_deaths_at_once_and_the_news_of_both_reach_the_other_end() -> None:
    async def main() -> None:
        bonds = await three_links()
        bonds.of_egress.send(300)
        await asyncio.sleep(0.3)
        bonds.paths[1].die(None, 0.001)
        bonds.paths[0].die(None, 0.002)  # it carried the news of the first
        await asyncio.sleep(0.2)
        assert [link.number for link in bonds.client.stats().links] == [2]
        await bonds.of_client.until_received(301)
        await bonds.close()

    run(main())


def test_all_die_and_the_news_come_with_the_next_link() -> None:
    async def main() -> None:
        bonds = await three_links()
        bonds.of_egress.send(200)
        await asyncio.sleep(0.3)
        for path in bonds.paths.values():
            path.die(None, 0.001)
        await asyncio.sleep(0.1)
        number = bonds.join(Path(2e6, 0.05))
        await asyncio.sleep(0.3)
        assert [link.number for link in bonds.client.stats().links] == [number]
        await bonds.of_client.until_received(201)
        await bonds.close()

    run(main())


def test_the_end_of_a_session_reaches_the_other_end() -> None:
    async def main() -> None:
        bonds = await three_links()
        bonds.egress.close("enough")
        assert await bonds.of_egress.until_closed() == "enough"
        assert await bonds.of_client.until_closed() == SESSION_CLOSED
        await asyncio.sleep(3)
        assert all(end.ended for path in bonds.paths.values() for end in path.ends)

    run(main())


@pytest.mark.parametrize(("reason", "words"), [(UNKNOWN_SESSION, RESTARTED), (SESSION_ENDED, ENDED)])
def test_an_egress_that_has_the_session_no_more_can_prove_it(reason: int, words: str) -> None:
    async def main() -> None:
        bonds = Bonds()
        await bonds.open(Path(2e6, 0.05))
        bonds.paths[0].die(0.0, 0.0)
        await asyncio.sleep(1)
        path = Path(2e6, 0.05)
        bonds.client.add(path.client)
        arrival = Arrival(path.egress)
        join = await arrival.opening()
        assert isinstance(join, Join)
        began = bonds.loop.time()
        await arrival.refuse(session_key(SECRET, join.session), reason)
        assert await bonds.of_client.until_closed() == words
        assert bonds.loop.time() - began <= 1.0
        bonds.egress.close()
        await asyncio.sleep(3)
        assert path.client.ended

    run(main())
