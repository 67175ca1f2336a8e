"""What the switch costs those who see it: the page that carries it, and the machine of the visitor who turns it on."""

from __future__ import annotations

from bench.costs import measure_costs
from bench.figures import Figures
from bench.plan import Plan
from bench.vitals import measure_vitals


async def measure_switch(plan: Plan, figures: Figures) -> None:
    """Measure the page first, as long as nothing else runs."""
    await measure_vitals(plan, figures)
    await measure_costs(plan, figures)
