"""Stands in for `freespan serve`, `bridge` and `connect`, so that the demo can be tested fast.

It keeps the contract that each has with the demo: lines of JSON, and for `connect` an HTTP proxy.
FREESPAN_STAND_IN is a JSON object of what goes wrong: {"serve": "exit"}, {"connect": "no session"}, …
"""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

FAULT: str = json.loads(os.environ.get("FREESPAN_STAND_IN", "{}")).get(sys.argv[1], "")

DIE_FILE = Path(os.environ.get("FREESPAN_STAND_IN_DIES", "never"))


def report(**event: Any) -> None:
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


async def serve() -> None:
    report(
        event="ready",
        url="http://127.0.0.1:9",
        invite="freespan2_x",
        embed="<freespan-switch></freespan-switch>",
    )
    if FAULT == "dies later":
        while not await asyncio.to_thread(DIE_FILE.exists):
            await asyncio.sleep(0.02)
        sys.exit("the disk is full")


async def bridge() -> None:
    report(event="state", state="connecting", now=0, total=0)
    if FAULT != "never waits":
        report(event="state", state="waiting", now=0, total=0)


async def connect() -> None:
    server = await asyncio.start_server(proxy, "127.0.0.1", 0)
    report(event="proxy", address=f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
    report(event="state", state="looking")
    if FAULT == "no session":
        sys.exit("no bridge is there")
    report(event="state", state="open", seconds={})


async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    port = int(head.split()[1].rpartition(b":")[2])
    if FAULT == "refuses":
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        return writer.close()
    site_reader, site_writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    async with asyncio.TaskGroup() as both:
        both.create_task(copy(reader, site_writer), name="upload")
        both.create_task(copy(site_reader, writer), name="download")


async def copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    passed = 0
    while data := await source.read(65_536):
        sink.write(data)
        await sink.drain()
        passed += len(data)
        if FAULT == "breaks off" and passed > 1_000_000:
            sink.transport.abort()
            return
    sink.close()


async def main() -> None:
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: os._exit(0))
    if FAULT == "exit":
        sys.exit("port 8787 is in use")
    await {"serve": serve, "bridge": bridge, "connect": connect}[sys.argv[1]]()
    await asyncio.Event().wait()


asyncio.run(main())
