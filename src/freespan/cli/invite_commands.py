"""The options and help of `freespan invite`; the work is in `invite.py`, imported only when it runs."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from freespan.access.limits import SESSIONS_MAX
from freespan.api.settings import HostSettings
from freespan.api.sources import Sourced
from freespan.cli.settings_options import takes_settings
from freespan.cli.shared_options import Json

invite_commands = typer.Typer(
    name="invite", no_args_is_help=True, help="Make, show and revoke the invites of a host, and see what they use."
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The name of the invite; capitals make no difference.")]
takes_folder = takes_settings(HostSettings, only=("data",))


class Kind(StrEnum):
    """Whom an invite is for."""

    reader = "reader"
    page = "page"


@invite_commands.command()
@takes_folder
def create(
    settings: Sourced[HostSettings],
    name: Name,
    expires: Annotated[
        str | None, typer.Option(metavar="TIME", help="When it becomes void: 30d, 12h, 2w, or a day (2027-06-30).")
    ] = None,
    quota: Annotated[
        str | None, typer.Option(metavar="SIZE/month", help="What it may use in a month, such as 20GB/month.")
    ] = None,
    rate: Annotated[str | None, typer.Option(metavar="SIZE/s", help="How fast it may be, such as 2MB/s.")] = None,
    sessions: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", min=1, max=SESSIONS_MAX, help="On how many devices it may be used at a time."),
    ] = None,
    kind: Annotated[Kind, typer.Option(help="Whom it is for: a reader, or a page that reads by itself.")] = Kind.reader,
    as_json: Json = False,
) -> None:
    """Make an invite and print it. Who may use the host without one stays as it is."""
    from freespan.cli.invite import create_invite

    create_invite(
        settings, name, kind.value, expires=expires, quota=quota, rate=rate, sessions=sessions, as_json=as_json
    )


@invite_commands.command("list")
@takes_folder
def list_all(settings: Sourced[HostSettings], as_json: Json = False) -> None:
    """List all invites with their limits, the revoked ones too."""
    from freespan.cli.invite import list_invites

    list_invites(settings, as_json=as_json)


@invite_commands.command()
@takes_folder
def show(
    settings: Sourced[HostSettings],
    name: Name,
    qr: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the QR code to this file (.png or .svg).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Print an invite again: its text, a link, and a QR code."""
    from freespan.cli.invite import show_invite

    show_invite(settings, name, qr, as_json=as_json)


@invite_commands.command()
@takes_folder
def revoke(settings: Sourced[HostSettings], name: Name, as_json: Json = False) -> None:
    """Make an invite void for good. Its sessions end at once, and nobody else's."""
    from freespan.cli.invite import revoke_invite

    revoke_invite(settings, name, as_json=as_json)


@invite_commands.command()
@takes_folder
def usage(
    settings: Sourced[HostSettings],
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Show this invite by day.")] = None,
    as_json: Json = False,
) -> None:
    """Show what the invites have used this month and in all, or one of them by day."""
    from freespan.cli.invite import print_usage

    print_usage(settings, name, as_json=as_json)
