"""How fast a bond is over paths of known rates, on a virtual clock."""

import asyncio
from random import Random

import pytest

from tests.link.bond.states import SETTINGS
from tests.support.bonds import Bonds
from tests.support.link_paths import Path
from tests.support.virtual_time import run

Paths = list[tuple[float, float]]
MIXED: Paths = [(4e6, 0.02), (2e6, 0.08), (1e6, 0.14), (0.5e6, 0.2)]
MIXED_THE_OTHER_WAY: Paths = [(4e6, 0.2), (2e6, 0.14), (1e6, 0.08), (0.5e6, 0.02)]


async def open_bonds(paths: Paths) -> Bonds:
    bonds = Bonds()
    await bonds.open(Path(*paths[0]))
    await bonds.joined(*(Path(*path) for path in paths[1:]))
    return bonds


async def rate_of(paths: Paths, *, both: bool = False, warm: float = 3.0, seconds: float = 12.0) -> tuple[float, float]:
    """Bytes a second down and up, with at least one look at the smallest round trips."""
    bonds = await open_bonds(paths)
    bonds.of_egress.send(10**9)
    if both:
        bonds.of_client.send(10**9)
    await asyncio.sleep(warm)
    begin = bonds.loop.time()
    await asyncio.sleep(seconds)
    end = bonds.loop.time()
    down, up = bonds.of_client.rate(begin, end), bonds.of_egress.rate(begin, end)
    for owner in bonds.owners():
        owner.to_send = 0
    await bonds.close()
    return down, up


def down(paths: Paths, *, warm: float = 3.0, seconds: float = 12.0) -> float:
    return run(rate_of(paths, warm=warm, seconds=seconds))[0]


def test_one_link_is_as_fast_as_it_is() -> None:
    assert down([(2e6, 0.05)]) >= 0.97 * 2e6


def test_four_links_are_nearly_four_times_as_fast_as_one() -> None:
    assert down([(2e6, 0.05)] * 4) >= 3.8 * down([(2e6, 0.05)])


@pytest.mark.parametrize("paths", [MIXED, MIXED_THE_OTHER_WAY], ids=["fast ones near", "fast ones far"])
def test_mixed_links_add_up(paths: Paths) -> None:
    assert down(paths) >= 0.95 * sum(rate for rate, _ in paths)


@pytest.mark.parametrize("paths", [[(5e4, 0.1)] * 3, [(2e5, 0.1)] * 8, [(1e6, 0.8)] * 3], ids=["slow", "eight", "long"])
def test_slow_and_long_ones_add_up(paths: Paths) -> None:
    assert down(paths, warm=14.0) >= 0.9 * sum(rate for rate, _ in paths)


def test_a_link_that_is_much_slower_does_no_harm() -> None:
    async def main() -> None:
        bonds = await open_bonds([(2e6, 0.05), (2e6, 0.05)])
        bonds.of_egress.send(10**9)
        await asyncio.sleep(3)
        bonds.of_client.longest_pause = 0.0
        begin = bonds.loop.time()
        await bonds.joined(Path(3e4, 0.1))
        await asyncio.sleep(20)
        assert bonds.of_client.rate(begin, bonds.loop.time()) >= 0.97 * 4e6
        assert bonds.of_client.longest_pause <= SETTINGS.lagging_seconds + 0.2
        bonds.of_egress.to_send = 0
        await bonds.close()

    run(main())


@pytest.mark.parametrize("lanes", [4, 8])
def test_lanes_that_pause_now_and_then_add_up(lanes: int) -> None:
    """As SCTP does on a path that loses packets: what is lost holds up what is behind it."""

    async def main() -> None:
        random = Random(1)
        bonds = await open_bonds([(1e6, 0.1)] * lanes)
        for path in bonds.paths.values():
            path.egress.pause = lambda: 0.25 if random.random() < 0.03 else 0.0
        bonds.of_egress.send(10**9)
        await asyncio.sleep(4)
        begin = bonds.loop.time()
        await asyncio.sleep(20)
        each = 16_026 / (16_026 / 1e6 + 0.03 * 0.25)
        assert bonds.of_client.rate(begin, bonds.loop.time()) >= 0.85 * lanes * each
        report = bonds.egress.stats()
        assert report.retransmissions <= 0.05 * bonds.of_egress.sent
        assert report.closed == 0
        bonds.of_egress.to_send = 0
        await bonds.close()

    run(main())


def test_both_directions_at_once() -> None:
    there, back = run(rate_of([(2e6, 0.05)] * 3, both=True))
    assert there >= 0.8 * 6e6
    assert back >= 0.8 * 6e6


def test_a_link_further_away_than_the_bound_is_left_alone() -> None:
    """Its packets would hold up the others for longer than is promised."""

    async def main() -> None:
        bonds = await open_bonds([(2e6, 0.05), (2e6, 1.0)])
        bonds.of_egress.send(10**9)
        await asyncio.sleep(10)
        begin = bonds.loop.time()
        carried = bonds.egress.stats().links[1].bytes_sent
        await asyncio.sleep(10)
        assert bonds.egress.stats().links[1].bytes_sent - carried < 200_000
        assert bonds.of_client.rate(begin, bonds.loop.time()) >= 0.9 * 2e6
        bonds.of_egress.to_send = 0
        await bonds.close()

    run(main())


def test_small_packets_take_the_near_link() -> None:
    async def main() -> None:
        bonds = Bonds()
        await bonds.open(Path(4e6, 0.2), lambda _: 200)
        await bonds.joined(Path(1e6, 0.02))
        await asyncio.sleep(0.1)  # until it is known how near it is
        for _ in range(20):
            before = bonds.of_client.received
            sent_at = bonds.loop.time()
            bonds.of_egress.send_one()
            await bonds.of_client.until_received(before + 1)
            assert bonds.loop.time() - sent_at <= 0.015
            await asyncio.sleep(0.05)
        await bonds.close()

    run(main())


def test_what_waits_in_a_link_stays_near_what_it_holds() -> None:
    """At most a quarter of a round trip and 15 ms of queue, but for the start."""

    async def main() -> None:
        bonds = await open_bonds([(2e6, 0.05)] * 3)
        bonds.of_egress.send(10**9)
        await asyncio.sleep(4)
        for path in bonds.paths.values():
            path.egress.waiting_peak = 0
        await asyncio.sleep(8)
        for path in bonds.paths.values():
            assert path.egress.waiting_peak <= 2e6 * (0.05 * 0.25 + 0.015) + 3 * 16_026 + 2e6 * 0.02
        bonds.of_egress.to_send = 0
        await bonds.close()

    run(main())


def test_what_goes_only_one_way_costs_few_messages_the_other() -> None:
    async def main() -> None:
        bonds = await open_bonds([(2e6, 0.05)] * 4)
        for path in bonds.paths.values():
            path.client.messages = []
        before = bonds.of_client.received
        bonds.of_egress.send(2_000)
        await bonds.of_client.until_received(before + 2_000)
        messages = sum(len(path.client.messages or ()) for path in bonds.paths.values())
        assert messages <= 2_000 / 3
        await bonds.close()

    run(main())
