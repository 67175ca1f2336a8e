"""Sentences for what goes wrong between an end and its host."""

from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.wire import causes
from freespan.wire.causes import cause, cause_of_certificate, cause_of_status, clock_offset, offset_text

URL = "https://garden.example/quiet-path/v1/rendezvous"
DAY = 86_400.0


@pytest.mark.parametrize("code", sorted(causes.CODES))
@pytest.mark.parametrize("place", ["host", "front"])
def test_every_cause_says_what_was_seen_and_what_to_do(code: str, place: causes.Place) -> None:
    found = cause(code, place, status=502, offset=3 * DAY)
    assert str(found) == f"{found.sentence}: {found.advice}"
    assert not set("{}\n") & set(str(found))
    assert len(str(found)) < 200


@pytest.mark.parametrize("code", sorted(causes.CODES - {causes.NOT_OPENED}))
def test_a_volunteer_hears_nothing_of_invites(code: str) -> None:
    assert "invite" not in str(cause(code, asker="volunteer"))


@pytest.mark.parametrize("header", ["Cf-Mitigated", "X-Amzn-Waf-Action"])
@pytest.mark.parametrize("status", [202, 403, 405, 503])
def test_a_challenge_for_browsers(header: str, status: int) -> None:
    assert cause_of_status(status, {header: "challenge"}, URL).code == causes.CHALLENGE


def test_nothing_but_another_key_speaks_against_an_invite() -> None:
    """A host that is down, a filter or a login page is no reason to throw an invite away."""
    said = {code for code in causes.CODES if "new invite" in str(cause(code)) or "out of date" in str(cause(code))}
    assert said == {causes.NOT_OPENED}


@pytest.mark.parametrize(
    ("status", "code"),
    [
        *((status, causes.GATEWAY) for status in (502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 530)),
        *((status, causes.SERVER_ERROR) for status in (500, 501, 507, 508, 598)),
        *((status, causes.NOT_FOUND) for status in (404, 410)),
        *((status, causes.LOGIN) for status in (407, 511)),
        (401, causes.PASSWORD),
        *((status, causes.REJECTED) for status in (400, 402, 405, 415, 418, 421, 431)),
        *((status, causes.NO_HOST) for status in (200, 204, 206)),
        (403, causes.FORBIDDEN),
        (429, causes.TOO_MANY),
        (451, causes.LEGAL),
        (426, causes.NO_UPGRADE),
        (411, causes.LENGTH_REQUIRED),
        (413, causes.TOO_LARGE),
        (505, causes.HTTP2_ONLY),
    ],
)
def test_statuses(status: int, code: str) -> None:
    found = cause_of_status(status, {}, URL)
    assert found.code == code
    assert str(status) in found.sentence or code in (causes.NO_HOST, causes.HTTP2_ONLY)


@pytest.mark.parametrize("status", [200, 400, 426, 501])
def test_a_websocket_that_is_not_passed_on(status: int) -> None:
    assert cause_of_status(status, {}, URL, wants_upgrade=True).code == causes.NO_UPGRADE


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("https://login.isp.example/?next=https://garden.example", causes.LOGIN),
        ("http://192.168.1.1/hotspot.html", causes.LOGIN),
        ("//captive.apple.example/x", causes.LOGIN),
        ("http://wifi.hotel.example/", causes.LOGIN),
        ("/quiet-path/v1/rendezvous/", causes.REDIRECT),
        ("https://garden.example/login", causes.REDIRECT),
        ("https://another.example/", causes.REDIRECT),
        ("", causes.REDIRECT),
        ("http://[", causes.REDIRECT),
    ],
)
def test_redirects(location: str, code: str) -> None:
    assert cause_of_status(302, {"Location": location}, URL).code == code


@given(st.integers(100, 999), st.text(max_size=60), st.booleans())
def test_no_answer_is_too_strange(status: int, location: str, wants_upgrade: bool) -> None:
    found = cause_of_status(status, {"Location": location}, URL, "front", wants_upgrade=wants_upgrade)
    assert found.code in causes.CODES


# --- clocks and certificates -------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("offset", "text"),
    [
        (-3 * DAY, "3 days behind"),
        (DAY, "1 day ahead"),
        (-23.5 * 3600, "1 day behind"),
        (5400, "2 hours ahead"),
        (-1800, "30 minutes behind"),
        (30 * DAY, "30 days ahead"),
        (-56 * 365.25 * DAY, "56 years behind"),
        (370 * DAY, "370 days ahead"),
        (-10, "less than a minute behind"),
    ],
)
def test_clocks(offset: float, text: str) -> None:
    assert offset_text(offset) == text
    assert text in cause(causes.CLOCK, offset=offset).sentence


def test_the_offset_of_a_clock() -> None:
    now = 1_800_000_000.0
    assert clock_offset(formatdate(now + 60, usegmt=True), now) == -60
    assert clock_offset("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777.0) == 0
    for text in ("", "yesterday", "Mon, 99 Foo 2026 00:00:00 GMT", "\x00", "1" * 400):
        assert clock_offset(text, now) is None


@given(st.text(max_size=60))
def test_any_date(text: str) -> None:
    clock_offset(text, 0.0)


@pytest.mark.parametrize(
    ("verify_code", "code"),
    [
        (10, "expired"),
        (9, "not_yet_valid"),
        *((number, "unknown_issuer") for number in (7, 18, 19, 20, 21)),
        *((number, "wrong_name") for number in (62, 64)),
        *((number, "bad") for number in (23, 66, 68, 0)),
    ],
)
def test_certificates(verify_code: int, code: str) -> None:
    assert cause_of_certificate(verify_code).code == f"certificate_{code}"


@pytest.mark.parametrize("verify_code", [9, 10])
def test_a_wrong_clock_is_to_blame_for_dates_alone(verify_code: int) -> None:
    assert cause_of_certificate(verify_code, offset=DAY).code == causes.CLOCK
    assert cause_of_certificate(verify_code, offset=20.0).code != causes.CLOCK
    assert cause_of_certificate(62, offset=DAY).code == causes.WRONG_NAME


def test_a_machine_without_authorities() -> None:
    assert cause_of_certificate(20, has_authorities=False).code == causes.NO_AUTHORITIES
    assert cause_of_certificate(10, has_authorities=False).code == causes.EXPIRED
