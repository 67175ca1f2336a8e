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
RULES = ["port", "site", "blocked", "private", "metadata", "own", "connections", "destination", "daily-bytes"]
RULES += ["tunnels", "lookups", "crowded", "programs"]


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
        ("freespan;error=dns_error", "dns_error"),
        ('freespan; next-hop="a, b; error=dns_timeout"; error=dns_error', "dns_error"),
        ('freespan; details="\\"; error=dns_timeout; x=\\""; error=dns_error', "dns_error"),
        ("freespan; received-status=403; error=dns_error", "dns_error"),
        ("freespan; errors=dns_error", "proxy_internal_error"),
        ("freespan; error=DNS", "proxy_internal_error"),
        ("freespan; error=made_up", "proxy_internal_error"),
        ("freespan", "proxy_internal_error"),
        ("", "proxy_internal_error"),
        ("freespan" + " " * 1000 + "; error=dns_error", "proxy_internal_error"),
        ('other.example; error=connection_refused; details="x"', "proxy_internal_error"),
        ("a; next-hop=b;error=dns_timeout , c", "proxy_internal_error"),
        ("freespan; error=dns_error, a", "proxy_internal_error"),
        ("a, freespan; error=dns_error", "proxy_internal_error"),
        ('"freespan"; error=dns_error', "proxy_internal_error"),
        ("freespan.example; error=dns_error", "proxy_internal_error"),
        ('freespan; details="error=dns_error', "proxy_internal_error"),
    ],
)
def test_only_a_header_that_this_proxy_has_written_names_an_error(header: str, error: str) -> None:
    assert parse_proxy_status(header).error == error


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("error", ["http_request_denied", "destination_ip_prohibited", "connection_limit_reached"])
def test_a_rule_passes_with_the_error_and_has_a_sentence_of_its_own(error: str, rule: str) -> None:
    status = ProxyStatus(error, rule)
    assert status.header() == f'freespan; error={error}; details="{rule}"'
    assert parse_proxy_status(status.header()) == status
    assert status.http_status == ProxyStatus(error).http_status
    assert status.sentence() not in {
        ProxyStatus(error).sentence(),
        *(ProxyStatus(error, r).sentence() for r in RULES if r != rule),
    }
    assert "\n" not in status.sentence()


@pytest.mark.parametrize(
    ("error", "details", "reply"),
    [
        *(("http_request_denied", rule, 2) for rule in ("port", "site", "blocked", "metadata")),
        *(("destination_ip_prohibited", rule, 2) for rule in ("private", "own")),
        *(("connection_limit_reached", rule, 2) for rule in ("connections", "destination", "daily-bytes")),
        *(("connection_limit_reached", bound, 2) for bound in ("tunnels", "lookups", "crowded", "programs")),
        ("connection_limit_reached", "", 1),
        *(("destination_unavailable", reason, 1) for reason in ("no-bridge", "no-host", "clock", "not-admitted")),
        ("destination_unavailable", "no-network", 3),
        *(("dns_error", "", 4), ("dns_timeout", "", 4), ("destination_ip_unroutable", "", 3)),
        *(("connection_refused", "", 5), ("connection_timeout", "", 6), ("connection_terminated", "", 1)),
    ],
)
def test_socks_has_the_nearest_reply(error: str, details: str, reply: int) -> None:
    """RFC 1928: 1 general failure, 2 ruleset, 3 network unreachable, 4 host unreachable, 5 refused, 6 TTL expired."""
    assert ProxyStatus(error, details, details).socks_reply == reply


@pytest.mark.parametrize("details", ["", "of a later version", "PORT", "port "])
def test_details_that_are_no_known_rule_are_never_shown(details: str) -> None:
    status = parse_proxy_status(f'freespan; error=http_request_denied; details="{details}"')
    assert status == ProxyStatus("http_request_denied")


@given(st.text() | st.lists(st.sampled_from([";", " ", "error=", "dns_error", ",", "a"])).map("".join))
def test_anything_becomes_a_known_error(header: str) -> None:
    assert parse_proxy_status(header).error in KNOWN


def test_the_header_names_this_proxy() -> None:
    assert ProxyStatus("dns_error").header() == f"{PROXY_NAME}; error=dns_error"
