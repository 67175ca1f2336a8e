"""`freespan serve`: composes broker, egress and web on one port."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import os
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from freespan.broker.server import Broker
from freespan.cli.open_files import raise_open_files_limit
from freespan.cli.quiet_connections import QuietConnections
from freespan.cli.running import print_json, print_line, run_until_stopped, show_status
from freespan.egress.dialler import Dialler
from freespan.egress.policy import Policy
from freespan.egress.server import Egress
from freespan.observe.counters import HostCounters
from freespan.tunnel.identity import Identity, load_or_create_identity
from freespan.web.server import routes as web_routes
from freespan.wire.addresses import Address, is_private_url
from freespan.wire.errors import InputError, InviteError
from freespan.wire.invite import Invite, check_broker_url, format_invite
from freespan.wire.limits import RENDEZVOUS_BODY_MAX
from freespan.wire.messages import Problem, encode
from freespan.wire.target import parse_host

_log = logging.getLogger(__name__)
_STOP_SECONDS = 3.0


@dataclass(frozen=True)
class ServeOptions:
    """The options of `freespan serve`, as `--help` describes them."""

    host: str
    port: int
    public_url: str
    tls_cert: Path | None
    tls_key: Path | None
    data: Path
    allow_hosts: tuple[str, ...]
    allow_private: bool
    resolve: tuple[str, ...]
    metrics: bool
    as_json: bool
    verbose: bool


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
    """A running host; `url` is its public one, without a trailing slash."""

    url: str
    invite: str
    counters: HostCounters

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


@asynccontextmanager
async def running_host(options: ServeOptions, identity: Identity) -> AsyncIterator[Host]:
    """Start everything on one port; stop it at the end.

    Raises:
        InputError: the field is the option that cannot be used.
    """
    counters = HostCounters()
    host = Host("", "", counters)
    policy = _policy(options)
    dialler = Dialler(policy, _names(options.resolve))
    egress = Egress(identity, dialler, counters)
    broker = Broker(
        lambda: host.url.replace("http", "ws", 1) + "/v1/egress",
        counters,
        # a host that is itself at a private address serves a private network
        hides_private=lambda: not (options.allow_private or is_private_url(host.url)),
    )
    quiet = QuietConnections()
    app = web.Application(middlewares=[quiet.note_request, _problems], client_max_size=RENDEZVOUS_BODY_MAX)
    app.add_routes([*broker.routes(), *egress.routes(), *web_routes(lambda: host.url)])
    app.add_routes([web.get("/v1/health", _health)])
    if options.metrics:
        app.add_routes([web.get("/metrics", _metrics(counters))])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_STOP_SECONDS, handler_cancellation=True)
    await runner.setup()
    assert runner.server is not None
    watching = asyncio.create_task(quiet.watch(runner.server), name="host-quiet-connections")
    try:
        port = await _listen(runner, options)
        host.url = _public_url(options, port)
        host.invite = format_invite(Invite(host.url, identity.pin))
        yield host
    finally:
        watching.cancel()
        egress.close()
        await runner.cleanup()
        dialler.close()


def _announce(options: ServeOptions, host: Host) -> None:
    if options.as_json:
        print_json({"event": "ready", "url": host.url, "invite": host.invite, "embed": host.embed})
        return
    print_line(f"freespan serves at {host.url}\n")
    print_line(f"Invite, for readers:\n  {host.invite}\n")
    print_line(f"One line, for any page:\n  {host.embed}\n")
    if options.allow_private:
        print_line("Private addresses can be reached through this egress: for tests and demos only.\n")
    if not options.public_url and options.host in ("0.0.0.0", "::"):
        print_line("The invite leads to this machine alone; name the host for others with --public-url.\n")


async def _listen(runner: web.AppRunner, options: ServeOptions) -> int:
    site = web.TCPSite(runner, options.host, options.port, ssl_context=_tls(options))
    try:
        await site.start()
    except socket.gaierror:
        raise InputError("host", "is no address of this machine") from None
    except OSError as error:
        if error.errno in (None, errno.EADDRNOTAVAIL):  # newer Pythons have tried every address, and give no number
            raise InputError("host", "is no address of this machine") from None
        reason = os.strerror(error.errno).lower()
        raise InputError("port", f"{options.port}: {reason}; choose another one with --port") from None
    address: tuple[str, int] = runner.addresses[0]
    return address[1]


def _tls(options: ServeOptions) -> ssl.SSLContext | None:
    if options.tls_cert is None and options.tls_key is None:
        return None
    if options.tls_cert is None or options.tls_key is None:
        raise InputError("tls", "needs both --tls-cert and --tls-key")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(options.tls_cert, options.tls_key, password="")  # rather than ask for one
    except OSError as error:
        is_tls = isinstance(error, ssl.SSLError)
        reason = "no matching pair in PEM form" if is_tls else (error.strerror or "input/output error").lower()
        raise InputError("tls", f"certificate and key cannot be used: {reason}") from None
    return context


def _public_url(options: ServeOptions, port: int) -> str:
    if options.public_url:
        try:
            return check_broker_url(options.public_url)
        except InviteError:
            raise InputError("public-url", "must be an http or https URL of a host") from None
    scheme = "https" if options.tls_cert else "http"
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(options.host, options.host)
    return f"{scheme}://[{host}]:{port}" if ":" in host.strip("[]") else f"{scheme}://{host}:{port}"


def _policy(options: ServeOptions) -> Policy:
    try:
        return Policy.of(options.allow_hosts, allow_private=options.allow_private)
    except InputError:
        raise InputError("allow-host", "must be the name or the address of a site") from None


def _names(entries: tuple[str, ...]) -> dict[str, Address]:
    names: dict[str, Address] = {}
    for entry in entries:
        name, equals, address = entry.partition("=")
        try:
            if not equals:
                raise ValueError
            names[parse_host(name)] = ipaddress.ip_address(address)
        except (ValueError, InputError):
            raise InputError("resolve", "must be NAME=ADDRESS, with an IP address") from None
    return names


async def _health(request: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


def _metrics(counters: HostCounters) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        return web.Response(body=counters.exposition(), content_type="text/plain", charset="utf-8")

    return handle


@web.middleware
async def _problems(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Every error over HTTP is a problem (RFC 9457), whoever raised it."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        response = _problem(error.status, error.reason, error.text or error.reason)
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
        return response
    except ConnectionError:
        return _problem(400, "Bad Request", "the connection is gone")  # nobody is left to be told
    except Exception:
        _log.exception("a request failed")
        return _problem(500, "Internal Server Error", "the host failed; it has noted why")


def _problem(status: int, title: str, detail: str) -> web.Response:
    code = title.lower().replace(" ", "_")
    body = encode(Problem(f"urn:freespan:problem:{code}", title, status, detail))
    return web.Response(status=status, text=body, content_type="application/problem+json")
