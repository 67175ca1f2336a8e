"""`freespan fetch`: downloads through a session of their own."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from freespan.api.client import Client, connect
from freespan.cli.download import Answer, Download, Downloader
from freespan.cli.exchange import FetchError
from freespan.cli.fetch_url import parse_url
from freespan.cli.file_names import name_in_header
from freespan.cli.output_file import Output, output_path, written_file
from freespan.cli.request_fields import RequestFields, parse_field
from freespan.cli.resuming import Plan, validator_of
from freespan.cli.running import run_until_stopped
from freespan.cli.status_event import status_event
from freespan.cli.unused_proxies import say_unused_proxy
from freespan.client.settings import ClientSettings
from freespan.terminal.live import showing_status
from freespan.terminal.output import abilities, print_error, print_json, print_line
from freespan.terminal.text import one_line
from freespan.wire.errors import InputError

_PATIENCE_SECONDS = 3.0
"""Where nothing is drawn, this time without a session is nothing to be told of."""


@dataclass(frozen=True)
class FetchOptions:
    """What a person has said besides the URLs: `output` is a file, - for standard output, or empty."""

    output: str = ""
    ca_file: Path | None = None
    headers: Sequence[str] = ()
    continues: bool = False
    allow_direct: bool = False
    as_json: bool = False
    verbose: bool = False


@dataclass(frozen=True)
class _Wish:
    """One URL, and where it goes."""

    fields: RequestFields
    path: Path | None
    takes_name: bool


def run_fetch(read_invite: Callable[[], str], urls: Sequence[str], options: FetchOptions) -> None:
    """Download; an unfinished file is never left under its name. Nobody is asked for an invite in vain.

    Raises:
        InputError: an argument or an option cannot be used.
        TunnelError: no session was open in time.
        NotAdmittedError: the host does not admit the invite, or not any more.
        FetchError: a download failed.
    """
    wishes = _wishes(urls, options)
    trust = _trust(options.ca_file)
    client = connect(read_invite(), settings=ClientSettings(allow_direct=options.allow_direct))
    say_unused_proxy(client.endpoints)
    fetching = _Fetching(client, trust, options)
    if run_until_stopped(fetching.run(wishes), verbose=options.verbose):
        raise typer.Abort  # whoever waits for the file must not take a signal for success


class _Fetching:
    def __init__(self, client: Client, trust: ssl.SSLContext, options: FetchOptions) -> None:
        self._client = client
        self._downloader = Downloader(client, trust)
        self._options = options
        self._download = Download()
        self._shown = contextlib.AsyncExitStack()

    async def run(self, wishes: Sequence[_Wish]) -> None:
        """Download one after the other. All are tried, and the error of the last one that failed is raised."""
        failure: FetchError | None = None
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(self._shown)
            is_begun = False
            for number, wish in enumerate(wishes, 1):
                try:
                    with written_file(wish.path, continues=self._options.continues) as output:
                        if not is_begun:  # only now: nobody waits for a session that has nowhere to write to
                            await self._begin(stack)
                            is_begun = True
                        await self._fetch(wish, output)
                    if number == len(wishes):
                        await self._shown.aclose()  # nothing more is waited for
                    self._report(output)
                except FetchError as error:
                    if failure is not None:
                        print_error(str(failure))
                    failure = error if len(wishes) == 1 else FetchError(f"URL {number} of {len(wishes)}: {error}")
        if failure is not None:
            raise failure

    async def _begin(self, stack: contextlib.AsyncExitStack) -> None:
        """Show what is waited for, and wait for a session."""
        if abilities(sys.stderr).moves and not self._options.as_json:
            await self._shown.enter_async_context(showing_status(self._progress, stream=sys.stderr, stays=False))
        else:
            telling = asyncio.create_task(self._tell_why_it_waits(), name="fetch-waits")
            self._shown.callback(telling.cancel)
        await stack.enter_async_context(self._client)

    async def _tell_why_it_waits(self) -> None:
        """Print each reason once, if there is no session yet after a moment, and when one has no link any more."""
        await asyncio.sleep(_PATIENCE_SECONDS)
        told, first = "", self._client.status
        async for status in self._client.events():
            reason = status.reason or (first.detail if status is first else "")
            if status.state in ("open", "failed") or reason in ("", told):
                continue
            told = reason
            if self._options.as_json and self._options.output != "-":
                print_json(status_event(status))
            else:
                print_error(f"waiting for a session: {reason}")

    async def _fetch(self, wish: _Wish, output: Output) -> None:
        self._download = download = Download()
        try:
            async with self._downloader.answer(wish.fields, output.kept, download) as answer:
                if wish.takes_name:
                    output.take_name(_suggested_name(answer))
                output.begin(answer.plan, validator_of(answer.headers) if self._options.continues else "")
                download.kept = output.kept.size
                if wish.path is None and abilities().is_terminal:
                    await self._shown.aclose()  # it would be drawn into what is shown now
                if answer.plan is not Plan.COMPLETE:
                    async with contextlib.aclosing(answer.chunks(download)) as chunks:
                        async for chunk in chunks:
                            output.write(chunk)
        except FetchError:
            await self._client.raise_if_refused()
            raise
        download.sha256 = output.digest.hexdigest()

    def _report(self, output: Output) -> None:
        download = self._download
        rate = download.received / max(download.seconds, 1e-6) / 1e6
        if self._options.as_json:
            names = ("status", "sha256", "first_byte_s", "seconds", "redirects", "kept")
            found = {name: getattr(download, name) for name in names}
            print_json({"bytes": download.received, "mb_per_s": round(rate, 2), **found})
        elif output.path is not None:
            name = one_line(str(output.path))
            behind = f", behind the {download.kept:,} that were there" if download.kept else ""
            print_line(f"{name}: {download.received:,} bytes in {download.seconds:.2f} s ({rate:.1f} MB/s){behind}")

    def _progress(self) -> str:
        """What is waited for, or how much has come, as rich markup."""
        from rich.markup import escape

        status, download = self._client.status, self._download
        if status.state != "open":
            return f"[yellow]●[/] {status.state}  {escape(status.detail)}"
        if not download.status:
            return "[green]●[/] waiting for the site"
        of = f" of {download.size / 1e6:.1f}" if download.size else ""
        return f"[green]●[/] downloading  [bold]{(download.kept + download.received) / 1e6:.1f}[/]{of} MB"


def _suggested_name(answer: Answer) -> str:
    return name_in_header(answer.headers.get("content-disposition", "").encode("latin-1"))


def _wishes(urls: Sequence[str], options: FetchOptions) -> list[_Wish]:
    """What is to be downloaded. Raises `InputError`."""
    given = [parse_field(text) for text in options.headers]
    if options.continues and options.output == "-":
        raise InputError("--continue", "needs a file: standard output cannot be continued")
    if options.continues and any(name.lower() in ("range", "if-range") for name, _ in given):
        raise InputError("--continue", "sets Range by itself: give one of the two")
    if len(urls) > 1 and options.output not in ("", "-"):
        raise InputError("--output", f"names one file, and there are {len(urls)} URLs: leave it out, or give -")
    if sum(name.lower() == "host" for name, _ in given) > 1:
        raise InputError("--header", "Host can be given once")
    parsed = [parse_url(url) for url in urls]
    takes_name = not options.output and not options.continues
    paths = [output_path(options.output, url.path, continues=options.continues) for url in parsed]
    if options.output != "-" and len(set(paths)) < len(paths):
        raise InputError("--output", "two of the URLs have the same name at their end: fetch them one by one")
    return [_Wish(RequestFields(url, given), path, takes_name) for url, path in zip(parsed, paths, strict=True)]


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except (OSError, ssl.SSLError):
            raise InputError("--ca-file", "not a readable file of certificates (PEM)") from None
    return context
