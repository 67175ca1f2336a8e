"""The scenarios: who is where, what the censor does, what the roads are like. A list to add to."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass

from lab import censor, measure
from lab.hosts import ADDRESSES, BLOCKED, NOWHERE, Layout, volunteering, world
from lab.wan import Hop, Way


@dataclass(frozen=True, slots=True)
class Scenario:
    """One row of the table before it is measured."""

    name: str
    about: str
    layout: Layout
    scheme: str = "https"
    size: int = 8_000_000
    """Bytes to download."""


@dataclass(slots=True)
class Result:
    """One row of the table."""

    scenario: str
    direct: str
    """`ok`, `blocked` or `throttled`."""
    freespan: str
    """`ok`, or why not."""
    road: str = ""
    first_byte_s: float | None = None
    """From asking for a bridge to the first byte of the page."""
    mb_s: float | None = None

    def as_json(self) -> dict[str, object]:
        return asdict(self)


async def run(scenario: Scenario) -> Result:
    """Build the scenario's world, measure, take it away.

    Raises:
        LabError, DemoError: the lab itself did not work.
    """
    layout = scenario.layout
    async with AsyncExitStack() as stack:
        here = await stack.enter_async_context(world(layout.homes(), layout.censor))
        if layout.program:
            await stack.enter_async_context(volunteering(here, "volunteer", layout.program))
        browser = await stack.enter_async_context(measure.reading(here))
        result = Result(scenario.name, await measure.try_directly(browser, scenario.scheme), "")
        client, proxy = await stack.enter_async_context(measure.connecting(here))
        result.first_byte_s, result.freespan = await measure.first_page(client, browser, proxy, scenario.scheme)
        if result.freespan == "ok":
            result.road = f"WebRTC, {layout.program}"
            result.mb_s, result.freespan = await measure.download(browser, proxy, scenario.scheme, scenario.size)
        return result


_SITE, _HOST = ADDRESSES["blocked"], ADDRESSES["host"]
_BY_NAME = censor.cuts_sni(BLOCKED)
_BY_ALL_NAMES = censor.stacked(censor.forges_dns(BLOCKED, NOWHERE), _BY_NAME, censor.cuts_host(BLOCKED))


def _wan(way: Way) -> Hop:
    return Hop.both(way)


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("open", "no censor: what the roads allow", Layout()),
        Scenario("dns", "forged DNS answers", Layout(censor=censor.forges_dns(BLOCKED, NOWHERE))),
        Scenario("address", "the site's addresses dropped", Layout(censor=censor.drops_address(*_SITE))),
        Scenario("sni", "RST on the name in TLS", Layout(censor=_BY_NAME)),
        Scenario("host", "RST on the name in HTTP", Layout(censor=censor.cuts_host(BLOCKED)), scheme="http"),
        Scenario("throttle", "the site's address at 128 kB/s", Layout(censor=censor.throttles(_SITE[0], 128))),
        Scenario(
            "stacked",
            "forged DNS, addresses dropped, RST on SNI and Host",
            Layout(censor=censor.stacked(_BY_ALL_NAMES, censor.drops_address(*_SITE))),
        ),
        Scenario(
            "broker",
            "the broker's addresses dropped (the egress is at the same ones)",
            Layout(censor=censor.stacked(_BY_NAME, censor.drops_address(*_HOST))),
        ),
        Scenario("udp", "UDP blocked", Layout(censor=censor.stacked(_BY_NAME, censor.blocks_udp()))),
        Scenario(
            "dtls",
            "DTLS ClientHellos dropped by content",
            Layout(censor=censor.stacked(_BY_NAME, censor.blocks_dtls())),
        ),
        Scenario(
            "homes", "reader and volunteer behind home NATs", Layout(volunteer="port-restricted", censor=_BY_NAME)
        ),
        Scenario("ipv6", "reader and volunteer with IPv6 alone", Layout("ipv6", "ipv6", censor=_BY_NAME)),
        Scenario("chromium", "a real Chromium, reader unfiltered", Layout("open", "open", "chromium", _BY_NAME)),
        Scenario(
            "chromium-home",
            "a real Chromium behind a home NAT",
            Layout(volunteer="port-restricted", program="chromium", censor=_BY_NAME),
        ),
        Scenario(
            "rtt-150",
            "150 ms round trip from reader to volunteer",
            Layout(censor=_BY_NAME, reader_hop=_wan(Way(60)), volunteer_hop=_wan(Way(15))),
        ),
        Scenario(
            "bad-road",
            "150 ms, 20 ms jitter, 1 % loss, 2.5 MB/s on the reader's side",
            Layout(censor=_BY_NAME, reader_hop=_wan(Way(60, 20, 0.01, 2.5)), volunteer_hop=_wan(Way(15, 0, 0, 2.5))),
            size=2_000_000,
        ),
    )
}

QUICK = ("sni", "dns", "udp")
"""What the tests run."""
