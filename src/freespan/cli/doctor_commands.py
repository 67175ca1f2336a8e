"""The options and help of `freespan doctor`; the work is in `doctor.py`, imported only when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from freespan.api.settings import HostSettings
from freespan.api.sources import Sourced
from freespan.cli.settings_options import takes_settings
from freespan.cli.shared_options import Json


class _HostUnlessNamed(TyperGroup):
    """Takes `freespan doctor URL` for `freespan doctor host URL`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """See click."""
        if args and args[0] not in self.commands and "://" in args[0]:
            args = ["host", *args]
        return super().resolve_command(ctx, args)


doctor_commands = typer.Typer(
    name="doctor",
    cls=_HostUnlessNamed,
    no_args_is_help=True,
    help="Look at a host, a bridge or a client, and say what is wrong and what to do. Exit code 1: something is wrong.",
)

_INVITE_HELP = "See freespan connect --help: --invite-file, FREESPAN_INVITE and the prompt keep it from other users."


@doctor_commands.command()
@takes_settings(HostSettings)
def host(
    settings: Sourced[HostSettings],
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[URL]", help="URL of the host. Without it, the host with these settings, on this machine."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Look at a host as others see it: at a URL, or at that of the settings, with what is on this machine."""
    from freespan.cli.doctor import look_at_host

    raise typer.Exit(look_at_host(settings, " ".join(words) if words else None, as_json=as_json))


@doctor_commands.command()
def bridge(
    words: Annotated[list[str], typer.Argument(metavar="URL", help="URL of the host.")],
    as_json: Json = False,
) -> None:
    """Look whether a bridge on this machine could help readers of a host."""
    from freespan.cli.doctor import look_at_bridge

    raise typer.Exit(look_at_bridge(" ".join(words), as_json=as_json))


@doctor_commands.command()
def client(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[INVITE]", help=_INVITE_HELP, show_default=False)
    ] = None,
    invite_file: Annotated[
        Path | None, typer.Option("--invite-file", metavar="FILE", help="File with the invite, - for standard input.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the local proxy.")] = 8118,
    as_json: Json = False,
) -> None:
    """Look at each way from this machine to the host of an invite. The report names neither."""
    from freespan.cli.doctor import look_at_client
    from freespan.cli.invite_source import read_invite

    raise typer.Exit(
        look_at_client(read_invite(" ".join(words) if words else None, invite_file), port, as_json=as_json)
    )
