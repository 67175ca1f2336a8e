"""What the long-running commands share: a clean end on a signal."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import threading
from collections.abc import Coroutine, Iterator
from typing import Any

from freespan.api.settings import HostSettings
from freespan.cli.collector import Collector
from freespan.cli.core_dumps import leave_no_core_dump
from freespan.cli.event_loop import event_loop
from freespan.cli.stopping import on_stop_signal
from freespan.observe.log import logging_crashes, set_up_logging
from freespan.observe.out_of_memory import check_memory_in, ending_when_out_of_memory
from freespan.wire.errors import InputError


def run_until_stopped(
    main: Coroutine[Any, Any, None], *, verbose: bool, stop_seconds: float | None = None, is_host: bool = False
) -> bool:
    """Run a command until it ends, or is cancelled by SIGINT or SIGTERM. True if it was a signal.

    With `stop_seconds`, the process ends so long after a signal with code 0, even if the command has not ended yet.
    """
    set_up_logging(verbose=verbose)
    leave_no_core_dump()
    ended = threading.Event()
    try:
        with (
            logging_crashes(),
            ending_when_out_of_memory(),
            asyncio.Runner(loop_factory=lambda: event_loop(is_host=is_host)) as runner,
        ):
            return runner.run(_run_until_signal(main, stop_seconds, ended, is_host=is_host))
    except KeyboardInterrupt:
        return True
    finally:
        ended.set()  # only now: a loop also waits for its threads


async def _run_until_signal(
    main: Coroutine[Any, Any, None], stop_seconds: float | None, ended: threading.Event, *, is_host: bool
) -> bool:
    check_memory_in(asyncio.get_running_loop())
    Collector(is_host=is_host).start()
    task = asyncio.create_task(main, name="command")
    stopped = False

    def stop() -> None:
        nonlocal stopped
        stopped = True
        task.cancel()

    on_stop_signal(stop, stop_seconds, ended)
    try:
        await task
    except asyncio.CancelledError:
        if not stopped:
            raise
    return stopped


@contextlib.contextmanager
def naming_options(*names: str) -> Iterator[None]:
    """Let an `InputError` about one of these options name it as it is written on the command line."""
    try:
        yield
    except InputError as error:
        if error.field not in names:
            raise
        raise InputError(f"--{error.field}", error.reason) from None


def data_option(settings: HostSettings) -> str:
    """What a command for the same host has to end with: nothing, or ` --data DIRECTORY`."""
    return f" --data {shlex.quote(str(settings.data))}" if settings.data else ""
