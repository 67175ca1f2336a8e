"""What the switch costs: the page that embeds it, and the machine of a visitor who turns it on."""

from __future__ import annotations

from bench.browser_costs import measure_costs
from bench.figures import Figures
from bench.plan import Plan
from bench.web_vitals import measure_vitals


async def measure_switch(plan: Plan, figures: Figures) -> None:
    """Measure the page first, while nothing else runs."""
    await measure_vitals(plan, figures)
    await measure_costs(plan, figures)
