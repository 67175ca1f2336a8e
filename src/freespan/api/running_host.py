"""Composes a host: broker, egress and web on one port, STUN beside them. It needs the libraries of `freespan[host]`."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from ipaddress import IPv6Network

from freespan.access.guests import Guests
from freespan.api import host_plan
from freespan.api.accepting import Tls
from freespan.api.allocator import give_memory_back
from freespan.api.connections import PLAIN_COST, TLS_COST, ConnectionLimits, Connections
from freespan.api.data_folder import close_to_others
from freespan.api.host_app import host_application
from freespan.api.host_invites import keeping_invites, meaning_of, note_address
from freespan.api.invite_writer import HostAddress, InviteWriter, tokens_of
from freespan.api.listening import listening, unusable_address
from freespan.api.metrics import serving_metrics
from freespan.api.open_files import open_files_limit, shared_out
from freespan.api.own_path import own_path
from freespan.api.paced_connections import Accounts
from freespan.api.rereading import Part, Rereading
from freespan.api.settings import OPEN, HostSettings
from freespan.broker.server import Broker
from freespan.egress.dialer import Dialer
from freespan.egress.nat64 import watch_nat64
from freespan.egress.server import Egress
from freespan.link.turns import Turns
from freespan.observe.counters import HostCounters
from freespan.observe.hidden import hiding
from freespan.observe.ledger import Ledger
from freespan.sealing.hpke import Opener
from freespan.sources.requests import SourceReader
from freespan.tunnel.identity import load_or_create_identity
from freespan.web.decoy_site import redirect_to
from freespan.web.static_files import routes as web_routes
from freespan.wire.addresses import is_private_url
from freespan.wire.errors import InputError
from freespan.wire.messages import IceServer

_log = logging.getLogger(__name__)


@dataclass
class RunningHost:
    """What is known of a host that runs; see `Host` for the fields."""

    counters: HostCounters
    ledger: Ledger
    sources: SourceReader
    guests: Guests
    url: str = ""
    stun: tuple[str, ...] = ()
    metrics: str = ""
    notices: tuple[str, ...] = ()
    writer: InviteWriter | None = None
    reload: Callable[[], None] = lambda: None

    @property
    def invite(self) -> str:
        """The text of the first invite that is not void; empty if all are."""
        record = self.guests.first_valid()
        return "" if record is None or self.writer is None else self.writer.text(record)


@contextlib.asynccontextmanager
async def running_host(
    settings: HostSettings, read_again: Callable[[], HostSettings] | None = None
) -> AsyncIterator[RunningHost]:
    """Start everything; stop it at the end. `read_again` reads the settings once more, for `RunningHost.reload`.

    Raises:
        InputError: the field is the setting that cannot be used.
    """
    warnings = await asyncio.to_thread(close_to_others, settings.data_directory)
    identity = await asyncio.to_thread(load_or_create_identity, settings.data_directory)
    path = own_path(host_plan.public_url_of(settings), settings.data_directory)
    fronts = host_plan.fronts_of(settings, path)
    stun_servers = host_plan.other_stun_servers(settings)
    context = host_plan.tls_of(settings)
    tls = Tls(context) if context is not None else None
    sources = SourceReader(
        settings.proxy_header,
        is_public=lambda: not is_private_url(host.url),
        is_behind_unnamed_proxy=host_plan.is_behind_unnamed_proxy(settings),
    )
    guests = Guests(
        tokens_of(identity),
        is_open=settings.access == OPEN,
        now=time.time,
        monotonic=asyncio.get_running_loop().time,
    )
    host = RunningHost(HostCounters(), host_plan.ledger_of(settings), sources, guests)
    host.counters.watch_memory(host.ledger)
    site = host_plan.site_of(settings, host_plan.kept_complaints_page(settings))
    dialer = Dialer(host_plan.policy_of(settings), host_plan.names_of(settings))
    files = shared_out(open_files_limit())
    most = min(files.connections, _affordable_connections(host.ledger, is_tls=tls is not None))
    turns = Turns()
    connections = Connections(sources, ConnectionLimits(most=most), host.ledger, turns)
    bounds = host_plan.egress_settings_of(settings, files)
    accounts = Accounts(turns, sources)
    broker = Broker(
        lambda: host.url.replace("http", "ws", 1) + "/v1/egress",
        Opener(identity.sealing_key),
        host.counters,
        lambda: [IceServer(list(urls)) for urls in stun_servers],
        host_plan.turn_servers_of(settings),
        host_plan.reader_statistics_of(settings),
        sources=sources,
        ledger=host.ledger,
        guests=guests,
        # a host that is itself at a private address serves a private network
        hides_private=lambda: not (settings.allow_private or is_private_url(host.url)),
    )
    egress = Egress(
        identity,
        dialer,
        host.counters,
        bounds,
        sources,
        broker.bridges,
        ledger=host.ledger,
        turns=turns,
        guests=guests,
    )
    web = web_routes(lambda: host.url, host_plan.embedders_of(settings))
    routes = [*broker.routes(), *egress.routes(), *web]
    app = host_application(path, routes, site)
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(hiding(path))
        host.notices = warnings + await stack.enter_async_context(keeping_invites(settings, guests))
        stack.callback(dialer.close)
        stack.push_async_callback(egress.stop)
        giving_back = asyncio.create_task(give_memory_back(host.ledger), name="host-memory")
        stack.callback(giving_back.cancel)
        rereading = Rereading(settings, [*_certificate_part(tls), _policy_part(dialer, egress)], read_again)
        host.reload = rereading.ask
        await stack.enter_async_context(_keeping_up_to_date(dialer, egress, rereading))
        port = await stack.enter_async_context(
            listening(app, settings.host, settings.port, tls, connections=connections, accounts=accounts)
        )
        stack.callback(egress.close)
        host.url = host_plan.origin_of(settings, port) + path
        if host_plan.redirects(settings):
            await stack.enter_async_context(_redirecting(settings, port, connections))
        host.stun = await stack.enter_async_context(_answering_stun(settings, port))
        if host.stun:
            stun_servers.insert(0, host.stun)
        if settings.metrics_port is not None:
            serving = serving_metrics(host.counters, settings.metrics_port)
            host.metrics = await stack.enter_async_context(serving)
        address = HostAddress(host.url, fronts, tuple(stun_servers))
        host.writer = InviteWriter(identity, address)
        host.writer.check()
        await asyncio.to_thread(note_address, settings.data_directory, address)
        for line in host.notices:
            _log.info("%s", line.strip())
        _log.info("%s", meaning_of(settings.access))
        yield host


@contextlib.asynccontextmanager
async def _keeping_up_to_date(dialer: Dialer, egress: Egress, rereading: Rereading) -> AsyncIterator[None]:
    """Keep up to date what a running host can change, and the translators around it that its policy knows."""

    def change(networks: frozenset[IPv6Network]) -> None:
        egress.change_policy(dataclasses.replace(dialer.policy, nat64=networks))

    watching = [
        asyncio.create_task(watch_nat64(change), name="host-nat64"),
        asyncio.create_task(rereading.run(), name="host-rereading"),
    ]
    try:
        yield
    finally:
        for task in watching:
            task.cancel()


def _certificate_part(tls: Tls | None) -> list[Part]:
    """The certificate and its key; none where the host speaks no TLS."""
    if tls is None:
        return []

    def read(settings: HostSettings) -> Callable[[], str]:
        context = host_plan.tls_of(settings)
        if context is None:
            raise InputError("tls-cert", "to do without one needs a restart")

        def take() -> str:
            tls.context = context
            return "the certificate has been read again"

        return take

    return [Part("the certificate", lambda now: [file for file in (now.tls_cert, now.tls_key) if file], read)]


def _policy_part(dialer: Dialer, egress: Egress) -> Part:
    """The block list, and what else says where readers may go."""

    def read(settings: HostSettings) -> Callable[[], str]:
        policy = host_plan.policy_of(settings)

        def take() -> str:
            egress.change_policy(dataclasses.replace(policy, nat64=dialer.policy.nat64))
            if settings.block_list is None:
                return "the rules for readers have been read again"
            return f"the block list has been read again: {len(policy.blocked)} entries"

        return take

    return Part("the block list", lambda now: [now.block_list] if now.block_list else [], read)


def _affordable_connections(ledger: Ledger, *, is_tls: bool) -> int:
    """For how many connections there is memory; they may take a quarter of what strangers may."""
    if ledger.limit is None:
        return sys.maxsize
    return ledger.limit // 4 // (TLS_COST if is_tls else PLAIN_COST)


def _redirecting(
    settings: HostSettings, port: int, connections: Connections
) -> contextlib.AbstractAsyncContextManager[int]:
    app = redirect_to(host_plan.origin_of(settings, port))
    return listening(app, settings.host, settings.redirect_port or 0, setting="redirect-port", connections=connections)


@contextlib.asynccontextmanager
async def _answering_stun(settings: HostSettings, http_port: int) -> AsyncIterator[tuple[str, ...]]:
    """Yields the URLs of the host's own STUN server."""
    port = host_plan.stun_port_of(settings, http_port)
    if port is None:
        yield ()
        return
    from freespan.broker.stun_server import serving_stun  # loads libraries that a host without it does not need

    async with contextlib.AsyncExitStack() as stack:
        try:
            ports = await stack.enter_async_context(serving_stun(host_plan.stun_address_of(settings), port))
        except OSError as error:
            taken = f"UDP {port} and {port + 1}" if port else "UDP"
            raise unusable_address(error, "stun-port", taken, ", or none with --no-stun") from None
        yield host_plan.stun_urls_of(settings, ports)
