"""How much is measured: enough for steady medians, and all of it within ten minutes."""

from __future__ import annotations

from dataclasses import dataclass

WHOLE_SECONDS = 600.0
"""The longest that all figures together may take."""

GROUPS = ("headless", "chromium", "firefox", "connect", "start", "size", "bond", "kills")
"""What can be measured apart from the rest; each makes some of the figures."""


BULK_RUNS_LEAST = 3


@dataclass(frozen=True)
class Plan:
    """Sizes in bytes, times in seconds; the others are numbers of samples."""

    bulk_runs: int
    bulk_seconds: float
    """What all runs of both kinds together may take; on a slow machine there are fewer of them, but three at least."""
    headless_bytes: int
    browser_bytes: int
    connects: int
    starts: int
    warm_requests: int
    bond_runs: int
    kills: int
    kill_bytes: int


WHOLE = Plan(
    bulk_runs=15,
    bulk_seconds=90.0,
    headless_bytes=60_000_000,
    browser_bytes=30_000_000,
    connects=20,
    starts=10,
    warm_requests=100,
    bond_runs=3,
    kills=20,
    kill_bytes=100_000_000,
)
QUICK = Plan(
    bulk_runs=2,
    bulk_seconds=30.0,
    headless_bytes=8_000_000,
    browser_bytes=8_000_000,
    connects=3,
    starts=2,
    warm_requests=10,
    bond_runs=1,
    kills=2,
    kill_bytes=60_000_000,
)
