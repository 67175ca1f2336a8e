"""A public STUN server that is not the host's: `python -m lab.stun PORT` answers at this port and the next one."""

from __future__ import annotations

import asyncio
import json
import sys

from freespan.broker.stun_server import serving_stun
from freespan.cli.running import run_until_stopped


async def _serve(port: int) -> None:
    async with serving_stun("", port):
        print(json.dumps({"event": "ready"}), flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    run_until_stopped(_serve(int(sys.argv[1])), verbose=False)
