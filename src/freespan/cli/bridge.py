"""`freespan bridge`: the headless volunteer."""

from __future__ import annotations

import asyncio
import contextlib

from freespan.bridge.bridge import Bridge, BridgeStatus
from freespan.cli.running import print_json, print_line, run_until_stopped, show_status
from freespan.wire.errors import InputError, InviteError
from freespan.wire.invite import check_broker_url

_WORDS = {
    "connecting": "[yellow]●[/] connecting to the broker",
    "offline": "[yellow]●[/] the broker is away; trying again",
    "waiting": "[green]●[/] waiting for a reader",
}


def run_bridge(url: str, capacity: int, *, as_json: bool, verbose: bool) -> None:
    """Help until stopped. Raises `InputError` for a URL that is none."""
    try:
        broker = check_broker_url(url)
    except InviteError:
        raise InputError("URL", "must be the http or https URL of a host") from None
    run_until_stopped(_bridge(broker, capacity, as_json=as_json), verbose=verbose)


async def _bridge(broker: str, capacity: int, *, as_json: bool) -> None:
    latest = BridgeStatus("connecting", 0, 0, 0)

    def note(status: BridgeStatus) -> None:
        nonlocal latest
        if as_json and status != latest:
            print_json({"event": "state", "state": status.state, "now": status.now, "total": status.total})
        latest = status

    if as_json:
        print_json({"event": "state", "state": "connecting", "now": 0, "total": 0})
        await Bridge(broker, capacity, note).run()
        return
    print_line("Bridge for readers of censored networks.   Ctrl-C ends it\n")
    shown = asyncio.create_task(show_status(lambda: _words(latest)), name="bridge-status")
    try:
        await Bridge(broker, capacity, note).run()
    finally:
        shown.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await shown


def _words(status: BridgeStatus) -> str:
    words = _WORDS.get(status.state, f"[green]●[/] [bold]helping {status.now} now[/]")
    return f"{words}   {status.total} helped" if status.total else words
