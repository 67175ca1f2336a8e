"""`freespan serve`, `config`, `invite` and `doctor`, whose options are made from the settings of a host.

To make them takes a tenth of the start-up, so `freespan connect` and others do without these.
"""

from __future__ import annotations

from typing import Annotated

import typer

from freespan.api.settings import HostSettings
from freespan.api.sources import Sourced
from freespan.cli.doctor_commands import doctor_commands
from freespan.cli.invite_commands import invite_commands
from freespan.cli.settings_options import takes_settings
from freespan.cli.shared_options import Json, Verbose

_PRINT_INVITE = "Print the first invite even where the output may be kept: into a file, a journal, or JSON."


def add_host_commands(app: typer.Typer) -> None:
    """Add the commands, unless an earlier call in this process has."""
    if app.registered_groups:
        return
    app.command()(serve)
    app.command()(config)
    app.add_typer(invite_commands)
    app.add_typer(doctor_commands)


@takes_settings(HostSettings)
def serve(
    settings: Sourced[HostSettings],
    print_invite: Annotated[bool, typer.Option("--print-invite", help=_PRINT_INVITE)] = False,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Run a host: broker, egress, switch and landing page on one port, STUN on two UDP ports."""
    from freespan.cli.serve import run_serve

    run_serve(settings, print_invite=print_invite, as_json=as_json, verbose=verbose)


@takes_settings(HostSettings)
def config(
    settings: Sourced[HostSettings],
    template: Annotated[
        bool, typer.Option("--template", help="Print a TOML file with every setting explained, and nothing else.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Print nothing: exit code 0 if a host can use these settings, 2 if not.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show the settings that serve would use with the same options, and where each comes from."""
    from freespan.cli.config import show_settings, show_template

    if template:
        show_template()
    else:
        show_settings(settings, check_only=check, json=as_json)
