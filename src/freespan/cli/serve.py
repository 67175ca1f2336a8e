"""`freespan serve`: composes broker, egress and web on one port, and STUN beside them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from freespan.broker.server import Broker
from freespan.cli import serve_options
from freespan.cli.doors import host_application
from freespan.cli.listening import listening, unusable_address
from freespan.cli.open_files import raise_open_files_limit
from freespan.cli.own_path import own_path
from freespan.cli.running import print_json, print_line, run_until_stopped, show_status
from freespan.cli.serve_options import ServeOptions
from freespan.egress.dialer import Dialer
from freespan.egress.server import Egress
from freespan.observe.counters import HostCounters
from freespan.tunnel.identity import Identity, load_or_create_identity
from freespan.web.ordinary import redirect_to
from freespan.web.server import routes as web_routes
from freespan.wire.addresses import is_private_url
from freespan.wire.errors import InputError, InviteError
from freespan.wire.invite import Invite, format_invite, parse_invite
from freespan.wire.messages import IceServer


def run_serve(options: ServeOptions) -> None:
    """Run a host until stopped. Raises `InputError` for options that cannot be used."""
    raise_open_files_limit()
    run_until_stopped(_serve(options), verbose=options.verbose)


async def _serve(options: ServeOptions) -> None:
    identity = load_or_create_identity(options.data)
    async with running_host(options, identity) as host:
        _announce(options, host)
        if options.as_json:
            await asyncio.Event().wait()
        await show_status(host.status_line)


@dataclass
class Host:
    """A running host.

    Attributes:
        url: its public URL with its own path, without a trailing slash.
        stun: the URLs of its own STUN server, none if it has none.
    """

    counters: HostCounters
    url: str = ""
    stun: tuple[str, ...] = ()
    invite: str = ""

    @property
    def embed(self) -> str:
        """The line to paste into a page."""
        return f'<script type="module" src="{self.url}/switch.js"></script><freespan-switch></freespan-switch>'

    def status_line(self) -> str:
        """Figures of now, as rich markup."""
        figures = self.counters.figures()
        return (
            f"[bold]{figures.bridges}[/] bridges   [bold]{figures.sessions}[/] sessions   "
            f"[bold]{figures.streams}[/] streams   [bold]{figures.megabytes}[/] MB passed"
        )


@contextlib.asynccontextmanager
async def running_host(options: ServeOptions, identity: Identity) -> AsyncIterator[Host]:
    """Start everything; stop it at the end.

    Raises:
        InputError: the field is the option that cannot be used.
    """
    path = own_path(serve_options.public_url_of(options), options.data)
    fronts = serve_options.fronts_of(options, path)
    stun_servers = serve_options.other_stun_servers(options)
    tls = serve_options.tls_of(options)
    embedders = serve_options.embedders_of(options)
    host = Host(HostCounters())
    dialer = Dialer(serve_options.policy_of(options), serve_options.names_of(options))
    egress = Egress(identity, dialer, host.counters)
    broker = Broker(
        lambda: host.url.replace("http", "ws", 1) + "/v1/egress",
        host.counters,
        lambda: [IceServer(list(urls)) for urls in stun_servers],
        serve_options.relays_of(options),
        serve_options.live_picture_of(options),
        # a host that is itself at a private address serves a private network
        hides_private=lambda: not (options.allow_private or is_private_url(host.url)),
    )
    doors = [*broker.routes(), *egress.routes(), *web_routes(lambda: host.url, embedders)]
    app = host_application(path, doors, serve_options.site_of(options), host.counters if options.metrics else None)
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(dialer.close)
        stack.push_async_callback(egress.stop)
        port = await stack.enter_async_context(listening(app, options.host, options.port, tls))
        stack.callback(egress.close)
        host.url = serve_options.origin_of(options, port) + path
        if serve_options.redirects(options):
            await stack.enter_async_context(_redirecting(options, port))
        host.stun = await stack.enter_async_context(_answering_stun(options, port))
        if host.stun:
            stun_servers.insert(0, host.stun)
        host.invite = _invite(Invite(host.url, identity.pin, fronts, tuple(stun_servers)))
        yield host


def _redirecting(options: ServeOptions, port: int) -> contextlib.AbstractAsyncContextManager[int]:
    app = redirect_to(serve_options.origin_of(options, port))
    return listening(app, options.host, options.redirect_port or 0, option="redirect-port")


@contextlib.asynccontextmanager
async def _answering_stun(options: ServeOptions, http_port: int) -> AsyncIterator[tuple[str, ...]]:
    """Yields the URLs of the host's own STUN server."""
    port = serve_options.stun_port_of(options, http_port)
    if port is None:
        yield ()
        return
    from freespan.broker.stun_server import serving_stun  # loads libraries that a host without it does not need

    async with contextlib.AsyncExitStack() as stack:
        try:
            ports = await stack.enter_async_context(serving_stun(serve_options.stun_address_of(options), port))
        except OSError as error:
            taken = f"UDP {port} and {port + 1}" if port else "UDP"
            raise unusable_address(error, "stun-port", taken, ", or none with --no-stun") from None
        yield serve_options.stun_urls_of(options, ports)


def _invite(invite: Invite) -> str:
    text = format_invite(invite)
    try:
        parse_invite(text)
    except InviteError:
        raise InputError("front", "makes the invite too long: give fewer or shorter ones") from None
    return text


def _announce(options: ServeOptions, host: Host) -> None:
    if options.as_json:
        print_json(
            {"event": "ready", "url": host.url, "invite": host.invite, "embed": host.embed, "stun": list(host.stun)}
        )
        return
    print_line(f"freespan serves at {host.url}\n")
    print_line(f"Invite, for readers:\n  {host.invite}\n")
    print_line(f"One line, for any page:\n  {host.embed}\n")
    if host.stun:
        ports = " and ".join(url.rpartition(":")[2] for url in host.stun)
        print_line(f"STUN answers on UDP ports {ports}: the firewall must let both through.\n")
    if options.allow_private:
        print_line("Private addresses can be reached through this egress: for tests and demos only.\n")
    if not options.public_url and options.host in ("", "0.0.0.0", "::"):
        print_line("The invite leads to this machine alone; name the host for others with --public-url.\n")
