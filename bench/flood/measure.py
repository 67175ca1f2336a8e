"""Runs attack after attack, each against a host of its own, and measures what an honest reader notices."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from tempfile import TemporaryDirectory

from bench import process_costs
from bench.figures import Figures
from bench.flood.attacks import ATTACKS, LOSES_BRIDGE
from bench.flood.reader import Newcomers, PacedDownload, Pages, Samples
from bench.plan import Plan
from bench.programs import UNHURRIED, Event, Host, client, headless_bridge, helper, origin
from freespan.api.open_files import raise_open_files_limit
from freespan.demo.errors import DemoError
from freespan.demo.programs import Program, running
from freespan.wire.invite import parse_invite

_READY_SECONDS = 30.0
_STOP_SECONDS = 20.0
_ATTACK_SECONDS = 150.0
"""For one attack and all that belongs to it."""
_BRIDGE_BACK_SECONDS = 2.0
_CARRIED_SECONDS = 8.0
_SAMPLE_SECONDS = 0.1
_LEDGER_SECONDS = 1.0
_LEDGER = re.compile(r"^freespan_held_bytes (\S+)$", re.MULTILINE)
_ROW = (
    "{name:28} page {quiet:5.0f} → {during:6.0f} ms, x{ratio:<6.2f} broken {broken}  "
    "newcomers {new:5.0f} → {later:6.0f} ms, {lost}/{tried} lost  rss +{rss:<5.0f} MB (ledger {ledger:.0f})  "
    "loop {block:6.0f} ms {where} (turn {turn:.0f}: {turn_where}; gc {gc:.0f})  [{did}]"
)


@dataclass
class Watched:
    """A host whose event loop and memory are watched."""

    host: Host
    stun_port: int
    block_ms: float = 0.0
    turn_ms: float = 0.0
    collector_ms: float = 0.0
    where: str = ""
    turn_where: str = ""
    rss_mb: float = 0.0
    ledger_mb: float = 0.0

    def forget(self) -> None:
        """Forget what was seen so far, and begin anew."""
        self.block_ms = self.turn_ms = self.collector_ms = self.ledger_mb = 0.0
        self.rss_mb = process_costs.rss_mb_of(self.host.program.pid) or 0.0
        self.where = self.turn_where = ""

    def add(self, event: Event) -> None:
        """Take a report of the host's event loop."""
        if event["block_ms"] > self.block_ms:
            self.block_ms, self.where = event["block_ms"], event["where"]
        if event["turn_ms"] > self.turn_ms:
            self.turn_ms, self.turn_where = event["turn_ms"], event["turn_where"]
        self.collector_ms = max(self.collector_ms, event["collector_ms"])


@dataclass(frozen=True)
class Outcome:
    """What one attack has done to the reader and to the host."""

    quiet: Samples
    during: Samples
    new_quiet: Samples
    new_during: Samples
    broken: int
    rss_growth_mb: float
    seen: Watched
    """The host as it was at the end of the attack."""
    did: Event

    @property
    def ratio(self) -> float:
        """The median page during the attack to the one before it."""
        return self.during.median / self.quiet.median


async def measure_flood(plan: Plan, figures: Figures) -> None:
    """Measure `flood_*` for each attack (or those that are named), and `loop_block_max_ms` over all of them."""
    raise_open_files_limit()
    blocks: dict[str, float] = {}
    with _beside_the_host():
        for name in (one for one in ATTACKS if not plan.attacks or one in plan.attacks):
            try:
                async with asyncio.timeout(_ATTACK_SECONDS):
                    found = await _attacked(name, plan)
            except (DemoError, TimeoutError) as error:
                print(f"{name:28} {str(error) or 'not finished in time'}", file=sys.stderr, flush=True)
                figures.number(f"flood_{name}_page_ratio", None)
                figures.number(f"flood_{name}_broken", 1)
                continue
            print(_row(name, found), flush=True)
            blocks[name] = found.seen.block_ms
            _add(name, found, figures)
    figures.number("loop_block_max_ms", max(blocks.values(), default=None))
    figures.parts["loop_block_max_ms"] = blocks


def _add(name: str, found: Outcome, figures: Figures) -> None:
    ratio = f"flood_{name}_page_ratio"
    figures.number(ratio, round(found.ratio, 2))
    figures.parts[ratio] = {
        "quiet_s": round(found.quiet.median, 4),
        "during_s": round(found.during.median, 4),
        "pages": len(found.during.seconds),
        "pages_failed": found.during.failed,
        "newcomer_quiet_s": round(found.new_quiet.median, 4),
        "newcomer_during_s": round(found.new_during.median, 4),
        "newcomers": len(found.new_during.seconds),
        "newcomers_failed": found.new_during.failed,
        "rss_growth_mb": round(found.rss_growth_mb, 1),
        "ledger_mb": round(found.seen.ledger_mb, 1),
        "turn_ms": found.seen.turn_ms,
        "collector_ms": found.seen.collector_ms,
    } | {f"attacker_{key}": float(value) for key, value in found.did.items() if key != "event" and value}
    figures.number(f"flood_{name}_broken", found.broken)


async def _attacked(name: str, plan: Plan) -> Outcome:
    async with AsyncExitStack() as stack:
        site = await stack.enter_async_context(origin())
        watched = await stack.enter_async_context(_watched_host())
        url, invite = watched.host.url, watched.host.invite
        helping = await stack.enter_async_context(AsyncExitStack())
        await helping.enter_async_context(headless_bridge(url))
        if name not in LOSES_BRIDGE:
            await stack.enter_async_context(headless_bridge(url))
        connected, proxy = await stack.enter_async_context(client(invite))
        pages, newcomers = Pages(proxy, site), Newcomers(parse_invite(invite), site)
        stack.callback(pages.close)
        await pages.until(lambda: True)
        downloading = PacedDownload(proxy, site)
        quiet, new_quiet = await _both(pages, newcomers, plan.flood_quiet_seconds)
        seconds = plan.flood_seconds + (_BRIDGE_BACK_SECONDS + _CARRIED_SECONDS if name in LOSES_BRIDGE else 0.0)
        key = parse_invite(invite).sealing_key.hex()
        arguments = (name, url, str(watched.stun_port), str(seconds), key)
        attacker, _ = await stack.enter_async_context(helper("flood.attacker", *arguments))
        watched.forget()
        before = watched.rss_mb
        attacker.send("go")
        if name in LOSES_BRIDGE:
            await _lose_bridge(url, helping, connected)
        during, new_during = await _both(pages, newcomers, plan.flood_seconds)
        did: Event = {}
        with contextlib.suppress(DemoError):
            did = await attacker.next_event("done", _STOP_SECONDS)
        broken = await downloading.broken()
        if watched.host.program.ended:
            raise DemoError(watched.host.program.why_ended())
        seen = replace(watched)
        return Outcome(quiet, during, new_quiet, new_during, broken, seen.rss_mb - before, seen, did)


async def _lose_bridge(url: str, helping: AsyncExitStack, connected: Program) -> None:
    """Let the reader's only bridge go and another one come; returns when that carries the reader, or does not."""
    await helping.aclose()
    await asyncio.sleep(_BRIDGE_BACK_SECONDS)
    await helping.enter_async_context(headless_bridge(url))
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_CARRIED_SECONDS):
            while not connected.last.get("links"):
                await asyncio.sleep(0.02)


async def _both(pages: Pages, newcomers: Newcomers, seconds: float) -> tuple[Samples, Samples]:
    until = time.monotonic() + seconds

    def is_over() -> bool:
        return time.monotonic() >= until

    loaded, come = await asyncio.gather(pages.until(is_over), newcomers.until(is_over))
    return loaded, come


# --- the host -----------------------------------------------------------------------------------------------
@contextlib.asynccontextmanager
async def _watched_host() -> AsyncIterator[Watched]:
    def command(arguments: Sequence[str]) -> list[str]:
        return [sys.executable, "-m", "bench.flood.watched_host", _host_core(), *arguments]

    with TemporaryDirectory(prefix="freespan-bench-") as data:
        arguments = (
            "serve",
            "--port",
            "0",
            "--data",
            data,
            "--allow-private",
            "--egress",
            "open",
            *UNHURRIED,
            "--metrics-port",
            "0",
            "--print-invite",
            "--stun-port",
            "0",
            "--json",
        )
        async with running(*arguments, command=command, stop_seconds=_STOP_SECONDS) as program:
            ready = await program.event(lambda event: event.get("event") == "ready", _READY_SECONDS, "host")
            stun = next(iter(ready["stun"]), "stun:127.0.0.1:0")
            watched = Watched(
                Host(ready["url"], ready["invite"], program, ready["metrics"]), int(stun.rpartition(":")[2])
            )
            watching = [
                asyncio.create_task(_watch_loop(watched, program), name="flood-watch-loop"),
                asyncio.create_task(_watch_memory(watched, program), name="flood-watch-memory"),
                asyncio.create_task(_watch_ledger(watched), name="flood-watch-ledger"),
            ]
            try:
                yield watched
            finally:
                for task in watching:
                    task.cancel()
                await asyncio.gather(*watching, return_exceptions=True)


async def _watch_loop(watched: Watched, program: Program) -> None:
    while True:
        watched.add(await program.event(lambda event: event.get("event") == "loop", 600.0))


async def _watch_memory(watched: Watched, program: Program) -> None:
    while True:
        watched.rss_mb = max(watched.rss_mb, process_costs.rss_mb_of(program.pid) or 0.0)
        await asyncio.sleep(_SAMPLE_SECONDS)


async def _watch_ledger(watched: Watched) -> None:
    """Ask the host what it holds; a host that is busy is asked again later."""
    while True:
        with contextlib.suppress(OSError, ValueError):
            watched.ledger_mb = max(watched.ledger_mb, await asyncio.to_thread(_ledger_mb, watched.host.metrics))
        await asyncio.sleep(_LEDGER_SECONDS)


def _ledger_mb(url: str) -> float:
    with urllib.request.urlopen(url, timeout=_LEDGER_SECONDS) as answer:
        found = _LEDGER.search(answer.read().decode())
    return float(found.group(1)) / 1e6 if found else 0.0


def _host_core() -> str:
    return str(min(_cores())) if len(_cores()) > 1 else ""


@contextlib.contextmanager
def _beside_the_host() -> Iterator[None]:
    """Keep this process, and those that it starts, away from the host's core."""
    cores = _cores()
    if len(cores) > 1:
        os.sched_setaffinity(0, cores - {min(cores)})
    try:
        yield
    finally:
        if cores:
            os.sched_setaffinity(0, cores)


_CORES: set[int] = set()


def _cores() -> set[int]:
    if not _CORES and hasattr(os, "sched_getaffinity"):
        _CORES.update(os.sched_getaffinity(0))
    return set(_CORES)


def _row(name: str, found: Outcome) -> str:
    did = ", ".join(f"{key} {value}" for key, value in found.did.items() if key != "event" and value)
    return _ROW.format(
        name=name,
        quiet=1e3 * found.quiet.median,
        during=1e3 * found.during.median,
        ratio=found.ratio,
        broken=found.broken,
        new=1e3 * found.new_quiet.median,
        later=1e3 * found.new_during.median,
        lost=found.new_during.failed,
        tried=len(found.new_during.seconds),
        rss=found.rss_growth_mb,
        ledger=found.seen.ledger_mb,
        block=found.seen.block_ms,
        turn=found.seen.turn_ms,
        gc=found.seen.collector_ms,
        where=found.seen.where,
        turn_where=found.seen.turn_where,
        did=did,
    )
