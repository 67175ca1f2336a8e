"""A program that hangs up while its request waits for a bridge, which may take minutes, is not kept."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from freespan.client.lent_stream import LentStream
from freespan.client.local_proxy.conversation import Program
from freespan.client.settings import ClientSettings


async def unless_it_hangs_up(
    program: Program, opening: Coroutine[Any, Any, LentStream], settings: ClientSettings, *, after_end: float = 0.0
) -> LentStream:
    """What `opening` returns, or raises. It is cancelled when the program has gone, which is looked at now and then.

    A program that has only ended its own direction is waited for `after_end` seconds longer.

    Raises:
        EOFError: the program has hung up.
    """
    task = asyncio.create_task(opening, name="local-proxy-opening")
    since_end = 0.0
    try:
        while not (await asyncio.wait({task}, timeout=settings.proxy_look_seconds))[0]:
            if program.has_gone or (program.has_hung_up and since_end >= after_end):
                raise EOFError
            since_end += settings.proxy_look_seconds if program.has_hung_up else 0.0
        return task.result()
    except BaseException:
        task.add_done_callback(_release)
        raise
    finally:
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def _release(task: asyncio.Task[LentStream]) -> None:
    """What was opened at the last moment is of use to nobody."""
    if not task.cancelled() and task.exception() is None:
        task.result().release()
