"""`freespan config`: shows and checks the settings of a host, without running one."""

from __future__ import annotations

from freespan.api.settings import HostSettings
from freespan.api.settings_text import as_json, listing, toml_template
from freespan.api.sources import Sourced
from freespan.terminal.output import print_json, print_line
from freespan.terminal.text import columns

_WIDEST = 40
"""Columns of a long value that the others are lined up for."""


def show_template() -> None:
    """Print a TOML file with every setting explained and commented out."""
    print_line(toml_template(HostSettings).rstrip("\n"))


def show_settings(sourced: Sourced[HostSettings], *, check_only: bool, json: bool) -> None:
    """Check the settings, then print each with its value and where that comes from.

    Raises:
        InputError: a host could not use a setting; the field names its source.
        MissingLibraryError: a setting needs a library that is not installed.
    """
    from freespan.api.host_plan import check_settings

    with sourced.naming_origins():
        check_settings(sourced.settings)
    if check_only:
        return
    if json:
        print_json(dict(as_json(sourced)))
        return
    rows = listing(sourced)
    print_line("\n".join(columns(rows, widest=_WIDEST)))
