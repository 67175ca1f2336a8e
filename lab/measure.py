"""Measures what a reader gets: directly, and through freespan."""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import AsyncIterator, Mapping

from freespan.demo.payload import sha256_of
from freespan.demo.programs import Event
from lab.commands import freespan, python
from lab.downloader import BYTES_MAX
from lab.errors import LabError
from lab.programs import InteractiveProgram
from lab.world import BLOCKED, NEWS, START_SECONDS, World

DIRECT_SECONDS = 6.0
SESSION_SECONDS = 24.0
DOWNLOAD_SECONDS = 40.0
THROTTLED = 0.25
"""A site counts as throttled below this share of the rate of a site that no censor blocks."""
_CONTROL_BYTES = 1_000_000
_BEGIN_SECONDS = 15.0
_ENDLESS_BYTES = BYTES_MAX
"""More than any link of the lab with a rate carries during a measurement."""
_MARGIN_SECONDS = 5.0
"""How much longer than its own limit the downloader may take to answer."""


@contextlib.asynccontextmanager
async def running_downloader(world: World, node: str = "reader") -> AsyncIterator[InteractiveProgram]:
    """Run the reader's `downloader` in a node for the length of the block."""
    async with world.running(node, "downloader", python("lab.downloader")) as program:
        await program.event(lambda event: event.get("event") == "ready", START_SECONDS, "ready")
        yield program


async def try_directly(downloader: InteractiveProgram, scheme: str) -> str:
    """Return `ok`, `blocked` or `throttled`; the rate of a site that is not blocked is the reference."""
    small = await _fetch(downloader, f"{scheme}://{BLOCKED}/small", DIRECT_SECONDS)
    if not small["ok"]:
        return "blocked"
    control = await _fetch(downloader, f"{scheme}://{NEWS}/file?bytes={_CONTROL_BYTES}", DIRECT_SECONDS)
    blocked = await _fetch(downloader, f"{scheme}://{BLOCKED}/file?bytes={_CONTROL_BYTES}", DIRECT_SECONDS)
    if not blocked["bytes"]:
        return "blocked"
    return "throttled" if _rate(blocked) < THROTTLED * _rate(control) else "ok"


@contextlib.asynccontextmanager
async def running_client(
    world: World, node: str = "reader", *options: str, limits: Mapping[str, object] | None = None
) -> AsyncIterator[tuple[InteractiveProgram, str]]:
    """Run the client in a node; yields it with the address of its local proxy when it begins to look for a bridge.

    Args:
        world: with the node.
        node: the node's name.
        options: of `freespan connect`.
        limits: limits to be changed; see `with_limits`.
    """
    command = ["connect", "--port", "0", "--json", *options]
    arguments = [*python("lab.with_limits"), json.dumps(limits), *command] if limits else freespan(*command)
    async with world.running(node, "freespan connect", arguments, invite=world.invite) as client:
        event = await client.event(lambda event: event.get("event") == "proxy", START_SECONDS, "proxy")
        yield client, event["address"]


async def first_page(
    client: InteractiveProgram,
    downloader: InteractiveProgram,
    proxy: str,
    scheme: str = "https",
    seconds: float = SESSION_SECONDS,
) -> tuple[float | None, str]:
    """Request a page at once; returns the seconds to its first byte and `ok`, or None and the reason."""
    started_at = time.monotonic()
    page = await _fetch(downloader, f"{scheme}://{BLOCKED}/small", seconds, proxy)
    return (round(page["at"] - started_at, 3), "ok") if page["ok"] else (None, _why(client, page))


async def download(downloader: InteractiveProgram, proxy: str, scheme: str, size: int) -> tuple[float | None, str]:
    """Download `size` bytes; returns 10^6 bytes a second and `ok`, or None and the reason."""
    whole = await _fetch(
        downloader, f"{scheme}://{BLOCKED}/file?bytes={size}", DOWNLOAD_SECONDS, proxy, sha256_of(size)
    )
    return (round(_rate(whole), 2), "ok") if whole["ok"] else (None, str(whole["why"]))


async def bulk(downloader: InteractiveProgram, proxy: str, site: str, seconds: float) -> float:
    """Download for some seconds from the first byte on; returns 10^6 bytes a second.

    Raises:
        LabError: nothing came.
    """
    url = f"https://{site}/file?bytes={_ENDLESS_BYTES}"
    await downloader.send(
        {"url": url, "proxy": proxy, "seconds": _BEGIN_SECONDS, "sha256": "", "flow_seconds": seconds}
    )
    limit = _BEGIN_SECONDS + seconds + _MARGIN_SECONDS
    fetched = await downloader.event(lambda event: event.get("event") == "fetched", limit, "answer")
    if not fetched["bytes"]:
        raise LabError(f"the bulk download did not begin: {fetched['why']}")
    return _rate(fetched)


async def small(downloader: InteractiveProgram, proxy: str, site: str, seconds: float) -> float:
    """Return the seconds to the first byte of a small page. Raises `LabError`."""
    page = await _fetch(downloader, f"https://{site}/small", seconds, proxy)
    if not page["ok"]:
        raise LabError(f"a small page did not come: {page['why']}")
    return float(page["first_byte_s"])


async def _fetch(downloader: InteractiveProgram, url: str, seconds: float, proxy: str = "", sha256: str = "") -> Event:
    await downloader.send({"url": url, "proxy": proxy, "seconds": seconds, "sha256": sha256})
    return await downloader.event(lambda event: event.get("event") == "fetched", seconds + _MARGIN_SECONDS, "answer")


def _rate(fetched: Event) -> float:
    """Return 10^6 bytes a second, also of a download that was not completed."""
    seconds = float(fetched["seconds"]) - float(fetched.get("first_byte_s", 0.0))
    return float(fetched["bytes"]) / max(seconds, 1e-6) / 1e6


def transport_of(client: InteractiveProgram) -> str:
    """Return the transport of the client's session as it reports it; empty while there is none."""
    transports = [
        str(event["transport"]) for event in client.unread if event.get("state") == "open" and event.get("transport")
    ]
    return transports[-1] if transports else ""


def _why(client: InteractiveProgram, page: Event) -> str:
    """Return what the client reports about a missing session, or else why the download failed."""
    details = [str(e["detail"]) for e in client.unread if e.get("state") in ("waiting", "failed") and e.get("detail")]
    if details:
        return re.sub(r"; (next try in \d+ s|trying again)$", "", details[-1])
    return f"still {client.last['detail']}" if client.last.get("state") == "looking" else str(page["why"])
