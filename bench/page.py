"""A page of 200 small objects over a distance: through HTTP, through SOCKS5, through other proxies, and directly.

The distance is in the same place for all of them, between the reader and what stands at the far end: for freespan
between its client and its host, in the bridge; for other proxies and for the direct load in a forwarder.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import statistics
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.figures import Figures
from bench.killable_bridges import limited
from bench.page_load import Route, load_s
from bench.plan import Plan
from bench.programs import client, headless_bridge, helper, host, origin

ROUND_TRIPS_MS = (0, 50, 150)
_UNLIMITED_MB_S = 1_000.0
_START_SECONDS = 10.0
_TINYPROXY = """Port {port}
Listen 127.0.0.1
MaxClients 100
LogLevel Critical
LogFile "{folder}/log"
"""
_PRIVOXY = """listen-address 127.0.0.1:{port}
keep-alive-timeout 60
logdir {folder}
confdir {folder}
"""
_SETTINGS = {"tinyproxy": _TINYPROXY, "privoxy": _PRIVOXY}
_COMMANDS = {"tinyproxy": ("-d", "-c"), "privoxy": ("--no-daemon",)}


async def measure_page(plan: Plan, figures: Figures) -> None:
    """Measure `page_200_http_ratio`, `page_200_socks_ratio` and those of other proxies, each to the direct load."""
    seconds = {f"{rtt} ms": await _at(rtt, plan.page_loads) for rtt in ROUND_TRIPS_MS}
    for way, name in (("http", "http"), ("socks5", "socks"), ("tinyproxy", "tinyproxy"), ("privoxy", "privoxy")):
        ratios = {rtt: round(ways[way] / ways["direct"], 2) for rtt, ways in seconds.items() if way in ways}
        figures.number(f"page_200_{name}_ratio", ratios or None)
    figures.number("page_200_direct_s", {rtt: round(ways["direct"], 3) for rtt, ways in seconds.items()})


async def _at(rtt_ms: int, loads: int) -> dict[str, float]:
    """The median seconds of each way; they take turns, after one load of each that is not counted."""
    async with contextlib.AsyncExitStack() as stack:
        site = await stack.enter_async_context(origin())
        served = await stack.enter_async_context(host())
        if rtt_ms:
            await stack.enter_async_context(limited(served.url, _UNLIMITED_MB_S, rtt_ms / 2))
        else:
            await stack.enter_async_context(headless_bridge(served.url))
        _, port = await stack.enter_async_context(client(served.invite))
        routes = {
            "direct": Route("direct", await stack.enter_async_context(_distance(site, rtt_ms)), site),
            "http": Route("http", port, site),
            "socks5": Route("socks5", port, site),
        }
        for name in filter(shutil.which, _SETTINGS):
            other = await stack.enter_async_context(_other_proxy(name))
            routes[name] = Route("http", await stack.enter_async_context(_distance(other, rtt_ms)), site)
        samples: dict[str, list[float]] = {way: [] for way in routes}
        for number in range(loads + 1):
            for way, route in routes.items():
                taken = await asyncio.to_thread(load_s, route)
                samples[way] += [taken] if number else []
        return {way: statistics.median(taken) for way, taken in samples.items()}


@contextlib.asynccontextmanager
async def _distance(port: int, rtt_ms: int) -> AsyncIterator[int]:
    """A port of loopback that leads to another one over a distance; the port itself if there is none."""
    if not rtt_ms:
        yield port
        return
    async with helper("distance", str(port), str(rtt_ms)) as (_, ready):
        yield int(ready["port"])


@contextlib.asynccontextmanager
async def _other_proxy(name: str) -> AsyncIterator[int]:
    """Run another proxy on loopback with hardly any settings; yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
    with TemporaryDirectory(prefix="freespan-bench-") as folder:
        settings = Path(folder) / "settings"
        settings.write_text(_SETTINGS[name].format(port=port, folder=folder))
        process = await asyncio.create_subprocess_exec(
            name, *_COMMANDS[name], str(settings), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            await _listening(port)
            yield port
        finally:
            process.kill()
            await process.wait()


async def _listening(port: int) -> None:
    async with asyncio.timeout(_START_SECONDS):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.02)
