"""The scenarios: who is where, what the censor does, what the transports are like. A list to add to."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field

from lab import censor, measure, nat, studies
from lab.hosts import ADDRESSES, BLOCKED, HOST, NOWHERE, Layout, Services, volunteering, world
from lab.studies import More, Stand, Study
from lab.wan import Hop, Way


@dataclass(frozen=True, slots=True)
class Scenario:
    """One row of the table before it is measured."""

    name: str
    about: str
    layout: Layout
    direct: str = "blocked"
    """What the reader is meant to get without help."""
    transport: str = "webrtc"
    """The transport that is meant to be found: `webrtc`, `relay`, `websocket` or `front`."""
    scheme: str = "https"
    size: int = 8_000_000
    """Bytes to download."""
    study: Study | None = None
    """What is measured instead of that download."""


@dataclass(slots=True)
class Result:
    """One row of the table."""

    scenario: str
    direct: str
    """`ok`, `blocked` or `throttled`."""
    freespan: str
    """`ok`, or why not."""
    transport: str = ""
    """In the client's own word: `webrtc` and `relay` lead through a bridge, `websocket` and `front` do not."""
    first_byte_s: float | None = None
    """From asking for a bridge to the first byte of the page."""
    mb_s: float | None = None
    more: More = field(default_factory=dict)
    """What a study has found, by name."""

    def as_json(self) -> dict[str, object]:
        row: dict[str, object] = asdict(self)
        del row["more"]
        return row | self.more


async def run(scenario: Scenario) -> Result:
    """Build the scenario's world, measure, take it away.

    Raises:
        LabError, DemoError: the lab itself did not work.
    """
    layout = scenario.layout
    async with AsyncExitStack() as stack:
        here = await stack.enter_async_context(world(layout.homes(), layout.censor, layout.services))
        if layout.program:
            await stack.enter_async_context(volunteering(here, "volunteer", layout.program))
            if not nat.KINDS[layout.volunteer].udp:
                await asyncio.sleep(_SURVEY_SECONDS)
        browser = await stack.enter_async_context(measure.reading(here))
        result = Result(scenario.name, await measure.try_directly(browser, scenario.scheme), "")
        reader = await stack.enter_async_context(AsyncExitStack())
        client, proxy = await reader.enter_async_context(measure.connecting(here))
        result.first_byte_s, result.freespan = await measure.first_page(client, browser, proxy, scenario.scheme)
        if result.freespan == "ok":
            result.transport = measure.road_of(client)
            if scenario.study is not None:
                result.mb_s, result.more = await scenario.study(Stand(here, layout, browser, proxy, reader.aclose))
            else:
                result.mb_s, result.freespan = await measure.download(browser, proxy, scenario.scheme, scenario.size)
        return result


_SURVEY_SECONDS = 1.5
"""A volunteer from whom no UDP comes back waits so long before it believes that; it says nothing of it."""
_SITE, _HOST = ADDRESSES["blocked"], ADDRESSES["host"]
_BY_NAME = censor.cuts_sni(BLOCKED)
_BY_ALL_NAMES = censor.stacked(censor.forges_dns(BLOCKED, NOWHERE), _BY_NAME, censor.cuts_host(BLOCKED))
_HOST_BY_NAME = censor.stacked(censor.forges_dns(HOST, NOWHERE), censor.cuts_sni(HOST), censor.cuts_host(HOST))
_HOME = "port-restricted"
_WAYS = Services(relays=("udp", "tcp", "tls"))


def _and(*more: censor.Censor) -> censor.Censor:
    """The site is cut by its name, and what else the censor does."""
    return censor.stacked(_BY_NAME, *more)


def _both(kind: str, rules: censor.Censor, services: Services | None = None, program: str = "headless") -> Layout:
    """Reader and volunteer behind the same kind of NAT."""
    return Layout(kind, kind, program, rules, services or Services())


def _far(round_trip_ms: float) -> Layout:
    """Reader and volunteer so far from each other; four fifths of the way are the reader's."""
    one_way = round_trip_ms / 2
    return Layout(censor=_BY_NAME, reader_hop=Hop.both(Way(0.8 * one_way)), volunteer_hop=Hop.both(Way(0.2 * one_way)))


def _road(way: Way, program: str) -> Layout:
    """A reader whose whole transport is so in both ways, and a volunteer next to the host."""
    return Layout(program=program, censor=_BY_NAME, reader_hop=Hop.both(way))


_LIST = (
    # what is forbidden to the reader
    Scenario("open", "no censor: what the transports allow", Layout(), "ok"),
    Scenario("dns", "forged DNS answers", Layout(censor=censor.forges_dns(BLOCKED, NOWHERE))),
    Scenario("address", "the site's addresses dropped", Layout(censor=censor.drops_address(*_SITE))),
    Scenario("sni", "RST on the name in TLS", Layout(censor=_BY_NAME)),
    Scenario("host", "RST on the name in HTTP", Layout(censor=censor.cuts_host(BLOCKED)), scheme="http"),
    Scenario("throttle", "the site's address at 128 kB/s", Layout(censor=censor.throttles(_SITE[0], 128)), "throttled"),
    Scenario(
        "stacked",
        "forged DNS, addresses dropped, RST on SNI and Host",
        Layout(censor=censor.stacked(_BY_ALL_NAMES, censor.drops_address(*_SITE))),
    ),
    # and what of freespan
    Scenario(
        "broker",
        "the host's addresses dropped, broker and egress; the invite names a front",
        Layout(censor=_and(censor.drops_address(*_HOST)), services=Services(front=True)),
    ),
    Scenario(
        "stun",
        "public STUN blocked; the host's own answers",
        _both(_HOME, _and(censor.drops_address(*ADDRESSES["stun"])), Services(other_stun=True)),
    ),
    Scenario(
        "own-stun",
        "the host's STUN blocked; another one that it names answers",
        _both(_HOME, _and(censor.blocks_udp(*_HOST)), Services(other_stun=True)),
    ),
    Scenario("udp", "UDP blocked, no relay", Layout(censor=_and(censor.blocks_udp())), transport="websocket"),
    Scenario(
        "udp-turn",
        "UDP blocked; a relay over TCP",
        Layout(censor=_and(censor.blocks_udp()), services=_WAYS),
        transport="turn",
    ),
    Scenario("dtls", "DTLS ClientHellos dropped", Layout(censor=_and(censor.blocks_dtls())), transport="websocket"),
    Scenario(
        "dtls-turn",
        "DTLS ClientHellos dropped; a relay over TCP",
        Layout(censor=_and(censor.blocks_dtls()), services=Services(relays=("tcp",))),
        transport="turn",
    ),
    Scenario(
        "everything",
        "names of site and host forged and cut, addresses dropped, UDP blocked",
        Layout(
            censor=censor.stacked(
                _BY_ALL_NAMES, _HOST_BY_NAME, censor.drops_address(*_SITE, *_HOST), censor.blocks_udp()
            ),
            services=Services(front=True),
        ),
        transport="front",
    ),
    # who stands where
    Scenario("homes", "reader and volunteer behind home NATs", _both(_HOME, _BY_NAME)),
    Scenario("carrier", "both behind a carrier's NAT too", _both("carrier", _BY_NAME)),
    Scenario(
        "symmetric",
        "both behind symmetric NATs; the volunteer has a relay",
        _both("symmetric", _BY_NAME, _WAYS),
        transport="turn",
    ),
    Scenario(
        "turn-udp",
        "both behind symmetric NATs, the relay's UDP blocked; a relay over TCP for the reader",
        _both("symmetric", _and(censor.blocks_udp(*ADDRESSES["turn"])), _WAYS),
        transport="turn",
    ),
    Scenario(
        "volunteer-no-udp",
        "no UDP in the volunteer's network; it has a relay over TCP",
        Layout(volunteer="no-udp", censor=_BY_NAME, services=_WAYS),
        transport="turn",
    ),
    Scenario("ipv6", "reader and volunteer with IPv6 alone", _both("ipv6", _BY_NAME)),
    # real browsers as volunteers
    Scenario("chromium", "a real Chromium, nobody behind a NAT", _both("open", _BY_NAME, program="chromium")),
    Scenario("chromium-home", "a real Chromium, home NATs", _both(_HOME, _BY_NAME, program="chromium")),
    Scenario("firefox-home", "a real Firefox, home NATs", _both(_HOME, _BY_NAME, program="firefox")),
    Scenario(
        "chromium-turns",
        "a real Chromium without UDP; it has a relay over TLS alone",
        Layout("open", "no-udp", "chromium", _BY_NAME, Services(relays=("tls",))),
        transport="turn",
    ),
    # what the transports are like
    Scenario("rtt-50", "50 ms round trip", _far(50)),
    Scenario("rtt-150", "150 ms round trip", _far(150)),
    Scenario("rtt-300", "300 ms round trip", _far(300)),
    Scenario(
        "bad-transport",
        "150 ms, 20 ms jitter, 1 % loss, 2.5 MB/s",
        Layout(
            censor=_BY_NAME,
            reader_hop=Hop.both(Way(60, 20, 0.01, 2.5)),
            volunteer_hop=Hop.both(Way(15, 0, 0, 2.5)),
        ),
        size=2_000_000,
    ),
    # what it gives in the long run
    Scenario(
        "lossy",
        "a real Chromium; 100 ms, 1 % loss each way, 20 Mbit/s",
        _road(Way(50, loss=0.01, mb_s=2.5), "chromium"),
        study=studies.lossy,
    ),
    Scenario(
        "very-lossy",
        "a real Chromium; 200 ms, 3 % loss each way, 20 Mbit/s",
        _road(Way(100, loss=0.03, mb_s=2.5), "chromium"),
        study=studies.lossy,
    ),
    Scenario(
        "under-load",
        "a real Chromium; 100 ms, 5 Mbit/s, small pages beside a download",
        _road(Way(50, mb_s=0.625), "chromium"),
        study=studies.under_load,
    ),
)

SCENARIOS = {scenario.name: scenario for scenario in _LIST}

QUICK = ("sni", "dns", "homes", "udp", "broker", "everything")
"""What `make test` runs where it can."""
