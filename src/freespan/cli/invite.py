"""`freespan invite`: makes, lists, shows and revokes the invites of a host, and says what they have used."""

from __future__ import annotations

import contextlib
import datetime
import shlex
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from freespan.access.limits import InviteLimits, check_sessions, parse_expires, parse_quota, parse_rate
from freespan.access.records import DAYS_KEPT, InviteRecord, UsageRow
from freespan.api.invites import HostInvites, InviteUsage, ShownInvite, Used, invites_in
from freespan.api.settings import HostSettings
from freespan.api.sources import Sourced
from freespan.cli.qr_code import QrCode
from freespan.cli.running import data_option, naming_options
from freespan.terminal.output import print_json, print_line
from freespan.terminal.text import columns, one_line
from freespan.wire.admission import size_text

_WITHOUT = "(no invite)"
_EARLIER = f"more than {DAYS_KEPT} days ago"


def create_invite(
    sourced: Sourced[HostSettings],
    name: str,
    kind: str,
    *,
    expires: str | None,
    quota: str | None,
    rate: str | None,
    sessions: int | None,
    as_json: bool,
) -> None:
    """Make an invite and print it. Raises `InputError`, as all of these do."""
    with naming_options("expires", "quota", "rate", "sessions"):
        limits = InviteLimits(
            expires=None if expires is None else parse_expires(expires, time.time()),
            quota=None if quota is None else parse_quota(quota),
            rate=None if rate is None else parse_rate(rate),
            sessions=None if sessions is None else check_sessions(sessions),
        )
    with _invites(sourced) as invites:
        shown = invites.create(name, limits, kind)
    if as_json:
        print_json(_shown_as_json(shown))
        return
    record = _record_of(shown.usage)
    print_line(f'Invite "{record.name}": {_described(record)}\n\n  {shown.text}\n\nLink: {shown.link}\n')
    quoted = shlex.quote(record.name) + data_option(sourced.settings)
    print_line(f"freespan invite show {quoted} prints it again, with a QR code.")
    print_line(f"freespan invite revoke {quoted} makes it void.")


def show_invite(sourced: Sourced[HostSettings], name: str, picture: Path | None, *, as_json: bool) -> None:
    """Print an invite as text, link and QR code, or write the QR code to a file."""
    with _invites(sourced) as invites:
        shown = invites.show(name)
    code = None if as_json and picture is None else QrCode(shown.text)
    if picture is not None and code is not None:
        with naming_options("qr"):
            code.write(picture)
    if as_json:
        print_json(_shown_as_json(shown))
        return
    record, state = _record_of(shown.usage), shown.usage.state
    warning = "" if state == "valid" else f" [{state}]"
    print_line(f'Invite "{record.name}"{warning}: {_described(record)}\n\n  {shown.text}\n\nLink: {shown.link}\n')
    if picture is not None:
        print_line(f"QR code: {one_line(str(picture))}")
    elif code is not None and (why_not := code.print()):
        print_line(f"This terminal cannot show a QR code, because {why_not}: --qr FILE writes a picture.")


def revoke_invite(sourced: Sourced[HostSettings], name: str, *, as_json: bool) -> None:
    """Make an invite void."""
    with _invites(sourced) as invites:
        usage, is_open = invites.revoke(name), invites.is_open
    if as_json:
        print_json(_as_json(usage))
        return
    print_line(f'Invite "{_record_of(usage).name}" is revoked: its sessions end at once, and nobody else\'s.')
    if is_open:
        print_line("This host is open: who knows how can come without an invite, unless it has --access invited.")


def list_invites(sourced: Sourced[HostSettings], *, as_json: bool) -> None:
    """Print all invites and their limits."""
    with _invites(sourced) as invites:
        found = [usage for usage in invites.all() if usage.record is not None]
    if as_json:
        for usage in found:
            print_json(_as_json(usage))
        return
    heads = ("NAME", "STATE", "CREATED", "EXPIRES", "QUOTA", "RATE", "SESSIONS", "THIS MONTH")
    _print_table([heads, *(_listed(usage) for usage in found)])


def print_usage(sourced: Sourced[HostSettings], name: str | None, *, as_json: bool) -> None:
    """Print what all invites have used, or one of them by day."""
    with _invites(sourced) as invites:
        if name is not None:
            usage, days = invites.days(name)
            _print_days(_record_of(usage).name, days, as_json=as_json)
            return
        found = invites.all()
    if as_json:
        for usage in found:
            print_json(
                {"name": _name_of(usage), "month": _used_as_json(usage.month), "total": _used_as_json(usage.total)}
            )
        return
    heads = ("NAME", "STATE", "THIS MONTH", "IN ALL", "SESSIONS")
    rows = [
        (
            _name_of(each) or _WITHOUT,
            each.state if each.record is not None else "",
            _of_quota(each),
            size_text(each.total.bytes),
            str(each.total.sessions),
        )
        for each in found
    ]
    _print_table([heads, *rows])


@contextlib.contextmanager
def _invites(sourced: Sourced[HostSettings]) -> Iterator[HostInvites]:
    with sourced.naming_origins(), invites_in(sourced.settings.data_directory) as invites:
        yield invites


def _print_days(name: str, days: Sequence[UsageRow], *, as_json: bool) -> None:
    if as_json:
        for row in days:
            used = {"up": row.up, "down": row.down, "sessions": row.sessions}
            print_json({"name": name, "day": row.day or None, **used})
        return
    if not days:
        print_line(f'Invite "{name}" has not been used.')
        return
    rows = [(row.day or _EARLIER, size_text(row.up), size_text(row.down), str(row.sessions)) for row in days]
    _print_table([("DAY", "UP", "DOWN", "SESSIONS"), *rows])


def _listed(usage: InviteUsage) -> tuple[str, ...]:
    record = _record_of(usage)
    limits = record.limits
    return (
        record.name,
        usage.state,
        record.created,
        "-" if limits.expires is None else _moment(limits.expires),
        "-" if limits.quota is None else size_text(limits.quota),
        "-" if limits.rate is None else f"{size_text(limits.rate)}/s",
        "-" if limits.sessions is None else str(limits.sessions),
        size_text(usage.month.bytes),
    )


def _described(record: InviteRecord) -> str:
    """The limits of an invite, and what it is for."""
    limits = record.limits
    parts = [
        "for a page" if record.kind == "page" else "",
        "" if limits.expires is None else f"until {_moment(limits.expires)}",
        "" if limits.quota is None else f"{size_text(limits.quota)} a month",
        "" if limits.rate is None else f"{size_text(limits.rate)}/s",
        "" if limits.sessions is None else f"{limits.sessions} session{'s' * (limits.sessions != 1)} at a time",
    ]
    return ", ".join(part for part in parts if part) or "without limits"


def _moment(seconds: int) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")


def _of_quota(usage: InviteUsage) -> str:
    quota = None if usage.record is None else usage.record.limits.quota
    return size_text(usage.month.bytes) + ("" if quota is None else f" of {size_text(quota)}")


def _name_of(usage: InviteUsage) -> str | None:
    return None if usage.record is None else usage.record.name


def _record_of(usage: InviteUsage) -> InviteRecord:
    assert usage.record is not None
    return usage.record


def _as_json(usage: InviteUsage) -> dict[str, object]:
    record = _record_of(usage)
    expires = record.limits.expires
    return {
        "name": record.name,
        "kind": record.kind,
        "state": usage.state,
        "created": record.created,
        "revoked": record.revoked,
        "expires": None if expires is None else datetime.datetime.fromtimestamp(expires, datetime.UTC).isoformat(),
        "quota": record.limits.quota,
        "rate": record.limits.rate,
        "sessions": record.limits.sessions,
        "month": _used_as_json(usage.month),
    }


def _shown_as_json(shown: ShownInvite) -> dict[str, object]:
    return {**_as_json(shown.usage), "invite": shown.text, "link": shown.link}


def _used_as_json(used: Used) -> dict[str, int]:
    return {"up": used.up, "down": used.down, "sessions": used.sessions}


def _print_table(rows: Sequence[Sequence[str]]) -> None:
    print_line("\n".join(columns(rows)))
