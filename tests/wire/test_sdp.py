"""Checks of session descriptions, and the public addresses in them; tests/wire/test_sdp_filter.py has the filter."""

from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.wire.errors import MessageError
from freespan.wire.limits import SDP_LINES_MAX, SDP_MAX
from freespan.wire.sdp import check_answer, check_offer, public_addresses
from tests.support.attempts import attempt

CANDIDATE = "a=candidate:1 1 udp 2122260223 192.0.2.1 50000 typ host"


def description(setup: str = "actpass", *more: str) -> str:
    lines = [
        "v=0",
        "o=- 4611731400430051336 2 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        "c=IN IP4 0.0.0.0",
        "a=ice-ufrag:abcd",
        "a=ice-pwd:0123456789012345678901",
        "a=fingerprint:sha-256 " + ":".join(["0A"] * 32),
        f"a=setup:{setup}",
        "a=mid:0",
        "a=sctp-port:5000",
        *more,
    ]
    return "\r\n".join(lines) + "\r\n"


BOTH = [(check_offer, "actpass", "offer"), (check_answer, "active", "answer")]
both = pytest.mark.parametrize(("check", "setup", "field"), BOTH, ids=["offer", "answer"])
Check = Callable[[str], str]


@both
def test_a_good_description_comes_back_as_it_is(check: Check, setup: str, field: str) -> None:
    sdp = description(setup, *[CANDIDATE] * 32)
    assert check(sdp) == sdp
    assert check(sdp.replace("\r\n", "\n"))


@both
@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda sdp: "", "v=0"),
        (lambda sdp: "hello", "v=0"),
        (lambda sdp: "\r\n" + sdp, "v=0"),
        (lambda sdp: sdp + "a=x:" + "y" * SDP_MAX, "longer"),
        (lambda sdp: sdp.replace("m=application", "m=audio"), "m=application"),
        (lambda sdp: sdp + "m=audio 9 RTP/AVP 0\r\n", "m=application"),
        (lambda sdp: sdp + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n", "m=application"),
        (lambda sdp: sdp.replace("m=", "x="), "m=application"),
        (lambda sdp: sdp.replace("a=ice-ufrag:", "a=x:"), "a=ice-ufrag"),
        (lambda sdp: sdp.replace("a=ice-pwd:", "a=x:"), "a=ice-pwd"),
        (lambda sdp: sdp.replace("a=fingerprint:", "a=x:"), "a=fingerprint"),
        (lambda sdp: sdp.replace("a=setup:", "a=x:"), "a=setup"),
        (lambda sdp: sdp.replace("a=mid:", "a=x:"), "a=mid"),
        (lambda sdp: sdp.replace("a=sctp-port:", "a=x:"), "a=sctp-port"),
        (lambda sdp: sdp.replace("sha-256 0A:", "sha-256 "), "fingerprint"),
        (lambda sdp: sdp.replace("sha-256", "sha-384"), "fingerprint"),
        (lambda sdp: sdp.replace("sha-256", "sha-3"), "fingerprint"),
        (lambda sdp: sdp + "a=fingerprint:sha-256 AB\r\n", "fingerprint"),
        (lambda sdp: sdp + f"{CANDIDATE}\r\n" * 33, "candidates"),
        (lambda sdp: sdp + "c=\n" * (SDP_LINES_MAX + 1 - sdp.count("\n")), "lines"),
        (lambda sdp: sdp + "c=\n" * (SDP_LINES_MAX - sdp.count("\n")) + "m=audio", "lines"),
    ],
)
def test_bad_descriptions(check: Check, setup: str, field: str, change: Callable[[str], str], word: str) -> None:
    with pytest.raises(MessageError, match=word) as caught:
        check(change(description(setup)))
    assert caught.value.field == field


@pytest.mark.parametrize("setup", ["active", "passive", "holdconn"])
def test_an_offer_leaves_the_dtls_role_open(setup: str) -> None:
    with pytest.raises(MessageError, match="actpass"):
        check_offer(description(setup))


@pytest.mark.parametrize("setup", ["actpass", "passive", "holdconn"])
def test_an_answer_makes_the_bridge_the_dtls_client(setup: str) -> None:
    with pytest.raises(MessageError, match="active"):
        check_answer(description(setup))


def test_two_roles_at_once_are_none() -> None:
    with pytest.raises(MessageError, match="actpass"):
        check_offer(description("actpass", "a=setup:active"))
    with pytest.raises(MessageError, match="active"):
        check_answer(description("active", "a=setup:passive"))


@given(st.text() | st.lists(st.sampled_from(description().splitlines()), max_size=20).map("\r\n".join))
def test_any_text_is_accepted_as_it_is_or_refused_by_name(text: str) -> None:
    for check, _, field in BOTH:
        found = attempt(partial(check, text), MessageError)
        assert (found.field if isinstance(found, MessageError) else found) in (field, text)


def candidate(address: str, kind: str, transport: str = "udp") -> str:
    return f"a=candidate:1 1 {transport} 2122260223 {address} 50000 typ {kind} raddr 0.0.0.0 rport 0"


def test_public_addresses_are_those_that_an_end_has_itself() -> None:
    sdp = description(
        "actpass",
        candidate("11.0.0.1", "host"),
        candidate("11.0.0.2", "srflx"),
        candidate("2a00::1", "srflx"),
        candidate("11.0.0.3", "relay"),
        candidate("11.0.0.4", "srflx", "tcp"),
        candidate("10.0.0.1", "host"),
        candidate("name.local", "host"),
        "a=candidate:1 1 udp 1 11.0.0.5 9 typ  ",
    )
    assert {str(address) for address in public_addresses(sdp)} == {"11.0.0.1", "11.0.0.2", "2a00::1"}


@given(st.text() | st.text().map(lambda text: f"a=candidate:1 1 udp 1 11.0.0.5 9 typ {text}"))
def test_any_text_has_addresses_or_none(text: str) -> None:
    assert len(public_addresses(text)) <= 1 + text.count("\n")
