import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.wire.proxy_status import PROXY_NAME, ProxyStatus, parse_proxy_status

KNOWN = [
    "dns_error",
    "dns_timeout",
    "destination_ip_prohibited",
    "destination_ip_unroutable",
    "connection_refused",
    "connection_timeout",
    "connection_terminated",
    "connection_limit_reached",
    "http_request_denied",
    "http_request_error",
    "http_response_incomplete",
    "http_response_header_section_size",
    "http_protocol_error",
    "destination_unavailable",
    "proxy_internal_error",
]


@pytest.mark.parametrize("error", KNOWN)
def test_round_trip(error: str) -> None:
    status = ProxyStatus(error)
    assert status.error == error
    assert parse_proxy_status(status.header()) == status


@pytest.mark.parametrize("error", KNOWN)
def test_every_error_has_a_status_a_reply_and_a_sentence(error: str) -> None:
    status = ProxyStatus(error)
    assert status.http_status in {400, 403, 502, 503, 504}
    assert 1 <= status.socks_reply <= 8
    assert status.sentence()
    assert "\n" not in status.sentence()


def test_some_that_programs_rely_on() -> None:
    refused = ProxyStatus("connection_refused")
    assert (refused.http_status, refused.socks_reply) == (502, 5)
    forbidden = ProxyStatus("destination_ip_prohibited")
    assert (forbidden.http_status, forbidden.socks_reply) == (403, 2)
    assert ProxyStatus("dns_timeout").http_status == 504


def test_an_unknown_error_is_an_internal_one() -> None:
    assert ProxyStatus("invented").error == "proxy_internal_error"


@pytest.mark.parametrize(
    ("header", "error"),
    [
        ("freespan; error=dns_error", "dns_error"),
        ('other.example; error=connection_refused; details="x"', "connection_refused"),
        ("a; next-hop=b;error=dns_timeout , c", "dns_timeout"),
        ("a;error=dns_timeout,b;error=dns_error", "dns_timeout"),
        ("freespan; errors=dns_error", "proxy_internal_error"),
        ("freespan; error=DNS", "proxy_internal_error"),
        ("freespan; error=made_up", "proxy_internal_error"),
        ("freespan", "proxy_internal_error"),
        ("", "proxy_internal_error"),
        (" " * 1000 + "; error=dns_error", "proxy_internal_error"),
    ],
)
def test_headers_of_others(header: str, error: str) -> None:
    assert parse_proxy_status(header).error == error


@given(st.text() | st.lists(st.sampled_from([";", " ", "error=", "dns_error", ",", "a"])).map("".join))
def test_anything_becomes_a_known_error(header: str) -> None:
    assert parse_proxy_status(header).error in KNOWN


def test_the_header_names_this_proxy() -> None:
    assert ProxyStatus("dns_error").header() == f"{PROXY_NAME}; error=dns_error"
