"""Keeps the cookies of sites while `freespan fetch` follows their redirects.

Many sites redirect in a circle for whoever gives none back. They are forgotten with the download.
"""

from __future__ import annotations

from collections.abc import Sequence
from email.message import Message
from http.cookiejar import CookieJar
from typing import Any, cast
from urllib.request import Request

from freespan.cli.fetch_url import FetchUrl


class Cookies:
    """The cookies of one download."""

    def __init__(self) -> None:
        self._jar = CookieJar()

    def keep(self, url: FetchUrl, values: Sequence[str]) -> None:
        """Keep what a response to this URL has set: the values of its Set-Cookie."""
        self._jar.extract_cookies(cast(Any, _Response(values)), Request(str(url)))

    def for_url(self, url: FetchUrl) -> str:
        """The value of the field Cookie of a request; empty for none."""
        request = Request(str(url))
        self._jar.add_cookie_header(request)
        return request.get_header("Cookie") or ""


class _Response:
    """What the jar asks of a response."""

    def __init__(self, values: Sequence[str]) -> None:
        self._message = Message()
        for value in values:
            self._message["Set-Cookie"] = value

    def info(self) -> Message:
        return self._message
