"""`freespan`: options and help. The work is in the module named like the command, imported only when it runs."""

from __future__ import annotations

import gc
import sys
import traceback
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from freespan.cli.messages import usage_message
from freespan.cli.shared_options import Json, Verbose
from freespan.client.transports import TransportChoice
from freespan.observe.out_of_memory import check_memory
from freespan.terminal.output import print_details, print_error, print_line, set_up_streams, writing
from freespan.wire.errors import FreespanError, InputError

app = typer.Typer(
    name="freespan",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_GC_THRESHOLDS = (100_000, 20, 20)
"""With Python's own thresholds the collector searches the libraries while they load: a tenth of the start-up."""

_WITHOUT_HOST_COMMANDS = (["connect"], ["fetch"], ["bridge"], ["demo"], ["version"], ["--version"])
"""First arguments with which `serve` and `config` are not made: that would take a tenth of the start-up."""

_INVITE_HELP = (
    "The invite is better not given here, where other users of this machine can read it. Without it, --invite-file"
    " comes first, then FREESPAN_INVITE, then a prompt."
)
InviteWords = Annotated[list[str] | None, typer.Argument(metavar="[INVITE]", help=_INVITE_HELP, show_default=False)]
_INVITE_FILE_HELP = "File with the invite, - for standard input. Lines that begin with # are comments."
InviteFile = Annotated[Path | None, typer.Option("--invite-file", metavar="FILE", help=_INVITE_FILE_HELP)]

_HOST_HELP = "URL of the host, or the line that it prints for pages."
_ADDRESS_HELP = (
    "Address of the local proxy: localhost (127.0.0.1 and ::1), ::1, or one of 127.0.0.0/8. Pages cannot find it at one"
    " that they cannot guess."
)
_PROXY_USER_HELP = (
    "Another user of this machine, by name or number, whose programs may use the local proxy too; * for all. May be"
    " repeated. Only Linux tells whose programs they are."
)
_PASSWORD_FILE_HELP = (
    "File with user:password, which programs must give to the local proxy. Default: FREESPAN_PROXY_PASSWORD."
)
_PASSWORD_HELP = "Make such a password now, and show it on this terminal."
_TRANSPORT_HELP = (
    "Use this transport only. webrtc and turn lead through a bridge; in turn and websocket, packets go to the host."
)
_DIRECT_HELP = "When bridges do not work, for whatever reason, go without one. Packets then go straight to the host."
_INTERFACES_HELP = (
    "Connect to bridges from every network interface, and not only by the system's own routes. Behind a VPN this shows"
    " them your own address."
)
_OUTPUT_HELP = "File to write, - for standard output. Default: the name that the site gives, or the one in the URL."
_CONTINUE_HELP = (
    "Keep what has come when a download fails, and go on behind what an earlier one has left, if the file is the same."
)
_HEADER_HELP = (
    "A field of the request, such as 'Accept-Language: fa', in place of the program's own; with nothing behind the"
    " colon, none. May be repeated. Authorization and Cookie go to the site of the URL alone."
)
AllowDirect = Annotated[bool, typer.Option("--allow-direct", help=_DIRECT_HELP)]


_PRINT_BY_THEMSELVES = ("rich", "typer", "click")
"""What prints the help."""


class BridgeKind(StrEnum):
    """The kinds of bridge in the demo."""

    chromium = "chromium"
    firefox = "firefox"
    headless = "headless"


@app.command()
def connect(
    words: InviteWords = None,
    invite_file: InviteFile = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the local proxy; 0 picks a free one.")] = 8118,
    address: Annotated[str, typer.Option(help=_ADDRESS_HELP)] = "localhost",
    proxy_user: Annotated[list[str] | None, typer.Option(metavar="USER", help=_PROXY_USER_HELP)] = None,
    proxy_password_file: Annotated[Path | None, typer.Option(metavar="FILE", help=_PASSWORD_FILE_HELP)] = None,
    proxy_password: Annotated[bool, typer.Option("--proxy-password", help=_PASSWORD_HELP)] = False,
    transport: Annotated[TransportChoice, typer.Option(help=_TRANSPORT_HELP)] = "auto",
    allow_direct: AllowDirect = False,
    all_interfaces: Annotated[bool, typer.Option("--all-interfaces", help=_INTERFACES_HELP)] = False,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Connect through a bridge, and offer a local proxy (HTTP and SOCKS) on this machine."""
    from freespan.cli.connect import run_connect
    from freespan.cli.invite_source import read_invite
    from freespan.cli.proxy_options import proxy_options

    options = proxy_options(
        port,
        address,
        users=proxy_user or (),
        password_file=proxy_password_file,
        makes_password=proxy_password,
        as_json=as_json,
    )
    run_connect(
        read_invite(" ".join(words) if words else None, invite_file),
        options,
        transport,
        allow_direct=allow_direct,
        all_interfaces=all_interfaces,
        as_json=as_json,
        verbose=verbose,
    )


@app.command()
def fetch(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[INVITE] URL...", help=f"URL: what to download. {_INVITE_HELP}", show_default=False),
    ] = None,
    invite_file: InviteFile = None,
    output: Annotated[str, typer.Option("--output", "-o", help=_OUTPUT_HELP)] = "",
    continues: Annotated[bool, typer.Option("--continue", "-C", help=_CONTINUE_HELP)] = False,
    header: Annotated[list[str] | None, typer.Option("--header", "-H", metavar="FIELD", help=_HEADER_HELP)] = None,
    ca_file: Annotated[Path | None, typer.Option(help="Trust the certificates in this file (PEM) too.")] = None,
    allow_direct: AllowDirect = False,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Download URLs through a bridge: the quickest check that it works."""
    from freespan.cli.fetch import FetchOptions, run_fetch
    from freespan.cli.invite_source import read_invite

    invite, urls = _invite_and_urls(context, words or [])
    options = FetchOptions(output, ca_file, header or (), continues, allow_direct, as_json, verbose)
    run_fetch(lambda: read_invite(invite, invite_file), urls, options)


def _invite_and_urls(context: typer.Context, words: list[str]) -> tuple[str | None, Sequence[str]]:
    """The arguments of `fetch`: all but the URLs are the invite."""
    from freespan.cli.invite_source import invite_and_urls

    invite, urls = invite_and_urls(words)
    if not urls:
        context.fail("Missing argument URL")
    for word in urls[1:]:
        if ":/" not in word:
            context.fail(f"Got unexpected extra argument ({word})")
    return invite, urls


@app.command()
def bridge(
    words: Annotated[list[str], typer.Argument(metavar="URL", help=_HOST_HELP)],
    capacity: Annotated[int, typer.Option(min=1, max=64, help="Readers to help at the same time.")] = 8,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Run a bridge without a browser, on a server or a small computer at home."""
    from freespan.cli.bridge import run_bridge

    run_bridge(" ".join(words), capacity, as_json=as_json, verbose=verbose)


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="End after the last step.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object with the results, nothing else.")
    ] = False,
    kind: Annotated[
        BridgeKind | None,
        typer.Option("--bridge", help="Which bridge to use. Default: a real browser if there is one."),
    ] = None,
) -> None:
    """See it work: a blocked page read through a visitor's browser, all on this machine."""
    from freespan.api.extras import require_host_libraries

    require_host_libraries()
    from freespan.demo.run import run_demo

    raise typer.Exit(run_demo(once=once, as_json=as_json, bridge=kind.value if kind else None))


@app.command("version")
def print_version() -> None:
    """Print the version."""
    from freespan import __version__

    print_line(__version__)


def _print_version_and_exit(wanted: bool) -> None:
    if wanted:
        print_version()
        raise typer.Exit


@app.callback(no_args_is_help=True)
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version_and_exit)
    ] = False,
) -> None:
    """Visitors lend their browsers, so that blocked readers can read."""


def main() -> None:
    """Run a command; every failure is one line on standard error: exit code 2 for wrong input, 1 for the rest."""
    gc.set_threshold(*_GC_THRESHOLDS)
    set_up_streams()
    if sys.argv[1:2] not in _WITHOUT_HOST_COMMANDS:
        from freespan.cli.host_commands import add_host_commands

        add_host_commands(app)
    outcome: object = None
    try:
        outcome = _run()
    except InputError as error:
        _fail(str(error), 2)
    except FreespanError as error:
        _fail(str(error), 1)
    except typer.Abort:
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(1)
    except Exception as error:
        check_memory(error)
        message = usage_message(error)
        if message is None:
            _crash(error)
        if message:
            _fail(message, 2)
        sys.exit(2)  # no command: the help has been printed
    sys.exit(outcome if isinstance(outcome, int) else 0)


def _run() -> object:
    try:
        return app(standalone_mode=False)
    except OSError as error:
        *_, (frame, _) = traceback.walk_tb(error.__traceback__)
        if frame.f_globals["__name__"].partition(".")[0] in _PRINT_BY_THEMSELVES:
            with writing():
                raise
        raise


def _crash(error: Exception) -> None:
    """Say where the program is wrong, and nothing of whom it was working for: the output may be kept."""
    from freespan.observe.log import redacted_crash

    print_error("this is a mistake of the program; please report it with these lines, which name nobody")
    print_details(redacted_crash(error))
    sys.exit(1)


def _fail(text: str, code: int) -> None:
    print_error(text)
    sys.exit(code)
