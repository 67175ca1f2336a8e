"""The client's start-up: from starting `freespan connect` until its request reaches a broker."""

from __future__ import annotations

import asyncio
import time

from bench.figures import Figures
from bench.plan import Plan
from freespan.demo.programs import running
from freespan.wire.invite import TOKEN_SIZE, Invite, format_invite

_SECONDS = 20.0
_SEALING_KEY = bytes([9]) + bytes(31)
"""A point of the curve whose private half nobody needs: this broker answers nothing."""
_REQUEST = b"POST /v1/rendezvous"


async def measure_start(plan: Plan, figures: Figures) -> None:
    """Measure `client_start_s`, after one start that fills the caches and is not counted."""
    await _start()
    figures.median("client_start_s", [await _start() for _ in range(plan.starts)])


async def _start() -> float:
    """Return the seconds of one start."""
    requested: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.readexactly(len(_REQUEST))
        if first == _REQUEST and not requested.done():
            requested.set_result(time.perf_counter())
        writer.close()

    broker = await asyncio.start_server(on_connection, "127.0.0.1", 0)
    async with broker:
        port = broker.sockets[0].getsockname()[1]
        invite = format_invite(Invite(f"http://127.0.0.1:{port}", bytes(32), _SEALING_KEY, bytes(TOKEN_SIZE)))
        start = time.perf_counter()
        async with running("connect", "--port", "0", "--json", invite=invite), asyncio.timeout(_SECONDS):
            return await requested - start
