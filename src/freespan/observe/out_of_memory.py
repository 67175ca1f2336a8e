"""Ends a program that is out of memory.

A process that goes on without memory is of use to nobody: each callback fails at another place, and what was bound to
it waits for ever. Whoever watches the process (a service manager, a container) starts another one.

A program runs within `ending_when_out_of_memory`. In a library's process this has no effect on anything: whoever runs
it decides.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any

EXIT_CODE = 3
"""The exit code of a program that was out of memory."""
_TEXT = b"freespan: out of memory; the program ends (more memory, or a smaller --memory, can help)\n"

_is_program = False


@contextlib.contextmanager
def ending_when_out_of_memory() -> Iterator[None]:
    """While the block runs, end the process when anything in it is out of memory."""
    global _is_program
    before = _is_program, sys.unraisablehook

    def handle(unraisable: sys.UnraisableHookArgs) -> None:
        check_memory(unraisable.exc_value)
        before[1](unraisable)

    _is_program, sys.unraisablehook = True, handle
    try:
        yield
    finally:
        _is_program, sys.unraisablehook = before


def check_memory_in(loop: asyncio.AbstractEventLoop) -> None:
    """Call `check_memory` for what a callback or a task of `loop` raises and nobody catches."""
    loop.set_exception_handler(_handle)


def check_memory(error: BaseException | None) -> None:
    """To be called with each error that is caught whatever it is: does not return if that is for want of memory."""
    if _is_program and _is_memory_error(error):
        os.write(2, _TEXT)  # without a buffer, for which there may be no memory
        os._exit(EXIT_CODE)


def _is_memory_error(error: BaseException | None) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return any(map(_is_memory_error, error.exceptions))
    return isinstance(error, MemoryError)


def _handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    check_memory(context.get("exception"))
    loop.default_exception_handler(context)
