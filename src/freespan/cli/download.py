"""Downloads one URL through a local proxy, and explains what went wrong on the way."""

from __future__ import annotations

import hashlib
import ssl
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass

import aiohttp

from freespan.wire.errors import FreespanError
from freespan.wire.proxy_status import parse_proxy_status

_CHUNK = 256 * 1024
"""Bytes that are written at a time, at most."""
_SILENCE_SECONDS = 60.0
"""A download from which nothing comes for this long has failed."""


class FetchError(FreespanError):
    """The download failed; the text says where and what to do."""


@dataclass
class Download:
    """What is known of a download. Sizes are in bytes, times in seconds."""

    status: int = 0
    size: int | None = None
    received: int = 0
    sha256: str = ""
    first_byte_s: float = 0.0
    seconds: float = 0.0


async def download_chunks(
    url: str, proxy: str, trust: ssl.SSLContext, download: Download
) -> AsyncGenerator[bytes, None]:
    """Yield the body piece by piece; whatever goes wrong on the way to the site is a `FetchError`."""
    start = time.perf_counter()
    timeout = aiohttp.ClientTimeout(total=None, sock_read=_SILENCE_SECONDS)
    digest = hashlib.sha256()
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, auto_decompress=False) as http,
            http.get(url, proxy=proxy, ssl=trust, headers={"Accept-Encoding": "identity"}) as response,
        ):
            download.status, download.size = response.status, response.content_length
            if response.status >= 400:
                answered = f"the site answered {response.status} {(response.reason or '')[:60]}"
                refusal = _refusal(response.headers) if response.url.scheme == "http" else ""
                raise FetchError(refusal or answered.rstrip())
            async for chunk in response.content.iter_chunked(_CHUNK):
                download.first_byte_s = download.first_byte_s or round(time.perf_counter() - start, 4)
                digest.update(chunk)
                download.received += len(chunk)
                yield chunk
    except aiohttp.ClientHttpProxyError as error:
        raise FetchError(_refusal(error.headers) or f"the local proxy refused the request ({error.status})") from None
    except aiohttp.TooManyRedirects:
        raise FetchError("the site redirects in a circle") from None
    except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
        raise FetchError("the URL, or one that the site redirects to, is not an http or https URL") from None
    except aiohttp.ClientConnectorCertificateError:
        raise FetchError("the site's certificate is not trusted; --ca-file names one to trust") from None
    except aiohttp.ClientSSLError:
        raise FetchError("TLS with the site failed; is it an https site?") from None
    except aiohttp.ClientPayloadError:
        raise FetchError("the download broke off before its end; try again") from None
    except TimeoutError:
        raise FetchError(f"nothing came for {_SILENCE_SECONDS:.0f} s; try again") from None
    except (aiohttp.ClientError, OSError):
        raise FetchError("the connection to the site broke; try again") from None
    download.sha256 = digest.hexdigest()
    download.seconds = round(time.perf_counter() - start, 4)


def _refusal(headers: Mapping[str, str] | None) -> str:
    """Why the egress or the local proxy did not open the connection; empty when it was the site that answered.

    The headers must be those of the local proxy: its answer to a CONNECT, or one to a plain request, in which it lets
    no `Proxy-Status` of a site pass. Over https a site may send whatever it likes.
    """
    status = (headers or {}).get("Proxy-Status", "")
    return parse_proxy_status(status, is_local=True).sentence() if status else ""
