"""The time from asking for a bridge, while one waits, to the first byte of a page."""

from __future__ import annotations

from bench.bridges import bridge
from bench.figures import Figures
from bench.plan import Plan
from bench.programs import helper, host, origin

_SECONDS = 40.0


async def measure_connect(kind: str, name: str, plan: Plan, figures: Figures) -> None:
    """Measure the figure `name` through a bridge of this kind."""
    async with (
        origin() as site,
        host() as served,
        bridge(kind, served.url),
        helper("connect_client", served.invite, str(site), str(plan.connects)) as (client, _),
    ):
        samples = [await client.next_event("connected", _SECONDS) for _ in range(plan.connects)]
    figures.median(name, [sample["seconds"] for sample in samples])
    figures.median_parts(name, [sample["parts"] for sample in samples])
