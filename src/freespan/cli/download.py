"""Asks sites for what a person wants, follows where they redirect, and explains what went wrong on the way."""

from __future__ import annotations

import contextlib
import ssl
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import h11

from freespan.api.client import Client
from freespan.api.stream import Stream
from freespan.cli.exchange import BrokenOffError, Exchange, FetchError
from freespan.cli.fetch_url import FetchUrl, redirected
from freespan.cli.request_fields import RequestFields
from freespan.cli.resuming import Kept, Plan
from freespan.terminal.text import one_line
from freespan.wire.errors import InputError, StreamError

if TYPE_CHECKING:
    from freespan.cli.cookies import Cookies

_SILENCE_SECONDS = 60.0
"""A download from which nothing comes for this long has failed."""
_REDIRECTS = (301, 302, 303, 307, 308)
_REDIRECTS_MAX = 20
"""As many as browsers follow."""
_REASON_MAX = 60


@dataclass
class Download:
    """What is known of a download. Sizes are in bytes, times in seconds.

    Attributes:
        size: of the whole file, if the site has said it.
        kept: what was there before, and stays.
        received: what has come now.
    """

    status: int = 0
    size: int | None = None
    kept: int = 0
    received: int = 0
    sha256: str = ""
    redirects: int = 0
    first_byte_s: float = 0.0
    seconds: float = 0.0


class Answer:
    """A response that is what was asked for; `headers` have names in lower case, and their bytes as Latin-1."""

    def __init__(self, response: h11.Response, plan: Plan, exchange: Exchange) -> None:
        self.status = response.status_code
        self.headers = _headers(response)
        self.plan = plan
        self._exchange = exchange

    async def chunks(self, download: Download) -> AsyncGenerator[bytes, None]:
        """Yield the body piece by piece, and note what is known. Raises `FetchError`."""
        start = time.perf_counter()
        length = self.headers.get("content-length", "")
        download.size = int(length) + download.kept if length.isdigit() else None
        with _explained():
            async for chunk in self._exchange.body():
                download.first_byte_s = download.first_byte_s or download.seconds + _since(start)
                download.received += len(chunk)
                yield chunk
        download.seconds += _since(start)


class Downloader:
    """Asks through one client, for one URL after another."""

    def __init__(self, client: Client, trust: ssl.SSLContext) -> None:
        self._client = client
        self._trust = trust

    @contextlib.asynccontextmanager
    async def answer(self, fields: RequestFields, kept: Kept, download: Download) -> AsyncIterator[Answer]:
        """Ask for the URL of `fields`, or for what follows what is kept of it. Raises `FetchError`."""
        start = time.perf_counter()
        asking = _Asking(self._client, self._trust, fields, kept, download)
        try:
            with _explained():
                found = await asking.final_answer()
            download.status = found.status
            download.seconds = _since(start)
            yield found
        finally:
            asking.end()


class _Asking:
    """The requests that one URL takes, and the stream of the last one."""

    def __init__(
        self, client: Client, trust: ssl.SSLContext, fields: RequestFields, kept: Kept, download: Download
    ) -> None:
        self._client = client
        self._trust = trust
        self._fields = fields
        self._kept = kept
        self._download = download
        self._url = fields.asked
        self._been: set[str] = set()
        self._cookies: Cookies | None = None
        self._stream: Stream | None = None

    async def final_answer(self) -> Answer:
        while True:
            exchange, response = await self._ask()
            if response.status_code in _REDIRECTS:
                self._follow(response)
            elif (plan := self._kept.plan(response.status_code, _headers(response))) is Plan.ANEW:
                self._kept = Kept()
            elif response.status_code >= 300 and plan is not Plan.COMPLETE:
                raise FetchError(_answered(response))
            else:
                return Answer(response, plan, exchange)

    def end(self) -> None:
        if self._stream is not None:
            self._stream.writer.transport.abort()  # nothing is left to be said
            self._stream = None

    async def _ask(self) -> tuple[Exchange, h11.Response]:
        self.end()
        url = self._url
        tls = self._trust if url.scheme == "https" else None
        self._stream = await self._client.open(url.target.host, url.target.port, tls=tls)
        exchange = Exchange(self._stream, _SILENCE_SECONDS)
        cookie = self._cookies.for_url(url) if self._cookies else ""
        return exchange, await exchange.ask(url.path, self._fields.of(url, cookie, self._kept.fields()))

    def _follow(self, response: h11.Response) -> None:
        self._been.add(str(self._url))
        self._cookies = _kept_cookies(self._cookies, self._url, response)
        self._url = _next_url(self._url, response)
        self._download.redirects += 1
        if self._download.redirects > _REDIRECTS_MAX:
            how = "in a circle" if str(self._url) in self._been else f"more than {_REDIRECTS_MAX} times"
            raise FetchError(f"the site redirects {how}")


def _headers(response: h11.Response) -> Mapping[str, str]:
    return {name.decode("ascii"): value.decode("latin-1") for name, value in reversed(response.headers)}


def _next_url(url: FetchUrl, response: h11.Response) -> FetchUrl:
    location = next((value for name, value in response.headers if name == b"location"), None)
    if location is None:
        raise FetchError(f"{_answered(response)}, and not where to go")
    try:
        text = location.decode("utf-8")
    except UnicodeDecodeError:
        text = location.decode("latin-1")
    try:
        return redirected(url, text)
    except InputError:
        raise FetchError("the URL that the site redirects to is not an http or https URL") from None


def _kept_cookies(cookies: Cookies | None, url: FetchUrl, response: h11.Response) -> Cookies | None:
    values = [value.decode("latin-1") for name, value in response.headers if name == b"set-cookie"]
    if values:
        from freespan.cli.cookies import Cookies  # it brings half of the standard library

        cookies = cookies or Cookies()
        cookies.keep(url, values)
    return cookies


def _answered(response: h11.Response) -> str:
    reason = one_line(response.reason.decode("latin-1"))[:_REASON_MAX]
    return f"the site answered {response.status_code} {reason}".rstrip()


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Turn whatever goes wrong on the way to a site into a `FetchError`; the host's own refusals say so."""
    try:
        yield
    except StreamError as error:
        raise FetchError(str(error)) from None
    except ssl.SSLCertVerificationError:
        raise FetchError("the site's certificate is not trusted; --ca-file names one to trust") from None
    except ssl.SSLError:
        raise FetchError("TLS with the site failed; is it an https site?") from None
    except OSError:
        raise BrokenOffError("the connection to the site broke; try again") from None


def _since(start: float) -> float:
    return round(time.perf_counter() - start, 4)
