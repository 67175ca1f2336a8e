"""`freespan connect`: a client with its local proxy and a live status."""

from __future__ import annotations

import asyncio
import contextlib
import time

from freespan.cli.running import naming_options, print_json, print_line, run_until_stopped, show_status
from freespan.client.client import HOST_RESTARTED, Client, ClientStatus
from freespan.client.local_proxy.server import LocalProxy
from freespan.client.transports import TransportChoice
from freespan.wire.invite import Invite, parse_invite

_DOTS = {"open": "[green]●[/]", "failed": "[red]●[/]"}
_STATUS_AFTER_SECONDS = 0.05
_NEWS_SECONDS = 10.0


def run_connect(invite: str, port: int, transport: TransportChoice, *, as_json: bool, verbose: bool) -> None:
    """Run a client until stopped. Raises `InviteError`, or `FreespanError` when trying again cannot help."""
    with naming_options("port"):
        run_until_stopped(_connect(parse_invite(invite), port, transport, as_json=as_json), verbose=verbose)


async def _connect(invite: Invite, port: int, transport: TransportChoice, *, as_json: bool) -> None:
    news = _News()
    client = Client(invite, _print_status if as_json else news.note, transport)
    proxy = LocalProxy(client)
    port = await proxy.start(port)
    if as_json:
        print_json({"event": "proxy", "address": f"127.0.0.1:{port}"})
    else:
        print_line(f"Local proxy: 127.0.0.1:{port}  (HTTP and SOCKS5; set it in your browser)   Ctrl-C ends it\n")
    status = None if as_json else asyncio.create_task(_show(client, proxy, news), name="connect-status")
    try:
        await client.run()
    finally:
        await proxy.stop()
        if status is not None:
            status.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await status


def _print_status(status: ClientStatus) -> None:
    fields = ("state", "detail", "transport", "links", "seconds")
    print_json({"event": "state", **{name: getattr(status, name) for name in fields}})


async def _show(client: Client, proxy: LocalProxy, news: _News) -> None:
    await asyncio.sleep(_STATUS_AFTER_SECONDS)  # first things first: the request to the broker is on its way
    rate = _Rate(proxy)

    def line() -> str:
        state, passed = client.status.state, rate.text()
        behind = news.text() or passed if state == "open" else ""  # elsewhere the line is long, and nothing passes
        return f"{_DOTS.get(state, '[yellow]●[/]')} {_words(client.status)}{behind}"

    await show_status(line)


def _words(status: ClientStatus) -> str:
    state = {"open": "connected", "failed": "not connected"}.get(status.state, status.state)
    # a broker's own words may look like markup; rich is there by now (see `show_status`)
    from rich.markup import escape

    return f"[bold]{state}[/]  {escape(status.detail)}"


class _News:
    """What people should have the time to read, however soon a session is open again."""

    def __init__(self) -> None:
        self._until = 0.0

    def note(self, status: ClientStatus) -> None:
        if status.detail == HOST_RESTARTED:
            self._until = time.monotonic() + _NEWS_SECONDS

    def text(self) -> str:
        return "; the host was restarted" if time.monotonic() < self._until else ""


class _Rate:
    """What passes the proxy, told as amounts and speed."""

    def __init__(self, proxy: LocalProxy) -> None:
        self._proxy = proxy
        self._last = (0, time.monotonic())

    def text(self) -> str:
        proxy, now = self._proxy, time.monotonic()
        passed = proxy.received + proxy.sent
        before, since = self._last
        self._last = (passed, now)
        if not passed:
            return ""
        speed = (passed - before) / max(now - since, 0.001) / 1e6
        return f"   ↓ {proxy.received / 1e6:.1f} MB  ↑ {proxy.sent / 1e6:.1f} MB  {speed:.1f} MB/s"
