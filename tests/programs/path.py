"""The whole path on loopback: host, headless bridge and client, each the real program."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.programs import Programs, no_tracebacks

SITE = "site.test"
"""A name that only the host can resolve, to this machine."""
_UNHURRIED = ("--session-connections", "10000", "--session-destination", "10000", "--session-daily", "99999GB")
"""These programs ask more often than a person does."""


@dataclass(frozen=True)
class LocalProxy:
    """The local proxy by its port on loopback."""

    port: int

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def socks5(self) -> str:
        """The proxy resolves the names."""
        return f"socks5h://127.0.0.1:{self.port}"

    def url(self, way: str) -> str:
        """The URL for a way: `http`, `socks5`, or nothing for `direct`."""
        return {"direct": "", "http": self.http, "socks5": self.socks5}[way]


@contextlib.contextmanager
def running_path(data: Path) -> Iterator[LocalProxy]:
    """Run the three programs while the block runs; none of them may have printed a traceback in the end."""
    programs = Programs()
    try:
        reaching = ("--allow-private", "--egress", "open", "--resolve", f"{SITE}=127.0.0.1", *_UNHURRIED)
        host = programs("serve", "--port", "0", "--data", str(data), *reaching, "--json", "--print-invite")
        ready = host.event(lambda event: event.get("event") == "ready")
        programs("bridge", ready["url"], "--json").state("waiting")
        client = programs("connect", "--port", "0", "--json", invite=ready["invite"])
        address = client.event(lambda event: event.get("event") == "proxy")["address"]
        client.state("open")
        yield LocalProxy(int(address.rpartition(":")[2]))
        no_tracebacks(programs.all)
    finally:
        programs.kill()
