"""What sites are told by the requests of `freespan fetch`."""

from __future__ import annotations

import pytest

from freespan.cli.fetch_url import parse_url
from freespan.cli.request_fields import USER_AGENT, RequestFields, parse_field
from freespan.wire.errors import InputError

URL = parse_url("https://me:secret@site.test/x")
SECRETS = [("Authorization", "Bearer x"), ("cookie", "a=b"), ("X-Other", "y")]


def test_nothing_of_the_program_is_told() -> None:
    fields = RequestFields(parse_url("http://site.test:8080/")).of(parse_url("http://site.test:8080/"))
    assert fields == [
        ("Host", "site.test:8080"),
        ("User-Agent", USER_AGENT),
        ("Accept", "*/*"),
        ("Accept-Encoding", "identity"),
    ]
    assert not any(word in USER_AGENT.lower() for word in ("python", "aiohttp", "freespan", "h11"))


def test_a_field_that_is_given_comes_in_place_of_ours() -> None:
    given = [("user-agent", "mine/1"), ("ACCEPT", ""), ("X-Two", "1"), ("X-Two", "2"), ("host", "other.test")]
    assert RequestFields(URL, given).of(URL) == [
        ("host", "other.test"),
        ("Accept-Encoding", "identity"),
        ("Authorization", "Basic bWU6c2VjcmV0"),
        ("user-agent", "mine/1"),
        ("X-Two", "1"),
        ("X-Two", "2"),
    ]


@pytest.mark.parametrize(
    "other", ["http://site.test/x", "https://site.test:8443/x", "https://www.site.test/", "https://evil.test/"]
)
def test_secrets_stay_with_their_site(other: str) -> None:
    names = {name.lower() for name, _ in RequestFields(URL, SECRETS).of(parse_url(other))}
    assert "x-other" in names
    assert not names & {"authorization", "cookie"}


def test_secrets_come_back_to_their_site() -> None:
    fields = RequestFields(URL, SECRETS).of(parse_url("https://site.test/elsewhere"), cookie="set=1")
    assert fields[-3:] == SECRETS


GOOD = {
    "Name: value": ("Name", "value"),
    "Name:value": ("Name", "value"),
    "Name:": ("Name", ""),
    "X-Ünï: no": None,
    "Cookie: a=b; c=d:e": ("Cookie", "a=b; c=d:e"),
    "X: мост": ("X", "мост"),
    " X: y\t": ("X", "y"),
}


@pytest.mark.parametrize(("text", "field"), GOOD.items())
def test_fields(text: str, field: tuple[str, str] | None) -> None:
    if field is not None:
        assert parse_field(text) == field
        return
    with pytest.raises(InputError, match="--header"):
        parse_field(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Name",
        ": x",
        "Na me: x",
        "Name : x",
        "X: a\r\nEvil: b",
        "X: a\nb",
        "X: \x00",
        "Content-Length: 3",
        "transfer-encoding: chunked",
        "Connection: close",
        "X: \x1b[2J",
        "Host:",
    ],
)
def test_what_is_no_field_or_not_for_people(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_field(text)
    assert caught.value.field == "--header"
