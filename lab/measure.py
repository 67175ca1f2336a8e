"""What a reader gets: straight, and through freespan."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import AsyncIterator, Mapping

from freespan.demo.payload import sha256_of
from freespan.demo.programs import Event
from lab.errors import LabError
from lab.hosts import BLOCKED, NEWS, START_SECONDS, World
from lab.programs import Told, freespan, python
from lab.reader import BYTES_MAX

DIRECT_SECONDS = 6.0
SESSION_SECONDS = 24.0
DOWNLOAD_SECONDS = 40.0
THROTTLED = 0.25
"""A site that is so many times slower than one that nobody minds is throttled."""
_CONTROL_BYTES = 1_000_000
_BEGIN_SECONDS = 15.0
_ENDLESS_BYTES = BYTES_MAX
"""More than any transport of the lab that has a rate brings in the time of a measurement."""
_MARGIN = 5.0


@contextlib.asynccontextmanager
async def reading(world: World, node: str = "reader") -> AsyncIterator[Told]:
    """Have a reader's program in a node, one that takes orders (see `reader.py`)."""
    async with world.running(node, "reader", python("lab.reader")) as program:
        await program.event(lambda event: event.get("event") == "ready", START_SECONDS, "ready")
        yield program


async def try_directly(browser: Told, scheme: str) -> str:
    """`ok`, `blocked` or `throttled`; a site that is in nobody's list tells what the transport would allow."""
    small = await _fetch(browser, f"{scheme}://{BLOCKED}/small", DIRECT_SECONDS)
    if not small["ok"]:
        return "blocked"
    control = await _fetch(browser, f"{scheme}://{NEWS}/file?bytes={_CONTROL_BYTES}", DIRECT_SECONDS)
    asked = await _fetch(browser, f"{scheme}://{BLOCKED}/file?bytes={_CONTROL_BYTES}", DIRECT_SECONDS)
    if not asked["bytes"]:
        return "blocked"
    return "throttled" if _rate(asked) < THROTTLED * _rate(control) else "ok"


@contextlib.asynccontextmanager
async def connecting(
    world: World, node: str = "reader", *options: str, bounds: Mapping[str, object] | None = None
) -> AsyncIterator[tuple[Told, str]]:
    """Run the client in a node; yields it with the address of its proxy, at the moment when it begins to look.

    Some of its `bounds` may be others than usual (see `limited.py`).
    """
    words = ["connect", world.invite, "--port", "0", "--json", *options]
    arguments = [*python("lab.limited"), json.dumps(bounds), *words] if bounds else freespan(*words)
    async with world.running(node, "freespan connect", arguments) as client:
        event = await client.event(lambda event: event.get("event") == "proxy", START_SECONDS, "proxy")
        yield client, event["address"]


async def first_page(
    client: Told, browser: Told, proxy: str, scheme: str = "https", seconds: float = SESSION_SECONDS
) -> tuple[float | None, str]:
    """Read a page at once; returns the seconds to its first byte, or None and why not."""
    asked_at = time.monotonic()
    page = await _fetch(browser, f"{scheme}://{BLOCKED}/small", seconds, proxy)
    return (round(page["at"] - asked_at, 3), "ok") if page["ok"] else (None, _why(client, page))


async def download(browser: Told, proxy: str, scheme: str, size: int) -> tuple[float | None, str]:
    """Download `size` bytes; returns 10^6 bytes a second, or None and why not."""
    whole = await _fetch(browser, f"{scheme}://{BLOCKED}/file?bytes={size}", DOWNLOAD_SECONDS, proxy, sha256_of(size))
    return (round(_rate(whole), 2), "ok") if whole["ok"] else (None, str(whole["why"]))


async def bulk(browser: Told, proxy: str, site: str, seconds: float) -> float:
    """Download for so long from the first byte on; returns 10^6 bytes a second. Raises `LabError` if nothing came."""
    url = f"https://{site}/file?bytes={_ENDLESS_BYTES}"
    await browser.tell({"url": url, "proxy": proxy, "seconds": _BEGIN_SECONDS, "sha256": "", "flowing": seconds})
    limit = _BEGIN_SECONDS + seconds + _MARGIN
    got = await browser.event(lambda event: event.get("event") == "fetched", limit, "answer")
    if not got["bytes"]:
        raise LabError(f"the bulk download did not begin: {got['why']}")
    return _rate(got)


async def small(browser: Told, proxy: str, site: str, seconds: float) -> float:
    """Seconds to the first byte of a small page. Raises `LabError`."""
    page = await _fetch(browser, f"https://{site}/small", seconds, proxy)
    if not page["ok"]:
        raise LabError(f"a small page did not come: {page['why']}")
    return float(page["first_byte_s"])


async def _fetch(browser: Told, url: str, seconds: float, proxy: str = "", sha256: str = "") -> Event:
    await browser.tell({"url": url, "proxy": proxy, "seconds": seconds, "sha256": sha256})
    return await browser.event(lambda event: event.get("event") == "fetched", seconds + _MARGIN, "answer")


def _rate(fetched: Event) -> float:
    """10^6 bytes a second, of a whole download or of what came of one."""
    seconds = float(fetched["seconds"]) - float(fetched.get("first_byte_s", 0.0))
    return float(fetched["bytes"]) / max(seconds, 1e-6) / 1e6


def road_of(client: Told) -> str:
    """The transport of the client's session, in its own word; empty while it has none."""
    transports = [
        str(event["transport"]) for event in client.unread if event.get("state") == "open" and event.get("transport")
    ]
    return transports[-1] if transports else ""


def _why(client: Told, page: Event) -> str:
    """The client's own words, if it has said why there is no session."""
    details = [str(e["detail"]) for e in client.unread if e.get("state") in ("waiting", "failed") and e.get("detail")]
    if details:
        return details[-1].partition("; next try")[0]
    return f"still {client.last['detail']}" if client.last.get("state") == "looking" else str(page["why"])
