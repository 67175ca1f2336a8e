"""How much is measured: enough for stable medians, and all of it within 25 minutes."""

from __future__ import annotations

from dataclasses import dataclass

WHOLE_SECONDS = 1500.0
"""Limit for the usual groups together."""

USUAL_GROUPS = (
    "headless",
    "chromium",
    "firefox",
    "connect",
    "start",
    "size",
    "invites",
    "switch",
    "bond",
    "kills",
    "only",
    "timeline",
    "page",
)
"""Those that are measured when none is named."""
LONG_GROUPS = ("broker", "flood", "soak")
"""Those that take ten minutes and more each, and have limits of their own."""
GROUPS = (*USUAL_GROUPS, *LONG_GROUPS)
"""The parts of the bench that can be run separately; each measures some of the figures."""

BULK_RUNS_LEAST = 3
"""The least number of bulk runs, however slow the machine is."""


@dataclass(frozen=True)
class Plan:
    """Sizes are in bytes and times in seconds; the other fields are numbers of samples."""

    bulk_runs: int
    bulk_seconds: float
    """Limit for all runs of a bulk measurement together; at least BULK_RUNS_LEAST of them are done."""
    headless_bytes: int
    browser_bytes: int
    connects: int
    starts: int
    warm_requests: int
    invite_checks: int
    bond_runs: int
    kills: int
    """For each kind of bridge."""
    replacements: int
    absences: int
    absence_seconds: float
    timeline_bytes: int
    timeline_kills: int
    timeline_every_seconds: float
    loads: int
    """Loads of the page with the switch in its first layout, and as many without a switch."""
    other_loads: int
    """Loads with each other layout."""
    page_loads: int
    """Loads of a page of many small objects, by each way and at each distance."""
    cost_runs: int
    """Browsers of each kind, one after another."""
    settle_seconds: float
    """Wait before a browser is measured at rest."""
    rest_seconds: float
    slow_bytes: int
    """Transferred at 1 MB/s."""
    cost_bytes: int
    broker_bridges: int
    broker_runs: int
    broker_seconds: float
    """For each measurement of a run."""
    flood_quiet_seconds: float
    """Before each attack."""
    flood_seconds: float
    """Of each attack."""
    soak_sessions: int
    """That come and go at a host."""
    soak_changes: int
    """Of bridges, for a client; and of clients, for a bridge."""
    attacks: tuple[str, ...] = ()
    """The names of the attacks to make; all of them if there is none."""


WHOLE = Plan(
    bulk_runs=15,
    bulk_seconds=90.0,
    headless_bytes=60_000_000,
    browser_bytes=30_000_000,
    connects=20,
    starts=10,
    warm_requests=100,
    invite_checks=25,
    bond_runs=3,
    kills=10,
    replacements=5,
    absences=1,
    absence_seconds=60.0,
    timeline_bytes=400_000_000,
    timeline_kills=4,
    timeline_every_seconds=3.5,
    loads=20,
    other_loads=8,
    page_loads=10,
    cost_runs=3,
    settle_seconds=5.0,
    rest_seconds=8.0,
    slow_bytes=8_000_000,
    cost_bytes=100_000_000,
    broker_bridges=20_000,
    broker_runs=5,
    broker_seconds=5.0,
    flood_quiet_seconds=3.0,
    flood_seconds=5.0,
    soak_sessions=100_000,
    soak_changes=1_000,
)
QUICK = Plan(
    bulk_runs=2,
    bulk_seconds=30.0,
    headless_bytes=8_000_000,
    browser_bytes=8_000_000,
    connects=3,
    starts=2,
    warm_requests=10,
    invite_checks=3,
    bond_runs=1,
    kills=1,
    replacements=1,
    absences=1,
    absence_seconds=1.0,
    timeline_bytes=20_000_000,
    timeline_kills=1,
    timeline_every_seconds=0.5,
    loads=3,
    other_loads=1,
    page_loads=1,
    cost_runs=1,
    settle_seconds=1.0,
    rest_seconds=2.0,
    slow_bytes=2_000_000,
    cost_bytes=20_000_000,
    broker_bridges=500,
    broker_runs=1,
    broker_seconds=0.5,
    flood_quiet_seconds=1.0,
    flood_seconds=2.0,
    soak_sessions=100,
    soak_changes=10,
)
