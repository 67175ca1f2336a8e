"""The steps of the demo, in their order: each one starts a part or makes a request, and checks what comes of it.

host starts ─▶ sites open ─▶ direct access ─▶ bridge joins ─▶ session opens ─▶ blocked page arrives ─▶ speed
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from freespan.demo.addresses import BLOCKED, LOOPBACK, NEWS, Addresses
from freespan.demo.censor import Censor
from freespan.demo.certificates import DemoAuthority
from freespan.demo.errors import DemoError
from freespan.demo.fetch import CutError, Fetched, fetch
from freespan.demo.payload import sha256_of
from freespan.demo.ports import usable_port
from freespan.demo.programs import Program, running
from freespan.demo.settings import DemoSettings
from freespan.demo.sites import DOWNLOAD_SIZE, Site, both_sites
from freespan.demo.steps import Report, Steps
from freespan.demo.volunteer import first_to_join, volunteer

_PAGE_MAX = 1024 * 1024
_MARGIN_SECONDS = 5.0
"""A step may take this much longer than the waits in it, whose errors are more precise."""
_LAST_EVENTS_SECONDS = 0.2
"""Limit for the client to report why a request through it has failed."""


@dataclass(slots=True)
class RunningDemo:
    """What runs when all steps have succeeded."""

    addresses: Addresses
    programs: list[Program]
    """The host and the client."""
    blocked: Site
    censor: Censor

    def counters(self) -> str:
        """Return one line of what has happened so far."""
        state = self.programs[-1].last.get("state", "open")
        sent = f"{self.blocked.traffic.body_bytes / 1e6:,.1f} MB"
        return f"session {state} · censor reset {self.censor.counts.cut} · {BLOCKED} sent {sent}"


class Walkthrough:
    """Runs the steps.

    Args:
        steps: records them.
        report: gets what they find out.
        kinds: of the volunteer, in the order in which they are tried.
        fixed_ports: whether to listen on ports that are easy to remember, where they are free.
        settings: time limits, and how programs are started.
    """

    def __init__(
        self, steps: Steps, report: Report, kinds: tuple[str, ...], *, fixed_ports: bool, settings: DemoSettings
    ) -> None:
        self._steps = steps
        self._report = report
        self._kinds = kinds
        self._fixed_ports = fixed_ports
        self._settings = settings

    async def run(self, stack: AsyncExitStack) -> RunningDemo:
        """Run all steps; what they start ends with `stack`.

        Raises:
            StepFailedError: one of them failed.
        """
        folder = Path(stack.enter_context(_temporary_folder()))
        authority = DemoAuthority(folder)
        host, ready = await self._start_host(stack, folder / "host")
        news, blocked, censor = await self._open_sites(stack, authority, ready["embed"])
        tls = authority.client_context()
        await self._try_directly(tls, censor, blocked)
        await self._join_bridge(stack, ready["url"], news)
        client, proxy = await self._open_session(stack, ready["invite"])
        addresses = Addresses(
            host=ready["url"],
            proxy=proxy,
            news_port=news.http_port,
            blocked_port=blocked.http_port,
            blocked_tls_port=blocked.https_port,
            censor_port=censor.port,
            authority_file=authority.file,
            folder=folder,
        )
        await self._read_page(addresses, tls, client, blocked)
        await self._download(addresses, tls, client)
        return RunningDemo(addresses, [host, client], blocked, censor)

    async def _start_host(self, stack: AsyncExitStack, data: Path) -> tuple[Program, dict[str, str]]:
        limit = self._settings.start_seconds
        async with self._steps.step("host starts", limit + _MARGIN_SECONDS) as step:
            arguments = ["serve", "--json", "--print-invite", "--port", "0", "--data", str(data)]
            arguments += ["--egress", "open", "--allow-private", "--resolve", f"{BLOCKED}={LOOPBACK}"]
            host = await stack.enter_async_context(running(*arguments, command=self._settings.command))
            ready = await host.event(lambda event: event.get("event") == "ready", limit, "ready")
            step.detail = f"broker, egress and switch on {ready['url'].partition('//')[2]}"
        return host, ready

    async def _open_sites(
        self, stack: AsyncExitStack, authority: DemoAuthority, embed: str
    ) -> tuple[Site, Site, Censor]:
        async with self._steps.step("sites open", self._settings.start_seconds) as step:
            sites = both_sites(embed, authority, fixed_ports=self._fixed_ports)
            news, blocked = await stack.enter_async_context(sites)
            censor = Censor([BLOCKED], {NEWS: news.route, BLOCKED: blocked.route})
            await stack.enter_async_context(censor.listening(8003 if self._fixed_ports else 0))
            step.detail = f"{NEWS}, {BLOCKED}; a censor on the path"
        return news, blocked, censor

    async def _try_directly(self, tls: ssl.SSLContext, censor: Censor, blocked: Site) -> None:
        limit = self._settings.direct_seconds
        async with self._steps.step("direct access", 4 * limit + _MARGIN_SECONDS) as step:
            for scheme in ("http", "https"):
                await fetch(f"{scheme}://{NEWS}:{censor.port}/", tls=tls, seconds=limit, size_max=_PAGE_MAX)
            for scheme in ("http", "https"):
                await self._expect_cut(f"{scheme}://{BLOCKED}:{censor.port}/", tls)
            counts = censor.counts
            if not counts.cut_by_host or not counts.cut_by_sni or blocked.traffic.requests:
                raise DemoError("the connections failed, but not because the censor reset them")
            self._report.direct = "blocked"
            step.detail = f"{BLOCKED} reset (SNI, Host); {NEWS} open"

    async def _expect_cut(self, url: str, tls: ssl.SSLContext) -> None:
        try:
            await fetch(url, tls=tls, seconds=self._settings.direct_seconds, size_max=_PAGE_MAX)
        except CutError:
            return
        self._report.direct = "open"
        raise DemoError(f"{url} was not reset: the censor let it pass")

    async def _join_bridge(self, stack: AsyncExitStack, host: str, news: Site) -> None:
        settings = self._settings
        seconds = len(self._kinds) * (settings.browser_seconds + settings.join_seconds)
        async with self._steps.step("bridge joins", seconds) as step:
            failures: list[str] = []

            def on_failure(failure: str) -> None:
                failures.append(failure)
                step.detail = failure

            page = f"http://{LOOPBACK}:{news.http_port}/"
            joined = await first_to_join(
                self._kinds,
                lambda kind: volunteer(kind, host=host, news=page, settings=settings),
                stack,
                on_failure,
            )
            self._report.bridge = joined.kind
            step.detail = "; ".join([*failures, joined.detail])

    async def _open_session(self, stack: AsyncExitStack, invite: str) -> tuple[Program, str]:
        settings = self._settings
        limit = settings.start_seconds + settings.session_seconds + _MARGIN_SECONDS
        async with self._steps.step("session opens", limit) as step:
            port = usable_port(8118) if self._fixed_ports else 0
            arguments = ["connect", "--port", str(port), "--json"]
            client = await stack.enter_async_context(running(*arguments, invite=invite, command=settings.command))
            proxy = await client.event(lambda event: event.get("event") == "proxy", settings.start_seconds, "proxy")
            started_at = time.perf_counter()
            await client.event(lambda event: event.get("state") == "open", settings.session_seconds, "session")
            milliseconds = (time.perf_counter() - started_at) * 1000
            address = str(proxy["address"])
            step.detail = f"bridge in {milliseconds:.0f} ms; proxy on {address}"
        return client, address

    async def _read_page(self, addresses: Addresses, tls: ssl.SSLContext, client: Program, blocked: Site) -> None:
        limit = self._settings.page_seconds
        async with self._steps.step("blocked page arrives", limit + _MARGIN_SECONDS) as step, _explained_by(client):
            page = await fetch(
                addresses.blocked_tls, tls=tls, proxy=f"http://{addresses.proxy}", seconds=limit, size_max=_PAGE_MAX
            )
            self._compare(page, blocked.page_sha256())
            self._report.first_byte_s = page.first_byte_s
            first_byte = f"first byte {page.first_byte_s * 1000:.0f} ms"
            step.detail = f"{page.size:,} bytes, SHA-256 equal, {first_byte}"

    async def _download(self, addresses: Addresses, tls: ssl.SSLContext, client: Program) -> None:
        limit = self._settings.download_seconds
        async with self._steps.step("speed", limit + _MARGIN_SECONDS) as step, _explained_by(client):
            started_at = time.perf_counter()

            def on_bytes(size: int) -> None:
                speed = size / (time.perf_counter() - started_at) / 1e6
                step.detail = f"{size / DOWNLOAD_SIZE:.0%} of {DOWNLOAD_SIZE >> 20} MiB, {speed:.1f} MB/s"

            file = await fetch(
                f"{addresses.blocked_tls}file?bytes={DOWNLOAD_SIZE}",
                tls=tls,
                proxy=f"http://{addresses.proxy}",
                seconds=limit,
                size_max=DOWNLOAD_SIZE,
                on_bytes=on_bytes,
            )
            self._compare(file, sha256_of(DOWNLOAD_SIZE))
            self._report.mb_per_s = file.mb_per_s
            self._report.sha256_ok = True
            step.detail = f"{file.size >> 20} MiB at {file.mb_per_s:.1f} MB/s, SHA-256 equal"

    def _compare(self, fetched: Fetched, sha256: str) -> None:
        self._report.bytes += fetched.size
        if fetched.sha256 != sha256:
            raise DemoError(f"{fetched.size} bytes arrived, but their SHA-256 is not that of what the site sent")


@contextlib.asynccontextmanager
async def _explained_by(client: Program) -> AsyncIterator[None]:
    """Add to an error of the block what the client reports of its session, which is often the cause."""
    try:
        yield
    except DemoError as error:
        await asyncio.sleep(_LAST_EVENTS_SECONDS)
        if client.ended:
            raise DemoError(client.why_ended()) from None
        lost = [event for event in client.unread if event.get("state") not in (None, "open")]
        if not lost:
            raise
        cause = lost[0].get("detail") or lost[0]["state"]
        raise DemoError(f"{error}; the session was lost: {cause}") from None


def _temporary_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="freespan-", ignore_cleanup_errors=True)
