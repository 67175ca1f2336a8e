"""The command line of the bench: `python -m bench [GROUP …] [--quick] [--attack NAME] [--output FILE]`."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import sys
import time
from pathlib import Path

from bench import report
from bench.bond import measure_bond
from bench.bridges import is_installed
from bench.broker import measure_broker
from bench.bulk import add_figures, interleaved, raw_through, session_through
from bench.client_start import measure_start
from bench.connect import measure_connect
from bench.costs_plot import costs_svg
from bench.figures import Figures
from bench.flood.attacks import ATTACKS
from bench.flood.measure import measure_flood
from bench.flood.soak import measure_soak
from bench.headless import measure_headless
from bench.invites import measure_invites
from bench.kills import draw_kills, measure_kills, measure_only
from bench.machine import facts
from bench.page import measure_page
from bench.page_size import measure_size
from bench.plan import GROUPS, LONG_GROUPS, QUICK, USUAL_GROUPS, WHOLE, WHOLE_SECONDS, Plan
from bench.switch import measure_switch

_RESULTS = Path(__file__).parent / "results.json"
_PICTURE = "kills.svg"
"""Throughput over time; written beside the JSON."""
_COSTS_PICTURE = "costs.svg"
"""What helping costs a visitor's machine; written beside the JSON."""


def main() -> int:
    """Measure the chosen groups; exit code 1 if one of them failed."""
    arguments = _parser().parse_args()
    groups = tuple(group for group in GROUPS if group in arguments.groups) or USUAL_GROUPS
    figures = Figures()
    plan, picture = QUICK if arguments.quick else WHOLE, arguments.output.with_name(_PICTURE)
    plan = dataclasses.replace(plan, attacks=tuple(arguments.attack))
    machine, failures = asyncio.run(_measure(groups, plan, figures, picture))
    report.write(arguments.output, figures, machine)
    if "switch" in groups:
        arguments.output.with_name(_COSTS_PICTURE).write_text(costs_svg(figures.values))
    report.show(figures)
    for failure in failures:
        print(f"bench: {failure}", file=sys.stderr)
    return 1 if failures else 0


async def _measure(
    groups: tuple[str, ...], plan: Plan, figures: Figures, picture: Path
) -> tuple[dict[str, object], list[str]]:
    """Measure group after group, also after one has failed."""
    machine = await facts()
    failures: list[str] = []
    start = time.monotonic()
    for group in groups:
        _log(f"{time.monotonic() - start:4.0f} s  {group}")
        try:
            # these have limits of their own, inside
            left = None if group in LONG_GROUPS else max(1.0, WHOLE_SECONDS - (time.monotonic() - start))
            async with asyncio.timeout(left):
                await _measure_group(group, plan, figures, picture)
        except TimeoutError as error:
            failures.append(f"{group}: {str(error) or f'not finished within {WHOLE_SECONDS:.0f} s'}")
        except Exception as error:  # the other groups can still be measured
            failures.append(f"{group}: {error!r}")
    _log(f"{time.monotonic() - start:4.0f} s  done")
    return machine, failures


async def _measure_group(group: str, plan: Plan, figures: Figures, picture: Path) -> None:
    match group:
        case "headless":
            await measure_headless(plan, figures)
        case "chromium" | "firefox":
            await _measure_browser(group, plan, figures)
        case "connect":
            await measure_connect("headless", "connect_first_byte_s", plan, figures)
            if is_installed("chromium"):
                await measure_connect("chromium", "connect_first_byte_chromium_s", plan, figures)
            else:
                figures.number("connect_first_byte_chromium_s", None)
        case "start":
            await measure_start(plan, figures)
        case "size":
            await measure_size(figures)
        case "invites":
            measure_invites(plan, figures)
        case "switch":
            await measure_switch(plan, figures)
        case "bond":
            await measure_bond(plan, figures)
        case "kills":
            await measure_kills(plan, figures)
        case "only":
            await measure_only(plan, figures)
        case "timeline":
            await draw_kills(plan, picture)
        case "page":
            await measure_page(plan, figures)
        case "broker":
            await measure_broker(plan, figures)
        case "flood":
            await measure_flood(plan, figures)
        case "soak":
            await measure_soak(plan, figures)


async def _measure_browser(kind: str, plan: Plan, figures: Figures) -> None:
    """Measure a session and the raw pipe, each through a browser of its own, whose page is in the foreground."""
    if not is_installed(kind):
        figures.number(f"{kind}_mb_s", None)
        figures.number(f"{kind}_raw_mb_s", None)
        return
    async with session_through(kind) as session, raw_through(kind) as raw:
        speeds, raw_speeds = await interleaved(session, raw, plan, plan.browser_bytes)
    add_figures(kind, speeds, raw_speeds, figures)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure freespan on this machine.")
    usual = f"{', '.join(USUAL_GROUPS)}; only if they are named: {', '.join(LONG_GROUPS)}"
    parser.add_argument("groups", nargs="*", choices=[[], *GROUPS], metavar="GROUP", help=usual)
    parser.add_argument(
        "--attack",
        action="append",
        default=[],
        choices=sorted(ATTACKS),
        metavar="NAME",
        help="this attack of flood alone",
    )
    parser.add_argument("--quick", action="store_true", help="few and small samples, to see whether it runs at all")
    parser.add_argument("--output", type=Path, default=_RESULTS, help="file for the JSON")
    return parser


def _log(text: str) -> None:
    if sys.stderr.isatty():
        print(text, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
