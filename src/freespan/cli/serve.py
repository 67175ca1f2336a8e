"""`freespan serve`: runs a host, prints what others need to use it, and at a terminal its figures.

What does not go to a terminal may be kept, by a journal for example. So the invite is printed there only on request,
and figures never: kept with their times, they would tell when somebody came.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from freespan.api.host import Host
from freespan.api.open_files import raise_open_files_limit
from freespan.api.settings import OPEN, HostSettings
from freespan.api.sources import Sourced
from freespan.cli.running import data_option, run_until_stopped
from freespan.cli.secret_files import warn_if_others_can_read
from freespan.cli.self_check import SelfCheck
from freespan.cli.stopping import on_hangup
from freespan.terminal.live import show_status
from freespan.terminal.output import abilities, print_json, print_line

_ALL_ADDRESSES = ("", "0.0.0.0", "::")
_STOP_SECONDS = 1.2
"""A host keeps nothing that is worth waiting for; whoever stops it may want to start it again."""


def run_serve(sourced: Sourced[HostSettings], *, print_invite: bool, as_json: bool, verbose: bool) -> None:
    """Run a host until stopped. Raises `InputError` that names the source of a setting that cannot be used."""
    raise_open_files_limit()
    with sourced.naming_origins():
        serving = _serve(sourced, print_invite=print_invite, as_json=as_json)
        run_until_stopped(serving, verbose=verbose, stop_seconds=_STOP_SECONDS, is_host=True)


async def _serve(sourced: Sourced[HostSettings], *, print_invite: bool, as_json: bool) -> None:
    is_at_terminal = abilities().is_terminal
    settings, again = sourced.settings, sourced.again
    seen = SelfCheck(as_json=as_json, is_at_terminal=is_at_terminal)
    async with Host(settings, again and (lambda: again().settings)) as host, seen.running(settings, host.url):
        on_hangup(host.reload)
        if settings.turn_secret_file is not None:
            warn_if_others_can_read(settings.turn_secret_file)
        if as_json:
            print_json(_ready(settings, host, print_invite=print_invite))
        else:
            _announce(settings, host, print_invite=print_invite or is_at_terminal)
            if is_at_terminal:
                await show_status(lambda: _figures(host, seen.lines))
        await asyncio.Event().wait()


def _ready(settings: HostSettings, host: Host, *, print_invite: bool) -> dict[str, object]:
    """What programs are told; `invite` and `metrics` are there only if they were asked for."""
    ready: dict[str, object] = {"event": "ready", "url": host.url, "embed": host.embed, "stun": list(host.stun)}
    ready |= {"access": settings.access, "notices": list(host.notices)}
    if print_invite:
        ready["invite"] = host.invite
    if host.metrics:
        ready["metrics"] = host.metrics
    return ready


def _announce(settings: HostSettings, host: Host, *, print_invite: bool) -> None:
    print_line(f"freespan serves at {host.url}\n")
    if print_invite and host.invite:
        print_line(f"Invite, for readers:\n  {host.invite}\n")
    elif print_invite:
        print_line("No invite is valid: freespan invite create NAME makes one.\n")
    else:
        data = data_option(settings)
        print_line(
            f"Invite, for readers, which is not written to what may be kept:\n  freespan invite show first{data}\n"
        )
    print_line(f"One line, for any page:\n  {host.embed}\n")
    if host.stun:
        ports = " and ".join(url.rpartition(":")[2] for url in host.stun)
        print_line(f"STUN answers on UDP ports {ports}: the firewall must let both through.\n")
    if host.metrics:
        print_line(f"Counters, for Prometheus on this machine:\n  {host.metrics}\n")
    _announce_access(settings, host)
    _announce_egress(settings)
    if settings.allow_private:
        print_line("Readers can reach private addresses through this host: for tests and demos only.\n")
    if host.status.is_behind_unnamed_proxy:
        print_line(
            "Strangers cannot be told apart, so that one of them can keep all readers out: let the web server in"
            " front name the sender of each request in a header, and name this header with --proxy-header.\n"
        )
    if not settings.public_url and settings.host in _ALL_ADDRESSES:
        print_line("The invite leads to this machine alone; name the host for others with --public-url.\n")


def _announce_access(settings: HostSettings, host: Host) -> None:
    from freespan.api.host_invites import meaning_of

    if host.notices:
        print_line("\n".join(host.notices) + "\n")
    print_line(f"{meaning_of(settings.access)}\n")


def _announce_egress(settings: HostSettings) -> None:
    from freespan.api.host_plan import egress_mode_of  # loads the libraries that only hosts need

    if egress_mode_of(settings) == "open":
        print_line("Readers can reach every public address at every port but 25: see --egress.\n")


def _figures(host: Host, seen: Sequence[str] = ()) -> str:
    """The status line, and above it what was seen from outside, as rich markup."""
    from rich.markup import escape

    status = host.status
    access = "open to everybody" if status.access == OPEN else "invited readers only"
    warning = "   [bold red]strangers cannot be told apart: see --proxy-header[/]"
    above = "".join(f"[yellow]{escape(line)}[/]\n" for line in seen)
    return (
        f"{above}bridges: [bold]{status.bridges}[/]   sessions: [bold]{status.sessions}[/]   "
        f"streams: [bold]{status.streams}[/]   [bold]{status.megabytes}[/] MB carried   "
        f"[dim]{access}[/]"
        f"{warning if status.is_behind_unnamed_proxy else ''}"
    )
