"""Dialing single links from brokers that are played, and what such brokers answer."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import pytest

from freespan.client import dialer
from freespan.client.dialer import DialedLink, Dialer
from freespan.client.http_session import http_session
from freespan.client.settings import ClientSettings
from freespan.client.transports import Transport
from freespan.link.datachannel import DataChannelLink
from freespan.link.settings import GatheringSettings
from freespan.wire.errors import LinkError
from freespan.wire.network import Network
from tests.support.invites import invite_to
from tests.support.played_broker import refuses
from tests.support.whole_path import QUICK

STUN = (("stun:127.0.0.1:1",),)
IMPATIENT = dataclasses.replace(
    QUICK, bridge_open_seconds=0.5, gathering=GatheringSettings(stun_seconds=0.1, turn_seconds=0.1)
)
"""For a client that does not wait long for candidates, or for a channel that will not open."""


async def dial(
    url: str, transport: Transport, stun: tuple[tuple[str, ...], ...] = (), settings: ClientSettings = IMPATIENT
) -> DialedLink:
    async with http_session() as http:
        return await Dialer(http, invite_to(url, bytes(32), stun=stun), settings).dial(transport)


no_bridge = refuses("no_bridge")


class UdpBlockedLink(DataChannelLink):
    """A peer connection whose packets all get lost."""

    async def wait_opened(self) -> None:
        await asyncio.Event().wait()


def block_udp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialer, "DataChannelLink", UdpBlockedLink)


def block_stun(monkeypatch: pytest.MonkeyPatch) -> None:
    """No STUN server answers."""
    monkeypatch.setattr(dialer, "network_of", lambda _: Network())


def noting_links(monkeypatch: pytest.MonkeyPatch, kind: type[DataChannelLink]) -> list[DataChannelLink]:
    """All links that are made from now on."""
    made: list[DataChannelLink] = []

    def make(*args: Any, **options: Any) -> DataChannelLink:
        made.append(kind(*args, **options))
        return made[-1]

    monkeypatch.setattr(dialer, "DataChannelLink", make)
    return made


async def all_closed(made: list[DataChannelLink]) -> None:
    await asyncio.sleep(0)
    assert made
    for link in made:
        with pytest.raises(LinkError):
            await link.wait_opened()
