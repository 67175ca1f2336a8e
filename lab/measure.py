"""What a reader gets: straight, and through freespan."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass

from freespan.demo.payload import sha256_of
from freespan.demo.programs import Event
from lab.hosts import BLOCKED, NEWS, START_SECONDS, World
from lab.programs import Told, freespan, python

DIRECT_SECONDS = 6.0
SESSION_SECONDS = 24.0
DOWNLOAD_SECONDS = 40.0
THROTTLED = 0.25
"""A site that is so many times slower than one that nobody minds is throttled."""
_CONTROL_BYTES = 1_000_000
_MARGIN = 5.0


@dataclass(slots=True)
class Result:
    """One row of the table."""

    scenario: str
    direct: str
    """`ok`, `blocked` or `throttled`."""
    freespan: str
    """`ok`, or why not."""
    road: str = ""
    first_byte_s: float | None = None
    """From asking for a bridge to the first byte of the page."""
    mb_s: float | None = None

    def as_json(self) -> dict[str, object]:
        return asdict(self)


@contextlib.asynccontextmanager
async def reader(world: World) -> AsyncIterator[Told]:
    """Have a reader's program that takes orders (see `reader.py`)."""
    async with world.running("reader", "reader", python("lab.reader")) as program:
        await program.event(lambda event: event.get("event") == "ready", START_SECONDS, "ready")
        yield program


async def try_directly(browser: Told, scheme: str) -> str:
    """`ok`, `blocked` or `throttled`; a site that is in nobody's list tells what the road would allow."""
    small = await _fetch(browser, f"{scheme}://{BLOCKED}/small", DIRECT_SECONDS)
    if not small["ok"]:
        return "blocked"
    control = await _fetch(browser, f"{scheme}://{NEWS}/file?bytes={_CONTROL_BYTES}", DIRECT_SECONDS)
    asked = await _fetch(browser, f"{scheme}://{BLOCKED}/file?bytes={_CONTROL_BYTES}", DIRECT_SECONDS)
    if not asked["bytes"]:
        return "blocked"
    return "throttled" if _rate(asked) < THROTTLED * _rate(control) else "ok"


async def through_freespan(world: World, browser: Told, scheme: str, size: int) -> Result:
    """Start the client, read a page through it and download `size` bytes."""
    result = Result("", "", "")
    async with world.running(
        "reader", "freespan connect", freespan("connect", world.invite, "--port", "0", "--json")
    ) as client:
        proxy = (await client.event(lambda event: event.get("event") == "proxy", START_SECONDS, "proxy"))["address"]
        asked_at = time.monotonic()
        page = await _fetch(browser, f"{scheme}://{BLOCKED}/small", SESSION_SECONDS, proxy)
        if not page["ok"]:
            result.freespan = _why(client, page)
            return result
        result.first_byte_s = round(page["at"] - asked_at, 3)
        result.road = _road(world, client)
        url = f"{scheme}://{BLOCKED}/file?bytes={size}"
        whole = await _fetch(browser, url, DOWNLOAD_SECONDS, proxy, sha256_of(size))
        result.freespan = "ok" if whole["ok"] else whole["why"]
        if whole["ok"]:
            result.mb_s = round(_rate(whole), 2)
    return result


async def _fetch(browser: Told, url: str, seconds: float, proxy: str = "", sha256: str = "") -> Event:
    await browser.tell({"url": url, "proxy": proxy, "seconds": seconds, "sha256": sha256})
    return await browser.event(lambda event: event.get("event") == "fetched", seconds + _MARGIN, "answer")


def _rate(fetched: Event) -> float:
    """10^6 bytes a second, of a whole download or of what came of one."""
    return float(fetched["bytes"]) / max(fetched["seconds"] - fetched.get("first_byte_s", 0.0), 1e-6) / 1e6


def _road(world: World, client: Told) -> str:
    detail = next((str(e.get("road")) for e in client.unread if e.get("road")), "")
    return detail or f"WebRTC, {world.layout.program}"


def _why(client: Told, page: Event) -> str:
    """The client's own words, if it has said why there is no session."""
    details = [str(e["detail"]) for e in client.unread if e.get("state") in ("waiting", "failed") and e.get("detail")]
    return details[-1] if details else str(page["why"])


