"""The client's end of the raw pipe: `python -m bench.raw_client INVITE`.

For each line with a size it requests that many bytes, and reports how long they took.
"""

from __future__ import annotations

import asyncio
import sys
import time

from bench.helper_io import emit, next_line, run_helper
from bench.raw_pipe import RawSink
from freespan.client.http_session import http_session
from freespan.client.rendezvous import Rendezvous
from freespan.client.settings import ClientSettings
from freespan.link.datachannel import DataChannelLink
from freespan.wire.invite import parse_invite
from freespan.wire.limits import CHANNEL_OPEN_SECONDS, PROTOCOL_VERSION
from freespan.wire.messages import RendezvousRequest

_SECONDS = 120.0


async def main(invite: str) -> None:
    """Open a data channel through the broker, as the real client does, and then handle the lines."""
    link = DataChannelLink()

    async with (
        http_session() as http,
        Rendezvous(http, parse_invite(invite), ClientSettings()).open_request() as request,
    ):
        answer = await request.send(RendezvousRequest(PROTOCOL_VERSION, await link.offer()))
        await link.accept(answer.answer)
    async with asyncio.timeout(CHANNEL_OPEN_SECONDS):
        await link.wait_opened()
    sink = RawSink(link)
    link.start(sink)
    emit({"event": "ready"})
    while size := await next_line():
        start = time.perf_counter()
        async with asyncio.timeout(_SECONDS):
            await sink.receive(int(size))
        emit({"event": "received", "seconds": time.perf_counter() - start})
    link.close()


if __name__ == "__main__":
    run_helper(main(sys.argv[1]))
