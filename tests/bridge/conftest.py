"""The headless bridge before the scripted broker and egress that the browser's bridge meets too."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from tests.support.whole_path import RunningBridge, running_bridge
from tests.web.fakes import SECONDS, Bridge, FakeHost, served


@pytest.fixture
async def host() -> AsyncIterator[FakeHost]:
    host = FakeHost()
    async with asyncio.timeout(6 * SECONDS), served(host):
        yield host


@pytest.fixture
async def helper(host: FakeHost, caplog: pytest.LogCaptureFixture) -> AsyncIterator[RunningBridge]:
    """A volunteer that knows how to keep its composure."""
    async with running_bridge(host.url) as helper:
        yield helper
        assert not helper.task.done() or helper.task.cancelled(), "nothing ends a volunteer but the person"
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.fixture
async def bridge(host: FakeHost, helper: RunningBridge) -> Bridge:
    """The same volunteer as its broker sees it."""
    bridge = await host.bridge()
    await helper.statuses.until("waiting")
    return bridge
