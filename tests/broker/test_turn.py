"""Credentials for TURN servers, made as in the draft and good for as long as promised; and which URLs are TURN URLs."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.broker.turn import TURN_URLS_MAX, TurnServers, check_turn_url
from freespan.wire.errors import InputError
from freespan.wire.limits import TURN_CREDENTIAL_SECONDS
from tests.support.attempts import attempt

URL = "turn:turn.example:3478?transport=udp"


def test_credentials_are_those_that_openssl_makes() -> None:
    # printf 1767229200 | openssl dgst -sha1 -hmac north -binary | base64
    (server,) = TurnServers([URL], "north").credentials(1_767_229_200 - TURN_CREDENTIAL_SECONDS)
    assert server.urls == [URL]
    assert (server.username, server.credential) == ("1767229200", "f80RPgEEuIR04UWTyKwF+MITQdI=")


@given(secret=st.text(min_size=1, max_size=200), now=st.floats(0, 2**40))
def test_credentials_are_those_of_the_draft(secret: str, now: float) -> None:
    (server,) = TurnServers([URL], secret).credentials(now)
    assert server.username is not None
    assert int(server.username) == int(now + TURN_CREDENTIAL_SECONDS)
    # HMAC (RFC 2104) by hand: what is longer than a block of 64 bytes is hashed first, what is shorter filled up
    key = secret.encode()
    key = (hashlib.sha1(key).digest() if len(key) > 64 else key).ljust(64, b"\0")
    inner = hashlib.sha1(bytes(byte ^ 0x36 for byte in key) + server.username.encode()).digest()
    outer = hashlib.sha1(bytes(byte ^ 0x5C for byte in key) + inner).digest()
    assert server.credential == base64.b64encode(outer).decode()


def test_every_url_goes_with_the_same_credentials() -> None:
    urls = [URL, "turns:turn.example:443?transport=tcp"]
    (server,) = TurnServers(urls, "north").credentials(0)
    assert server.urls == urls


@pytest.mark.parametrize(
    ("url", "checked"),
    [
        (URL, URL),
        ("turn:turn.example", "turn:turn.example:3478"),
        ("turns:turn.example", "turns:turn.example:5349"),
        ("turn:11.0.0.1:3478?transport=tcp", "turn:11.0.0.1:3478?transport=tcp"),
        ("turns:[2d00::1]:443?transport=tcp", "turns:[2d00::1]:443?transport=tcp"),
        ("turn:[2D00:0::1]", "turn:[2d00::1]:3478"),
        ("turn:Turn.Example:1?transport=udp", "turn:turn.example:1?transport=udp"),
    ],
)
def test_turn_urls(url: str, checked: str) -> None:
    assert check_turn_url(url) == checked
    assert check_turn_url(checked) == checked


@pytest.mark.parametrize(
    "url",
    [
        "",
        "turn",
        "turn:",
        "turn.example:3478",
        "stun:turn.example:3478",
        "TURN:turn.example:3478",
        "https://turn.example",
        "turn://turn.example:3478",
        "turn:user@turn.example",
        "turn:turn.example:0",
        "turn:turn.example:65536",
        "turn:turn.example:port",
        "turn:turn.example:3478/",
        "turn:[2d00::1",
        "turn:2d00::1",
        "turn:[turn.example]:1",
        "turn:turn example",
        "turn:turn.example?",
        "turn:turn.example?transport=",
        "turn:turn.example?transport=sctp",
        "turn:turn.example?transport=UDP",
        "turn:turn.example?transport=udp&x=1",
        "turns:turn.example?transport=udp",
        " turn:turn.example",
        "turn:turn.example\n",
        "turn:turn.example?transport=udp\n",
        "turn:" + "x" * 2_000,
    ],
)
def test_what_is_not_a_turn_url(url: str) -> None:
    with pytest.raises(InputError) as caught:
        check_turn_url(url)
    assert caught.value.field == "turn"
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError):
        TurnServers([URL, url], "north")


@given(st.text() | st.text().map("turn:".__add__) | st.text().map(f"{URL}&".__add__))
def test_any_text_is_a_url_or_an_input_error(text: str) -> None:
    url = attempt(lambda: check_turn_url(text), InputError)
    if isinstance(url, InputError):
        assert url.field == "turn"
    else:
        assert url.isascii()
        assert len(url) < 350


@pytest.mark.parametrize(
    ("urls", "secret"),
    [([], "north"), ([URL] * (TURN_URLS_MAX + 1), "north"), ([URL], "")],
    ids=["no URL", "too many", "no secret"],
)
def test_what_makes_no_turn_servers(urls: list[str], secret: str) -> None:
    with pytest.raises(InputError) as caught:
        TurnServers(urls, secret)
    assert caught.value.field == "turn"
