"""A host, a bridge and a site, all in the process of the tests."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import freespan

SECONDS = 30.0
NAMES = ("site.test=127.0.0.1",)


@contextlib.asynccontextmanager
async def hosting(data: Path, **settings: Any) -> AsyncIterator[freespan.Host]:
    """A host on loopback, by whose egress `site.test` leads to this machine."""
    given: dict[str, Any] = {
        "port": 0,
        "data": data,
        "egress": "open",
        "allow_private": True,
        "resolve": NAMES,
    } | settings
    async with freespan.Host(freespan.HostSettings(**given)) as host:
        yield host


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[freespan.Host]:
    async with hosting(tmp_path / "data") as host:
        yield host


@pytest.fixture
async def bridge(host: freespan.Host) -> AsyncIterator[freespan.Bridge]:
    async with freespan.Bridge(host.url) as bridge:
        yield bridge


@pytest.fixture
async def client(host: freespan.Host, bridge: freespan.Bridge) -> AsyncIterator[freespan.Client]:
    async with freespan.connect(host.invite) as client:
        yield client
