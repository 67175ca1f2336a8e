"""Studies: longer measurements of a network path, beside plain TCP, which a scenario can have instead of its download.

A study returns 10^6 bytes a second of a bulk download through freespan, and further figures by name, which are added to
the scenario's row of `results.json`.
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
from lab.programs import InteractiveProgram
from lab.site import TCP_CONGESTION_CONTROL
from lab.world import BLOCKED, NEWS, Layout, World

Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A reader with an open session."""

    here: World
    layout: Layout
    downloader: InteractiveProgram
    proxy: str
    end_session: Callable[[], Awaitable[None]]
    """Ends the client, so that its bridge is free for another one."""


Study = Callable[[OpenSession], Awaitable[tuple[float, Figures]]]

NO_LANES = {"freespan.client.settings.ClientSettings.lane_steps": [1]}
"""Settings of a client that opens no lanes: one link to each bridge."""
_SETTLE_SECONDS = 5.0
_EVERY_SECONDS = 0.2
_IDLE_REQUESTS = 15
_PATIENCE_SECONDS = 20.0


async def lossy(session: OpenSession, seconds: float = 30.0, ramp_seconds: float = 30.0) -> tuple[float, Figures]:
    """Measure bulk downloads on a lossy path: plain TCP, then a session, then a session without lanes.

    The figures are the MB/s of each, those while the session finds out how many lanes help (`ramp_mb_s`), the shares of
    the link's rate (`lossy_ratio`, `tcp_ratio`), and `lanes_gain`.

    Args:
        session: open.
        seconds: of each download.
        ramp_seconds: of the download before the session's.
    """
    _check_tcp()
    link = session.layout.reader_hop.down.mb_s if session.layout.reader_hop else 0.0
    tcp = await measure.bulk(session.downloader, "", NEWS, seconds)
    ramp = await measure.bulk(session.downloader, session.proxy, BLOCKED, ramp_seconds)
    mb_s = await measure.bulk(session.downloader, session.proxy, BLOCKED, seconds)
    await session.end_session()
    async with measure.running_client(session.here, limits=NO_LANES) as (client, proxy):
        _, why = await measure.first_page(client, session.downloader, proxy)
        if why != "ok":
            raise LabError(f"the session without lanes did not open: {why}")
        one_lane = await measure.bulk(session.downloader, proxy, BLOCKED, seconds)
    return round(mb_s, 3), {
        "link_mb_s": link,
        "ramp_mb_s": round(ramp, 3),
        "tcp_mb_s": round(tcp, 3),
        "one_lane_mb_s": round(one_lane, 3),
        "lossy_ratio": round(mb_s / link, 3),
        "tcp_ratio": round(tcp / link, 3),
        "lanes_gain": round(mb_s / one_lane, 2),
    }


async def under_load(session: OpenSession, seconds: float = 25.0) -> tuple[float, Figures]:
    """Measure small requests in an idle session and beside a bulk download, and the same by plain TCP.

    The figures are the seconds to the first byte (medians, and the worst), and the ratios of the medians
    (`latency_under_load`, `tcp_latency_under_load`).

    Args:
        session: open.
        seconds: of the bulk download.
    """
    _check_tcp()
    freespan = await _latency(session, session.proxy, BLOCKED, seconds)
    tcp = await _latency(session, "", NEWS, seconds)
    return round(freespan.mb_s, 3), {
        "idle_s": round(freespan.idle, 3),
        "loaded_s": round(freespan.loaded, 3),
        "loaded_worst_s": round(freespan.worst, 3),
        "latency_under_load": round(freespan.loaded / freespan.idle, 2),
        "loaded_n": freespan.n,
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


async def _latency(session: OpenSession, proxy: str, site: str, seconds: float) -> _Latency:
    idle = [await _small(session, proxy, site) for _ in range(_IDLE_REQUESTS)]
    async with measure.running_downloader(session.here) as other:
        loading = asyncio.create_task(measure.bulk(other, proxy, site, seconds), name="lab-bulk")
        try:
            await asyncio.sleep(_SETTLE_SECONDS)
            loaded = list[float]()
            until = time.monotonic() + seconds - _SETTLE_SECONDS
            while not loaded or time.monotonic() < until:
                loaded.append(await _small(session, proxy, site))
            mb_s = await loading
        finally:
            loading.cancel()
    return _Latency(statistics.median(idle), statistics.median(loaded), max(loaded), len(loaded), mb_s)


async def _small(session: OpenSession, proxy: str, site: str) -> float:
    """Return the seconds to the first byte of a small page on a new connection, TLS with the site included."""
    await asyncio.sleep(_EVERY_SECONDS)
    return await measure.small(session.downloader, proxy, site, _PATIENCE_SECONDS)


def _check_tcp() -> None:
    """Raise `LabError` where the kernel lacks the congestion control of the plain downloads."""
    with socket.socket() as trial:
        try:
            trial.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, TCP_CONGESTION_CONTROL)
        except OSError:
            raise LabError(f"this kernel has no TCP {TCP_CONGESTION_CONTROL.decode()} to compare with") from None
