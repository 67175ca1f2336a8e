"""The broker of a host by itself: `python -m bench.broker_host` serves it as `freespan serve` does, without an egress.

So all files that the process may have open are there for bridges and readers. Each line on standard input is answered
with the number of bridges.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.helper_io import emit, next_line, run_helper
from freespan.api.accepting import Tls
from freespan.api.connections import ConnectionLimits, Connections
from freespan.api.host_app import host_application
from freespan.api.listening import listening
from freespan.api.open_files import open_files_limit, raise_open_files_limit
from freespan.api.paced_connections import Accounts
from freespan.broker.server import Broker
from freespan.cli.collector import Collector
from freespan.demo.certificates import DemoAuthority
from freespan.link.turns import Turns
from freespan.observe.counters import HostCounters
from freespan.sealing.hpke import Opener
from freespan.sources.requests import SourceReader
from freespan.tunnel.identity import new_identity
from freespan.web.decoy_site import DecoySite

PATH = "/path"
_FILES_LEFT = 200


async def main() -> None:
    """Serve on two free ports of loopback, one of them with TLS, until standard input ends."""
    raise_open_files_limit()
    Collector(is_host=True).start()
    sources, counters = SourceReader(), HostCounters()
    identity = new_identity()
    broker = Broker(
        lambda: "wss://host.example/v1/egress",
        Opener(identity.sealing_key),
        counters,
        sources=sources,
        hides_private=lambda: True,
    )
    connections = Connections(sources, ConnectionLimits(most=open_files_limit() - _FILES_LEFT))
    accounts = Accounts(Turns(), sources)
    app = host_application(PATH, broker.routes(), DecoySite())
    other = host_application(PATH, broker.routes(), DecoySite())
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="freespan-bench-")))
        tls = DemoAuthority(folder).server_context("host.example")
        shared: Any = {"connections": connections, "accounts": accounts}
        port = await stack.enter_async_context(listening(app, "127.0.0.1", 0, **shared))
        tls_port = await stack.enter_async_context(listening(other, "127.0.0.1", 0, Tls(tls), **shared))
        key = identity.public_sealing_key.hex()
        emit({"event": "ready", "port": port, "tls_port": tls_port, "sealing_key": key, "files": open_files_limit()})
        while await next_line():
            emit({"event": "bridges", "bridges": counters.figures().bridges})


if __name__ == "__main__":
    run_helper(main())
