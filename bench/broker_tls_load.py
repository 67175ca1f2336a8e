"""Readers who open a connection with TLS for each rendezvous.

`python -m bench.broker_tls_load PORT PATH KEY N SECONDS`
"""

from __future__ import annotations

import asyncio
import ssl
import sys
import time

from bench.broker_load import address, length_of, quantile, request
from bench.helper_io import emit, run_helper


async def main(port: int, path: str, sealing_key: bytes, count: int, seconds: float) -> None:
    """Let so many readers ask, each of them again as soon as they have their answer."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    waits: list[float] = []
    end = time.monotonic() + seconds
    emit({"event": "ready"})

    async def ask_again_and_again(number: int) -> None:
        while (start := time.monotonic()) < end:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port, ssl=context, local_addr=(address(200_000 + number), 0)
            )
            asked = request(path, sealing_key)
            writer.write(asked.data)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200 "):
                raise SystemExit(f"no answer: {head[:60]!r}")
            if (status := asked.status_of(200, await reader.readexactly(length_of(head)))) != 200:
                raise SystemExit(f"a refusal: {status}")
            waits.append(time.monotonic() - start)
            writer.transport.abort()

    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(ask_again_and_again(number), name="reader")
    emit({"event": "measured", "rate": len(waits) / seconds, "p99_ms": quantile(sorted(waits), 0.99)})


if __name__ == "__main__":
    run_helper(main(int(sys.argv[1]), sys.argv[2], bytes.fromhex(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])))
