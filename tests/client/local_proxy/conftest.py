"""A local proxy with a session, for the tests of it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import pytest

from freespan.egress.settings import EgressSettings
from freespan.tunnel.client import ClientTunnel
from tests.client.local_proxy.proxies import RunningProxy, running_proxy, session_with


@pytest.fixture
async def session(caplog: pytest.LogCaptureFixture) -> AsyncIterator[ClientTunnel]:
    async with session_with(EgressSettings()) as session:
        yield session
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.fixture
async def running(session: ClientTunnel) -> AsyncIterator[RunningProxy]:
    async with running_proxy(session) as running:
        yield running
