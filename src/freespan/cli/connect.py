"""`freespan connect`: a client with its local proxy, and at a terminal a live status.

What does not go to a terminal may be kept, by a journal for example. How much passes is never written there: kept with
its times, it would be a diary of what somebody reads.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

from freespan.api.client import Client, Proxy, connect
from freespan.api.feed import Following
from freespan.api.open_files import connections_of_a_client, open_files_limit, raise_open_files_limit
from freespan.cli.proxy_options import ProxyOptions
from freespan.cli.running import naming_options, run_until_stopped
from freespan.cli.status_event import status_event
from freespan.cli.unused_proxies import say_unused_proxy
from freespan.client.settings import ClientSettings
from freespan.client.status import HOST_RESTARTED, ClientStatus
from freespan.client.transports import TransportChoice
from freespan.terminal.live import showing_status
from freespan.terminal.output import print_json, print_line
from freespan.wire.target import Target

_DOTS = {"open": "[green]●[/]", "failed": "[red]●[/]"}
_STATES = {"open": "connected", "failed": "not connected"}
_STATUS_AFTER_SECONDS = 0.05
"""Loading rich takes time that the request to the broker should have first."""
_NEWS_SECONDS = 10.0
"""How long a line of news stays, so that people have the time to read it."""


def run_connect(
    invite: str,
    proxy_options: ProxyOptions,
    transport: TransportChoice,
    *,
    allow_direct: bool,
    all_interfaces: bool,
    as_json: bool,
    verbose: bool,
) -> None:
    """Run a client until stopped. Raises `InviteError`, or `FreespanError` when trying again cannot help."""
    raise_open_files_limit()
    settings = ClientSettings(allow_direct=allow_direct, all_interfaces=all_interfaces)
    most = connections_of_a_client(open_files_limit(), settings.proxy_connections_max)
    settings = replace(settings, proxy_connections_max=most)
    client = connect(invite, transport=transport, timeout=0, settings=settings)
    say_unused_proxy(client.endpoints)
    with naming_options("port", "address"):
        run_until_stopped(_connect(client, proxy_options, as_json=as_json), verbose=verbose)


async def _connect(client: Client, options: ProxyOptions, *, as_json: bool) -> None:
    async with client:
        statuses = client.events()
        proxy = await client.proxy(
            options.port, address=options.address, password=options.credentials, users=options.users
        )
        if as_json:
            await _report_as_json(proxy, statuses)
        else:
            await _report(client, proxy, statuses, options)
        await client.wait_closed()


async def _report_as_json(proxy: Proxy, statuses: Following[ClientStatus]) -> None:
    print_json({"event": "proxy", "address": str(Target(proxy.address, proxy.port))})
    async for status in statuses:
        print_json(status_event(status))


async def _report(client: Client, proxy: Proxy, statuses: Following[ClientStatus], options: ProxyOptions) -> None:
    place = Target(proxy.address, proxy.port)
    print_line(f"Local proxy: {place}  (HTTP and SOCKS; set it in your browser)   Ctrl-C ends it")
    if options.credentials is not None and options.is_new:
        print_line(f"User name: {options.credentials.user}   Password: {options.credentials.password}")
    print_line("")
    await asyncio.sleep(_STATUS_AFTER_SECONDS)
    news, rate = _News(), _Rate(proxy)

    def line(passed: str) -> str:
        status = client.status
        # in other states the line is long, and nothing passes
        behind = (news.text() or passed) if status.state == "open" else ""
        return f"{_DOTS.get(status.state, '[yellow]●[/]')} {_described(status)}{behind}"

    async with showing_status(lambda: line(rate.text()), lambda: line("")):
        async for status in statuses:
            news.note(status)


def _described(status: ClientStatus) -> str:
    """The status as rich markup."""
    # what a broker has written may look like markup; rich is loaded by now (see `show_status`)
    from rich.markup import escape

    transport = f" ({status.transport})" if status.state == "open" else ""
    return f"[bold]{_STATES.get(status.state, status.state)}[/]{transport}  {escape(status.detail)}"


class _News:
    """Keeps what happened for long enough to be read, however soon a session is open again."""

    def __init__(self) -> None:
        self._until = 0.0

    def note(self, status: ClientStatus) -> None:
        if status.detail == HOST_RESTARTED:
            self._until = time.monotonic() + _NEWS_SECONDS

    def text(self) -> str:
        return "; the host was restarted" if time.monotonic() < self._until else ""


class _Rate:
    """Describes what passes the proxy, as amounts and speed."""

    def __init__(self, proxy: Proxy) -> None:
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
