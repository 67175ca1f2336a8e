"""The attacker's process: `python -m bench.flood.attacker NAME URL STUN_PORT SECONDS KEY`.

It attacks a host on loopback for so many seconds after a line has come, and says what it has done.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

from bench.flood.attacks import ATTACKS
from bench.flood.raw_socket import Aim
from bench.helper_io import emit, next_line, run_helper
from freespan.api.open_files import raise_open_files_limit

_NICE = 19
"""The reader's programs share a core with this process, and are not what is under attack."""
_GROUP = Path("/proc/self/autogroup")
"""Linux shares out the CPU by sessions of processes (sched(7)), and a program is nice within its own session alone."""
_GRACE_SECONDS = 20.0
_LOOPBACK = "127.0.0.1"


async def main(name: str, url: str, stun_port: str, seconds: str, sealing_key: str) -> None:
    """Attack once."""
    raise_open_files_limit()
    _give_way()
    parts = urlsplit(url)
    if parts.hostname != _LOOPBACK or parts.port is None:
        raise SystemExit("attacks go to hosts on loopback alone")
    emit({"event": "ready"})
    await next_line()
    until = time.monotonic() + float(seconds)
    aim = Aim(_LOOPBACK, parts.port, parts.path.rstrip("/"), int(stun_port), until, bytes.fromhex(sealing_key))
    await asyncio.to_thread(ATTACKS[name], aim)
    done = aim.tally
    emit(
        {
            "event": "done",
            "opened": done.opened,
            "refused": done.refused,
            "sent": done.sent,
            "sent_bytes": done.sent_bytes,
            "learned": len(done.learned),
        }
    )


def _give_way() -> None:
    os.nice(_NICE)
    if os.getsid(0) == os.getpid():
        with contextlib.suppress(OSError):
            _GROUP.write_text(str(_NICE))


if __name__ == "__main__":
    seconds = float(sys.argv[4]) + 600.0
    threading.Timer(seconds, os._exit, [1]).daemon = True
    run_helper(main(*sys.argv[1:6]))
