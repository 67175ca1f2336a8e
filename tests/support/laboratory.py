"""A host with a site, and bridges and clients on demand: the real programs, each in a process of its own."""

from __future__ import annotations

import contextlib
import re
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.support.programs import SECONDS, Program, Programs, no_tracebacks
from tests.support.site import Site

SITE = "site.test"
SOON = {"freespan.broker.settings.BrokerSettings.retry_after_seconds": 0}
"""Limits of a host whose clients may ask again at once when there is no bridge."""

EXACT = {"freespan.observe.coarse.CoarseSettings.step": 1, "freespan.observe.coarse.CoarseSettings.seconds": 0.05}
"""Limits of a host whose metrics count readers one by one, and at once."""


class Lab:
    """A running `freespan serve`; `bridge` and `client` start more programs and wait until they are ready."""

    def __init__(
        self, programs: Programs, data: Path, *options: str, limits: Mapping[str, float] | None = None
    ) -> None:
        self.programs = programs
        self.data = data
        self.host = programs(
            *("serve", "--port", "0", "--json", "--data", str(data), "--allow-private", "--print-invite"),
            *("--metrics-port", "0", "--egress", "open", "--resolve", f"{SITE}=127.0.0.1", *options),
            limits=limits,
        )
        self._ready: dict[str, Any] | None = None

    @property
    def ready(self) -> dict[str, Any]:
        """The host's event `ready`."""
        if self._ready is None:
            self._ready = self.host.event(lambda event: event["event"] == "ready")
        return self._ready

    @property
    def url(self) -> str:
        return str(self.ready["url"])

    @property
    def invite(self) -> str:
        return str(self.ready["invite"])

    @property
    def port(self) -> int:
        port = urlsplit(self.url).port
        assert port
        return port

    @property
    def path(self) -> str:
        """Under which the host serves everything; begins with a slash and does not end with one."""
        return urlsplit(self.url).path

    def sessions(self) -> int:
        """Return how many sessions the host has, by its metrics; it needs the limits EXACT."""
        found = re.search(r"^freespan_sessions (\d+)", self.metrics(), re.MULTILINE)
        assert found
        return int(found[1])

    def metrics(self) -> str:
        """Return the counters of the host."""
        with urllib.request.urlopen(self.ready["metrics"], timeout=SECONDS) as answer:
            text: str = answer.read().decode()
            return text

    def until_sessions(self, count: int) -> None:
        """Wait until the host has this many sessions."""
        until = time.monotonic() + SECONDS
        while self.sessions() != count:
            assert time.monotonic() < until
            time.sleep(0.05)

    def bridge(self, *options: str) -> Program:
        """Start a bridge; it waits for readers when this returns."""
        bridge = self.start_bridge(*options)
        bridge.state("waiting")
        return bridge

    def start_bridge(self, *options: str) -> Program:
        return self.programs("bridge", self.url, "--json", *options)

    def start_client(self, *options: str, limits: Mapping[str, float] | None = None) -> Program:
        return self.programs("connect", "--port", "0", "--json", *options, limits=limits, invite=self.invite)

    def client(self, *options: str, limits: Mapping[str, float] | None = None) -> tuple[Program, str]:
        """Start a client; returns it with an open session, and the address of its local proxy."""
        client = self.start_client(*options, limits=limits)
        proxy = proxy_of(client)
        client.state("open")
        return client, proxy


def proxy_of(client: Program) -> str:
    """Return the address of a client's local proxy."""
    return str(client.event(lambda event: event["event"] == "proxy")["address"])


@contextlib.contextmanager
def laboratory(folder: Path, *options: str, limits: Mapping[str, float] | None = None) -> Iterator[Lab]:
    """Run a host for the length of the block, and end all programs then; none of them may have shown a traceback."""
    programs = Programs()
    try:
        yield Lab(programs, folder, *options, limits=limits)
    finally:
        programs.kill()
    no_tracebacks(programs.all)


def url_of(site: Site, path: str = "/") -> str:
    """Return the URL of a path of the site, under the name that readers use."""
    return f"http://{SITE}:{site.port}{path}"
