"""`freespan bridge`: the headless volunteer."""

from __future__ import annotations

from dataclasses import replace

from freespan.api.bridge import Bridge
from freespan.bridge.bridge import BridgeStatus
from freespan.cli.running import run_until_stopped
from freespan.cli.unused_proxies import say_unused_proxy
from freespan.terminal.live import showing_status
from freespan.terminal.output import print_json, print_line

_STATES = {
    "connecting": "[yellow]●[/] connecting to the broker",
    "offline": "[yellow]●[/] the broker is away; trying again",
    "waiting": "[green]●[/] waiting for a reader",
}


def run_bridge(url: str, capacity: int, *, as_json: bool, verbose: bool) -> None:
    """Help until stopped. Raises `InputError` for a URL that is none."""
    bridge = Bridge(url, capacity=capacity, timeout=0)
    say_unused_proxy([bridge.url])
    run_until_stopped(_bridge(bridge, as_json=as_json), verbose=verbose)


async def _bridge(bridge: Bridge, *, as_json: bool) -> None:
    async with bridge:
        if as_json:
            async for status in bridge.events():
                print_json({"event": "state", "state": status.state, "now": status.now, "total": status.total})
            return
        print_line("Bridge for readers of censored networks.   Ctrl-C ends it\n")
        async with showing_status(lambda: _described(bridge.status), lambda: _described_without_people(bridge.status)):
            await bridge.wait_closed()


def _described_without_people(status: BridgeStatus) -> str:
    """The status for a journal: neither how many readers there are, nor when one comes or goes."""
    return _described(replace(status, state="waiting" if status.state == "helping" else status.state, now=0, total=0))


def _described(status: BridgeStatus) -> str:
    """The status as rich markup."""
    from rich.markup import escape  # what a broker has written may look like markup

    words = _STATES.get(status.state, f"[green]●[/] [bold]helping {status.now} now[/]")
    if status.detail:
        words = f"[yellow]●[/] {escape(status.detail)}; trying again"
    return f"{words}   {status.total} helped" if status.total else words
