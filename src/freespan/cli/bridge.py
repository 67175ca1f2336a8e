"""`freespan bridge`: the headless volunteer."""

from __future__ import annotations

import time
from dataclasses import replace

from freespan.api.bridge import Bridge
from freespan.bridge.bridge import BridgeStatus
from freespan.cli.running import run_until_stopped
from freespan.cli.unused_proxies import say_unused_proxy
from freespan.terminal.live import showing_status
from freespan.terminal.output import print_json, print_line
from freespan.wire.span_text import span_text

_STATES = {
    "connecting": "[yellow]●[/] connecting to the broker",
    "waiting": "[green]●[/] waiting for a reader",
}


_AWAY = "the broker is away"
_LONG_SECONDS = 60.0
"""After this time people are told for how long the host has been away."""


def run_bridge(url: str, capacity: int, *, as_json: bool, verbose: bool) -> None:
    """Help until stopped. Raises `InputError` for a URL that is none."""
    bridge = Bridge(url, capacity=capacity, timeout=0)
    say_unused_proxy([bridge.url])
    run_until_stopped(_bridge(bridge, as_json=as_json), verbose=verbose)


async def _bridge(bridge: Bridge, *, as_json: bool) -> None:
    async with bridge:
        if as_json:
            async for status in bridge.events():
                print_json(_event(status))
            return
        print_line("Bridge for readers of censored networks.   Ctrl-C ends it\n")
        async with showing_status(lambda: _described(bridge.status), lambda: _described_without_people(bridge.status)):
            await bridge.wait_closed()


def _event(status: BridgeStatus) -> dict[str, object]:
    event: dict[str, object] = {"event": "state", "state": status.state, "now": status.now, "total": status.total}
    if status.state == "offline":
        event |= {"detail": status.detail, "cause": status.cause, "since": round(status.since)}
    return event


def _described_without_people(status: BridgeStatus) -> str:
    """The status for a journal: neither how many readers there are, nor when one comes or goes.

    Nor how long the host has been away, which would be a new line every minute.
    """
    state = "waiting" if status.state == "helping" else status.state
    return _described(replace(status, state=state, now=0, total=0, since=0.0))


def _described(status: BridgeStatus) -> str:
    """The status as rich markup."""
    from rich.markup import escape  # what a broker has written may look like markup

    words = _STATES.get(status.state, f"[green]●[/] [bold]helping {status.now} now[/]")
    away = time.time() - status.since if status.since else 0.0
    if status.state == "offline":
        since = f", for {span_text(away)}" if away >= _LONG_SECONDS else ""
        words = f"[yellow]●[/] {escape(status.detail or _AWAY)}{since}; trying again"
    return f"{words}   {status.total} helped" if status.total else words
