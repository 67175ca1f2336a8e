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
from typing import Any

from freespan.access.guests import Guests
from freespan.api import host_plan
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
from freespan.api.settings import OPEN, HostSettings
from freespan.broker.server import Broker
from freespan.egress.block_list_file import BlockListFile
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
async def running_host(settings: HostSettings) -> AsyncIterator[RunningHost]:
    """Start everything; stop it at the end.

    Raises:
        InputError: the field is the setting that cannot be used.
    """
    warnings = await asyncio.to_thread(close_to_others, settings.data_directory)
    identity = await asyncio.to_thread(load_or_create_identity, settings.data_directory)
    path = own_path(host_plan.public_url_of(settings), settings.data_directory)
    fronts = host_plan.fronts_of(settings, path)
    stun_servers = host_plan.other_stun_servers(settings)
    tls = host_plan.tls_of(settings)
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
    block_list = host_plan.block_list_of(settings)
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
        await stack.enter_async_context(_keeping_policy(dialer, egress, block_list))
        if block_list is not None:
            host.reload = block_list.reload
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
async def _keeping_policy(dialer: Dialer, egress: Egress, block_list: BlockListFile | None) -> AsyncIterator[None]:
    """Keep the policy of the egress up to date: the block list, and the translators around this host."""

    def change(**parts: Any) -> None:
        egress.change_policy(dataclasses.replace(dialer.policy, **parts))

    watching = [asyncio.create_task(watch_nat64(lambda networks: change(nat64=networks)), name="host-nat64")]
    if block_list is not None:
        watch = block_list.watch(lambda blocked: change(blocked=blocked))
        watching.append(asyncio.create_task(watch, name="host-block-list"))
    try:
        yield
    finally:
        for task in watching:
            task.cancel()


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
