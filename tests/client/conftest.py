"""A host for the tests of the client, and nothing to wait for long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.support.gathering import wait_for_stun
from tests.support.whole_path import SECONDS, Host, running_host


@pytest.fixture
def quick_gathering(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long for candidates."""
    wait_for_stun(monkeypatch, 0.1)


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with asyncio.timeout(4 * SECONDS), running_host() as host:
        yield host
