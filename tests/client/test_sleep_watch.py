"""A machine that was asleep."""

from __future__ import annotations

import pytest

from freespan.client.sleep_watch import SleepWatch


@pytest.mark.parametrize(
    ("ticks", "slept"),
    [
        ([0.0, 5.0, 10.0, 15.2], 0.0),
        ([0.0, 5.0, 24.9], 0.0),  # busy, and no more
        ([0.0, 5.0, 1_210.0], 1_200.0),
        ([900.0, 87_305.0], 86_400.0),
    ],
)
def test_a_gap_between_ticks_is_a_sleep(ticks: list[float], slept: float) -> None:
    watch = SleepWatch(tick_seconds=5.0, least_seconds=15.0)
    assert [watch.tick(now) for now in ticks][-1] == slept
    assert watch.tick(ticks[-1] + 5.0) == 0.0
