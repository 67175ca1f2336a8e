"""A host for the tests of the client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.support.whole_path import SECONDS, Host, running_host


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with asyncio.timeout(4 * SECONDS), running_host() as host:
        yield host
