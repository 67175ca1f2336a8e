"""`freespan fetch`: one download through a session of its own."""

from __future__ import annotations

import contextlib
import secrets
import ssl
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from urllib.parse import urlsplit

import typer

from freespan.api.client import Client, connect
from freespan.cli.download import Download, FetchError, download_chunks
from freespan.cli.output_file import output_path, written_file
from freespan.cli.running import run_until_stopped
from freespan.cli.unused_proxies import say_unused_proxy
from freespan.client.local_proxy.credentials import Credentials
from freespan.client.settings import ClientSettings
from freespan.terminal.live import showing_status
from freespan.terminal.output import abilities, print_json, print_line
from freespan.terminal.text import one_line
from freespan.wire.errors import InputError
from freespan.wire.target import parse_host


def run_fetch(
    read_invite: Callable[[], str],
    url: str,
    output: str,
    ca_file: Path | None,
    *,
    allow_direct: bool,
    as_json: bool,
    verbose: bool,
) -> None:
    """Download `url`; an unfinished file is never left under its name. Nobody is asked for an invite in vain.

    Raises:
        InputError: an argument or an option cannot be used.
        TunnelError: no session was open in time.
        NotAdmittedError: the host does not admit the invite, or not any more.
        FetchError: the download failed.
    """
    checked_url = _check_url(url)
    path = output_path(output, checked_url)
    trust = _trust(ca_file)
    client = connect(read_invite(), settings=ClientSettings(allow_direct=allow_direct))
    say_unused_proxy(client.endpoints)
    if run_until_stopped(_fetch(client, checked_url, path, trust, as_json=as_json), verbose=verbose):
        raise typer.Abort  # whoever waits for the file must not take a signal for success


async def _fetch(client: Client, url: str, path: Path | None, trust: ssl.SSLContext, *, as_json: bool) -> None:
    download = Download()
    with written_file(path) as file:
        async with client, _progress(download, quiet=as_json or _is_shown(path)):
            own = Credentials("fetch", secrets.token_urlsafe())  # nobody else on this machine is to use this proxy
            proxy = await client.proxy(password=own)
            with_own = f"http://{own.user}:{own.password}@{proxy.address}:{proxy.port}"
            try:
                async with contextlib.aclosing(download_chunks(url, with_own, trust, download)) as chunks:
                    async for chunk in chunks:
                        file.write(chunk)
            except FetchError:
                await client.raise_if_refused()
                raise
    rate = download.received / max(download.seconds, 1e-6) / 1e6
    if as_json:
        names = ("status", "sha256", "first_byte_s", "seconds")
        print_json({"bytes": download.received, "mb_per_s": round(rate, 2), **{n: getattr(download, n) for n in names}})
    elif path is not None:
        print_line(f"{one_line(str(path))}: {download.received:,} bytes in {download.seconds:.2f} s ({rate:.1f} MB/s)")


def _is_shown(path: Path | None) -> bool:
    """Whether the content goes to a terminal, where a bar would be drawn into it."""
    return path is None and abilities().is_terminal


@contextlib.asynccontextmanager
async def _progress(download: Download, *, quiet: bool) -> AsyncIterator[None]:
    """A bar on standard error, if that is a terminal."""
    if quiet or not abilities(sys.stderr).moves:
        yield
        return
    async with showing_status(lambda: _passed(download), stream=sys.stderr, stays=False):
        yield


def _passed(download: Download) -> str:
    """How much has come, as rich markup."""
    of = f" of {download.size / 1e6:.1f}" if download.size else ""
    return f"downloading  [bold]{download.received / 1e6:.1f}[/]{of} MB"


def _check_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        parse_host(parts.hostname or "")
    except (ValueError, InputError):
        raise InputError("URL", "must be an http or https URL") from None
    if parts.scheme not in ("http", "https"):
        raise InputError("URL", "must be an http or https URL")
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise InputError("URL", "the port must be from 1 to 65535")
    return url


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except (OSError, ssl.SSLError):
            raise InputError("--ca-file", "not a readable file of certificates (PEM)") from None
    return context
