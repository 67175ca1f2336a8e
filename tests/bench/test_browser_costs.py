"""What helping costs a browser, as figures and as a chart."""

from xml.etree import ElementTree

import pytest

from bench import browser_costs
from bench.browser_costs import Interval, Run
from bench.costs_plot import costs_svg
from bench.figures import Figures


def a_run(page_ms: float | None = 5.0) -> Run:
    """A quarter of a core while it waits, three cores when it is fast."""
    return Run(
        off=Interval(2.0, {"browser": 0.6, "renderer": 0.4}, 200.0, page_ms),
        waiting=Interval(4.0, {"browser": 1.0}, 210.0, page_ms),
        slow=Interval(8.0, {"browser": 6.0}, 250.0, page_ms),
        limited=Interval(10.0, {"browser": 9.0}, 250.0, page_ms),
        fast=Interval(10.0, {"browser": 10.0, "renderer": 20.0}, 300.0, page_ms and page_ms * 6),
        slow_bytes=8_000_000,
        fast_bytes=50_000_000,
    )


def test_the_costs_do_not_include_what_the_browser_uses_anyway() -> None:
    run = a_run()
    assert run.cpu_s_per_100mb == pytest.approx((30 - 2.5) * 2)
    assert run.page_ms_per_100mb == pytest.approx((30 - 25) * 2)
    assert a_run(page_ms=None).page_ms_per_100mb is None


def test_the_costs_of_a_browser_become_figures() -> None:
    figures = Figures()
    browser_costs.add_figures("chromium", [a_run()], figures)
    browser_costs.add_figures("firefox", [a_run(page_ms=None)], figures)
    assert figures.values == {
        name: value
        for kind in browser_costs.KINDS
        for name, value in {
            f"{kind}_cpu_s_per_100mb": 55.0,
            f"{kind}_off_cpu_percent": 50.0,
            f"{kind}_waiting_cpu_percent": 25.0,
            f"{kind}_1mb_s_cpu_percent": 75.0,
            f"{kind}_1mb_s_limited_cpu_percent": 90.0,
            f"{kind}_off_mb_memory": 200.0,
            f"{kind}_waiting_mb_memory": 210.0,
            f"{kind}_1mb_s_mb_memory": 250.0,
        }.items()
    } | {"page_main_thread_ms_per_100mb": 10.0}
    assert figures.parts["chromium_cpu_s_per_100mb"] == {"browser": 20.0, "renderer": 40.0}


def test_the_costs_are_plotted_and_missing_ones_are_left_out() -> None:
    figures = Figures()
    browser_costs.add_figures("firefox", [a_run(page_ms=None)], figures)
    drawn = costs_svg(figures.values)
    assert ElementTree.fromstring(drawn) is not None
    assert drawn.count("Firefox, ") == 4
    assert "Chromium" not in drawn
    assert ElementTree.fromstring(costs_svg({})) is not None
