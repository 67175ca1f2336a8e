"""What the loss of a bridge costs a reader: of one of three, of the only one, and of several during a download."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.bridges import is_installed
from bench.checked_download import CheckedDownload, checked_download
from bench.download import DownloadError
from bench.figures import Figures
from bench.killable_bridges import KINDS, Kill, killable_bridge
from bench.plan import Plan
from bench.programs import client, host, origin
from bench.throughput_plot import throughput_svg
from freespan.demo.programs import Program

_BRIDGES = 3
_JOINED_SECONDS = 60.0
_FLOWING_SECONDS = 1.0
"""A bridge is killed this long after a download has begun, and up to a second later."""
_KILL_BYTES = 100_000_000
_ONLY_BYTES = 40_000_000
"""More than arrives while a bridge starts."""
_TOO_SHORT = "the download was over before the kill"
_LINK_PARTS = ("offer", "rendezvous", "channel")
"""The parts of setting up a link; setting up a session has more."""


async def measure_kills(plan: Plan, figures: Figures) -> None:
    """Measure `kill_pause_median_s`, `kill_pause_worst_s`, `kill_wrong_bytes`: one of three bridges gets SIGKILL.

    In half of the runs it is one of three headless bridges; in the others it is a Chromium beside two headless ones.
    """
    pauses, wrong = [], 0
    for kind in filter(is_installed, KINDS):
        watched = await _kills(kind, plan)
        of_kind = [each.longest_pause(killed_at) for each, killed_at in watched]
        figures.median(f"kill_pause_{kind}_s", of_kind, 3)
        pauses += of_kind
        wrong += sum(each.wrong_bytes for each, _ in watched)
    figures.median("kill_pause_median_s", pauses, 3)
    figures.number("kill_pause_worst_s", round(max(pauses), 3))
    figures.number("kill_wrong_bytes", wrong)


async def measure_only(plan: Plan, figures: Figures) -> None:
    """Measure what the loss of the only bridge costs: `replacement_pause_s`, `link_setup_s`, `absence_60_resumes_s`.

    Its replacement joins the broker at the moment of the kill, or a minute later.
    """
    waiting = [await _only(0.0) for _ in range(plan.replacements)]
    figures.median("replacement_pause_s", [lost.pause for lost in waiting], 3)
    figures.median("link_setup_s", [lost.link_setup for lost in waiting], 3)
    absent = await asyncio.gather(*(_only(plan.absence_seconds) for _ in range(plan.absences)))
    figures.median("absence_60_resumes_s", [lost.resumed for lost in absent], 3)
    figures.number("only_wrong_bytes", sum(lost.wrong_bytes for lost in (*waiting, *absent)))


async def draw_kills(plan: Plan, picture: Path) -> None:
    """Plot the throughput of a download while bridge after bridge is killed and replaced."""
    kills: list[float] = []
    async with _reader(_BRIDGES) as reader:
        reading = reader.read(plan.timeline_bytes)
        for _ in range(plan.timeline_kills):
            await asyncio.sleep(plan.timeline_every_seconds)
            if reading.done():
                break
            reader.kill_one()
            kills.append(time.perf_counter())
            await reader.add("headless")
        watched = await reading
    start = watched.pieces[0][0]
    pieces = [(at - start, length) for at, length in watched.pieces]
    drawn = throughput_svg(pieces, [at - start for at in kills])
    await asyncio.to_thread(picture.write_text, drawn)


async def _kills(kind: str, plan: Plan) -> list[tuple[CheckedDownload, float]]:
    """Return downloads, and when a bridge was killed in each."""
    found = []
    async with _reader(_BRIDGES - 1) as reader:
        for _ in range(plan.kills):
            await reader.add(kind)
            await reader.carried_by(_BRIDGES)
            reading = reader.read(_KILL_BYTES)
            await asyncio.sleep(_FLOWING_SECONDS + random.random())
            if reading.done():
                raise DownloadError(_TOO_SHORT)
            kill = reader.kill_last if kind == "chromium" else reader.kill_one
            kill()
            killed_at = time.perf_counter()
            found.append((await reading, killed_at))
    return found


@dataclass(frozen=True)
class _Lost:
    """Seconds, of one download whose only bridge was killed."""

    pause: float
    link_setup: float
    resumed: float
    """From the moment when a new bridge waited at the broker."""
    wrong_bytes: int


async def _only(absence: float) -> _Lost:
    async with _reader(1) as reader:
        reading = reader.read(_ONLY_BYTES)
        await asyncio.sleep(_FLOWING_SECONDS)
        if absence:
            reader.kill_last()
            killed_at = time.perf_counter()
            await asyncio.sleep(absence)
            await reader.add("headless")
            there_at = time.perf_counter()
        else:
            await reader.add("headless")
            there_at = killed_at = time.perf_counter()
            reader.kill_first()
        if reading.done():
            raise DownloadError(_TOO_SHORT)
        watched = await reading
        return _Lost(
            watched.longest_pause(killed_at), reader.link_setup, watched.first_after(there_at), watched.wrong_bytes
        )


class _Reader:
    """A client with an open session, and the bridges that are running."""

    def __init__(self, stack: AsyncExitStack, site: int, url: str) -> None:
        self._stack = stack
        self._site = site
        self._url = url
        self._alive: list[Kill] = []
        self._client: Program | None = None
        self._proxy = 0
        self.link_setup = 0.0

    async def add(self, kind: str) -> None:
        """Start one more bridge; it waits for readers when this returns."""
        self._alive.append(await self._stack.enter_async_context(killable_bridge(kind, self._url)))

    async def connect(self, invite: str) -> None:
        """Open the session."""
        connected, self._proxy = await self._stack.enter_async_context(client(invite))
        seconds = connected.last.get("seconds", {})
        self._client = connected
        self.link_setup = sum(seconds.get(part, 0.0) for part in _LINK_PARTS)

    async def carried_by(self, bridges: int) -> None:
        """Wait until this many links carry the session."""
        assert self._client is not None
        async with asyncio.timeout(_JOINED_SECONDS):
            while self._client.last.get("links") != bridges:
                await asyncio.sleep(0.02)

    def read(self, size: int) -> asyncio.Task[CheckedDownload]:
        return asyncio.create_task(
            asyncio.to_thread(checked_download, self._proxy, self._site, size), name="bench-download"
        )

    def kill_one(self) -> None:
        self._alive.pop(random.randrange(len(self._alive)))()

    def kill_first(self) -> None:
        self._alive.pop(0)()

    def kill_last(self) -> None:
        self._alive.pop()()


@contextlib.asynccontextmanager
async def _reader(bridges: int) -> AsyncIterator[_Reader]:
    """Run a reader and a number of headless bridges for the length of the block."""
    async with origin() as site, host() as served, AsyncExitStack() as stack:
        reader = _Reader(stack, site, served.url)
        for _ in range(bridges):
            await reader.add("headless")
        await reader.connect(served.invite)
        if bridges > 1:
            await reader.carried_by(bridges)
        yield reader
