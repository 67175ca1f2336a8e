"""The broker with 20,000 bridges: how many rendezvous it answers, and how fast.

It has one core, and what asks has the other. It is measured in turn with a handler of aiohttp that does nothing, on the
same core, so that the ratio says what the broker costs.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from bench.broker_host import PATH
from bench.broker_load import NO_KEY
from bench.empty_host import PATH as EMPTY_PATH
from bench.figures import Figures
from bench.plan import Plan
from bench.process_costs import rss_mb_of, seconds_of
from bench.programs import Event, Helper, helper

_RATE = 1_000
_READERS = 32
"""Those who ask without a pause, so that the broker is never idle."""
_TLS_READERS = 16
_VANISH_RATE = 200
_FILES_LEFT = 500
"""Of the files that a process may have open: 256 readers and those of the measurement before, libraries."""
_SECONDS = 300.0
_FIGURES = (
    "broker_20000_p99_ms",
    "broker_20000_empty_p99_ms",
    "sealed_rendezvous_s",
    "broker_empty_requests_s",
    "broker_tls_rendezvous_s",
    "broker_bridge_kb",
    "broker_vanish_worst_ms",
    "broker_vanish_clean_s",
)


@dataclass(frozen=True)
class _Lab:
    """The three processes, and where the two hosts listen."""

    host: Helper
    load: Helper
    empty: Helper
    ready: Event
    empty_port: int

    @property
    def key(self) -> str:
        """What requests are sealed to, in hexadecimal digits."""
        return str(self.ready["sealing_key"])

    async def do(self, *words: object) -> Event:
        """Let the load do something, and return what it has measured."""
        self.load.send(" ".join(map(str, words)))
        return await self.load.next_event("joined" if words[0] == "join" else "measured", _SECONDS)

    async def bridges(self) -> int:
        """How many bridges the broker has."""
        self.host.send("bridges")
        return int((await self.host.next_event("bridges", _SECONDS))["bridges"])


async def measure_broker(plan: Plan, figures: Figures) -> None:
    """Measure the figures of the broker; they are None on a machine without two cores, or without Linux."""
    cores = sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else []
    if len(cores) < 2:
        for name in _FIGURES:
            figures.number(name, None)
        return
    async with _lab(cores[0], cores[1]) as lab:
        await _join(lab, plan, figures)
        await _measure_speed(lab, plan, figures)
        await _measure_tls(lab, plan, figures, cores[1])
        await _measure_vanishing(lab, plan, figures)


@contextlib.asynccontextmanager
async def _lab(host_core: int, load_core: int) -> AsyncIterator[_Lab]:
    async with (
        helper("broker_host") as (host, ready),
        helper("empty_host") as (empty, empty_ready),
        helper("broker_load") as (load, _),
    ):
        for program, core in ((host, host_core), (empty, host_core), (load, load_core)):
            os.sched_setaffinity(program.pid, {core})
        yield _Lab(host, load, empty, ready, int(empty_ready["port"]))


async def _join(lab: _Lab, plan: Plan, figures: Figures) -> None:
    """The first bridges make the broker load what it needs."""
    first = 100
    count = min(plan.broker_bridges, int(lab.ready["files"]) - _FILES_LEFT)
    await lab.do("join", lab.ready["port"], PATH, first)
    before = rss_mb_of(lab.host.pid) or 0.0
    await lab.do("join", lab.ready["port"], PATH, count - first)
    after = rss_mb_of(lab.host.pid) or 0.0
    figures.number("broker_bridge_kb", round((after - before) * 1e3 / (count - first), 2))
    figures.number("broker_bridges", count)


async def _measure_speed(lab: _Lab, plan: Plan, figures: Figures) -> None:
    hosts = (
        ("broker_20000_p99_ms", "sealed_rendezvous_s", (lab.ready["port"], PATH, lab.key), lab.host),
        ("broker_20000_empty_p99_ms", "broker_empty_requests_s", (lab.empty_port, EMPTY_PATH, NO_KEY), lab.empty),
    )
    samples: dict[str, list[float]] = {name: [] for host in hosts for name in host[:2]}
    costs: dict[str, list[dict[str, float]]] = {host[1]: [] for host in hosts}
    for _ in range(plan.broker_runs):
        for wait_name, rate_name, place, program in hosts:
            measured = await lab.do("open", *place, _RATE, plan.broker_seconds)
            _check(measured)
            samples[wait_name].append(measured["p99_ms"])
            used = seconds_of(program.pid)
            measured = await lab.do("closed", *place, _READERS, plan.broker_seconds)
            _check(measured)
            samples[rate_name].append(measured["rate"])
            if used is not None and (now := seconds_of(program.pid)) is not None:
                costs[rate_name].append({"CPU ms each": (now - used) / measured["sent"] * 1e3})
    for name, values in samples.items():
        figures.median(name, values, 2)
    for name, parts in costs.items():
        figures.median_parts(name, parts)


async def _measure_tls(lab: _Lab, plan: Plan, figures: Figures, core: int) -> None:
    arguments = (lab.ready["tls_port"], PATH, lab.key, _TLS_READERS, plan.broker_seconds)
    async with helper("broker_tls_load", *map(str, arguments)) as (load, _):
        os.sched_setaffinity(load.pid, {core})
        measured = await load.next_event("measured", _SECONDS)
    figures.number("broker_tls_rendezvous_s", round(measured["rate"], 1))


async def _measure_vanishing(lab: _Lab, plan: Plan, figures: Figures) -> None:
    """All bridges go at once, while readers ask: how long the slowest answer takes, and until no bridge is left."""
    asking = asyncio.create_task(
        lab.do("vanish", lab.ready["port"], PATH, lab.key, _VANISH_RATE, 2 * plan.broker_seconds), name="asking"
    )
    await lab.load.next_event("vanished", _SECONDS)
    start = time.monotonic()
    while await lab.bridges():
        await asyncio.sleep(0.1)
    figures.number("broker_vanish_clean_s", round(time.monotonic() - start, 2))
    measured = await asking
    if sum(measured["statuses"].values()) != measured["sent"]:
        raise RuntimeError("a rendezvous has had no answer")
    figures.number("broker_vanish_worst_ms", round(measured["max_ms"], 1))


def _check(measured: Event) -> None:
    if measured["statuses"] != {"200": measured["sent"]}:
        raise RuntimeError(f"not all were answered: {measured['statuses']} of {measured['sent']}")
