"""How much is measured: enough for steady medians, and all of it within ten minutes."""

from __future__ import annotations

from dataclasses import dataclass

WHOLE_SECONDS = 600.0
"""The longest that all figures together may take."""

GROUPS = ("headless", "chromium", "firefox", "connect", "start", "size")
"""What can be measured apart from the rest; each makes some of the figures."""


@dataclass(frozen=True)
class Plan:
    """Sizes in bytes; the others are numbers of samples."""

    headless_runs: int
    headless_bytes: int
    browser_runs: int
    browser_bytes: int
    connects: int
    starts: int
    warm_requests: int


WHOLE = Plan(
    headless_runs=7,
    headless_bytes=100_000_000,
    browser_runs=7,
    browser_bytes=60_000_000,
    connects=20,
    starts=10,
    warm_requests=100,
)
QUICK = Plan(
    headless_runs=2,
    headless_bytes=8_000_000,
    browser_runs=2,
    browser_bytes=8_000_000,
    connects=3,
    starts=2,
    warm_requests=10,
)
