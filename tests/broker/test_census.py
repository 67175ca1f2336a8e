"""What is published about where readers come from: never about fewer than three, and never of a moment."""

from __future__ import annotations

import ipaddress
import itertools
import random
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.broker.census import Census, Figures
from freespan.broker.settings import CensusSettings
from freespan.wire.addresses import Address

STEP = CensusSettings().step_seconds
HOUR = CensusSettings().memory_seconds
READERS_MIN = CensusSettings().readers_min


def census(seed: int = 1) -> Census:
    return Census(partial(random.Random(seed).randbytes, 32))


def reader(network: int, host: int = 1) -> Address:
    """An address in one of many networks."""
    return ipaddress.IPv4Address((11 << 24) + (network << 16) + host)


def network_of(address: Address) -> tuple[int, int]:
    return address.version, int(address) >> (16 if address.version == 4 else 96)


addresses = st.one_of(
    st.builds(reader, st.integers(0, 20), st.integers(1, 50)),
    st.integers(0, 20).map(lambda part: ipaddress.IPv6Address((0x2A00 << 112) + (part << 96) + part)),
)
visits = st.lists(
    st.tuples(addresses, st.sampled_from(["IR", "CN", "BY", None]), st.floats(0, 3 * HOUR)), max_size=80
).map(lambda rows: sorted(rows, key=lambda row: row[2]))


@given(visits, st.floats(0, 3 * HOUR), st.integers(0, 1000))
def test_a_country_is_published_only_if_three_networks_of_the_last_hour_are_in_it(
    rows: list[tuple[Address, str | None, float]], later: float, seed: int
) -> None:
    counted = census(seed)
    for address, country, when in rows:
        counted.count(address, country, when)
    now = max([later, *(when for _, _, when in rows)])
    figures = counted.figures(now)
    complete = now // STEP * STEP
    lately = [row for row in rows if complete - HOUR <= row[2] < complete]
    for country, published in figures.countries.items():
        mine = [address for address, code, _ in lately if code == country]
        assert published >= READERS_MIN
        assert len({network_of(address) for address in mine}) >= READERS_MIN
    others = [address for address, code, _ in lately if code not in figures.countries]
    if figures.somewhere:
        assert len({network_of(address) for address in others}) >= READERS_MIN


@given(st.lists(st.tuples(st.integers(1, 60_000), st.floats(0, HOUR)), max_size=60), st.integers(0, 1000))
def test_one_person_is_never_published_however_often_they_come_from_two_networks(
    rows: list[tuple[int, float]], seed: int
) -> None:
    counted = census(seed)
    for i, (host, when) in enumerate(sorted(rows, key=lambda row: row[1])):
        counted.count(reader(i % 2, host), "IR", when)
    for step in range(14):
        if step * STEP >= HOUR:
            assert counted.figures(step * STEP) == Figures()


def test_a_reader_with_both_ip_versions_counts_once() -> None:
    counted = census()
    for part in (1, 2):
        counted.count(reader(part), "IR", 0)
        counted.count(ipaddress.IPv6Address((0x2A00 << 112) + (part << 96)), "IR", 0)
    assert counted.figures(STEP) == Figures()


def test_figures_stay_the_same_until_ten_minutes_are_over() -> None:
    counted = census()
    for part in range(5):
        counted.count(reader(part), "IR", 100)
    before = counted.figures(STEP)
    assert before.countries == {"IR": 3}
    for part in range(5, 14):
        counted.count(reader(part), "IR", STEP + 10 * part)
        assert counted.figures(STEP + 10 * part) == before
    assert counted.figures(2 * STEP).countries == {"IR": 12}


@pytest.mark.parametrize("start", [0.0, STEP, 5 * STEP, 7 * STEP])
def test_readers_count_for_an_hour_whenever_the_key_changes(start: float) -> None:
    counted = census()
    for part in range(6):
        counted.count(reader(part), "MM", start + part * STEP)
    figures = [counted.figures(start + step * STEP).countries.get("MM") for step in range(5, 13)]
    assert figures == [3, 3, 3, 3, 3, None, None, None]


def test_few_readers_of_many_countries_are_somewhere() -> None:
    counted = census()
    for part, country in enumerate(["IR", "CN", "BY", "RU", None, "not a code", "ir"]):
        counted.count(reader(part), country, 0)
    assert counted.figures(STEP) == Figures({}, 3)


def test_no_number_tells_of_fewer_than_eight_more() -> None:
    """That the first of a country are three is told by the rule of three networks."""
    published = []
    for readers in range(200):
        counted = census()
        for part in range(readers):
            counted.count(reader(part), "CN", 0)
        published.append(counted.figures(STEP).countries.get("CN", 0))
    steps = sorted(set(published))
    assert steps[:3] == [0, 3, 12]
    assert all(higher - lower >= 8 for lower, higher in itertools.pairwise(steps[1:]))


def test_numbers_are_rounded_down_and_end() -> None:
    counted = census()
    published = []
    for part in range(250):
        for host in range(1, 21):
            counted.count(reader(part, host), "CN", 0)
        published.append(counted.figures(STEP).countries.get("CN", 0))
    assert published[:2] == [0, 0]  # 40 addresses of two networks
    assert published == sorted(published)
    assert set(published) <= {0, 50, 100, 200, 300, 500, 1_000}
    assert published[-1] == 1_000


@given(st.integers(3, 120), st.integers(0, 1000))
def test_the_number_is_near_the_real_one(readers: int, seed: int) -> None:
    counted = census(seed)
    for part in range(readers):
        counted.count(reader(part % 200, 1 + part), "CN", 0)
    published = counted.figures(STEP).countries.get("CN", 0)
    assert published <= max(READERS_MIN, 1.35 * readers)
    if readers > 30:
        assert published >= 0.3 * readers


def test_nothing_is_kept_when_the_time_is_over() -> None:
    counted = census()
    counted.count(reader(1), "IR", 0)
    counted.delete_old(HOUR)
    assert not counted.is_empty
    counted.delete_old(2 * HOUR)
    assert counted.is_empty


def test_addresses_are_not_kept_and_each_key_is_another_one() -> None:
    keys = iter(range(1, 100))
    made: list[bytes] = []

    def new_key() -> bytes:
        made.append(bytes([next(keys)]) * 32)
        return made[-1]

    counted = Census(new_key)
    counted.count(reader(7, 1234), "IR", 0)
    counted.count(reader(7, 1234), "IR", HOUR + 1)
    assert len(set(made)) == 3  # the hour before, the first and the second
    kept = repr(vars(counted))
    assert str(reader(7, 1234)) not in kept
    assert str(int(reader(7, 1234))) not in kept
    assert repr(made[0]) not in kept
