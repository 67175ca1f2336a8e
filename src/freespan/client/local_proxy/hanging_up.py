"""A program that hangs up while its request waits for a bridge, which may take minutes, is not kept."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from freespan.client.local_proxy.conversation import Program

_Opened = TypeVar("_Opened")


async def unless_it_hangs_up(program: Program, opening: Coroutine[Any, Any, _Opened], look_seconds: float) -> _Opened:
    """What `opening` returns, or raises. It is cancelled when the program has gone, which is looked at now and then.

    Raises:
        EOFError: the program has hung up.
    """
    task = asyncio.create_task(opening, name="local-proxy-opening")
    try:
        while not (await asyncio.wait({task}, timeout=look_seconds))[0]:
            if program.has_hung_up:
                raise EOFError
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
