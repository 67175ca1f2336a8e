"""`freespan doctor`: prints what is looked at, as it comes, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import aiohttp

from freespan.api.settings import HostSettings
from freespan.api.sources import Sourced
from freespan.cli.running import run_until_stopped
from freespan.client.http_session import http_session
from freespan.doctor.bridge import checks_of_bridge
from freespan.doctor.client import Reader, ip_versions_for
from freespan.doctor.examination import examine
from freespan.doctor.findings import Check, Checked, is_well, summary
from freespan.doctor.host import checks_from_outside
from freespan.doctor.settings import DoctorSettings
from freespan.terminal.output import Mark, print_check, print_json, print_line
from freespan.wire.invite import parse_invite
from freespan.wire.pasted_host import find_host

_MARKS = {"good": Mark.GOOD, "note": Mark.UNSURE, "bad": Mark.BAD, "skipped": Mark.SKIPPED}
_STOPPED = 130
_MakeChecks = Callable[[aiohttp.ClientSession], Sequence[Check]]


def look_at_host(sourced: Sourced[HostSettings], url: str | None, *, as_json: bool) -> int:
    """Look at a host from outside, and without a URL at this machine too. Raises `InputError`."""
    settings = DoctorSettings()
    if url is not None:
        broker = find_host(url)
        return _look(lambda http: checks_from_outside(broker, http, settings), as_json=as_json)
    from freespan.doctor.host_here import Here, stun_of, url_of

    with sourced.naming_origins():
        own = url_of(sourced.settings)
    here, stun = Here(sourced.settings, settings).checks(), stun_of(sourced.settings)
    return _look(lambda http: [*here, *checks_from_outside(own, http, settings, stun)], as_json=as_json)


def look_at_bridge(url: str, *, as_json: bool) -> int:
    """Look at what a bridge needs. Raises `InputError`."""
    broker = find_host(url)
    return _look(lambda http: checks_of_bridge(broker, http, DoctorSettings()), as_json=as_json)


def look_at_client(invite: str, port: int, *, as_json: bool) -> int:
    """Look at what a reader needs. Raises `InviteError`."""
    parsed = parse_invite(invite)
    settings = DoctorSettings(port=port)
    return _look(
        lambda http: Reader(parsed, http, settings).checks(), as_json=as_json, ip_versions=ip_versions_for(parsed)
    )


def _look(make_checks: _MakeChecks, *, as_json: bool, ip_versions: Collection[int] = (4, 6)) -> int:
    report: list[Checked] = []
    if run_until_stopped(_print(make_checks, report, as_json=as_json, ip_versions=ip_versions), verbose=False):
        return _STOPPED
    return 0 if is_well(report) else 1


async def _print(
    make_checks: _MakeChecks, report: list[Checked], *, as_json: bool, ip_versions: Collection[int]
) -> None:
    async with http_session(ip_versions) as http:
        async for checked in examine(make_checks(http)):
            report.append(checked)
            if as_json:
                print_json({"event": "check", **checked.as_json()})
            else:
                _print_finding(checked)
    if as_json:
        print_json({"event": "result", "well": is_well(report), "summary": summary(report)})
    else:
        print_line(f"\n{summary(report)}")


def _print_finding(checked: Checked) -> None:
    found = checked.finding
    print_check(_MARKS[found.state], f"{checked.check.title}: {found.text}")
    if found.advice:
        print_line(f"  → {found.advice}")
