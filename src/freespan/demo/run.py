"""The demo from its start to its end: runs the steps, then stays up until a signal, and ends everything it started."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack

from freespan import browsers
from freespan.demo.display import Display
from freespan.demo.settings import DemoSettings
from freespan.demo.steps import Report, StepFailedError, Steps
from freespan.demo.suggestions import firefox_profile, firefox_settings, suggestions
from freespan.demo.volunteer import kinds_to_try
from freespan.demo.walkthrough import RunningDemo, Walkthrough
from freespan.terminal.output import print_json

_TICK_SECONDS = 0.5
"""How often the counters are updated while the demo stays up."""

EXIT_OK, EXIT_FAILED, EXIT_STOPPED = 0, 1, 130


def run_demo(*, once: bool, as_json: bool, bridge: str | None, settings: DemoSettings | None = None) -> int:
    """Run the demo and return the exit code.

    Args:
        once: end after the steps instead of staying up until SIGINT or SIGTERM.
        as_json: print one JSON object (see `steps.Report`) and nothing else.
        bridge: `chromium`, `firefox` or `headless`; None takes the first one that works.
        settings: time limits.

    Returns:
        0 if every step succeeded, 1 if one failed, 130 if the demo was stopped before its last step.
    """
    demo = _Demo(once=once, as_json=as_json, bridge=bridge, settings=settings or DemoSettings())
    return asyncio.run(demo.run())


class _Demo:
    def __init__(self, *, once: bool, as_json: bool, bridge: str | None, settings: DemoSettings) -> None:
        self._once = once
        self._as_json = as_json
        self._browsers = browsers.find_browsers()
        self._display = Display(quiet=as_json)
        self._report = Report()
        self._walkthrough = Walkthrough(
            Steps(self._report, self._display),
            self._report,
            kinds_to_try(bridge, self._browsers),
            fixed_ports=not once,
            settings=settings,
        )
        self._stop = asyncio.Event()
        self._stays_up = False

    async def run(self) -> int:
        running = asyncio.create_task(self._run(), name="demo")
        with _signals(functools.partial(self._on_signal, running)):
            try:
                return await running
            except asyncio.CancelledError:
                self._display.line("Stopped before the end; all programs have ended, and nothing is left behind.")
                return EXIT_STOPPED

    def _on_signal(self, running: asyncio.Task[int]) -> None:
        if self._stop.is_set():
            return  # the demo is ending already, within its time limits
        self._stop.set()
        if not self._stays_up:
            running.cancel()

    async def _run(self) -> int:
        self._display.title()
        async with AsyncExitStack() as stack:
            demo = await self._run_steps(stack)
            code = EXIT_FAILED if demo is None else EXIT_OK
            if demo is not None and not self._once:
                code = await self._stay_up(demo)
            self._display.stopping()
        if code == EXIT_OK:
            self._display.goodbye()
        return code

    async def _run_steps(self, stack: AsyncExitStack) -> RunningDemo | None:
        """Run all steps; None if one failed. The report is printed in any case, even when the demo was stopped."""
        try:
            demo = await self._walkthrough.run(stack)
            if not self._once:
                self._report.addresses = demo.addresses.as_json()
            self._display.summary(self._report)
            return demo
        except StepFailedError as error:
            self._display.failure(f"The failed step is “{error.step.name}”. Everything was cleaned up.")
            return None
        finally:
            if self._as_json:
                print_json(dict(self._report.as_json()))

    async def _stay_up(self, demo: RunningDemo) -> int:
        """Wait for a signal, or for the unexpected end of a program."""
        self._stays_up = True
        if "firefox" in self._browsers:
            profile = firefox_profile(demo.addresses)
            profile.mkdir()
            (profile / "user.js").write_text(firefox_settings(demo.addresses.proxy))
        as_root = hasattr(os, "geteuid") and os.geteuid() == 0
        self._display.suggestions(suggestions(demo.addresses, self._browsers, as_root=as_root))
        while not self._stop.is_set():
            for program in demo.programs:
                if program.ended:
                    self._display.failure(program.why_ended())
                    return EXIT_FAILED
            self._display.counters(demo.counters())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TICK_SECONDS):
                    await self._stop.wait()
        return EXIT_OK


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
