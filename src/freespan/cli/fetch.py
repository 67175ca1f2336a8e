"""`freespan fetch`: one download through a session of its own."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import ssl
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

import aiohttp
import typer

from freespan.api.client import Client, connect
from freespan.cli.running import print_json, print_line, run_until_stopped
from freespan.client.settings import ClientSettings
from freespan.wire.errors import FreespanError, InputError
from freespan.wire.proxy_status import PROXY_NAME, parse_proxy_status

_CHUNK = 256 * 1024
_SILENCE_SECONDS = 60.0


class FetchError(FreespanError):
    """The download failed; the text says where and what to do."""


@dataclass
class _Download:
    """What is known of a download. Sizes are in bytes, times in seconds."""

    status: int = 0
    size: int | None = None
    received: int = 0
    sha256: str = ""
    first_byte_s: float = 0.0
    seconds: float = 0.0


def run_fetch(invite: str, url: str, output: str, ca_file: Path | None, *, as_json: bool, verbose: bool) -> None:
    """Download `url`; an unfinished file is never left under its name.

    Raises:
        InputError: an argument or an option cannot be used.
        TunnelError: no session was open in time.
        FetchError: the download failed.
    """
    checked_url = _check_url(url)
    path = _output_path(output, checked_url)
    trust = _trust(ca_file)
    client = connect(invite, timeout=ClientSettings().session_wait_seconds)
    if run_until_stopped(_fetch(client, checked_url, path, trust, as_json=as_json), verbose=verbose):
        raise typer.Abort  # whoever waits for the file must not take a signal for success


async def _fetch(client: Client, url: str, path: Path | None, trust: ssl.SSLContext, *, as_json: bool) -> None:
    download = _Download()
    with _output(path) as file:
        async with client, _progress(download, quiet=as_json):
            proxy = await client.proxy()
            async with contextlib.aclosing(_chunks(url, proxy.url, trust, download)) as chunks:
                async for chunk in chunks:
                    file.write(chunk)
    rate = download.received / max(download.seconds, 1e-6) / 1e6
    if as_json:
        names = ("status", "sha256", "first_byte_s", "seconds")
        print_json({"bytes": download.received, "mb_per_s": round(rate, 2), **{n: getattr(download, n) for n in names}})
    elif path is not None:
        print_line(f"{path}: {download.received:,} bytes in {download.seconds:.2f} s ({rate:.1f} MB/s)")


async def _chunks(url: str, proxy: str, trust: ssl.SSLContext, download: _Download) -> AsyncGenerator[bytes, None]:
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
                raise FetchError(_refusal(response.headers) or answered.rstrip())
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
    except aiohttp.ClientPayloadError:
        raise FetchError("the download broke off before its end; try again") from None
    except TimeoutError:
        raise FetchError(f"nothing came for {_SILENCE_SECONDS:.0f} s; try again") from None
    except (aiohttp.ClientError, OSError):
        raise FetchError("the connection to the site broke; try again") from None
    download.sha256 = digest.hexdigest()
    download.seconds = round(time.perf_counter() - start, 4)


def _refusal(headers: Mapping[str, str] | None) -> str:
    """Why the egress or the local proxy did not open the connection; empty when it was the site that answered."""
    status = (headers or {}).get("Proxy-Status", "")
    return parse_proxy_status(status).sentence() if status.startswith(f"{PROXY_NAME};") else ""


@contextlib.contextmanager
def _output(path: Path | None) -> Iterator[BinaryIO]:
    """Write beside the wanted name, and rename when all is there. A device or a pipe is written directly."""
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    is_file = path.is_file() or not path.exists()
    part = path.with_name(path.name + ".part") if is_file else path
    try:
        file = part.open("wb")
    except OSError as error:
        raise InputError("--output", f"cannot be written: {_reason(error)}") from None
    try:
        with file:
            yield file
        if is_file:
            part.replace(path)
    except OSError as error:
        raise FetchError(f"the output cannot be written: {_reason(error)}") from None
    finally:
        if is_file:
            part.unlink(missing_ok=True)


def _reason(error: OSError) -> str:
    return (error.strerror or "input/output error").lower()


@contextlib.asynccontextmanager
async def _progress(download: _Download, *, quiet: bool) -> AsyncIterator[None]:
    """A bar on standard error, if that is a terminal."""
    if quiet or not sys.stderr.isatty():
        yield
        return
    shown = asyncio.create_task(_draw_bar(download), name="fetch-progress")
    try:
        yield
    finally:
        shown.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await shown


async def _draw_bar(download: _Download) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("downloading"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("", total=None)
        while True:
            progress.update(bar, completed=download.received, total=download.size)
            await asyncio.sleep(0.1)


def _check_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise InputError("URL", "must be an http or https URL")
    return url


def _output_path(output: str, url: str) -> Path | None:
    if output == "-":
        return None
    if output:
        return Path(output)
    name = Path(unquote(urlsplit(url).path)).name or "index.html"
    path = Path(name)
    if path.exists():
        raise InputError("--output", f"{name} exists already; name another file with -o")
    return path


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except (OSError, ssl.SSLError):
            raise InputError("--ca-file", "not a readable file of certificates (PEM)") from None
    return context
