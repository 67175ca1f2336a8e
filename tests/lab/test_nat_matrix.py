"""Pairs of NAT kinds, with the real programs: those connect that can in theory, and no others."""

import pytest

from lab.nat import KINDS
from lab.nat_matrix import BROWSERS, COMMON, Pair, differs, every_pair, grid, measure_pairs

FEW = [
    ("port-restricted", "port-restricted", "headless"),
    ("symmetric", "port-restricted", "headless"),
    ("open", "symmetric", "headless"),
    ("port-restricted", "symmetric", "headless"),
]


async def check(pairs: list[tuple[str, str, str]]) -> None:
    kinds = [kind for kind in KINDS.values() if any(kind.name in pair for pair in pairs)]
    found = [pair async for pair in measure_pairs(kinds, pairs)]
    assert len(found) == len(pairs)
    assert [pair for pair in found if differs(pair)] == []


async def test_a_few_pairs(small_network: None) -> None:
    await check(FEW)


@pytest.mark.parametrize("browser", BROWSERS)
async def test_common_pairs_with_browsers(real_network: None, browser: str) -> None:
    await check([(reader, volunteer, browser) for reader, volunteer in sorted(COMMON, key=lambda pair: pair[1])])


def test_every_pair_is_measured_and_common_ones_with_browsers() -> None:
    pairs = every_pair(list(KINDS.values()))
    assert len(pairs) == len(set(pairs)) == len(KINDS) ** 2 + len(BROWSERS) * len(COMMON)


def test_the_grid_marks_what_differs_from_theory() -> None:
    pairs = [
        Pair("open", "open", "headless", True, 0.1, 0.2),
        Pair("symmetric", "open", "headless", True, 0.1, None),
        Pair("open", "open", "firefox", True, 0.1, 0.3),
    ]
    header, first, second, _, browser = grid(pairs).splitlines()
    assert header.split() == ["reader", "\\", "volunteer", "open"]
    assert (first.split()[1], second.split()[1]) == ("yes", "udp!")
    assert "firefox" in browser
