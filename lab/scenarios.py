"""The list of scenarios; add new ones here."""

from __future__ import annotations

from dataclasses import replace

from lab import censor, studies
from lab.scenario import Scenario
from lab.wan import Conditions, Hop
from lab.world import ADDRESSES, BLOCKED, HOST, NOWHERE, Layout, Services

_SITE, _HOST = ADDRESSES["blocked"], ADDRESSES["host"]
_BY_NAME = censor.cuts_sni(BLOCKED)
_BY_ALL_NAMES = censor.stacked(censor.forges_dns(BLOCKED, NOWHERE), _BY_NAME, censor.cuts_host(BLOCKED))
_HOST_BY_NAME = censor.stacked(censor.forges_dns(HOST, NOWHERE), censor.cuts_sni(HOST), censor.cuts_host(HOST))
_HOME = "port-restricted"
_TURN = Services(turn=("udp", "tcp", "tls"))
# A client leaves bridges when two STUN servers are silent, or when bridges of two networks have failed.


def _by_name_and(*more: censor.Censor) -> censor.Censor:
    """Reset connections to the site by its name, and block more."""
    return censor.stacked(_BY_NAME, *more)


def _both(kind: str, rules: censor.Censor, services: Services | None = None, program: str = "headless") -> Layout:
    """Put reader and volunteer behind the same kind of NAT."""
    return Layout(kind, kind, program, rules, services or Services())


def _far(round_trip_ms: float) -> Layout:
    """Put a delay between reader and volunteer, four fifths of it at the reader."""
    one_way = round_trip_ms / 2
    reader, volunteer = Conditions(0.8 * one_way), Conditions(0.2 * one_way)
    return Layout(censor=_BY_NAME, reader_hop=Hop.both(reader), volunteer_hop=Hop.both(volunteer))


def _path(conditions: Conditions, program: str) -> Layout:
    """Put these conditions between the reader and everything else, and the volunteer next to the host."""
    return Layout(program=program, censor=_BY_NAME, reader_hop=Hop.both(conditions))


_LIST = (
    # what is blocked for the reader
    Scenario("open", "no censor: what the network allows", Layout(), "ok"),
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
    # what of freespan is blocked as well
    Scenario(
        "broker",
        "the host's addresses dropped, broker and egress; the invite names a front",
        Layout(censor=_by_name_and(censor.drops_address(*_HOST)), services=Services(front=True)),
    ),
    Scenario(
        "stun",
        "public STUN blocked; the host's own STUN server answers",
        _both(_HOME, _by_name_and(censor.drops_address(*ADDRESSES["stun"])), Services(other_stun=True)),
    ),
    Scenario(
        "own-stun",
        "the host's STUN blocked; another STUN server that it names answers",
        _both(_HOME, _by_name_and(censor.blocks_udp(*_HOST)), Services(other_stun=True)),
    ),
    Scenario(
        "udp",
        "UDP blocked, no TURN server",
        Layout(censor=_by_name_and(censor.blocks_udp()), services=Services(other_stun=True)),
        transport="websocket",
    ),
    Scenario(
        "udp-turn",
        "UDP blocked; a TURN server over TCP",
        Layout(censor=_by_name_and(censor.blocks_udp()), services=replace(_TURN, other_stun=True)),
        transport="turn",
    ),
    Scenario(
        "dtls",
        "DTLS ClientHellos dropped; two volunteers",
        Layout(censor=_by_name_and(censor.blocks_dtls()), other_volunteer=True),
        transport="websocket",
    ),
    Scenario(
        "dtls-turn",
        "DTLS ClientHellos dropped; two volunteers; a TURN server over TCP",
        Layout(censor=_by_name_and(censor.blocks_dtls()), services=Services(turn=("tcp",)), other_volunteer=True),
        transport="turn",
    ),
    Scenario(
        "everything",
        "names of site and host forged and reset, addresses dropped, UDP blocked",
        Layout(
            censor=censor.stacked(
                _BY_ALL_NAMES, _HOST_BY_NAME, censor.drops_address(*_SITE, *_HOST), censor.blocks_udp()
            ),
            services=Services(front=True, other_stun=True),
        ),
        transport="front",
    ),
    # what NATs reader and volunteer have
    Scenario("homes", "reader and volunteer behind home NATs", _both(_HOME, _BY_NAME)),
    Scenario("carrier", "both behind a carrier's NAT as well", _both("carrier", _BY_NAME)),
    Scenario(
        "symmetric",
        "both behind symmetric NATs; the volunteer uses TURN",
        _both("symmetric", _BY_NAME, _TURN),
        transport="turn",
    ),
    Scenario(
        "turn-udp",
        "all behind symmetric NATs, the TURN server's UDP blocked; two volunteers; TURN over TCP for the reader",
        replace(_both("symmetric", _by_name_and(censor.blocks_udp(*ADDRESSES["turn"])), _TURN), other_volunteer=True),
        transport="turn",
    ),
    Scenario(
        "volunteer-no-udp",
        "no UDP in the volunteer's network; TURN over TCP",
        Layout(volunteer="no-udp", censor=_BY_NAME, services=_TURN),
        transport="turn",
    ),
    Scenario("ipv6", "reader and volunteer with IPv6 alone", _both("ipv6", _BY_NAME)),
    # real browsers as volunteers
    Scenario("chromium", "a real Chromium, nobody behind a NAT", _both("open", _BY_NAME, program="chromium")),
    Scenario("chromium-home", "a real Chromium, home NATs", _both(_HOME, _BY_NAME, program="chromium")),
    Scenario("firefox-home", "a real Firefox, home NATs", _both(_HOME, _BY_NAME, program="firefox")),
    Scenario(
        "chromium-turns",
        "a real Chromium without UDP; TURN over TLS alone",
        Layout("open", "no-udp", "chromium", _BY_NAME, Services(turn=("tls",))),
        transport="turn",
    ),
    # what the network path is like
    Scenario("rtt-50", "50 ms round trip", _far(50)),
    Scenario("rtt-150", "150 ms round trip", _far(150)),
    Scenario("rtt-300", "300 ms round trip", _far(300)),
    Scenario(
        "bad-path",
        "150 ms, 20 ms jitter, 1 % loss, 2.5 MB/s",
        Layout(
            censor=_BY_NAME,
            reader_hop=Hop.both(Conditions(60, 20, 0.01, 2.5)),
            volunteer_hop=Hop.both(Conditions(15, 0, 0, 2.5)),
        ),
        size=2_000_000,
    ),
    # longer measurements
    Scenario(
        "lossy",
        "a real Chromium; 100 ms, 1 % loss each way, 20 Mbit/s",
        _path(Conditions(50, loss=0.01, mb_s=2.5), "chromium"),
        study=studies.lossy,
    ),
    Scenario(
        "very-lossy",
        "a real Chromium; 200 ms, 3 % loss each way, 20 Mbit/s",
        _path(Conditions(100, loss=0.03, mb_s=2.5), "chromium"),
        study=studies.lossy,
    ),
    Scenario(
        "under-load",
        "a real Chromium; 100 ms, 5 Mbit/s, small pages beside a download",
        _path(Conditions(50, mb_s=0.625), "chromium"),
        study=studies.under_load,
    ),
)

SCENARIOS = {scenario.name: scenario for scenario in _LIST}

QUICK = ("sni", "dns", "homes", "udp", "broker", "everything")
"""The scenarios that `make test` runs, where it can."""
