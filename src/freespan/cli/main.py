"""`freespan`: options and help. The work is in the module named like the command, imported only when it runs."""

from __future__ import annotations

import gc
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from freespan.client.transports import TransportChoice
from freespan.wire.errors import FreespanError, InputError

app = typer.Typer(
    name="freespan",
    help="Readers lend their browsers, so that others can read.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_GC_THRESHOLDS = (100_000, 20, 20)
"""Python's own would search the libraries, while they load, for garbage that is not there: a tenth of the start-up."""

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line on standard output, nothing else.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Log what is normal too; addresses stay blanked out.")]
InviteText = Annotated[str, typer.Argument(metavar="INVITE", help="The invite that the host gave you.")]


_ROAD_HELP = (
    "Use one transport alone: webrtc and relay lead through a bridge; websocket shows the host your address, and so does"
    " relay, since the relay is the host's."
)


class BridgeKind(StrEnum):
    """What lends the transport in the demo."""

    chromium = "chromium"
    firefox = "firefox"
    headless = "headless"


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 picks a free one.")] = 8787,
    public_url: Annotated[str, typer.Option(help="How readers and bridges reach this host, if not as above.")] = "",
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate chain (PEM), for https.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its private key (PEM).")] = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder of the egress key and the host's path; made at the first start.")
    ] = None,
    site: Annotated[
        Path | None, typer.Option(help="Folder of the web site that strangers see at this address.")
    ] = None,
    redirect_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Send plain HTTP at this port on to https; usually 80.")
    ] = None,
    front: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="Another address that leads here, for the invite; repeatable."),
    ] = None,
    embedder: Annotated[
        list[str] | None,
        typer.Option(metavar="ORIGIN", help="Let this site alone embed the switch; repeatable. Default: any site."),
    ] = None,
    stun_port: Annotated[
        int | None,
        typer.Option(min=0, max=65534, help="UDP port for STUN; the next one is used too. Default: as --port."),
    ] = None,
    stun_host: Annotated[str, typer.Option(help="Name at which UDP reaches this host, if not the public one.")] = "",
    no_stun: Annotated[bool, typer.Option("--no-stun", help="Answer no STUN.")] = False,
    stun_server: Annotated[
        list[str] | None,
        typer.Option(metavar="stun:HOST:PORT", help="Somebody else's, to be asked after ours; repeatable."),
    ] = None,
    turn: Annotated[
        list[str] | None,
        typer.Option(metavar="turn:HOST:PORT", help="A relay of yours, for those who cannot connect; repeatable."),
    ] = None,
    turn_secret_file: Annotated[
        Path | None, typer.Option(help="File with the secret that the relays share with this host.")
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="Let readers reach this site (and its subdomains) only; repeatable. Default: all."),
    ] = None,
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="Reach private and loopback addresses too: tests and demos only.")
    ] = False,
    resolve: Annotated[
        list[str] | None, typer.Option(metavar="NAME=ADDRESS", help="Answer a name without DNS; repeatable.")
    ] = None,
    countries: Annotated[
        Path | None,
        typer.Option(help="Database of countries (MMDB), for the globe of the switch; see docs/hosting.md."),
    ] = None,
    proxy_header: Annotated[
        str, typer.Option(help="Header in which the web server in front names who asks, such as X-Forwarded-For.")
    ] = "",
    metrics: Annotated[bool, typer.Option("--metrics", help="Serve counters at URL/metrics (Prometheus).")] = False,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Run a host: broker, egress, switch and landing page on one port, STUN on two UDP ports."""
    from freespan.cli.serve import run_serve
    from freespan.cli.serve_options import ServeOptions

    run_serve(
        ServeOptions(
            host=host,
            port=port,
            public_url=public_url,
            tls_cert=tls_cert,
            tls_key=tls_key,
            data=data or Path(typer.get_app_dir("freespan")),
            site=site,
            redirect_port=redirect_port,
            fronts=tuple(front or ()),
            embedders=tuple(embedder or ()),
            stun_port=stun_port,
            stun_host=stun_host,
            no_stun=no_stun,
            stun_servers=tuple(stun_server or ()),
            turn=tuple(turn or ()),
            turn_secret_file=turn_secret_file,
            allow_hosts=tuple(allow_host or ()),
            allow_private=allow_private,
            resolve=tuple(resolve or ()),
            countries=countries,
            proxy_header=proxy_header,
            metrics=metrics,
            as_json=as_json,
            verbose=verbose,
        )
    )


@app.command()
def connect(
    invite: InviteText,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the local proxy; 0 picks a free one.")] = 8118,
    transport: Annotated[TransportChoice, typer.Option(help=_ROAD_HELP)] = "auto",
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Find a bridge and offer a local proxy (HTTP and SOCKS5) on 127.0.0.1."""
    from freespan.cli.connect import run_connect

    run_connect(invite, port, transport, as_json=as_json, verbose=verbose)


@app.command()
def fetch(
    invite: InviteText,
    url: Annotated[str, typer.Argument(metavar="URL", help="What to download.")],
    output: Annotated[
        str, typer.Option("--output", "-o", help="File to write, - for standard output. Default: the name in the URL.")
    ] = "",
    ca_file: Annotated[Path | None, typer.Option(help="Trust the certificates in this file (PEM) too.")] = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Download one URL through a bridge: the quickest check that it works."""
    from freespan.cli.fetch import run_fetch

    run_fetch(invite, url, output, ca_file, as_json=as_json, verbose=verbose)


@app.command()
def bridge(
    url: Annotated[str, typer.Argument(metavar="URL", help="The host's address, as in its switch.")],
    capacity: Annotated[int, typer.Option(min=1, max=64, help="Readers to help at a time.")] = 8,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Be a bridge without a browser: for a server or a small computer at home."""
    from freespan.cli.bridge import run_bridge

    run_bridge(url, capacity, as_json=as_json, verbose=verbose)


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
    from freespan.demo.run import run_demo

    raise typer.Exit(run_demo(once=once, as_json=as_json, bridge=kind.value if kind else None))


@app.command()
def version() -> None:
    """Print the version."""
    from freespan import __version__

    typer.echo(__version__)


def main() -> None:
    """Run a command; every failure is one line on standard error: exit code 2 for wrong input, 1 for the rest."""
    gc.set_threshold(*_GC_THRESHOLDS)
    outcome: object = None
    try:
        outcome = app(standalone_mode=False)
    except InputError as error:
        _fail(str(error), 2)
    except FreespanError as error:
        _fail(str(error), 1)
    except typer.Abort:
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(1)
    except Exception as error:
        message = getattr(error, "format_message", None)  # a usage error of typer
        if message is None:
            raise
        if message():
            _fail(message(), 2)
        sys.exit(2)  # no command: the help has been printed
    sys.exit(outcome if isinstance(outcome, int) else 0)


def _fail(text: str, code: int) -> None:
    print(f"freespan: {' '.join(text.split())}", file=sys.stderr)
    sys.exit(code)
