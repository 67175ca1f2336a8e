"""The source of requests and connections, with and without a web server in front of the host."""

from __future__ import annotations

import logging
from unittest import mock

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from freespan.sources.requests import SourceReader, request_address

HEADER = "X-Forwarded-For"


def request(peer: str, **headers: str) -> web.Request:
    transport = mock.Mock()
    transport.get_extra_info.side_effect = lambda name, default=None: (peer, 1) if name == "peername" else default
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return make_mocked_request("GET", "/", headers=named, transport=transport)


def public_host(header: str = "") -> SourceReader:
    return SourceReader(header, is_public=lambda: True)


def test_the_last_address_in_the_header_counts() -> None:
    found = request_address(request("127.0.0.1", X_Forwarded_For="203.0.113.9, 198.51.100.7"), HEADER)
    assert str(found) == "198.51.100.7"


@pytest.mark.parametrize("text", ["", "unknown", "198.51.100.7, nobody"])
def test_a_header_without_an_address_names_nobody(text: str) -> None:
    assert request_address(request("127.0.0.1", X_Forwarded_For=text), HEADER) is None


def test_strangers_at_a_public_host_are_told_apart_by_their_connections() -> None:
    reader = public_host()
    first, second = reader.source_of(request("8.8.8.8")), reader.source_of(request("9.9.9.9"))
    assert first is not None
    assert second is not None
    assert first != second
    assert reader.source_of_connection("8.8.8.8") == first


def test_a_stranger_cannot_choose_their_source_by_a_header() -> None:
    reader = public_host()
    plain = reader.source_of(request("8.8.8.8"))
    assert reader.source_of(request("8.8.8.8", X_Forwarded_For="1.2.3.4", Via="1.1 me")) == plain
    assert not reader.is_behind_unnamed_proxy


def test_behind_a_named_proxy_strangers_are_told_apart_by_the_header() -> None:
    reader = public_host(HEADER)
    first = reader.source_of(request("127.0.0.1", X_Forwarded_For="8.8.8.8"))
    second = reader.source_of(request("127.0.0.1", X_Forwarded_For="9.9.9.9"))
    assert first is not None
    assert second is not None
    assert first != second
    assert reader.source_of_connection("127.0.0.1") is None


def test_behind_a_web_server_without_the_header_there_are_no_sources_and_the_host_says_so_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    reader = public_host()
    with caplog.at_level(logging.WARNING):
        assert reader.source_of(request("172.17.0.1", X_Forwarded_For="8.8.8.8")) is None
        assert reader.source_of(request("172.17.0.1", X_Forwarded_For="9.9.9.9")) is None
    assert reader.is_behind_unnamed_proxy
    assert [record.getMessage().count("--proxy-header") for record in caplog.records] == [1]


def test_a_web_server_that_adds_no_header_is_noticed_by_its_many_requests(caplog: pytest.LogCaptureFixture) -> None:
    reader = public_host()
    with caplog.at_level(logging.WARNING):
        for _ in range(10):
            assert reader.source_of(request("127.0.0.1")) is None
        assert not caplog.records  # so may the person who runs the host ask
        for _ in range(100):
            assert reader.source_of(request("127.0.0.1")) is None
    assert reader.is_behind_unnamed_proxy
    assert len(caplog.records) == 1


def test_where_it_is_known_from_the_beginning_no_address_is_a_source(caplog: pytest.LogCaptureFixture) -> None:
    """The web server may be at a public address, such as that of a CDN."""
    reader = SourceReader(is_behind_unnamed_proxy=True)
    assert reader.is_behind_unnamed_proxy
    with caplog.at_level(logging.WARNING):
        assert reader.source_of_connection("8.8.8.8") is None
        assert not caplog.records  # what starts and fails has other things to say
        assert reader.source_of(request("8.8.8.8")) is None
        assert reader.source_of(request("9.9.9.9")) is None
    assert len(caplog.records) == 1


def test_who_asks_for_the_health_of_a_host_is_no_web_server(caplog: pytest.LogCaptureFixture) -> None:
    reader = public_host()
    assert all(reader.source_of_any(request("127.0.0.1")) is None for _ in range(100))
    assert not reader.is_behind_unnamed_proxy
    assert not caplog.records


def test_a_host_for_this_machine_or_a_private_network_tells_its_readers_apart(
    caplog: pytest.LogCaptureFixture,
) -> None:
    reader = SourceReader()
    with caplog.at_level(logging.WARNING):
        found = {reader.source_of(request(f"192.168.0.{number}")) for number in range(100)}
    assert len(found) == 100
    assert None not in found
    assert not caplog.records
    assert reader.source_of_connection("127.0.0.1") == reader.source_of(request("127.0.0.1"))


def test_a_private_host_behind_a_web_server_without_the_header_knows_no_sources_of_its_requests() -> None:
    reader = SourceReader()
    assert reader.source_of(request("127.0.0.1", Forwarded="for=192.168.0.7")) is None
    assert reader.source_of(request("127.0.0.1")) is None
    assert reader.source_of_connection("127.0.0.1") is None


def test_nobody_in_the_network_of_a_private_host_takes_its_sources_away_by_a_header() -> None:
    reader = SourceReader()
    plain = reader.source_of(request("192.168.0.7"))
    assert reader.source_of(request("192.168.0.7", Via="1.1 me", X_Forwarded_For="10.0.0.1")) == plain
    assert reader.source_of(request("192.168.0.8")) is not None
    assert not reader.is_behind_unnamed_proxy


@pytest.mark.parametrize("peer", ["2002:808:808:1::1", "2001:0:4136:e378:8000:63bf:f7f7:f7f7"])
def test_whoever_comes_through_a_tunnel_is_the_source_of_their_ipv4_address(peer: str) -> None:
    """6to4 and Teredo are routed on the open internet, though no end may be told to send there."""
    reader = public_host()
    assert reader.source_of(request(peer)) == reader.source_of(request("8.8.8.8"))
    assert reader.source_of_connection(peer) == reader.source_of_connection("8.8.8.8")
    assert not reader.is_behind_unnamed_proxy


@pytest.mark.parametrize(
    "peer",
    ["127.0.0.1", "::1", "10.0.0.1", "172.31.0.1", "192.168.0.1", "100.127.0.1", "169.254.0.1", "fdff::1", "febf::1"],
)
def test_a_web_server_can_be_at_any_local_address(peer: str) -> None:
    reader = public_host()
    assert reader.source_of(request(peer, Via="1.1 me")) is None
    assert reader.is_behind_unnamed_proxy


@pytest.mark.parametrize("peer", ["192.0.2.7", "198.18.0.1", "240.0.0.1", "5f00::1", "2001:db8::1", "fec0::1"])
def test_only_local_addresses_can_be_those_of_a_web_server(peer: str) -> None:
    reader = public_host()
    assert all(reader.source_of(request(peer, Via="1.1 me")) is not None for _ in range(100))
    assert not reader.is_behind_unnamed_proxy


@pytest.mark.parametrize(
    "text",
    [
        "8.8.8.8:5678",
        "1.2.3.4, 8.8.8.8:1",
        "for=8.8.8.8",
        'for=1.1.1.1, For="8.8.8.8:47011";proto=https',
        "proto=https;for=8.8.8.8;by=10.0.0.1",
        "[::ffff:8.8.8.8]:80",
        'for="[::ffff:8.8.8.8]"',
    ],
)
def test_the_header_may_be_written_as_any_web_server_does(text: str) -> None:
    assert str(request_address(request("127.0.0.1", X_Forwarded_For=text), HEADER)) == "8.8.8.8"


@pytest.mark.parametrize("text", ["unix:", "for=_hidden", "for=", "[", '"', "proto=https", "8.8.8.8:1:2", "a=b=c;;="])
def test_a_header_that_names_no_address_is_reported_once(text: str, caplog: pytest.LogCaptureFixture) -> None:
    reader = public_host(HEADER)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert reader.source_of(request("127.0.0.1", X_Forwarded_For=text)) is None
    assert ["--proxy-header" in record.getMessage() for record in caplog.records] == [True]


def test_with_a_header_a_connection_tells_nothing_even_from_a_public_address() -> None:
    """A CDN opens the connections of all strangers, and must not be cut for what one of them does."""
    reader = public_host(HEADER)
    assert reader.source_of_connection("8.8.8.8") is None


def test_a_connection_without_an_address_has_no_source() -> None:
    assert SourceReader().source_of_connection("") is None
    assert SourceReader().source_of_connection("fe80::1%eth0") is not None
