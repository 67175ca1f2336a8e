"""The whole demo: sets the stage, runs the steps, stays until Ctrl-C, ends everything."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import signal
import ssl
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from freespan import browsers
from freespan.demo.byhand import Stage, firefox_profile, firefox_settings, things_to_try
from freespan.demo.censor import Censor
from freespan.demo.certificates import DemoAuthority
from freespan.demo.errors import DemoError
from freespan.demo.payload import sha256_of
from freespan.demo.ports import LOOPBACK, usable_port
from freespan.demo.programs import Program, running
from freespan.demo.reader import CutError, Fetched, fetch
from freespan.demo.show import Show
from freespan.demo.sites import BLOCKED, DOWNLOAD_SIZE, NEWS, Site, both_sites
from freespan.demo.steps import Report, StepFailedError, Steps
from freespan.demo.volunteer import BROWSER_SECONDS, JOIN_SECONDS, first_volunteer, kinds_to_try

START_SECONDS = 20.0
"""For a program to say that it is ready."""
DIRECT_SECONDS = 5.0
"""For each try of direct access."""
SESSION_SECONDS = 40.0
PAGE_SECONDS = 20.0
DOWNLOAD_SECONDS = 180.0
_PAGE_MAX = 1024 * 1024
_TICK_SECONDS = 0.5
_LAST_WORDS_SECONDS = 0.2
"""For the client to say why, when something has broken off."""
_MARGIN_SECONDS = 5.0
"""A step ends a little later than the waits in it, so that the one with the better words speaks."""

EXIT_OK, EXIT_FAILED, EXIT_STOPPED = 0, 1, 130


def run_demo(*, once: bool, as_json: bool, bridge: str | None) -> int:
    """Run the demo and return the exit code.

    Args:
        once: end after the steps instead of staying until SIGINT or SIGTERM.
        as_json: print one JSON object (see `steps.Report`) and nothing else.
        bridge: `chromium`, `firefox` or `headless`; None takes the first one that works.

    Returns:
        0 if every step held, 1 if one did not, 130 if the demo was stopped before its last step.
    """
    return asyncio.run(_Demo(once=once, as_json=as_json, bridge=bridge).run())


@dataclass(slots=True)
class _Cast:
    """Who is on the stage when the steps are through."""

    stage: Stage
    programs: list[Program]
    blocked: Site
    censor: Censor


class _Demo:
    def __init__(self, *, once: bool, as_json: bool, bridge: str | None) -> None:
        self._once = once
        self._as_json = as_json
        self._kinds = kinds_to_try(bridge)
        self._show = Show(quiet=as_json)
        self._report = Report()
        self._steps = Steps(self._report, self._show)
        self._stop = asyncio.Event()
        self._staying = False

    async def run(self) -> int:
        play = asyncio.create_task(self._play(), name="demo")
        with _signals(functools.partial(self._on_signal, play)):
            try:
                return await play
            except asyncio.CancelledError:
                self._show.say("Stopped before the end; all programs ended, nothing left behind.")
                return EXIT_STOPPED

    def _on_signal(self, play: asyncio.Task[int]) -> None:
        if self._stop.is_set():
            return  # the end is under way and bounded
        self._stop.set()
        if not self._staying:
            play.cancel()

    async def _play(self) -> int:
        self._show.title()
        async with AsyncExitStack() as stack:
            cast = await self._run_steps(stack)
            code = EXIT_FAILED if cast is None else EXIT_OK
            if cast is not None and not self._once:
                code = await self._stay(cast)
            self._show.stopping()
        if code == EXIT_OK:
            self._show.goodbye()
        return code

    # --- the steps -----------------------------------------------------------------------------

    async def _run_steps(self, stack: AsyncExitStack) -> _Cast | None:
        """All steps; None if one failed. The report is printed in either case, and when stopped."""
        try:
            cast = await self._set_the_stage(stack)
            if not self._once:
                self._report.addresses = cast.stage.addresses()
            self._show.summary(self._report)
            return cast
        except StepFailedError as error:
            self._show.failure(f"It ended at the step “{error.step.name}”; everything was put away.")
            return None
        finally:
            if self._as_json:
                sys.stdout.write(json.dumps(self._report.as_json()) + "\n")
                sys.stdout.flush()

    async def _set_the_stage(self, stack: AsyncExitStack) -> _Cast:
        folder = Path(stack.enter_context(_temporary_folder()))
        authority = DemoAuthority(folder)
        host, ready = await self._start_host(stack, folder / "host")
        news, blocked, censor = await self._open_sites(stack, authority, ready["embed"])
        tls = authority.client_context()
        await self._try_directly(tls, censor, blocked)
        await self._join_bridge(stack, ready["url"], news)
        client, proxy = await self._open_session(stack, ready["invite"])
        stage = Stage(
            host=ready["url"],
            proxy=proxy,
            news_port=news.http_port,
            blocked_port=blocked.http_port,
            blocked_tls_port=blocked.https_port,
            censor_port=censor.port,
            authority_file=authority.file,
            folder=folder,
        )
        await self._read_page(stage, tls, client, blocked)
        await self._download(stage, tls, client)
        return _Cast(stage, [host, client], blocked, censor)

    async def _start_host(self, stack: AsyncExitStack, data: Path) -> tuple[Program, dict[str, str]]:
        async with self._steps.step("host starts", START_SECONDS + _MARGIN_SECONDS) as step:
            resolve = f"{BLOCKED}={LOOPBACK}"
            host = await stack.enter_async_context(
                running(
                    *("serve", "--json", "--port", "0", "--data", str(data)),
                    *("--allow-private", "--resolve", resolve),
                )
            )
            ready = await host.event(lambda event: event.get("event") == "ready", START_SECONDS, "ready")
            step.detail = f"broker, egress and switch on {ready['url'].partition('//')[2]}"
        return host, ready

    async def _open_sites(
        self, stack: AsyncExitStack, authority: DemoAuthority, embed: str
    ) -> tuple[Site, Site, Censor]:
        async with self._steps.step("sites open", START_SECONDS) as step:
            easy = not self._once
            news, blocked = await stack.enter_async_context(both_sites(embed, authority, easy_ports=easy))
            censor = Censor([BLOCKED], {NEWS: news.route, BLOCKED: blocked.route})
            await stack.enter_async_context(censor.listening(8003 if easy else 0))
            step.detail = f"{NEWS}, {BLOCKED}; a censor on the road"
        return news, blocked, censor

    async def _try_directly(self, tls: ssl.SSLContext, censor: Censor, blocked: Site) -> None:
        async with self._steps.step("direct access", 4 * DIRECT_SECONDS + _MARGIN_SECONDS) as step:
            for scheme in ("http", "https"):
                url = f"{scheme}://{NEWS}:{censor.port}/"
                await fetch(url, tls=tls, seconds=DIRECT_SECONDS, size_max=_PAGE_MAX)
            for scheme in ("http", "https"):
                await self._expect_cut(f"{scheme}://{BLOCKED}:{censor.port}/", tls)
            counts = censor.counts
            if not counts.cut_by_host or not counts.cut_by_sni or blocked.traffic.requests:
                raise DemoError("the connections failed, but not because the censor cut them")
            self._report.direct = "blocked"
            step.detail = f"{BLOCKED} cut (SNI, Host); {NEWS} open"

    async def _expect_cut(self, url: str, tls: ssl.SSLContext) -> None:
        try:
            await fetch(url, tls=tls, seconds=DIRECT_SECONDS, size_max=_PAGE_MAX)
        except CutError:
            return
        self._report.direct = "open"
        raise DemoError(f"{url} was not cut: the censor let it pass")

    async def _join_bridge(self, stack: AsyncExitStack, host: str, news: Site) -> None:
        seconds = len(self._kinds) * (BROWSER_SECONDS + JOIN_SECONDS)
        async with self._steps.step("bridge joins", seconds) as step:
            troubles: list[str] = []

            def say(trouble: str) -> None:
                troubles.append(trouble)
                step.detail = trouble

            page = f"http://{LOOPBACK}:{news.http_port}/"
            joined = await first_volunteer(self._kinds, stack, host=host, news=page, on_trouble=say)
            self._report.bridge = joined.kind
            step.detail = "; ".join([*troubles, joined.detail])

    async def _open_session(self, stack: AsyncExitStack, invite: str) -> tuple[Program, str]:
        async with self._steps.step("session opens", START_SECONDS + SESSION_SECONDS + _MARGIN_SECONDS) as step:
            port = 0 if self._once else usable_port(8118)
            client = await stack.enter_async_context(running("connect", invite, "--port", str(port), "--json"))
            proxy = await client.event(lambda event: event.get("event") == "proxy", START_SECONDS, "proxy")
            asked_at = time.perf_counter()
            await client.event(lambda event: event.get("state") == "open", SESSION_SECONDS, "session")
            milliseconds = (time.perf_counter() - asked_at) * 1000
            address = str(proxy["address"])
            step.detail = f"bridge in {milliseconds:.0f} ms; proxy on {address}"
        return client, address

    async def _read_page(self, stage: Stage, tls: ssl.SSLContext, client: Program, blocked: Site) -> None:
        step_seconds = PAGE_SECONDS + _MARGIN_SECONDS
        async with self._steps.step("blocked page arrives", step_seconds) as step, _asking(client):
            page = await fetch(
                stage.blocked_tls,
                tls=tls,
                proxy=f"http://{stage.proxy}",
                seconds=PAGE_SECONDS,
                size_max=_PAGE_MAX,
            )
            self._compare(page, blocked.page_sha256())
            self._report.first_byte_s = page.first_byte_s
            first_byte = f"first byte {page.first_byte_s * 1000:.0f} ms"
            step.detail = f"{page.size:,} bytes, SHA-256 equal, {first_byte}"

    async def _download(self, stage: Stage, tls: ssl.SSLContext, client: Program) -> None:
        async with self._steps.step("speed", DOWNLOAD_SECONDS + _MARGIN_SECONDS) as step, _asking(client):
            began = time.perf_counter()

            def on_bytes(size: int) -> None:
                speed = size / (time.perf_counter() - began) / 1e6
                step.detail = f"{size / DOWNLOAD_SIZE:.0%} of {DOWNLOAD_SIZE >> 20} MiB, {speed:.1f} MB/s"

            file = await fetch(
                f"{stage.blocked_tls}file?bytes={DOWNLOAD_SIZE}",
                tls=tls,
                proxy=f"http://{stage.proxy}",
                seconds=DOWNLOAD_SECONDS,
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
            raise DemoError(f"{fetched.size} bytes came, but their SHA-256 is not that of what the site sent")

    # --- staying -------------------------------------------------------------------------------

    async def _stay(self, cast: _Cast) -> int:
        """Until a signal, or until a program ends that should not."""
        self._staying = True
        found = browsers.find_browsers()
        if "firefox" in found:
            profile = firefox_profile(cast.stage)
            profile.mkdir()
            (profile / "user.js").write_text(firefox_settings(cast.stage.proxy))
        as_root = hasattr(os, "geteuid") and os.geteuid() == 0
        self._show.stay(things_to_try(cast.stage, found, as_root=as_root))
        while not self._stop.is_set():
            for program in cast.programs:
                if program.ended:
                    self._show.failure(program.why_ended())
                    return EXIT_FAILED
            self._show.counters(_counters(cast))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TICK_SECONDS):
                    await self._stop.wait()
        return EXIT_OK


@contextlib.asynccontextmanager
async def _asking(client: Program) -> AsyncIterator[None]:
    """Add to an error what the client has to say about its session: it often knows the cause."""
    try:
        yield
    except DemoError as error:
        await asyncio.sleep(_LAST_WORDS_SECONDS)
        if client.ended:
            raise DemoError(client.why_ended()) from None
        lost = [event for event in client.unread if event.get("state") not in (None, "open")]
        if not lost:
            raise
        said = lost[0].get("detail") or lost[0]["state"]
        raise DemoError(f"{error}; the session was lost: {said}") from None


def _counters(cast: _Cast) -> str:
    state = cast.programs[-1].last.get("state", "open")
    counts, traffic = cast.censor.counts, cast.blocked.traffic
    return f"session {state} · censor cut {counts.cut} · {BLOCKED} sent {traffic.body_bytes / 1e6:,.1f} MB"


def _temporary_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="freespan-", ignore_cleanup_errors=True)


@contextlib.contextmanager
def _signals(on_signal: functools.partial[None]) -> Iterator[None]:
    """Call `on_signal` in the event loop on SIGINT and SIGTERM."""
    loop = asyncio.get_running_loop()
    wanted = (signal.SIGINT, signal.SIGTERM)
    try:
        for number in wanted:
            loop.add_signal_handler(number, on_signal)
    except (NotImplementedError, RuntimeError):  # Windows' event loop
        before = [signal.signal(number, lambda *_: loop.call_soon_threadsafe(on_signal)) for number in wanted]
        try:
            yield
        finally:
            for number, handler in zip(wanted, before, strict=True):
                signal.signal(number, handler)
        return
    try:
        yield
    finally:
        for number in wanted:
            loop.remove_signal_handler(number)
