"""Time to the first byte: from asking for a bridge, with one waiting, to a page."""

from __future__ import annotations

from bench.browser import bridge
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
        helper("connecting", served.invite, str(site), str(plan.connects)) as (client, _),
    ):
        samples = [await client.answer("connected", _SECONDS) for _ in range(plan.connects)]
    figures.median(name, [sample["seconds"] for sample in samples])
    figures.median_parts(name, [sample["parts"] for sample in samples])
