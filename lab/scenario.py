"""A scenario: who is where, what the censor does, and what the network is like; and how it is measured."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field

from lab import measure, nat
from lab.studies import Figures, OpenSession, Study
from lab.world import Layout, running_volunteer, running_world

_UDP_CHECK_SECONDS = 1.5
"""A volunteer without UDP needs this long to find that out, and reports nothing of it."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is measured for one row of the table."""

    name: str
    about: str
    layout: Layout
    direct: str = "blocked"
    """What the reader is expected to get without help: `ok`, `blocked` or `throttled`."""
    transport: str = "webrtc"
    """The transport that the client is expected to find: `webrtc`, `turn`, `websocket` or `front`."""
    scheme: str = "https"
    size: int = 8_000_000
    """Of the download, in bytes."""
    study: Study | None = None
    """What is measured instead of that download."""


@dataclass(slots=True)
class Result:
    """One row of the table."""

    scenario: str
    direct: str
    """`ok`, `blocked` or `throttled`."""
    freespan: str
    """`ok`, or the reason why not."""
    transport: str = ""
    """As the client reports it: `webrtc` and `turn` lead through a bridge, `websocket` and `front` do not."""
    first_byte_s: float | None = None
    """Seconds from asking for a bridge to the first byte of the page."""
    mb_s: float | None = None
    """10^6 bytes a second."""
    figures: Figures = field(default_factory=dict)
    """The figures of a study, by name."""

    def as_json(self) -> dict[str, object]:
        row: dict[str, object] = asdict(self)
        del row["figures"]
        return row | self.figures


async def run(scenario: Scenario) -> Result:
    """Run the scenario's world, measure, and remove it.

    Raises:
        LabError, DemoError: the lab itself failed.
    """
    layout = scenario.layout
    async with AsyncExitStack() as stack:
        here = await stack.enter_async_context(running_world(layout.homes(), layout.censor, layout.services))
        for node in layout.volunteers():
            await stack.enter_async_context(running_volunteer(here, node, layout.program))
        if layout.program and not nat.KINDS[layout.volunteer].udp:
            await asyncio.sleep(_UDP_CHECK_SECONDS)
        downloader = await stack.enter_async_context(measure.running_downloader(here))
        result = Result(scenario.name, await measure.try_directly(downloader, scenario.scheme), "")
        reader = await stack.enter_async_context(AsyncExitStack())
        client, proxy = await reader.enter_async_context(measure.running_client(here))
        result.first_byte_s, result.freespan = await measure.first_page(client, downloader, proxy, scenario.scheme)
        if result.freespan == "ok":
            result.transport = measure.transport_of(client)
            if scenario.study is not None:
                result.mb_s, result.figures = await scenario.study(
                    OpenSession(here, layout, downloader, proxy, reader.aclose)
                )
            else:
                result.mb_s, result.freespan = await measure.download(downloader, proxy, scenario.scheme, scenario.size)
        return result
