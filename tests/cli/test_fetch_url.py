"""URLs as they are given, as they are sent, and as sites redirect to others."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.cli.fetch_url import parse_url, redirected
from freespan.wire.errors import InputError

SENT = {
    "/?t=application%2Fgzip": "/?t=application%2Fgzip",
    "/a%2fb/%7Euser/%E2%82%AC": "/a%2fb/%7Euser/%E2%82%AC",
    "/?X-Amz-Signature=ab%2B%2F%3D&X-Amz-Credential=AK%2F20261130%2Fus": (
        "/?X-Amz-Signature=ab%2B%2F%3D&X-Amz-Credential=AK%2F20261130%2Fus"
    ),
    "//two//slashes//": "//two//slashes//",
    "/a/../b/./c": "/a/../b/./c",
    "/a%": "/a%",
    "/100%25?%zz": "/100%25?%zz",
    "": "/",
    "?q": "/?q",
    "/?": "/?",
    "/??a=b?c=d": "/??a=b?c=d",
    "/a;b=c,d:e@f!g$h&i'j(k)*+=": "/a;b=c,d:e@f!g$h&i'j(k)*+=",
    "/?a+b&c[]=1&d=|": "/?a+b&c[]=1&d=|",
    "/#part": "/",
    "/a?b#part?c": "/a?b",
    "/путь?слово": "/%D0%BF%D1%83%D1%82%D1%8C?%D1%81%D0%BB%D0%BE%D0%B2%D0%BE",
    "/读?读": "/%E8%AF%BB?%E8%AF%BB",
    "/a b?c d": "/a%20b?c%20d",
    '/a"<>`{}^?"<>\'`{}^': "/a%22%3C%3E%60%7B%7D%5E?%22%3C%3E%27`{}^",
    "/a\\b?c\\d": "/a/b?c\\d",
    "/a\x01\x7f": "/a%01%7F",
    "/bytes\udcff\udc80": "/bytes%FF%80",
    "/half\ud83d": "/half%EF%BF%BD",
    "/on\ntwo\r\n\tlines": "/ontwolines",
}


@pytest.mark.parametrize(("rest", "path"), SENT.items())
def test_path_and_query_are_sent_as_given(rest: str, path: str) -> None:
    assert parse_url(f"http://site.test{rest}").path == path


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="\"#<>?^`{}'\\")))
def test_whatever_http_can_carry_stays_byte_for_byte(text: str) -> None:
    assert parse_url(f"https://site.test/{text}?{text}").path == f"/{text}?{text}"


@given(st.text())
def test_a_path_is_always_one_that_http_can_carry(text: str) -> None:
    path = parse_url(f"https://site.test/{text}").path
    assert path.isascii()
    assert path.isprintable()
    assert " " not in path


@given(st.text())
def test_any_text_is_a_url_or_is_told_to_be_none(text: str) -> None:
    for url in (text, f"http://{text}", f"http:{text}"):
        try:
            parsed = parse_url(url)
        except InputError:
            continue
        assert parse_url(str(parsed)) == replace(parsed, user="")


HOSTS = {
    "http://Site.TEST/": "site.test",
    "HTTP://site.test:80/": "site.test",
    "http://site.test:/": "site.test",
    "https://site.test:443": "site.test",
    "https://site.test:80/": "site.test:80",
    "http://[::1]:8080/": "[::1]:8080",
    "http://[2001:DB8::0:1]/": "[2001:db8::1]",
    "http://faß.test/": "xn--fa-hia.test",
    "http://мост.test/": "xn--l1aeje.test",
    "  http://site.test/  ": "site.test",
    "http:\\\\site.test\\path": "site.test",
    "http://site.test\\@other.test/": "site.test",
}


@pytest.mark.parametrize(("url", "host"), HOSTS.items())
def test_the_host_that_is_asked(url: str, host: str) -> None:
    assert parse_url(url).host == host


@pytest.mark.parametrize(
    ("url", "credentials"),
    [
        ("http://user:pass@site.test/", "Basic dXNlcjpwYXNz"),
        ("http://us%40er:p%3Ass@site.test/", "Basic dXNAZXI6cDpzcw=="),
        ("http://me@site.test/", "Basic bWU6"),
        ("http://a@b:c@site.test/", "Basic YUBiOmM="),
        ("http://site.test/", ""),
    ],
)
def test_a_user_in_the_url(url: str, credentials: str) -> None:
    assert parse_url(url).credentials == credentials
    assert parse_url(url).host == "site.test"


NO_URLS = ["", "site.test", "ftp://site.test/", "http://", "http:///x", "http://[::1", "http://a b/", "javascript:x"]


@pytest.mark.parametrize("url", NO_URLS)
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(InputError, match="must be an http or https URL"):
        parse_url(url)


@pytest.mark.parametrize("port", ["0", "65536", "x", "-1", "٣"])
def test_a_port_that_is_none(port: str) -> None:
    with pytest.raises(InputError, match="the port must be from 1 to 65535"):
        parse_url(f"http://site.test:{port}/")


REDIRECTS = {
    "https://other.test/x?a=%2F": "https://other.test/x?a=%2F",
    "//other.test/y": "http://other.test/y",
    "/absolute?q=%20": "http://site.test:8080/absolute?q=%20",
    "beside": "http://site.test:8080/a/b/beside",
    "./beside/": "http://site.test:8080/a/b/beside/",
    "../up": "http://site.test:8080/a/up",
    "../../../up": "http://site.test:8080/up",
    "..": "http://site.test:8080/a/",
    ".": "http://site.test:8080/a/b/",
    "?new": "http://site.test:8080/a/b/c?new",
    "#part": "http://site.test:8080/a/b/c?q",
    "": "http://site.test:8080/a/b/c?q",
    " /blanks#x ": "http://site.test:8080/blanks",
    "/два слова": "http://site.test:8080/%D0%B4%D0%B2%D0%B0%20%D1%81%D0%BB%D0%BE%D0%B2%D0%B0",
    "\\\\other.test\\z": "http://other.test/z",
}


@pytest.mark.parametrize(("location", "url"), REDIRECTS.items())
def test_where_a_site_redirects_to(location: str, url: str) -> None:
    assert str(redirected(parse_url("http://u:p@site.test:8080/a/b/c?q"), location)) == url


@pytest.mark.parametrize("location", ["ftp://x/", "mailto:x", "data:,x", "http://", "javascript:alert(1)"])
def test_where_nobody_follows(location: str) -> None:
    with pytest.raises(InputError):
        redirected(parse_url("http://site.test/"), location)


def test_a_redirect_forgets_the_user_of_the_url() -> None:
    assert redirected(parse_url("http://u:p@site.test/"), "/x").credentials == ""
