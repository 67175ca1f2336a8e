"""A command that is told to stop ends in time, whatever it is doing.

signal ──┬──▶ the loop cancels the command, which cleans up ──▶ end
         └──▶ a thread waits, and ends the process if it is still there
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable

_STOPPING = (signal.SIGINT, signal.SIGTERM)


def on_stop_signal(stop: Callable[[], None], seconds: float | None, ended: threading.Event) -> None:
    """Let the event loop call `stop` at the first SIGINT or SIGTERM; a second one ends the process.

    Args:
        stop: called once, in the loop. A handler of `signal` may run in the middle of a callback, and must not cancel
            what that works on.
        seconds: after which the process ends with code 0, even if the loop is stuck; None for no limit.
        ended: set when the command has ended, and whoever called it goes on.
    """
    loop = asyncio.get_running_loop()

    def handle(number: int, frame: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        loop.call_soon_threadsafe(stop)
        if seconds is not None:
            threading.Thread(target=_end_process, args=(seconds, ended), name="stop", daemon=True).start()

    try:
        for number in _STOPPING:
            # This makes the loop wake up for the signal; its own handler would have to wait for its turn.
            loop.add_signal_handler(number, _nothing)
            signal.signal(number, handle)
    except NotImplementedError:  # Windows: SIGTERM is treated as asyncio treats Ctrl-C
        signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))


def on_hangup(reload: Callable[[], None]) -> None:
    """Let the event loop call `reload` at each SIGHUP, unless it means that the terminal of the program has gone.

    That ends the program, as it would without this, if it was not started to outlive its terminal (`nohup`).
    """
    number = getattr(signal, "SIGHUP", None)
    if number is None:  # Windows
        return
    ends_with_terminal = _has_terminal() and signal.getsignal(number) != signal.SIG_IGN

    def handle() -> None:
        if ends_with_terminal and not _has_terminal():
            signal.raise_signal(signal.SIGTERM)
        else:
            reload()

    asyncio.get_running_loop().add_signal_handler(number, handle)


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _nothing() -> None:
    """What the loop does at a signal."""


def _end_process(seconds: float, ended: threading.Event) -> None:
    if not ended.wait(seconds):
        os._exit(0)  # all output has been flushed: commands do so with every line
