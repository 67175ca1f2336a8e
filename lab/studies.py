"""What a road gives in the long run, beside what it gives to others: measurements that a scenario can ask for.

A study takes the place of the scenario's download. It returns 10^6 bytes a second of a bulk download through freespan,
and figures of its own by name, which stand in the scenario's row of `results.json`.
"""

from __future__ import annotations

import asyncio
import socket
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from lab import measure
from lab.errors import LabError
from lab.hosts import BLOCKED, NEWS, Layout, World
from lab.programs import Told
from lab.site import TCP

More = dict[str, float]


@dataclass(frozen=True, slots=True)
class Stand:
    """A reader with a session."""

    here: World
    layout: Layout
    browser: Told
    proxy: str
    end_session: Callable[[], Awaitable[None]]
    """Gives the bridge back, for another client."""


Study = Callable[[Stand], Awaitable[tuple[float, More]]]

ONE_LANE = {"freespan.client.lanes.controller._STEPS": [1]}
"""Bounds of a client that opens one lane for each bridge."""
_SETTLE_SECONDS = 5.0
_EVERY_SECONDS = 0.2
_IDLE_REQUESTS = 15
_PATIENCE_SECONDS = 20.0


async def lossy(stand: Stand, seconds: float = 30.0, ramp_seconds: float = 30.0) -> tuple[float, More]:
    """Bulk on a road that loses packets, each for so long: plain TCP from a site, a session, a session of one lane.

    Before the session is measured it has had some time to find out how many lanes help. Figures: MB/s of each and of
    that time (`ramp_mb_s`), `lossy_ratio` and `tcp_ratio` as shares of the link's rate, and `lanes_gain`.
    """
    _check_tcp()
    link = stand.layout.reader_hop.down.mb_s if stand.layout.reader_hop else 0.0
    tcp = await measure.bulk(stand.browser, "", NEWS, seconds)
    ramp = await measure.bulk(stand.browser, stand.proxy, BLOCKED, ramp_seconds)
    mb_s = await measure.bulk(stand.browser, stand.proxy, BLOCKED, seconds)
    await stand.end_session()
    async with measure.connecting(stand.here, bounds=ONE_LANE) as (client, proxy):
        _, why = await measure.first_page(client, stand.browser, proxy)
        if why != "ok":
            raise LabError(f"the session of one lane did not come about: {why}")
        one_lane = await measure.bulk(stand.browser, proxy, BLOCKED, seconds)
    return round(mb_s, 3), {
        "link_mb_s": link,
        "ramp_mb_s": round(ramp, 3),
        "tcp_mb_s": round(tcp, 3),
        "one_lane_mb_s": round(one_lane, 3),
        "lossy_ratio": round(mb_s / link, 3),
        "tcp_ratio": round(tcp / link, 3),
        "lanes_gain": round(mb_s / one_lane, 2),
    }


async def under_load(stand: Stand, seconds: float = 25.0) -> tuple[float, More]:
    """A small request in an idle session and beside a bulk download of so many seconds; the same without freespan.

    Figures: seconds to the first byte (medians, and the worst), `latency_under_load` and `tcp_latency_under_load`, the
    ratios of the medians.
    """
    _check_tcp()
    ours = await _latency(stand, stand.proxy, BLOCKED, seconds)
    tcp = await _latency(stand, "", NEWS, seconds)
    return round(ours.mb_s, 3), {
        "idle_s": round(ours.idle, 3),
        "loaded_s": round(ours.loaded, 3),
        "loaded_worst_s": round(ours.worst, 3),
        "latency_under_load": round(ours.loaded / ours.idle, 2),
        "loaded_n": ours.n,
        "tcp_mb_s": round(tcp.mb_s, 3),
        "tcp_idle_s": round(tcp.idle, 3),
        "tcp_loaded_s": round(tcp.loaded, 3),
        "tcp_latency_under_load": round(tcp.loaded / tcp.idle, 2),
    }


@dataclass(frozen=True, slots=True)
class _Latency:
    idle: float
    loaded: float
    worst: float
    n: int
    mb_s: float


async def _latency(stand: Stand, proxy: str, site: str, seconds: float) -> _Latency:
    idle = [await _small(stand, proxy, site) for _ in range(_IDLE_REQUESTS)]
    async with measure.reading(stand.here) as other:
        loading = asyncio.create_task(measure.bulk(other, proxy, site, seconds), name="lab-bulk")
        try:
            await asyncio.sleep(_SETTLE_SECONDS)
            loaded = list[float]()
            until = time.monotonic() + seconds - _SETTLE_SECONDS
            while not loaded or time.monotonic() < until:
                loaded.append(await _small(stand, proxy, site))
            mb_s = await loading
        finally:
            loading.cancel()
    return _Latency(statistics.median(idle), statistics.median(loaded), max(loaded), len(loaded), mb_s)


async def _small(stand: Stand, proxy: str, site: str) -> float:
    """Seconds to the first byte of a small page on a new connection, TLS with the site included."""
    await asyncio.sleep(_EVERY_SECONDS)
    return await measure.small(stand.browser, proxy, site, _PATIENCE_SECONDS)


def _check_tcp() -> None:
    """Raises `LabError` where the plain downloads would not be what they are called."""
    with socket.socket() as trial:
        try:
            trial.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, TCP)
        except OSError:
            raise LabError(f"this kernel has no TCP {TCP.decode()} to compare with") from None
